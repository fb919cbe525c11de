//! Where a module comes from.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Where the bytes of a module come from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ModuleSource {
    /// A file: its path below the modules directory, with `/`, such as `canary.wasm` or `team/canary.wasm`. Never leads
    /// out of the directory by its own text; symlinks are the reader's concern.
    File(String),
    /// An artifact of an OCI registry.
    Oci(OciReference),
}

/// `oci://registry/repository[:tag][@sha256:digest]` with at least one of tag and digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OciReference {
    /// Host name and, where given, `:port`.
    pub registry: String,
    /// Path of the repository.
    pub repository: String,
    /// The tag; where there is a digest too, it is only for people.
    pub tag: Option<String>,
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: Option<String>,
}

/// A text names no module.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidSource {
    /// Nothing there.
    #[error("an empty text names no module")]
    Empty,
    /// `/modules/x.wasm`.
    #[error("{0:?} is an absolute path")]
    Absolute(String),
    /// `../x.wasm`, `a/./b.wasm`, `a//b.wasm`.
    #[error("{0:?} leaves the modules directory or is not in its plainest form")]
    Wandering(String),
    /// `a\b.wasm`.
    #[error("{0:?} contains a character that no module path has")]
    Character(String),
    /// `.hidden.wasm`: such names are for the machinery of mounts.
    #[error("{0:?} has a part that begins with a dot")]
    Hidden(String),
    /// `canary`, `canary.so`.
    #[error("{0:?} does not end with .wasm")]
    NotWasm(String),
    /// `https://…`, `file://…`.
    #[error("modules do not come by {0}://")]
    Scheme(String),
    /// `oci://registry/repository`.
    #[error("{0:?} has neither a tag nor a digest")]
    Unpinned(String),
    /// Not the form of an OCI reference.
    #[error("{0:?} is no OCI reference: {1}")]
    Oci(String, &'static str),
}

/// What a source looks like, for "expected".
pub(crate) const FORM: &str = "a path below the modules directory such as canary.wasm, or oci://registry/repository:tag@sha256:digest";

impl InvalidSource {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Absolute(_) | Self::Wandering(_) => {
                "put the file into the modules directory and name it from there".to_owned()
            }
            Self::NotWasm(path) if !path.contains('.') => format!("did you mean {path}.wasm?"),
            Self::Unpinned(text) => {
                format!("add a tag ({text}:v1) or, to always run the same, a digest ({text}@sha256:…)")
            }
            Self::Scheme(_) => {
                "put the file into the modules directory, or push it to a registry and write oci://…".to_owned()
            }
            _ => return None,
        })
    }
}

impl FromStr for ModuleSource {
    type Err = InvalidSource;

    fn from_str(text: &str) -> Result<Self, InvalidSource> {
        match text.split_once("://") {
            Some(("oci", rest)) => oci(text, rest).map(Self::Oci),
            Some((scheme, _)) => Err(InvalidSource::Scheme(scheme.to_owned())),
            None => file(text).map(|()| Self::File(text.to_owned())),
        }
    }
}

fn file(text: &str) -> Result<(), InvalidSource> {
    let whole = || text.to_owned();
    if text.is_empty() {
        return Err(InvalidSource::Empty);
    }
    if text.starts_with('/') {
        return Err(InvalidSource::Absolute(whole()));
    }
    if text.contains(|c: char| c.is_control() || matches!(c, '\\' | ':')) {
        return Err(InvalidSource::Character(whole()));
    }
    for part in text.split('/') {
        match part {
            "" | "." | ".." => return Err(InvalidSource::Wandering(whole())),
            hidden if hidden.starts_with('.') => return Err(InvalidSource::Hidden(whole())),
            _ => {}
        }
    }
    if !text.ends_with(".wasm") {
        return Err(InvalidSource::NotWasm(whole()));
    }
    Ok(())
}

/// By the grammar of the OCI distribution specification 1.1 for repositories and tags.
fn oci(text: &str, rest: &str) -> Result<OciReference, InvalidSource> {
    let wrong = |why| InvalidSource::Oci(text.to_owned(), why);
    let (name, digest) = match rest.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (rest, None),
    };
    let (registry, path) = name
        .split_once('/')
        .ok_or_else(|| wrong("it has no repository"))?;
    let (repository, tag) = match path.split_once(':') {
        Some((repository, tag)) => (repository, Some(tag)),
        None => (path, None),
    };
    if !is_registry(registry) {
        return Err(wrong("the registry is no host name with an optional port"));
    }
    if !repository.split('/').all(is_path_part) {
        return Err(wrong(
            "parts of the repository are lower-case letters and digits, with single . _ - between them",
        ));
    }
    if tag.is_some_and(|tag| !is_tag(tag)) {
        return Err(wrong(
            "a tag is up to 128 letters, digits, _ . - and begins with none of the last two",
        ));
    }
    let is_digest = |digest: &str| {
        digest.strip_prefix("sha256:").is_some_and(|hex| {
            hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        })
    };
    if digest.is_some_and(|digest| !is_digest(digest)) {
        return Err(wrong(
            "a digest is sha256: and 64 lower-case hexadecimal digits",
        ));
    }
    if tag.is_none() && digest.is_none() {
        return Err(InvalidSource::Unpinned(text.to_owned()));
    }
    Ok(OciReference {
        registry: registry.to_owned(),
        repository: repository.to_owned(),
        tag: tag.map(str::to_owned),
        digest: digest.map(str::to_owned),
    })
}

fn is_registry(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.split('.').all(label)
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn is_path_part(part: &str) -> bool {
    let mut after_separator = true;
    let mut run = String::new();
    for c in part.chars() {
        match c {
            'a'..='z' | '0'..='9' => {
                after_separator = false;
                run.clear();
            }
            '.' | '_' | '-' if !after_separator || !run.is_empty() => {
                run.push(c);
                after_separator = true;
                // `__` and any number of dashes are separators too.
                if !(run.len() == 1 || run == "__" || run.bytes().all(|b| b == b'-')) {
                    return false;
                }
            }
            _ => return false,
        }
    }
    !after_separator
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=128).contains(&tag.len())
        && tag.bytes().all(|b| word(b) || matches!(b, b'.' | b'-'))
        && tag.bytes().next().is_some_and(word)
}

impl fmt::Display for ModuleSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.write_str(path),
            Self::Oci(reference) => reference.fmt(f),
        }
    }
}

impl fmt::Display for OciReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oci://{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
