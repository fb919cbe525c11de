//! JSON Merge Patch (RFC 7386).

use serde_json::{Map, Value};

/// The patch that turns `from` into `to`; none where they are equal.
///
/// A member that is null counts as absent, because a merge patch cannot set one.
///
/// ```
/// # use oarlock_sdk::{json, merge_patch};
/// let patch = merge_patch::between(&json!({"a": 1, "b": {"c": 2, "d": 3}}), &json!({"a": 1, "b": {"c": 4}}));
/// assert_eq!(patch, Some(json!({"b": {"c": 4, "d": null}})));
/// ```
pub fn between(from: &Value, to: &Value) -> Option<Value> {
    let (Value::Object(from), Value::Object(to)) = (from, to) else {
        return (from != to).then(|| without_nulls(to));
    };
    let mut patch = Map::new();
    for (key, value) in from {
        if !value.is_null() && to.get(key).is_none_or(Value::is_null) {
            patch.insert(key.clone(), Value::Null);
        }
    }
    for (key, value) in to.iter().filter(|(_, value)| !value.is_null()) {
        match from.get(key) {
            // Null there is absent, so the whole value goes in.
            None | Some(Value::Null) => drop(patch.insert(key.clone(), without_nulls(value))),
            Some(current) => {
                if let Some(change) = between(current, value) {
                    patch.insert(key.clone(), change);
                }
            }
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// Applies a patch.
///
/// ```
/// # use oarlock_sdk::{json, merge_patch};
/// let mut status = json!({"phase": "Waiting", "until": 5});
/// merge_patch::apply(&mut status, &json!({"phase": "Done", "until": null}));
/// assert_eq!(status, json!({"phase": "Done"}));
/// ```
pub fn apply(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(fields) = target {
        for (key, change) in changes {
            if change.is_null() {
                fields.remove(key);
            } else {
                apply(fields.entry(key.as_str()).or_insert(Value::Null), change);
            }
        }
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key.clone(), without_nulls(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}
