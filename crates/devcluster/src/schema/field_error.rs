//! What is wrong with which field, in the words of the Kubernetes API.

use std::fmt;

use serde_json::Value;

/// A complaint about one field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    /// Where: `spec.steps[0].percent`; empty for the object as a whole.
    pub path: String,
    /// What kind of complaint it is.
    pub kind: FieldErrorKind,
    /// The rejected value; `None` where the API does not repeat it.
    pub value: Option<Value>,
    /// What was expected; may be empty.
    pub detail: String,
}

/// Kinds of complaints, as they appear in `status.details.causes[].reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldErrorKind {
    /// A required value is missing.
    Required,
    /// A value breaks a rule.
    Invalid,
    /// A value has another JSON type than declared.
    TypeInvalid,
    /// A value is not one of the enumerated ones.
    NotSupported,
    /// A value appears twice where values must differ.
    Duplicate,
    /// A value may not be given here.
    Forbidden,
    /// A string is too long.
    TooLong,
    /// A list or map has too many entries.
    TooMany,
}

impl FieldErrorKind {
    /// The reason of a status cause: `FieldValueInvalid` and the like.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::TypeInvalid => "FieldValueTypeInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Forbidden => "FieldValueForbidden",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Duplicate => "Duplicate value",
            Self::Forbidden => "Forbidden",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
        }
    }
}

impl FieldError {
    /// A required value that is missing.
    #[must_use]
    pub fn required(path: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(path, FieldErrorKind::Required, None, detail)
    }

    /// A value that breaks a rule.
    #[must_use]
    pub fn invalid(path: impl Into<String>, value: Value, detail: impl Into<String>) -> Self {
        Self::new(path, FieldErrorKind::Invalid, Some(value), detail)
    }

    /// A value that may not be given here.
    #[must_use]
    pub fn forbidden(path: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(path, FieldErrorKind::Forbidden, None, detail)
    }

    /// A value of another JSON type than `expected`.
    pub(crate) fn type_invalid(path: &str, expected: &str, found: &str) -> Self {
        let detail = format!("{} must be of type {expected}: \"{found}\"", subject(path));
        Self::new(
            path,
            FieldErrorKind::TypeInvalid,
            Some(found.into()),
            detail,
        )
    }

    /// A value outside an enumeration.
    #[must_use]
    pub fn not_supported(path: impl Into<String>, value: Value, supported: &[String]) -> Self {
        let detail = if supported.is_empty() {
            String::new()
        } else {
            let quoted: Vec<String> = supported.iter().map(|s| format!("{s:?}")).collect();
            format!("supported values: {}", quoted.join(", "))
        };
        Self::new(path, FieldErrorKind::NotSupported, Some(value), detail)
    }

    /// A value that appears twice.
    #[must_use]
    pub fn duplicate(path: impl Into<String>, value: Value) -> Self {
        Self::new(path, FieldErrorKind::Duplicate, Some(value), "")
    }

    /// A string of more than `most` characters.
    pub(crate) fn too_long(path: &str, most: u64) -> Self {
        let unit = if most == 1 { "byte" } else { "bytes" };
        let detail = format!("may not be more than {most} {unit}");
        Self::new(path, FieldErrorKind::TooLong, None, detail)
    }

    /// A collection of `count` entries where `most` are allowed.
    pub(crate) fn too_many(path: &str, count: usize, most: u64) -> Self {
        let unit = if most == 1 { "item" } else { "items" };
        let detail = format!("must have at most {most} {unit}");
        Self::new(path, FieldErrorKind::TooMany, Some(count.into()), detail)
    }

    fn new(
        path: impl Into<String>,
        kind: FieldErrorKind,
        value: Option<Value>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            path: path.into(),
            kind,
            value,
            detail: detail.into(),
        }
    }

    /// The complaint without the path: the `message` of a status cause.
    #[must_use]
    pub fn message(&self) -> String {
        let mut message = self.kind.words().to_owned();
        if let Some(value) = &self.value {
            message.push_str(": ");
            message.push_str(&value.to_string());
        }
        if !self.detail.is_empty() {
            message.push_str(": ");
            message.push_str(&self.detail);
        }
        message
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() {
            "<nil>"
        } else {
            &self.path
        };
        write!(f, "{path}: {}", self.message())
    }
}

/// How a rule names the value it is about.
pub(crate) fn subject(path: &str) -> String {
    if path.is_empty() {
        " in body".to_owned()
    } else {
        format!("{path} in body")
    }
}
