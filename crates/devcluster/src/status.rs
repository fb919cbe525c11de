//! Errors as clients of the API see them: the `Status` object of apimachinery.
//!
//! Owns the shape, the codes and the wording of refusals. Knows nothing of HTTP framing and of storage.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A refusal, with everything that `metav1.Status` carries.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Status {
    /// HTTP status code.
    pub code: u16,
    /// Machine-readable reason.
    pub reason: Reason,
    /// Human-readable message.
    pub message: String,
    /// What the refusal is about; boxed because refusals are rare and large.
    pub details: Option<Box<Details>>,
    /// The continue token of a list that may go on from the present state (410 of a paged list).
    pub continue_token: Option<String>,
}

/// `metav1.StatusReason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the names are the documentation: metav1.StatusReason"
)]
pub enum Reason {
    AlreadyExists,
    BadRequest,
    Conflict,
    Expired,
    Forbidden,
    Gone,
    InternalError,
    Invalid,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    RequestEntityTooLarge,
    ServiceUnavailable,
    Timeout,
    TooManyRequests,
    Unauthorized,
    /// None: what comes of an error that the real server does not classify.
    Unknown,
    UnsupportedMediaType,
}

/// `metav1.StatusDetails`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Details {
    /// Name of the object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// API group of the resource.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Resource (plural), or kind for invalid objects, as the real server has it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// uid of the object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// One entry per wrong field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
    /// Seconds to wait before trying again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

/// `metav1.StatusCause`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cause {
    /// For example `FieldValueInvalid`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What is wrong.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Path of the field.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
}

impl Status {
    /// A refusal without details.
    #[must_use]
    pub fn new(code: u16, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: None,
            continue_token: None,
        }
    }

    /// 400 `BadRequest`.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, Reason::BadRequest, message)
    }

    /// 404 `NotFound` for an object of `resource` (plural) in `group`.
    #[must_use]
    pub fn not_found(group: &str, resource: &str, name: &str) -> Self {
        Self::about(404, Reason::NotFound, group, resource, name, "not found")
    }

    /// 404 for a path that no resource is served under.
    #[must_use]
    pub fn no_such_path() -> Self {
        Self::new(
            404,
            Reason::NotFound,
            "the server could not find the requested resource",
        )
        .with_details(Details::default())
    }

    /// 404 for a path that nobody answers for: no `Status` but a line of text.
    #[must_use]
    pub fn page_not_found() -> Self {
        Self::new(404, Reason::Unknown, "404 page not found\n")
    }

    /// 500 without a reason: what comes of an error that the real server does not classify.
    #[must_use]
    pub fn unclassified(message: impl Into<String>) -> Self {
        Self::new(500, Reason::Unknown, message)
    }

    /// 422 `Invalid` of the options of a request, for example `ListOptions`.
    #[must_use]
    pub fn invalid_options(kind: &str, causes: Vec<Cause>) -> Self {
        Self::invalid("meta.k8s.io", kind, "", causes)
    }

    /// 504 `Timeout`: a resourceVersion that has not been reached.
    #[must_use]
    pub fn too_large(wanted: u64, present: u64) -> Self {
        let cause = Cause::new("ResourceVersionTooLarge", "", "Too large resource version");
        Self::new(
            504,
            Reason::Timeout,
            format!("Timeout: Too large resource version: {wanted}, current: {present}"),
        )
        .with_details(Details {
            causes: vec![cause],
            retry_after_seconds: Some(1),
            ..Details::default()
        })
    }

    /// 409 `AlreadyExists`.
    #[must_use]
    pub fn already_exists(group: &str, resource: &str, name: &str) -> Self {
        Self::about(
            409,
            Reason::AlreadyExists,
            group,
            resource,
            name,
            "already exists",
        )
    }

    /// 409 `Conflict`.
    #[must_use]
    pub fn conflict(group: &str, resource: &str, name: &str, why: &str) -> Self {
        let mut status = Self::new(
            409,
            Reason::Conflict,
            format!(
                "Operation cannot be fulfilled on {} {name:?}: {why}",
                qualified(group, resource)
            ),
        );
        status.details = Some(Box::new(details(group, resource, name)));
        status
    }

    /// 409 `Conflict` because the resourceVersion sent is not the present one.
    #[must_use]
    pub fn stale(group: &str, resource: &str, name: &str) -> Self {
        Self::conflict(
            group,
            resource,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// 403 `Forbidden`.
    #[must_use]
    pub fn forbidden(group: &str, resource: &str, name: &str, why: &str) -> Self {
        let mut status = Self::new(
            403,
            Reason::Forbidden,
            format!(
                "{} {name:?} is forbidden: {why}",
                qualified(group, resource)
            ),
        );
        status.details = Some(Box::new(details(group, resource, name)));
        status
    }

    /// 410 `Expired`: a resourceVersion or continue token that reaches behind the history.
    #[must_use]
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, Reason::Expired, message)
    }

    /// 405 `MethodNotAllowed`.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self::new(
            405,
            Reason::MethodNotAllowed,
            "the server does not allow this method on the requested resource",
        )
        .with_details(Details::default())
    }

    /// 422 `Invalid` with one cause per wrong field.
    #[must_use]
    pub fn invalid(group: &str, kind: &str, name: &str, causes: Vec<Cause>) -> Self {
        let mut lines: Vec<String> = Vec::new();
        for cause in &causes {
            let line = format!("{}: {}", cause.field, cause.message);
            // The message tells once what several checks found.
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        let what = match lines.as_slice() {
            [] => String::new(),
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        Self::new(
            422,
            Reason::Invalid,
            format!("{} {name:?} is invalid: {what}", qualified(group, kind)),
        )
        .with_details(Details {
            causes,
            ..details(group, kind, name)
        })
    }

    /// 500 `InternalError`.
    #[must_use]
    pub fn internal(message: impl std::fmt::Display) -> Self {
        Self::new(
            500,
            Reason::InternalError,
            format!("Internal error occurred: {message}"),
        )
    }

    /// The same refusal with these details.
    #[must_use]
    pub fn with_details(mut self, details: Details) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    /// Whether it says that the object does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.code == 404
    }

    /// Whether it says that somebody else wrote in between.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.reason == Reason::Conflict
    }

    /// The `Status` object of the wire.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut metadata = serde_json::Map::new();
        if let Some(token) = &self.continue_token {
            metadata.insert(String::from("continue"), Value::from(token.as_str()));
        }
        let mut value = serde_json::json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": metadata,
            "status": "Failure",
            "message": self.message,
            "code": self.code,
        });
        if self.reason != Reason::Unknown {
            value["reason"] = serde_json::json!(self.reason);
        }
        if let (Some(details), Some(object)) = (&self.details, value.as_object_mut()) {
            object.insert(String::from("details"), serde_json::json!(details));
        }
        value
    }

    fn about(
        code: u16,
        reason: Reason,
        group: &str,
        resource: &str,
        name: &str,
        what: &str,
    ) -> Self {
        Self::new(
            code,
            reason,
            format!("{} {name:?} {what}", qualified(group, resource)),
        )
        .with_details(details(group, resource, name))
    }
}

impl Cause {
    /// A cause of one of apimachinery's field error types, for example `FieldValueRequired`.
    #[must_use]
    pub fn new(reason: &str, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            reason: String::from(reason),
            field: field.into(),
            message: message.into(),
        }
    }

    /// `FieldValueInvalid`: `Invalid value: <value>: <why>`.
    #[must_use]
    pub fn invalid(field: impl Into<String>, value: &Value, why: &str) -> Self {
        Self::new(
            "FieldValueInvalid",
            field,
            format!("Invalid value: {value}: {why}"),
        )
    }

    /// `FieldValueNotSupported`: `Unsupported value: <value>: supported values: <values>`.
    #[must_use]
    pub fn unsupported(field: impl Into<String>, value: &Value, supported: &[&str]) -> Self {
        let listed: Vec<String> = supported.iter().map(|value| format!("{value:?}")).collect();
        Self::new(
            "FieldValueNotSupported",
            field,
            format!(
                "Unsupported value: {value}: supported values: {}",
                listed.join(", ")
            ),
        )
    }

    /// `FieldValueForbidden`: `Forbidden: <why>`.
    #[must_use]
    pub fn forbidden(field: impl Into<String>, why: &str) -> Self {
        Self::new("FieldValueForbidden", field, format!("Forbidden: {why}"))
    }

    /// `FieldValueRequired`: `Required value: <why>`.
    #[must_use]
    pub fn required(field: impl Into<String>, why: &str) -> Self {
        let message = if why.is_empty() {
            String::from("Required value")
        } else {
            format!("Required value: {why}")
        };
        Self::new("FieldValueRequired", field, message)
    }
}

fn details(group: &str, kind: &str, name: &str) -> Details {
    Details {
        name: String::from(name),
        group: String::from(group),
        kind: String::from(kind),
        ..Details::default()
    }
}

fn qualified(group: &str, resource: &str) -> String {
    if group.is_empty() {
        String::from(resource)
    } else {
        format!("{resource}.{group}")
    }
}
