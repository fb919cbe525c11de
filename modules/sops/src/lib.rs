//! Reads documents that [SOPS](https://getsops.io) encrypted to [age](https://age-encryption.org) recipients.
//!
//! A document in, its plain content out; nothing is ever encrypted here, and there is no clock, no randomness and no file. The
//! integrity of the whole is always verified: there is no way to skip the MAC. What is not opened here is refused with the names of
//! those who can open it; errors and `Debug` outputs never show a key or a decrypted value.

mod age;
mod cipher;
mod decrypt;
mod metadata;
mod opening;
mod place;
mod shamir;
mod tree;

pub use age::OpenFile;
pub use age::identity::{Identities, ReadIdentities};
pub use cipher::OpenValue;
pub use decrypt::DecryptSops;
pub use metadata::recipient::Recipient;
use metadata::{Metadata, recipient};
use opening::Origin;
pub use place::Place;
use serde_json::Value;
use tree::Node;

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// YAML, one document.
    Yaml,
    /// JSON, one object.
    Json,
}

impl Format {
    /// What a text is written in, as far as it tells: what begins with a brace and is JSON as a whole is JSON.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let braced = text.trim_start().starts_with('{');
        if braced && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
            Self::Json
        } else {
            Self::Yaml
        }
    }
}

/// Whether a document was encrypted by SOPS: it has SOPS' own field, with a MAC, a date or a sealed key in it. A document whose MAC was
/// taken away is an encrypted one too, so that its values are never mistaken for plain ones.
#[must_use]
pub fn is_encrypted(document: &Value) -> bool {
    let Some(Value::Object(own)) = document.get(metadata::FIELD) else {
        return false;
    };
    let sealed = |list: &Value| {
        list.as_array()
            .is_some_and(|list| list.iter().any(|key| key.get("enc").is_some()))
    };
    ["mac", "lastmodified"]
        .iter()
        .any(|field| own.get(*field).is_some_and(Value::is_string))
        || recipient::LISTS
            .iter()
            .any(|(field, _)| own.get(*field).is_some_and(sealed))
        || own.get("key_groups").is_some_and(Value::is_array)
}

/// Opens a document and gives its content, without what SOPS wrote into it. Comments are dropped; whole floats become integers, as Helm
/// reads them; times are texts.
///
/// # Errors
/// When it is no document of SOPS', none of the identities opens it, or it is not what was encrypted. See [`DecryptSops`].
pub fn decrypt(text: &str, format: Format, identities: &Identities) -> Result<Value, DecryptSops> {
    let tree = match format {
        Format::Yaml => tree::yaml::read(text)?,
        Format::Json => tree::json::read(text)?,
    };
    open(tree, Origin::Text, identities)
}

/// Opens a document that stands in an object of Kubernetes'. Its keys are sorted there, so that it can only be verified when it was
/// encrypted with sorted keys.
///
/// # Errors
/// As [`decrypt`].
pub fn decrypt_value(document: &Value, identities: &Identities) -> Result<Value, DecryptSops> {
    open(Node::from(document), Origin::Object, identities)
}

fn open(tree: Node, origin: Origin, identities: &Identities) -> Result<Value, DecryptSops> {
    let Node::Map(mut fields) = tree else {
        return Err(DecryptSops::NotEncrypted);
    };
    let at = fields
        .iter()
        .position(|(key, _)| key == metadata::FIELD)
        .ok_or(DecryptSops::NotEncrypted)?;
    let (_, own) = fields.remove(at);
    let metadata = Metadata::read(&own)?;
    let key = metadata.data_key(identities)?;
    opening::open(Node::Map(fields), &metadata, &key, origin)
}

#[cfg(test)]
mod tests;
