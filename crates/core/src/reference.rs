//! Names of kinds and objects.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A group, version and kind, such as `apps/v1 Deployment`. The core group is `""`.
///
/// Cheap to clone: every object and every reference has one, and there are few different ones.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Gvk(Arc<GvkParts>);

/// The parts of a [`Gvk`], which derefs to them.
#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GvkParts {
    /// API group; `""` is the core group.
    pub group: String,
    /// Version, such as `v1`.
    pub version: String,
    /// Kind, such as `Deployment`.
    pub kind: String,
}

impl Deref for Gvk {
    type Target = GvkParts;

    fn deref(&self) -> &GvkParts {
        &self.0
    }
}

/// Mostly it is the very same one that is compared, and then the texts need no look.
impl Ord for Gvk {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            Ordering::Equal
        } else {
            self.0.cmp(&other.0)
        }
    }
}

impl PartialOrd for Gvk {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The kind alone tells nearly all apart.
impl Hash for Gvk {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.kind.hash(state);
    }
}

impl fmt::Debug for Gvk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gvk")
            .field("group", &self.group)
            .field("version", &self.version)
            .field("kind", &self.kind)
            .finish()
    }
}

impl Gvk {
    /// From its parts.
    pub fn new(
        group: impl Into<String>,
        version: impl Into<String>,
        kind: impl Into<String>,
    ) -> Self {
        Self(Arc::new(GvkParts {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
        }))
    }

    /// Another kind of the same group and version.
    #[must_use]
    pub fn with_kind(&self, kind: &str) -> Self {
        Self::new(self.group.as_str(), self.version.as_str(), kind)
    }

    /// From an `apiVersion` (`v1`, `apps/v1`) and a kind.
    #[must_use]
    pub fn from_api_version(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self::new(group, version, kind)
    }

    /// `v1` or `group/version`.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

impl fmt::Display for Gvk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.api_version(), self.kind)
    }
}

/// Points at one object. `namespace` is `None` for cluster-scoped kinds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    /// The object's kind.
    pub gvk: Gvk,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl ObjectRef {
    /// From its parts.
    pub fn new(gvk: Gvk, namespace: Option<&str>, name: impl Into<String>) -> Self {
        Self {
            gvk,
            namespace: namespace.map(str::to_owned),
            name: name.into(),
        }
    }
}

/// `Kind namespace/name`, as people say it; the group is left out.
impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {}/{}", self.gvk.kind, namespace, self.name),
            None => write!(f, "{} {}", self.gvk.kind, self.name),
        }
    }
}

/// `metadata.uid`: tells an object from a later one of the same name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Uid(pub String);

/// Hashed and ordered as its text, so that it is found by it.
impl Borrow<str> for Uid {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `metadata.resourceVersion`. Opaque but for the order that Kubernetes promises within one resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResourceVersion(pub String);

impl ResourceVersion {
    /// Whether this version is newer than `other`: compared as decimal numbers of any length. Versions that are no
    /// numbers count as newer than anything, so that nothing is ever missed.
    #[must_use]
    pub fn newer_than(&self, other: &Self) -> bool {
        let number = |text: &str| {
            text.bytes()
                .all(|b| b.is_ascii_digit())
                .then(|| text.trim_start_matches('0').to_owned())
        };
        match (number(&self.0), number(&other.0)) {
            (Some(a), Some(b)) => (a.len(), &a) > (b.len(), &b),
            _ => self != other,
        }
    }
}

impl fmt::Display for ResourceVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What discovery tells of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindInfo {
    /// The kind.
    pub gvk: Gvk,
    /// The resource's name in paths and in grants, such as `deployments`.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Whether it has the `status` subresource.
    pub status_subresource: bool,
}

/// Digest of bytes, written `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::{Digest as _, Sha256};
        use std::fmt::Write as _;
        let mut text = String::with_capacity(71);
        text.push_str("sha256:");
        for byte in Sha256::digest(bytes) {
            let _infallible = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The hexadecimal digits alone: fit for a file name.
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.0["sha256:".len()..]
    }
}

/// Why a text is no digest.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is not a digest; expected sha256: and 64 hexadecimal digits in lower case")]
pub struct ParseDigest(pub String);

impl FromStr for Digest {
    type Err = ParseDigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hex = text.strip_prefix("sha256:");
        let valid = hex.is_some_and(|hex| {
            hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        });
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(ParseDigest(text.to_owned()))
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_versions_round_trip() {
        for (api_version, group) in [("v1", ""), ("apps/v1", "apps"), ("a.b.c/v1beta1", "a.b.c")] {
            let gvk = Gvk::from_api_version(api_version, "X");
            assert_eq!(
                (gvk.group.as_str(), gvk.api_version().as_str()),
                (group, api_version)
            );
        }
    }

    #[test]
    fn resource_versions_compare_as_numbers() {
        let v = |t: &str| ResourceVersion(t.to_owned());
        assert!(v("10").newer_than(&v("9")));
        assert!(!v("9").newer_than(&v("10")));
        assert!(!v("9").newer_than(&v("9")));
        assert!(v("100000000000000000000000").newer_than(&v("99999999999999999999999")));
        assert!(v("abc").newer_than(&v("9")));
    }

    #[test]
    fn digest_text() {
        let digest = Digest::of(b"");
        assert_eq!(
            digest.as_str(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(digest.hex().len(), 64);
    }
}
