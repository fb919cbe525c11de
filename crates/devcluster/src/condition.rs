//! Conditions in the status of objects, as the server's own controllers write them.

use oarlock_core::timestamp::Timestamp;
use serde_json::{Value, json};

/// Sets the condition called `kind`; the time of its last transition stays while its value does.
pub(crate) fn set(
    status: &mut Value,
    kind: &str,
    value: &str,
    reason: &str,
    message: &str,
    now: Timestamp,
) {
    let since = match find(status, kind) {
        Some(old) if old["status"] == value => old["lastTransitionTime"].clone(),
        _ => Value::from(now.rfc3339()),
    };
    let new = json!({
        "type": kind, "status": value, "reason": reason, "message": message,
        "lastTransitionTime": since,
    });
    if !status["conditions"].is_array() {
        status["conditions"] = json!([]);
    }
    if let Some(conditions) = status["conditions"].as_array_mut() {
        match conditions
            .iter_mut()
            .find(|condition| condition["type"] == kind)
        {
            Some(old) => *old = new,
            None => conditions.push(new),
        }
    }
}

/// The condition called `kind` of an object's status.
pub(crate) fn find<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    status["conditions"]
        .as_array()?
        .iter()
        .find(|condition| condition["type"] == kind)
}
