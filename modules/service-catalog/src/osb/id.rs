//! Names that a broker knows things by, derived so that a crash cannot lose them.
//!
//! An identifier is a UUID of version 5 (RFC 9562, section 5.5) of the cluster, the object's UID and the number of the
//! attempt: whoever starts again, with or without a status, asks the broker for the same instance. A new attempt after an
//! orphan was removed has another number, since identifiers should not be used twice.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

use super::Operation;

/// Namespace of all identifiers of this module: version 5 of the URL namespace and `https://broker.oarlock.dev`.
const ROOT: Uuid = Uuid([
    0x5b, 0xfa, 0x89, 0xba, 0x14, 0xff, 0x5b, 0x4f, 0xbe, 0x86, 0x19, 0xe1, 0x8f, 0xe7, 0x1a, 0x40,
]);

/// How long an identifier that somebody chose may be, in bytes.
pub const LONGEST: usize = 255;

/// A UUID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid([u8; 16]);

/// What a broker knows an instance by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstanceId(String);

/// What a broker knows a binding by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BindingId(String);

/// An identifier that cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// There is nothing in it.
    #[error("the identifier is empty\nhint: leave it out, it is derived then")]
    Empty,
    /// There is too much in it.
    #[error("the identifier has {length} bytes, {LONGEST} are allowed\nhint: use a UUID")]
    Long {
        /// How many bytes there are.
        length: usize,
    },
    /// A path with it would lead elsewhere.
    #[error("the identifier {text:?} cannot stand in a path\nhint: use a UUID")]
    Path {
        /// The identifier.
        text: String,
    },
}

impl Uuid {
    /// Version 5: of a namespace and a name.
    #[must_use]
    pub fn v5(namespace: Self, name: &[u8]) -> Self {
        let mut hash = Sha1::new();
        hash.update(namespace.0);
        hash.update(name);
        let digest = hash.finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        bytes[6] = (bytes[6] & 0x0f) | 0x50;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Self(bytes)
    }

    fn of(cluster: &str, kind: &str, parts: &[&str]) -> Self {
        // Lengths stand before the parts: no two lists of parts are the same name.
        let mut name = format!("{kind}:");
        for part in parts {
            name.push_str(&format!("{}:{part}", part.len()));
        }
        Self::v5(Self::v5(ROOT, cluster.as_bytes()), name.as_bytes())
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl InstanceId {
    /// Of an object: the cluster's identifier (UID of `kube-system`), the object's UID and the number of the attempt.
    #[must_use]
    pub fn derive(cluster: &str, uid: &str, attempt: u32) -> Self {
        Self(Uuid::of(cluster, "instance", &[uid, &attempt.to_string()]).to_string())
    }

    /// That somebody chose: `spec.externalID`.
    ///
    /// # Errors
    /// Where it cannot be sent.
    pub fn chosen(text: &str) -> Result<Self, Unusable> {
        usable(text).map(Self)
    }

    /// As the broker sees it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl BindingId {
    /// Of an object: the cluster's identifier (UID of `kube-system`), the object's UID and the number of the attempt. Every
    /// rotation is an attempt.
    #[must_use]
    pub fn derive(cluster: &str, uid: &str, attempt: u32) -> Self {
        Self(Uuid::of(cluster, "binding", &[uid, &attempt.to_string()]).to_string())
    }

    /// That somebody chose: `spec.externalID`.
    ///
    /// # Errors
    /// Where it cannot be sent.
    pub fn chosen(text: &str) -> Result<Self, Unusable> {
        usable(text).map(Self)
    }

    /// As the broker sees it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for BindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for InstanceId {
    type Error = Unusable;

    fn try_from(text: String) -> Result<Self, Unusable> {
        Self::chosen(&text)
    }
}

impl TryFrom<String> for BindingId {
    type Error = Unusable;

    fn try_from(text: String) -> Result<Self, Unusable> {
        Self::chosen(&text)
    }
}

impl From<InstanceId> for String {
    fn from(id: InstanceId) -> Self {
        id.0
    }
}

impl From<BindingId> for String {
    fn from(id: BindingId) -> Self {
        id.0
    }
}

/// Stands for a namespace where a broker wants the identifier of a space: `space_guid`.
#[must_use]
pub fn space(cluster: &str, namespace: &str) -> Uuid {
    Uuid::of(cluster, "space", &[namespace])
}

/// `X-Broker-API-Request-Identity` of one call: of the object's UID, the operation, and how many calls there were before.
#[must_use]
pub fn request(cluster: &str, uid: &str, operation: Operation, serial: u64) -> Uuid {
    Uuid::of(
        cluster,
        "request",
        &[uid, operation.name(), &serial.to_string()],
    )
}

/// `X-Broker-API-Request-Identity` of a request for the catalog: of the broker object's UID, and when it is asked.
#[must_use]
pub fn look(uid: &str, now: u64) -> Uuid {
    Uuid::of("", "look", &[uid, &now.to_string()])
}

fn usable(text: &str) -> Result<String, Unusable> {
    if text.is_empty() {
        return Err(Unusable::Empty);
    }
    if text.len() > LONGEST {
        return Err(Unusable::Long { length: text.len() });
    }
    // Whatever else there is gets encoded; these mean another place even then.
    if matches!(text, "." | "..") || text.chars().any(char::is_control) {
        return Err(Unusable::Path {
            text: text.to_owned(),
        });
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;
