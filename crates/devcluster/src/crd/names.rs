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

/// What came of the names that a definition wants.
pub(super) struct Verdict {
    /// `status.acceptedNames`.
    pub(super) accepted: Value,
    pub(super) conflict: Option<Conflict>,
}

/// Compares with everything else that is served in the same group, name by name: what is free is accepted, and of several
/// conflicts the last one is told, as the real server does.
pub(super) fn verdict(
    catalog: &BTreeMap<ResourceId, Arc<Resource>>,
    definition: &Value,
) -> Verdict {
    let wanted = &definition["spec"]["names"];
    let mut accepted = definition["status"]["acceptedNames"].clone();
    let mut conflict = None;
    let Some(own) = super::resource_id(definition) else {
        return Verdict { accepted, conflict };
    };
    let others: Vec<&Resource> = catalog
        .values()
        .map(Arc::as_ref)
        .filter(|resource| resource.id.group() == own.group() && resource.id != own)
        .collect();
    let is_resource = |name: &str| {
        others.iter().any(|other| {
            other.id.plural() == name
                || other.singular == name
                || other.short_names.iter().any(|short| short == name)
        })
    };
    let is_kind = |name: &str| {
        others
            .iter()
            .any(|other| other.kind == name || other.list_kind == name)
    };
    let shorts = super::texts(&wanted["shortNames"]);
    let all: [(&str, &'static str, Vec<String>, bool); 5] = [
        ("plural", "PluralConflict", one(wanted, "plural"), true),
        (
            "singular",
            "SingularConflict",
            one(wanted, "singular"),
            true,
        ),
        ("shortNames", "ShortNamesConflict", shorts, true),
        ("kind", "KindConflict", one(wanted, "kind"), false),
        (
            "listKind",
            "ListKindConflict",
            one(wanted, "listKind"),
            false,
        ),
    ];
    for (field, reason, names, among_resources) in all {
        let taken = names.iter().find(|name| {
            if among_resources {
                is_resource(name)
            } else {
                is_kind(name)
            }
        });
        match taken {
            Some(name) => {
                conflict = Some(Conflict {
                    reason,
                    message: format!("{name:?} is already in use"),
                });
            }
            None => set(&mut accepted, field, wanted.get(field)),
        }
    }
    set(&mut accepted, "categories", wanted.get("categories"));
    Verdict { accepted, conflict }
}

fn one(names: &Value, field: &str) -> Vec<String> {
    Vec::from([String::from(names[field].as_str().unwrap_or_default())])
}

fn set(accepted: &mut Value, field: &str, value: Option<&Value>) {
    match value {
        Some(value) => accepted[field] = value.clone(),
        None => {
            if let Some(map) = accepted.as_object_mut() {
                map.remove(field);
            }
        }
    }
}
