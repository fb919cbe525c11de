//! The two shapes of an Event: core/v1 and events.k8s.io/v1 serve the same objects.

use serde_json::{Map, Value};

/// Name in core/v1, name in events.k8s.io/v1.
const RENAMES: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

/// Rewrites an Event between the shapes, towards events.k8s.io when `to_events_group`.
pub(super) fn convert(object: &mut Value, to_events_group: bool) {
    let Some(map) = object.as_object_mut() else {
        return;
    };
    for (core, group) in RENAMES {
        let (from, to) = if to_events_group {
            (core, group)
        } else {
            (group, core)
        };
        rename(map, from, to);
    }
}

fn rename(map: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = map.remove(from) {
        map.insert(String::from(to), value);
    }
}
