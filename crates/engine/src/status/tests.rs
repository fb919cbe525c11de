#![expect(clippy::unwrap_used, reason = "tests")]

use oarlock_core::cluster::Verb;
use oarlock_core::object::Object;
use oarlock_core::outcome::{Condition, ConditionStatus};
use oarlock_core::timestamp::Timestamp;
use serde_json::{Map, Value, json};

use super::{Wanted, difference, write};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn object(status: Value) -> Object {
    Object::from_value(json!({
        "apiVersion": "g/v1", "kind": "K",
        "metadata": {"name": "a", "namespace": "n", "uid": "u", "resourceVersion": "7", "generation": 3},
        "status": status,
    }))
    .unwrap()
}

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("an object was expected: {other}"),
    }
}

fn ready(status: ConditionStatus) -> Condition {
    Condition {
        kind: "Ready".to_owned(),
        status,
        reason: "R".to_owned(),
        message: "m".to_owned(),
    }
}

fn patch(object: &Object, wanted: &Wanted) -> Option<Value> {
    write(object, wanted, None, NOW).map(|write| match write.verb {
        Verb::Merge {
            patch,
            status: true,
            ..
        } => Value::Object(patch),
        other => panic!("{other:?}"),
    })
}

#[test]
fn the_patch_is_minimal_and_holds_the_version_that_was_seen() {
    let wanted = Wanted {
        patch: Some(map(
            json!({"step": 2, "gone": null, "deep": {"x": 1}, "conditions": ["ignored"]}),
        )),
        ..Wanted::default()
    };
    let patch = patch(
        &object(json!({"step": 1, "gone": 1, "same": 1, "deep": {"y": 2}})),
        &wanted,
    );
    assert_eq!(
        patch,
        Some(json!({
            "metadata": {"uid": "u", "resourceVersion": "7"},
            "status": {"step": 2, "gone": null, "deep": {"x": 1}},
        }))
    );
}

#[test]
fn nothing_new_is_not_written() {
    let wanted = Wanted {
        patch: Some(map(json!({"step": 1, "absent": null}))),
        set: vec![ready(ConditionStatus::True)],
        clear: vec!["Stalled"],
        ..Wanted::default()
    };
    let current = json!({"step": 1, "conditions": [{"type": "Ready", "status": "True", "reason": "R", "message": "m",
        "lastTransitionTime": "2020-01-01T00:00:00Z", "observedGeneration": 3}]});
    assert_eq!(patch(&object(current), &wanted), None);
}

#[test]
fn transition_times_move_with_the_status_only() {
    let condition = |status: &str, reason: &str| {
        json!({"conditions": [{"type": "Ready", "status": status, "reason": reason, "message": "m",
            "lastTransitionTime": "2020-01-01T00:00:00Z", "observedGeneration": 3}]})
    };
    let wanted = Wanted {
        set: vec![ready(ConditionStatus::True)],
        ..Wanted::default()
    };
    for (before, time) in [
        (condition("True", "Other"), "2020-01-01T00:00:00Z"),
        (condition("False", "R"), "2023-11-14T22:13:20Z"),
    ] {
        let patch = patch(&object(before), &wanted).unwrap();
        assert_eq!(
            patch.pointer("/status/conditions/0/lastTransitionTime"),
            Some(&json!(time))
        );
    }
}

#[test]
fn conditions_of_others_stay_and_cleared_ones_go() {
    let before = json!({"conditions": [{"type": "Theirs", "status": "True"}, {"type": "Stalled", "status": "True"}]});
    let wanted = Wanted {
        clear: vec!["Stalled"],
        ..Wanted::default()
    };
    let patch = patch(&object(before), &wanted).unwrap();
    assert_eq!(
        patch.pointer("/status/conditions"),
        Some(&json!([{"type": "Theirs", "status": "True"}]))
    );
}

#[test]
fn what_the_schema_prunes_is_written_once() {
    let wanted = Wanted {
        patch: Some(map(json!({"unknown": 1, "known": 1}))),
        ..Wanted::default()
    };
    let before = object(json!({}));
    let first = write(&before, &wanted, None, NOW).unwrap();
    let stored = object(json!({"known": 1}));
    let known = first.written(&stored);
    assert_eq!(write(&stored, &wanted, Some(&known), NOW), None);
    // Somebody changes the status: it is written again.
    assert!(write(&object(json!({"known": 2})), &wanted, Some(&known), NOW).is_some());
}

#[test]
fn differences_apply() {
    for (old, new) in [
        (json!({}), json!({"a": {"b": 1}})),
        (json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": 1}})),
        (json!({"a": [1, 2]}), json!({"a": [2]})),
        (json!({"a": {"b": 1}}), json!({"a": 1})),
        (json!({"a": 1}), json!({"b": {"c": {"d": []}}})),
    ] {
        let mut result = old.clone();
        json_patch::merge(
            &mut result,
            &Value::Object(difference(&map(old), &map(new.clone()))),
        );
        assert_eq!(result, new);
    }
}
