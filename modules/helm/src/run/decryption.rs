//! Values that SOPS encrypted: with the age identities of a Secret, which is read only where a document asks for it.
//!
//! What is encrypted and cannot be opened is an obstacle, never values: ciphertext as a password would be a release as well.

use std::cell::OnceCell;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oarlock_sdk::{Context, ObjectRef, ReadError};
use serde_json::{Map, Value};
use sops::{DecryptSops, Format, Identities};

use super::failed;
use crate::dialect::Settings;
use crate::situation::Obstacle;

/// Annotation that names the Secret with the identities.
pub(super) const ANNOTATION: &str = "helm.oarlock.dev/decryption-secret";

/// Milliseconds after which what did not answer is asked again.
const AGAIN: u64 = 30_000;

/// The keys of an object.
pub(super) struct Keys<'a> {
    cx: &'a Context,
    /// Namespace of the object, and of the Secret.
    namespace: &'a str,
    secret: Option<&'a str>,
    read: OnceCell<Identities>,
}

/// Name of the Secret with an object's identities, in its namespace: what the object says, or else the settings.
pub(super) fn secret<'a>(object: &'a Value, settings: &'a Settings) -> Option<&'a str> {
    let said = object
        .pointer("/metadata/annotations")
        .and_then(|annotations| annotations.get(ANNOTATION))
        .and_then(Value::as_str);
    let general = settings.decryption.as_ref();
    said.or_else(|| general.map(|decryption| decryption.secret_ref.name.as_str()))
        .filter(|name| !name.is_empty())
}

impl<'a> Keys<'a> {
    pub(super) const fn new(cx: &'a Context, namespace: &'a str, secret: Option<&'a str>) -> Self {
        Self {
            cx,
            namespace,
            secret,
            read: OnceCell::new(),
        }
    }

    /// The fields of a document, decrypted where they are encrypted. `what` names it for people.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub(super) fn document(
        &self,
        what: &str,
        text: &str,
        fields: Map<String, Value>,
    ) -> Result<Map<String, Value>, Obstacle> {
        self.opened(what, fields, |_, identities| {
            sops::decrypt(text, Format::of(text), identities)
        })
    }

    /// The same for values that stand in an object.
    ///
    /// # Errors
    /// Where they cannot be opened.
    pub(super) fn inline(
        &self,
        what: &str,
        fields: Map<String, Value>,
    ) -> Result<Map<String, Value>, Obstacle> {
        self.opened(what, fields, sops::decrypt_value)
    }

    fn opened(
        &self,
        what: &str,
        fields: Map<String, Value>,
        decrypt: impl FnOnce(&Value, &Identities) -> Result<Value, DecryptSops>,
    ) -> Result<Map<String, Value>, Obstacle> {
        if !fields.contains_key("sops") {
            return Ok(fields);
        }
        let document = Value::Object(fields);
        if is_plain(&document) {
            return Ok(into_fields(document));
        }
        let identities = self
            .identities()
            .map_err(|(why, retry)| obstacle(what, &why, retry))?;
        decrypt(&document, identities)
            .map(into_fields)
            .map_err(|error| obstacle(what, &error.to_string(), None))
    }

    /// The identities, or why there are none, and when it may be better.
    fn identities(&self) -> Result<&Identities, (String, Option<u64>)> {
        if let Some(read) = self.read.get() {
            return Ok(read);
        }
        let identities = self.fetched()?;
        Ok(self.read.get_or_init(|| identities))
    }

    fn fetched(&self) -> Result<Identities, (String, Option<u64>)> {
        let Some(name) = self.secret else {
            return Err((
                format!(
                    "encrypted by SOPS, and no key is named\nhint: name the Secret with the age identity: annotation {ANNOTATION} \
                     of the object, or decryption of the module's settings"
                ),
                None,
            ));
        };
        let target = ObjectRef::new("v1", "Secret", name).in_namespace(self.namespace);
        let at = format!("the key's Secret '{}/{name}'", self.namespace);
        let found = self.cx.get_raw(&target).map_err(|error| match error {
            ReadError::Unavailable(_) => (format!("{at}: {error}"), Some(AGAIN)),
            ReadError::Denied(_) => (
                format!("{at}: {error}\nhint: grant the read, or name another Secret"),
                None,
            ),
            _ => (format!("{at}: {error}"), None),
        })?;
        let Some(found) = found else {
            let hint = "hint: create it; it is looked at as soon as it is there";
            return Err((format!("{at}: not found\n{hint}"), None));
        };
        let mut fields = Vec::new();
        for (field, value) in found
            .get("data")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let bytes = STANDARD.decode(value.as_str().unwrap_or_default());
            let bytes =
                bytes.map_err(|error| (format!("{at}: {field}: not base64: {error}"), None))?;
            fields.push((field.as_str(), bytes));
        }
        let fields = fields
            .iter()
            .map(|(field, bytes)| (*field, bytes.as_slice()));
        Identities::of_secret(fields).map_err(|error| (format!("{at}: {error}"), None))
    }
}

/// Whether it is no document of SOPS'.
fn is_plain(document: &Value) -> bool {
    !sops::is_encrypted(document)
}

fn into_fields(document: Value) -> Map<String, Value> {
    match document {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn obstacle(what: &str, why: &str, retry: Option<u64>) -> Obstacle {
    Obstacle {
        reason: failed::DECRYPTION,
        message: format!("could not decrypt {what}: {why}"),
        retry,
    }
}

#[cfg(test)]
mod tests;
