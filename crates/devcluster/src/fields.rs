//! Field ownership: who set which field of an object, and server-side apply.
//!
//! Behaviour follows Kubernetes' structured merge: sets of field paths in the `FieldsV1` form, one
//! entry of `metadata.managedFields` per manager, operation, version and subresource. This room
//! knows neither storage nor transport: a live object, a request and a type go in, the object to be
//! stored comes out. Resource versions, generations and names are the caller's business.
//!
//! Differences from a Kubernetes server: entries written in another version of a kind are compared
//! without conversion (right for custom resources converted by strategy `None`); sets are not rewritten
//! when a field changes between atomic and granular in a new schema; a write to the status of a
//! built-in kind ignores changes of `spec` and labels for every kind, where a server has a list per kind.

use serde_json::Value;

mod apply;
mod atom;
mod comparison;
mod conflict;
mod entry;
mod extraction;
mod last_applied;
mod merging;
mod path;
mod removal;
mod reset;
mod set;
mod typing;
mod update;
mod v1;

pub use apply::{ApplyError, apply};
pub use conflict::Conflict;
pub use path::{PathElement, Scalar};
pub use reset::reset;
pub use set::FieldSet;
pub use update::track_update;

/// Who writes an object, through which door, and when.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'a> {
    /// The field manager, as given by `fieldManager` or derived from the user agent.
    pub manager: &'a str,
    /// The subresource the write goes through: `status`, `scale`; `None` for the object itself.
    pub subresource: Option<&'a str>,
    /// Whether the resource has a status subresource. If so, a write to the object itself can
    /// neither change nor own `status`, and a write to `status` can neither change nor own `spec`.
    pub has_status: bool,
    /// The time of the write in RFC 3339, as it appears in `managedFields[].time`.
    pub now: &'a str,
}

/// Takes the fields out of an object that only the server sets, for comparison of contents.
pub(crate) fn without_managed_fields(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

#[cfg(test)]
mod tests;
