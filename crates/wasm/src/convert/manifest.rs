//! What a module says of itself, checked.

use oarlock_core::manifest::{Manifest, ResourceGrant};
use oarlock_core::marks::finalizer_reserved_for;
use oarlock_core::object::Object;

use crate::bindings::exports::oarlock::reconcile::module;
use crate::convert::{Wrong, each};

const READ_VERBS: [&str; 3] = ["get", "list", "watch"];
const WRITE_VERBS: [&str; 3] = ["create", "patch", "delete"];

/// Longest DNS label (RFC 1123).
const MAX_LABEL: usize = 63;

pub(crate) fn manifest(manifest: module::Manifest) -> Result<Manifest, Wrong> {
    if !is_label(&manifest.name) {
        return Err(Wrong::new(
            "name",
            format!(
                "expected a DNS label (lower-case letters, digits and `-`, at most {MAX_LABEL}), found {:?}",
                manifest.name
            ),
        ));
    }
    if !is_version(&manifest.version) {
        return Err(Wrong::new(
            "version",
            format!(
                "expected a semantic version such as 1.2.3, found {:?}",
                manifest.version
            ),
        ));
    }
    if let Some(finalizer) = &manifest.finalizer
        && !is_finalizer(finalizer)
    {
        return Err(Wrong::new(
            "finalizer",
            format!(
                "expected a qualified name such as canary.oarlock.dev/rollout, found {finalizer:?}"
            ),
        ));
    }
    if let Some(finalizer) = &manifest.finalizer
        && let Some(owner) = finalizer_reserved_for(finalizer)
    {
        return Err(Wrong::new(
            "finalizer",
            format!("expected a name of the module's own, found {finalizer:?}, which is {owner}'s"),
        ));
    }
    Ok(Manifest {
        name: manifest.name,
        version: manifest.version,
        crds: each(manifest.crds, "crds", crd)?,
        finalizer: manifest.finalizer,
        writes: each(manifest.writes, "writes", |asked| {
            grant(asked, &WRITE_VERBS)
        })?,
        reads: each(manifest.reads, "reads", |asked| grant(asked, &READ_VERBS))?,
        http: each(manifest.http, "http", origin)?,
    })
}

fn crd(text: String) -> Result<Object, Wrong> {
    let object = Object::parse(&text).map_err(|error| Wrong::new("", error.to_string()))?;
    let gvk = &object.target().gvk;
    if (gvk.group.as_str(), gvk.version.as_str(), gvk.kind.as_str())
        != ("apiextensions.k8s.io", "v1", "CustomResourceDefinition")
    {
        return Err(Wrong::new(
            "",
            format!("expected an apiextensions.k8s.io/v1 CustomResourceDefinition, found {gvk}"),
        ));
    }
    Ok(object)
}

fn grant(asked: module::Grant, known: &[&str]) -> Result<ResourceGrant, Wrong> {
    if asked.plural.is_empty() {
        return Err(Wrong::new(
            ".plural",
            "expected a plural resource name such as deployments, or `*`",
        ));
    }
    let verbs = each(asked.verbs, ".verbs", |verb| {
        if known.contains(&verb.as_str()) {
            Ok(verb)
        } else {
            Err(Wrong::new(
                "",
                format!("expected one of {}, found {verb:?}", known.join(", ")),
            ))
        }
    })?;
    Ok(ResourceGrant {
        api_groups: vec![asked.api_group],
        resources: vec![asked.plural],
        verbs,
        ..ResourceGrant::default()
    })
}

fn origin(origin: String) -> Result<String, Wrong> {
    let host = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"))
        .unwrap_or_default();
    let wrong = |c: char| matches!(c, '/' | '?' | '#' | '@') || c.is_whitespace();
    if host.is_empty() || host.contains(wrong) {
        return Err(Wrong::new(
            "",
            format!("expected an origin such as https://broker.example.com:8443, found {origin:?}"),
        ));
    }
    Ok(origin)
}

/// A label of RFC 1123.
fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_LABEL).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// `domain/name`, as the API server wants custom finalizers.
fn is_finalizer(text: &str) -> bool {
    let Some((domain, name)) = text.split_once('/') else {
        return false;
    };
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    domain.len() <= 253
        && domain.split('.').all(is_label)
        && (1..=MAX_LABEL).contains(&name.len())
        && name.bytes().all(inner)
        && [name.bytes().next(), name.bytes().next_back()]
            .into_iter()
            .flatten()
            .all(|byte| byte.is_ascii_alphanumeric())
}

/// `MAJOR.MINOR.PATCH` with an optional pre-release and build, as <https://semver.org> 2.0.0 has it.
fn is_version(text: &str) -> bool {
    let (text, build) = text.split_once('+').unwrap_or((text, "0"));
    let (core, pre_release) = text.split_once('-').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let number = |part: &str| digits(part) && (part == "0" || !part.starts_with('0'));
    let word = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    core.split('.').count() == 3
        && core.split('.').all(number)
        && pre_release
            .split('.')
            .all(|part| word(part) && (!digits(part) || number(part)))
        && build.split('.').all(word)
}

#[cfg(test)]
mod tests;
