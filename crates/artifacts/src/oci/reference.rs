//! Names of what is in registries, as Helm reads them.

use std::fmt;

use oarlock_core::artifact::{FetchError, without_query};
use oarlock_core::reference::Digest;
use reqwest::Url;

const SCHEME: &str = "oci://";

/// Longest tag (distribution specification, "Pulling manifests").
const LONGEST_TAG: usize = 128;

/// A repository of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Host, and port where it is not the usual one.
    pub(super) registry: String,
    /// Path within the registry.
    pub(super) repository: String,
}

/// A repository, and what of it is wanted already by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) place: Place,
    /// As a version: with `+`.
    pub(super) tag: Option<String>,
    pub(super) digest: Option<Digest>,
}

impl Reference {
    /// `oci://registry/path/chart`, with `:tag`, `@digest` or both.
    pub(super) fn parse(text: &str) -> Result<Self, FetchError> {
        let invalid = |problem: String| {
            let text = without_user(without_query(text));
            FetchError::Invalid(format!(
                "{text}: invalid reference: {problem}; hint: expected oci://REGISTRY[:PORT]/PATH/CHART"
            ))
        };
        if without_query(text) != text {
            return Err(invalid("it has a query or a fragment".to_owned()));
        }
        let rest = text
            .strip_prefix(SCHEME)
            .ok_or_else(|| invalid("it does not begin with oci://".to_owned()))?;
        if rest
            .split('/')
            .next()
            .is_some_and(|host| host.contains('@'))
        {
            return Err(invalid(
                "a user name or password in it is refused; hint: name the credentials in `credentials`"
                    .to_owned(),
            ));
        }
        let (rest, digest) = match rest.rsplit_once('@') {
            None => (rest, None),
            Some((rest, digest)) => {
                let digest = digest
                    .parse()
                    .map_err(|error| invalid(format!("invalid digest {digest:?}: {error}")))?;
                (rest, Some(digest))
            }
        };
        let (registry, path) = rest
            .split_once('/')
            .ok_or_else(|| invalid("missing registry or repository".to_owned()))?;
        let (repository, tag) = match path.split_once(':') {
            None => (path, None),
            Some((repository, tag)) => (repository, Some(tag)),
        };
        if !is_registry(registry) {
            return Err(invalid(format!("invalid registry {registry:?}")));
        }
        if !is_repository(repository) {
            return Err(invalid(format!("invalid repository {repository:?}")));
        }
        if let Some(tag) = tag.filter(|tag| !is_tag(&as_tag(tag))) {
            return Err(invalid(format!("invalid tag {tag:?}")));
        }
        Ok(Self {
            place: Place {
                registry: registry.to_owned(),
                repository: repository.to_owned(),
            },
            tag: tag.map(str::to_owned),
            digest,
        })
    }
}

impl Place {
    /// What a chart here is called: Helm pushes it under its own name.
    pub(super) fn chart(&self) -> &str {
        let path = &self.repository;
        path.rsplit('/').next().unwrap_or(path)
    }

    /// Where the registry is asked: Docker Hub's name is not its address.
    pub(super) fn base(&self, plain_http: bool) -> Result<Url, FetchError> {
        let scheme = if plain_http { "http" } else { "https" };
        let host = match self.registry.as_str() {
            "docker.io" => "registry-1.docker.io",
            registry => registry,
        };
        Url::parse(&format!("{scheme}://{host}/")).map_err(|error| {
            FetchError::Invalid(format!(
                "{self}: invalid reference: invalid registry {host:?}: {error}"
            ))
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.registry, self.repository)
    }
}

/// A reference for people: without what may be a password.
fn without_user(text: &str) -> String {
    let (host, path) = text
        .strip_prefix(SCHEME)
        .and_then(|rest| rest.split_once('/'))
        .unwrap_or_default();
    match host.rsplit_once('@') {
        Some((_, host)) => format!("{SCHEME}…@{host}/{path}"),
        None => text.to_owned(),
    }
}

/// A version as a tag: registries have no `+`.
pub(super) fn as_tag(version: &str) -> String {
    version.replace('+', "_")
}

/// A tag as a version.
pub(super) fn as_version(tag: &str) -> String {
    tag.replace('_', "+")
}

/// A letter, digit or underscore, and then dots and hyphens too.
pub(super) fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= LONGEST_TAG
        && text.bytes().next().is_some_and(word)
        && text
            .bytes()
            .all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}

/// A host, and nothing of a URL that is none.
fn is_registry(text: &str) -> bool {
    let usual = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
    };
    let url = || Url::parse(&format!("https://{text}/")).ok();
    !text.is_empty()
        && text.bytes().all(usual)
        && !text.ends_with(':')
        && url().is_some_and(|url| url.path() == "/" && url.has_host())
}

/// Parts of lower-case letters and digits, with single separators (`.`, `_`, `__`, any number of `-`) within.
fn is_repository(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.split('/').all(|part| {
        let (first, last) = (part.bytes().next(), part.bytes().next_back());
        if !first.is_some_and(letter) || !last.is_some_and(letter) {
            return false;
        }
        part.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            .all(|between| {
                matches!(between, "" | "." | "_" | "__") || between.bytes().all(|b| b == b'-')
            })
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn references() {
        for (text, registry, repository, tag, digest) in [
            ("oci://r.example/c", "r.example", "c", None, false),
            ("oci://r:5000/a/b-c/d_e", "r:5000", "a/b-c/d_e", None, false),
            ("oci://[::1]:5000/c", "[::1]:5000", "c", None, false),
            ("oci://r/c:1.2.3+a.b", "r", "c", Some("1.2.3+a.b"), false),
            (&format!("oci://r/c@{DIGEST}"), "r", "c", None, true),
            (&format!("oci://r/c:1@{DIGEST}"), "r", "c", Some("1"), true),
            ("oci://r/a--b/c__d/e.f", "r", "a--b/c__d/e.f", None, false),
        ] {
            let reference = Reference::parse(text).unwrap();
            assert_eq!(reference.place.registry, registry, "{text}");
            assert_eq!(reference.place.repository, repository, "{text}");
            assert_eq!(reference.tag.as_deref(), tag, "{text}");
            assert_eq!(reference.digest.is_some(), digest, "{text}");
        }
    }

    #[test]
    fn what_is_no_reference() {
        let mut told = String::new();
        for text in [
            "https://r/c",
            "oci://r",
            "oci:///c",
            "oci://r/",
            "oci://user:password@r/c",
            "oci://r:/c",
            "oci://r/CHART",
            "oci://r/a//b",
            "oci://r/../c",
            "oci://r/-a",
            "oci://r/a___b",
            "oci://r/c?x",
            "oci://r/c:",
            "oci://r/c:a b",
            "oci://r/c:1:2",
            "oci://r/c@sha256:12",
        ] {
            let FetchError::Invalid(problem) = Reference::parse(text).unwrap_err() else {
                panic!("{text}");
            };
            told.push_str(problem.split("; hint: ").next().unwrap());
            told.push('\n');
        }
        insta::assert_snapshot!(told);
    }

    #[test]
    fn docker_hub_is_asked_elsewhere() {
        let place = Reference::parse("oci://docker.io/charts/web")
            .unwrap()
            .place;
        assert_eq!(
            place.base(false).unwrap().as_str(),
            "https://registry-1.docker.io/"
        );
        assert_eq!(place.to_string(), "oci://docker.io/charts/web");
    }
}
