//! A Kubernetes object that has been looked at: it has a kind and a name.

use serde_json::{Map, Value};
use thiserror::Error;

use crate::json::Json;
use crate::reference::{Gvk, ObjectRef};

/// An object's content, checked to be a JSON object with `apiVersion`, `kind` and `metadata.name`.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    target: ObjectRef,
    content: Map<String, Value>,
}

/// Why JSON is not an object that can be addressed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ObjectError {
    /// Not JSON at all.
    #[error("not JSON: {0}")]
    Syntax(String),
    /// JSON, but no object.
    #[error("expected a JSON object")]
    NotAnObject,
    /// A required field is absent, empty, or not a string.
    #[error("{0}: expected a non-empty string")]
    Field(&'static str),
    /// A name that the API server would make up: the next reconcile could not find the object again.
    #[error(
        "metadata.generateName: expected metadata.name; hint: derive the name from the owner, so that it is the same each time"
    )]
    GeneratedName,
}

impl Object {
    /// Checks `value`.
    ///
    /// # Errors
    /// When it is no JSON object, or one of the identifying fields is missing.
    pub fn from_value(value: Value) -> Result<Self, ObjectError> {
        let Value::Object(content) = value else {
            return Err(ObjectError::NotAnObject);
        };
        let text = |value: Option<&Value>, field| match value.and_then(Value::as_str) {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(ObjectError::Field(field)),
        };
        let metadata = content.get("metadata");
        let api_version = text(content.get("apiVersion"), "apiVersion")?;
        let kind = text(content.get("kind"), "kind")?;
        let name = match text(metadata.and_then(|m| m.get("name")), "metadata.name") {
            Err(_) if metadata.is_some_and(|m| m.get("generateName").is_some()) => {
                return Err(ObjectError::GeneratedName);
            }
            name => name?,
        };
        let namespace = match metadata.and_then(|m| m.get("namespace")) {
            None | Some(Value::Null) => None,
            some => Some(text(some, "metadata.namespace")?),
        };
        Ok(Self {
            target: ObjectRef {
                gvk: Gvk::from_api_version(&api_version, &kind),
                namespace,
                name,
            },
            content,
        })
    }

    /// Parses the text of an object that was checked before.
    pub(crate) fn parse_checked(target: ObjectRef, text: &str) -> Result<Self, ObjectError> {
        match serde_json::from_str(text) {
            Ok(content) => Ok(Self { target, content }),
            Err(error) => Err(ObjectError::Syntax(error.to_string())),
        }
    }

    /// Parses JSON text.
    ///
    /// # Errors
    /// As [`Self::from_value`], and when `text` is not JSON.
    pub fn parse(text: &str) -> Result<Self, ObjectError> {
        let value =
            serde_json::from_str(text).map_err(|error| ObjectError::Syntax(error.to_string()))?;
        Self::from_value(value)
    }

    /// Where it is.
    #[must_use]
    pub const fn target(&self) -> &ObjectRef {
        &self.target
    }

    /// Its fields.
    #[must_use]
    pub const fn content(&self) -> &Map<String, Value> {
        &self.content
    }

    /// Its fields, as a JSON value.
    #[must_use]
    pub fn into_value(self) -> Value {
        Value::Object(self.content)
    }

    /// The value at a JSON pointer (RFC 6901).
    #[must_use]
    pub fn pointer(&self, pointer: &str) -> Option<&Value> {
        let (first, rest) = pointer
            .strip_prefix('/')?
            .split_at(pointer[1..].find('/').unwrap_or(pointer.len() - 1));
        self.content
            .get(&first.replace("~1", "/").replace("~0", "~"))?
            .pointer(rest)
    }

    /// Its canonical text.
    #[must_use]
    pub fn to_json(&self) -> Json {
        Json::from_map(&self.content)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn identifying_fields_are_required() {
        let check = |value| Object::from_value(value).map(|o| o.target().to_string());
        assert_eq!(
            check(
                json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "n"}})
            ),
            Ok("Secret n/a".to_owned())
        );
        assert_eq!(
            check(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}})),
            Ok("Node a".to_owned())
        );
        assert_eq!(
            check(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": ""}})),
            Err(ObjectError::Field("metadata.name"))
        );
        assert_eq!(
            check(json!({"kind": "Node"})),
            Err(ObjectError::Field("apiVersion"))
        );
        assert_eq!(check(json!([])), Err(ObjectError::NotAnObject));
    }

    #[test]
    fn a_generated_name_is_refused_and_a_given_one_counts() {
        let mut value =
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"generateName": "a-"}});
        let error = Object::from_value(value.clone()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "metadata.generateName: expected metadata.name; hint: derive the name from the owner, so that it is the same each time"
        );
        value["metadata"]["name"] = json!("a-1");
        assert_eq!(Object::from_value(value).unwrap().target().name, "a-1");
    }

    #[test]
    fn pointers() {
        let object = Object::from_value(json!({
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": "a", "labels": {"x/y": "z"}}
        }))
        .unwrap();
        assert_eq!(object.pointer("/kind"), Some(&json!("Node")));
        assert_eq!(object.pointer("/metadata/labels/x~1y"), Some(&json!("z")));
        assert_eq!(object.pointer("/nothing/here"), None);
    }
}
