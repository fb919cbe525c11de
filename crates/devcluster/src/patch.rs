//! The patch formats of the API other than apply: JSON patch, merge patch, strategic merge patch.
//!
//! Pure: a document and a patch go in, the patched document comes out. Content types, sizes and
//! what may be patched are the caller's business.
//!
//! Differences from a Kubernetes server: directives inside an element or object that a strategic merge
//! patch adds are dropped, where a server keeps some and then ignores or stores them; an empty list
//! beside `$setElementOrder` is no error; elements that the order does not name keep their place before
//! the patch, even when the same patch deletes and adds elements.

use json_patch::PatchOperation;
use serde_json::Value;
use thiserror::Error;

mod strategic;

pub use strategic::strategic;

/// Why a patch could not be applied.
#[derive(Debug, Error)]
pub enum PatchError {
    /// The patch is not a patch of its kind: 400 Bad Request.
    #[error("{message}")]
    Malformed {
        /// What is wrong with it.
        message: String,
    },
    /// A strategic merge patch that names no element or an unknown directive: the real server has no class for it.
    #[error("{message}")]
    Directive {
        /// What is wrong with it.
        message: String,
    },
    /// The patch is well-formed and does not fit the object: 422 Invalid.
    #[error("the server rejected our request due to an error in our request: {message}")]
    Inapplicable {
        /// Which operation failed and why.
        message: String,
    },
}

/// Applies a JSON merge patch (RFC 7386).
pub fn merge(object: &mut Value, patch: &Value) {
    json_patch::merge(object, patch);
}

/// Applies a JSON patch (RFC 6902), all operations or none.
///
/// # Errors
/// [`PatchError::Malformed`] if `patch` is not an array of operations, [`PatchError::Inapplicable`]
/// if an operation (a `test`, a missing path) fails; the object is then unchanged.
pub fn json(object: &mut Value, patch: &Value) -> Result<(), PatchError> {
    if !patch.is_array() {
        return Err(PatchError::Malformed {
            message: String::from(
                "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
            ),
        });
    }
    // A server finds out about unknown operations when it comes to them.
    let patch: json_patch::Patch =
        serde_json::from_value(patch.clone()).map_err(|error| PatchError::Inapplicable {
            message: error.to_string(),
        })?;
    json_patch::patch(object, &patch).map_err(|error| PatchError::Inapplicable {
        message: inapplicable(&patch, &error),
    })
}

fn inapplicable(patch: &json_patch::Patch, error: &json_patch::PatchError) -> String {
    let path = &error.path;
    let name = match patch.0.get(error.operation) {
        Some(PatchOperation::Test(_)) => {
            return format!("testing value {path} failed: test failed");
        }
        Some(PatchOperation::Add(_)) => "add",
        Some(PatchOperation::Remove(_)) => "remove",
        Some(PatchOperation::Replace(_)) => "replace",
        Some(PatchOperation::Move(_)) => "move",
        Some(PatchOperation::Copy(_)) => "copy",
        None => "patch",
    };
    format!("{name} operation does not apply: doc is missing path: \"{path}\": missing value")
}

#[cfg(test)]
mod tests;
