//! Request bodies: JSON, YAML or protobuf into objects.

use serde_json::Value;

use super::protobuf;
use crate::status::{Reason, Status};

/// Reads an object. An empty content type counts as JSON, as in the real server.
pub(super) fn object(content_type: &str, body: &[u8]) -> Result<Value, Status> {
    let media = content_type.split(';').next().unwrap_or_default().trim();
    let value = match media {
        "" | "application/json" => json(body)?,
        "application/yaml" | "application/x-yaml" => yaml(body)?,
        protobuf::MEDIA_TYPE => protobuf::object(body)?,
        _ => {
            let accepted = ["application/json", "application/yaml", protobuf::MEDIA_TYPE];
            return Err(unsupported(&accepted));
        }
    };
    if value.is_object() {
        return Ok(value);
    }
    Err(Status::bad_request(
        "the object provided is unrecognized: expected a JSON object",
    ))
}

pub(super) fn json(body: &[u8]) -> Result<Value, Status> {
    serde_json::from_slice(body).map_err(|error| {
        Status::bad_request(format!("the object provided is unrecognized: {error}"))
    })
}

/// YAML, of which JSON is a part.
pub(super) fn yaml(body: &[u8]) -> Result<Value, Status> {
    if let Ok(value) = serde_json::from_slice(body) {
        return Ok(value);
    }
    let text = std::str::from_utf8(body)
        .map_err(|error| Status::bad_request(format!("error decoding YAML: {error}")))?;
    serde_saphyr::from_str(text)
        .map_err(|error| Status::bad_request(format!("error decoding YAML: {error}")))
}

pub(super) fn unsupported(accepted: &[&str]) -> Status {
    Status::new(
        415,
        Reason::UnsupportedMediaType,
        format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        ),
    )
}
