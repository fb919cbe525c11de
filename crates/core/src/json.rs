//! JSON text in its one canonical form.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

/// JSON text with sorted object keys and no white space, cheap to clone.
///
/// Objects are kept and passed to modules in this form: it is a tenth of the size of a parsed tree, and equal content is
/// equal text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Json(Arc<str>);

impl Json {
    /// The canonical text of `value`.
    #[must_use]
    pub fn from_value(value: &Value) -> Self {
        // serde_json's map is sorted (its `preserve_order` feature is off), so its compact form is canonical.
        Self(value.to_string().into())
    }

    /// The canonical text of an object's fields.
    #[must_use]
    pub fn from_map(map: &Map<String, Value>) -> Self {
        // A map of JSON values always has a text.
        serde_json::to_string(map).map_or_else(|_| Self::empty_object(), |text| Self(text.into()))
    }

    /// The canonical text of anything that serialises.
    ///
    /// # Errors
    /// When `value` has no JSON form, such as a map whose keys are not strings.
    pub fn from_serialize<T: Serialize>(value: &T) -> Result<Self, serde_json::Error> {
        Ok(Self::from_value(&serde_json::to_value(value)?))
    }

    /// Checks and canonicalises JSON text.
    ///
    /// # Errors
    /// When `text` is not one JSON value.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        Ok(Self::from_value(&serde_json::from_str(text)?))
    }

    /// `{}`.
    #[must_use]
    pub fn empty_object() -> Self {
        Self("{}".into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parsed tree.
    #[must_use]
    pub fn to_value(&self) -> Value {
        // The constructors parsed or printed it.
        serde_json::from_str(&self.0).unwrap_or(Value::Null)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::Json;

    /// Fails when some dependency turns on serde_json's `preserve_order`: equal content would no longer be equal text.
    #[test]
    fn keys_are_sorted() {
        assert_eq!(
            Json::parse(r#"{ "b": 1, "a": {"d": 2, "c": 3} }"#)
                .unwrap()
                .as_str(),
            r#"{"a":{"c":3,"d":2},"b":1}"#
        );
    }
}
