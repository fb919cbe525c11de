//! What `.status` becomes.

use oarlock_core::cluster::Verb;
use oarlock_core::object::Object;
use oarlock_core::outcome::Condition;
use oarlock_core::timestamp::Timestamp;
use serde_json::{Map, Value, json};

use crate::memory::{StatusWritten, fingerprint, fingerprint_of_wish};

/// Longest message of a condition, in bytes: definitions that take `metav1.Condition` refuse more, and with it the whole status.
const LONGEST_MESSAGE: usize = 32 * 1024;

/// A status that is wanted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Wanted {
    /// The module's JSON Merge Patch.
    pub(crate) patch: Option<Map<String, Value>>,
    /// Conditions to set: the module's, then the host's.
    pub(crate) set: Vec<Condition>,
    /// Condition types to take away.
    pub(crate) clear: Vec<&'static str>,
    /// The kind has no status subresource: each write of the status makes a new generation, and a condition that names it
    /// would never be up to date.
    pub(crate) without_generation: bool,
}

/// The write that brings `object` to the wanted status; `None` when it is there.
///
/// The patch holds the resource version that the module saw: intent never goes backwards.
pub(crate) fn write(
    object: &Object,
    wanted: &Wanted,
    known: Option<&StatusWritten>,
    now: Timestamp,
) -> Option<StatusWrite> {
    let current = status_of(object);
    let mut next = current.clone();
    if let Some(patch) = &wanted.patch {
        let mut value = Value::Object(next);
        let mut patch = patch.clone();
        patch.remove("conditions");
        json_patch::merge(&mut value, &Value::Object(patch));
        next = match value {
            Value::Object(map) => map,
            _ => Map::new(),
        };
    }
    set_conditions(&mut next, object, wanted, now);
    if next == current {
        return None;
    }
    let fingerprint_wanted = fingerprint_without_times(&next);
    if known.is_some_and(|known| {
        known.wanted == fingerprint_wanted && known.stored == fingerprint_without_times(&current)
    }) {
        return None;
    }
    let difference = difference(&current, &next);
    let mut patch = Map::new();
    patch.insert("status".to_owned(), Value::Object(difference));
    patch.insert("metadata".to_owned(), precondition(object));
    Some(StatusWrite {
        beyond_conditions: patch["status"]
            .as_object()
            .is_some_and(|status| status.keys().any(|key| key != "conditions")),
        verb: Verb::Merge {
            target: object.target().clone(),
            patch,
            status: true,
        },
        wanted: fingerprint_wanted,
        wish: fingerprint_of_wish(wanted),
    })
}

/// A status write that is worth making.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StatusWrite {
    /// The write.
    pub(crate) verb: Verb,
    /// Fingerprint of what is wanted, for the memory.
    pub(crate) wanted: u64,
    /// Fingerprint of the wish alone.
    pub(crate) wish: u64,
    /// It changes more than conditions.
    pub(crate) beyond_conditions: bool,
}

impl StatusWrite {
    /// What to remember once the API server has made `stored` of it.
    pub(crate) fn written(&self, stored: &Object) -> StatusWritten {
        StatusWritten {
            wanted: self.wanted,
            wish: self.wish,
            stored: fingerprint_without_times(&status_of(stored)),
        }
    }
}

/// `metadata` that makes a patch fail when the object is another or has changed.
pub(crate) fn precondition(object: &Object) -> Value {
    let field = |name: &str| object.pointer(&format!("/metadata/{name}")).cloned();
    json!({"uid": field("uid"), "resourceVersion": field("resourceVersion")})
}

fn status_of(object: &Object) -> Map<String, Value> {
    match object.content().get("status") {
        Some(Value::Object(status)) => status.clone(),
        _ => Map::new(),
    }
}

fn set_conditions(
    status: &mut Map<String, Value>,
    object: &Object,
    wanted: &Wanted,
    now: Timestamp,
) {
    let mut list = match status.get("conditions") {
        Some(Value::Array(list)) => list.clone(),
        _ => Vec::new(),
    };
    let is = |entry: &Value, kind: &str| entry.get("type").and_then(Value::as_str) == Some(kind);
    // What is set is not cleared first: its transition time would be lost.
    let set = |kind: &str| wanted.set.iter().any(|condition| condition.kind == kind);
    list.retain(|entry| {
        !wanted
            .clear
            .iter()
            .any(|kind| is(entry, kind) && !set(kind))
    });
    for condition in &wanted.set {
        let place = list.iter().position(|entry| is(entry, &condition.kind));
        let old = place.map(|index| list[index].clone());
        let generation = object
            .pointer("/metadata/generation")
            .filter(|_| !wanted.without_generation);
        let new = entry(condition, old.as_ref(), generation, now);
        match place {
            Some(index) => list[index] = new,
            None => list.push(new),
        }
    }
    if list.is_empty() {
        status.remove("conditions");
    } else {
        status.insert("conditions".to_owned(), Value::Array(list));
    }
}

/// One entry of `.status.conditions` (`metav1.Condition`); the transition time moves only with the status.
fn entry(
    condition: &Condition,
    old: Option<&Value>,
    generation: Option<&Value>,
    now: Timestamp,
) -> Value {
    let status = condition.status.as_str();
    let since = old
        .filter(|old| old.get("status").and_then(Value::as_str) == Some(status))
        .and_then(|old| old.get("lastTransitionTime").cloned())
        .unwrap_or_else(|| Value::String(now.rfc3339()));
    let mut entry = json!({
        "type": condition.kind,
        "status": status,
        "reason": condition.reason,
        "message": shortened(&condition.message),
        "lastTransitionTime": since,
    });
    if let Some(generation) = generation {
        entry["observedGeneration"] = generation.clone();
    }
    entry
}

fn shortened(message: &str) -> String {
    if message.len() <= LONGEST_MESSAGE {
        return message.to_owned();
    }
    let end = message.floor_char_boundary(LONGEST_MESSAGE - '…'.len_utf8());
    format!("{}…", &message[..end])
}

/// Times differ at every try; what is stored and what is wanted are compared without them.
fn fingerprint_without_times(status: &Map<String, Value>) -> u64 {
    let mut status = status.clone();
    if let Some(Value::Array(list)) = status.get_mut("conditions") {
        for entry in list.iter_mut().filter_map(Value::as_object_mut) {
            entry.remove("lastTransitionTime");
        }
    }
    fingerprint(&status)
}

/// The smallest JSON Merge Patch from `old` to `new`.
fn difference(old: &Map<String, Value>, new: &Map<String, Value>) -> Map<String, Value> {
    let mut patch = Map::new();
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, value) in new {
        match (old.get(key), value) {
            (Some(old), new) if old == new => {}
            (Some(Value::Object(old)), Value::Object(new)) => {
                patch.insert(key.clone(), Value::Object(difference(old, new)));
            }
            _ => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    patch
}

#[cfg(test)]
mod tests;
