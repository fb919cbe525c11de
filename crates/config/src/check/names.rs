//! Names, by the rules of Kubernetes and of WIT.

use crate::problem::Problem;

/// A DNS-1123 label: `web`.
pub(super) fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A DNS-1123 subdomain: `deploy.example.com`.
pub(super) fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

/// A name as most objects have it.
pub(super) fn subdomain(text: &str) -> Result<(), Problem> {
    if is_subdomain(text) {
        return Ok(());
    }
    Err(Problem::new(format!("{text:?} is no name"))
        .expected("lower-case letters, digits, - and ."))
}

pub(super) fn group(text: &str) -> Result<(), Problem> {
    if text.is_empty() || is_subdomain(text) {
        return Ok(());
    }
    let problem = Problem::new(format!("{text:?} is no API group"))
        .expected("a name such as deploy.example.com, or an empty text for the core group");
    Err(match text.split_once('/') {
        Some((group, version)) => problem.hint(format!(
            "group and version are separate: group: {group} and version: {version}"
        )),
        None => problem,
    })
}

pub(super) fn version(text: &str) -> Result<(), Problem> {
    if is_label(text) {
        return Ok(());
    }
    let problem =
        Problem::new(format!("{text:?} is no version")).expected("a name such as v1 or v1alpha1");
    Err(match text.rsplit_once('/') {
        Some((group, version)) => problem.hint(format!(
            "group and version are separate: group: {group} and version: {version}"
        )),
        None => problem,
    })
}

pub(super) fn kind(text: &str) -> Result<(), Problem> {
    let good = (1..=63).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric());
    if good {
        return Ok(());
    }
    Err(Problem::new(format!("{text:?} is no kind")).expected("a name such as Deployer"))
}

/// `prefix/name` or a bare name, as `metadata.finalizers` takes it.
pub(super) fn finalizer(text: &str) -> Result<(), Problem> {
    if let Some(owner) = oarlock_core::marks::finalizer_reserved_for(text) {
        let problem = Problem::new(format!("the finalizer {text:?} is {owner}'s"));
        return Err(problem.expected("a name of your own, such as deploy.example.com/finalizer"));
    }
    if is_qualified(text) {
        return Ok(());
    }
    Err(Problem::new(format!("{text:?} is no finalizer"))
        .expected("a name such as deploy.example.com/finalizer"))
}

/// The form of label keys: `[prefix/]name`.
pub(super) fn is_qualified(text: &str) -> bool {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    prefix.is_none_or(is_subdomain) && !name.is_empty() && is_label_value(name)
}

/// The form of label values.
pub(super) fn is_label_value(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && (text.is_empty() || (text.starts_with(edge) && text.ends_with(edge)))
}

/// `namespace:package/interface[@version]`.
pub(super) fn interface(text: &str) -> Result<(), Problem> {
    let word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let name = text.split_once('@').map_or(text, |(name, _)| name);
    let good = name.split_once(':').is_some_and(|(namespace, rest)| {
        rest.split_once('/').is_some_and(|(package, interface)| {
            [namespace, package, interface].iter().all(|w| word(w))
        })
    });
    if good {
        return Ok(());
    }
    Err(Problem::new(format!("{text:?} is no interface"))
        .expected("a name such as oarlock:helm/template"))
}
