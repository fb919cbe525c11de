//! What must hold of every reconciled object, whatever its module is.

use oarlock_devcluster::resource::ResourceId;
use serde_json::Value;

use crate::play::{Record, all, conditions};

/// What was broken of it.
pub(crate) fn broken(record: &Record<'_>, resource: &ResourceId) -> Vec<String> {
    let mut broken = Vec::new();
    broken.extend(late_statuses(record, resource));
    for object in all(record.store, resource) {
        let name = &object["metadata"]["name"];
        if !object["metadata"]["deletionTimestamp"].is_null() {
            broken.push(format!("{name} is still being deleted in the end"));
            continue;
        }
        let conditions = conditions(&object);
        if !conditions.iter().any(|c| c.starts_with("Ready=True")) {
            broken.push(format!("{name} is not Ready in the end: {conditions:?}"));
        }
    }
    broken
}

/// A status is written for the object as it is, never for what it was: intent does not go backwards.
fn late_statuses(record: &Record<'_>, resource: &ResourceId) -> Option<String> {
    record.entries.iter().find_map(|entry| {
        let change = &entry.change;
        let before = change.previous.as_ref()?;
        let now = &change.object;
        if change.resource != *resource || change.removed || before["status"] == now["status"] {
            return None;
        }
        let generation = &now["metadata"]["generation"];
        let known = of(before);
        let late = of(now)
            .into_iter()
            .find(|c| !known.contains(c) && c["observedGeneration"] != *generation)?;
        Some(format!(
            "revision {}: written for an older generation than {generation}: {late}",
            change.revision
        ))
    })
}

fn of(object: &Value) -> Vec<&Value> {
    let list = object.pointer("/status/conditions");
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .collect()
}
