//! Conflicts between appliers and the other owners of fields.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::entry::{ManagerId, Operation, Ownership};

/// A field that another manager owns and that an apply would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The other manager, described: `"kubectl-edit" using apps/v1 at 2026-01-01T00:00:00Z`.
    pub manager: String,
    /// The field: `.spec.replicas`.
    pub field: String,
}

impl Conflict {
    /// The `message` of the conflict's status cause.
    #[must_use]
    pub fn message(&self) -> String {
        format!("conflict with {}", self.manager)
    }

    /// The `reason` of the conflict's status cause.
    pub const REASON: &'static str = "FieldManagerConflict";
}

/// A manager as messages name it.
pub(super) fn describe(id: &ManagerId, owned: &Ownership) -> String {
    let mut text = format!("{:?}", id.name);
    if !id.subresource.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(text, " with subresource {:?}", id.subresource);
    }
    if id.operation == Operation::Update {
        let _ = write!(text, " using {}", owned.api_version);
    }
    text
}

/// The message of a failed apply.
pub(super) fn message(conflicts: &[Conflict]) -> String {
    if let [conflict] = conflicts {
        return format!(
            "Apply failed with 1 conflict: conflict with {}: {}",
            conflict.manager, conflict.field
        );
    }
    let mut fields: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for conflict in conflicts {
        fields
            .entry(&conflict.manager)
            .or_default()
            .push(&conflict.field);
    }
    let mut lines = Vec::new();
    for (manager, fields) in fields {
        lines.push(format!("conflicts with {manager}:"));
        lines.extend(fields.into_iter().map(|field| format!("- {field}")));
    }
    format!(
        "Apply failed with {} conflicts: {}",
        conflicts.len(),
        lines.join("\n")
    )
}
