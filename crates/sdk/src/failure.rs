//! Runs that have no outcome.

use std::fmt;
use std::time::Duration;

use crate::ReadError;
use crate::artifacts::FetchError;
use crate::http::HttpError;

/// A run that has no outcome. Nothing is written but the host's own conditions.
///
/// Reads, HTTP calls and fetches turn into the fitting one with `?`.
///
/// ```
/// # use oarlock_sdk::{Failure, FieldError};
/// fn percent(text: &str) -> Result<u8, Failure> {
///     text.parse().map_err(|_| Failure::invalid("spec.percent", "must be a number up to 255"))
/// }
/// assert_eq!(percent("x").unwrap_err().to_string(), "spec.percent: must be a number up to 255");
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Failure {
    /// Again, with the host's backoff. The text says what failed.
    Retry(String),
    /// Again after a while.
    RetryAfter(Duration, String),
    /// Not again until something changes: the object, a child, or what was read.
    Terminal(String),
    /// The object's own content is wrong: shown per field, not tried again until it changes.
    Invalid(Vec<FieldError>),
}

/// What is wrong with one field of the object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FieldError {
    /// As Kubernetes writes it, such as `spec.steps[2].percent`.
    pub path: String,
    /// What was expected.
    pub message: String,
}

impl Failure {
    /// One wrong field.
    pub fn invalid(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(path, message)])
    }

    /// Again, with backoff.
    pub fn retry(message: impl fmt::Display) -> Self {
        Self::Retry(message.to_string())
    }

    /// Not again until something changes.
    pub fn terminal(message: impl fmt::Display) -> Self {
        Self::Terminal(message.to_string())
    }
}

impl FieldError {
    /// A field and what was expected of it.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.message),
            path => write!(f, "{path}: {}", self.message),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry(message) | Self::RetryAfter(_, message) | Self::Terminal(message) => {
                f.write_str(message)
            }
            Self::Invalid(fields) => {
                for (index, field) in fields.iter().enumerate() {
                    write!(f, "{}{field}", if index == 0 { "" } else { "; " })?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for Failure {}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable(_) => Self::retry(error),
            // The host calls again when a grant, the kind or the object changes.
            ReadError::Denied(_) | ReadError::UnknownKind(_) | ReadError::Malformed { .. } => {
                Self::terminal(error)
            }
        }
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        match error {
            // The host calls again when a grant, a Secret or the object changes; nobody tells of a source that changes.
            FetchError::Denied(_) | FetchError::Invalid(_) => Self::terminal(error),
            FetchError::NotFound(_)
            | FetchError::Unauthorized(_)
            | FetchError::Unavailable(_)
            | FetchError::Mismatch(_) => Self::retry(error),
        }
    }
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Denied(_) | HttpError::TooLarge(_) => Self::terminal(error),
            HttpError::TimedOut
            | HttpError::Connect(_)
            | HttpError::Tls(_)
            | HttpError::Other(_) => Self::retry(error),
        }
    }
}
