//! Whether a definition may have the names it wants.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::resource::{Resource, ResourceId};

/// Why not.
pub(super) struct Conflict {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// Compares with everything else that is served in the same group.
pub(super) fn conflict(
    catalog: &BTreeMap<ResourceId, Arc<Resource>>,
    definition: &Value,
) -> Option<Conflict> {
    let own = super::resource_id(definition)?;
    let names = &definition["spec"]["names"];
    let others: Vec<&Resource> = catalog
        .values()
        .map(Arc::as_ref)
        .filter(|resource| resource.id.group() == own.group() && resource.id != own)
        .collect();
    let taken = |name: &str| {
        others.iter().any(|other| {
            other.id.plural() == name
                || other.singular == name
                || other.short_names.iter().any(|short| short == name)
        })
    };
    let text = |field: &str| names[field].as_str().unwrap_or_default();
    let kind = |name: &str| {
        others
            .iter()
            .any(|other| other.kind == name || other.list_kind == name)
    };
    let wanted = [
        ("PluralConflict", text("plural"), taken(text("plural"))),
        (
            "SingularConflict",
            text("singular"),
            taken(text("singular")),
        ),
        ("KindConflict", text("kind"), kind(text("kind"))),
        ("ListKindConflict", text("listKind"), kind(text("listKind"))),
    ];
    for (reason, name, is_taken) in wanted {
        if is_taken {
            return Some(Conflict {
                reason,
                message: format!("{name:?} is already in use"),
            });
        }
    }
    super::texts(&names["shortNames"])
        .into_iter()
        .find(|short| taken(short))
        .map(|short| Conflict {
            reason: "ShortNamesConflict",
            message: format!("{short:?} is already in use"),
        })
}
