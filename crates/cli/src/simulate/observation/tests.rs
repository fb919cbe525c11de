use std::sync::Arc;
use std::time::Duration;

use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::store::Key;
use serde_json::{Value, json};

use super::{DEPLOYMENTS, Frame, Name, State, clock, readable};

const BEGAN: Timestamp = Timestamp::from_millis(1_767_603_600_000);

fn state(deployments: &[Value]) -> State {
    let place = |object: &Value| {
        let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
        (DEPLOYMENTS, Key::new(text("namespace"), text("name")))
    };
    let entries = deployments.iter();
    entries.map(|d| (place(d), Arc::new(d.clone()))).collect()
}

fn deployment(namespace: &str, name: &str, owner: &str, counts: [u64; 3]) -> Value {
    let [desired, ready, available] = counts;
    json!({
        "metadata": {"name": name, "namespace": namespace, "ownerReferences": [{"uid": owner}]},
        "spec": {"replicas": desired, "template": {"spec": {"containers": [{"image": format!("{name}:1")}]}}},
        "status": {"replicas": desired, "readyReplicas": ready, "availableReplicas": available},
    })
}

fn object(spec: Value, status: Value) -> Value {
    json!({"metadata": {"name": "o", "namespace": "a", "uid": "u"}, "spec": spec, "status": status})
}

fn frame(object: &Value, deployments: &[Value]) -> Frame {
    Frame::of("Kind", object, &state(deployments), BEGAN)
}

/// `name desired/total/ready/available weight`.
fn tracks(frame: &Frame) -> Vec<String> {
    let tracks = frame.tracks.iter();
    tracks
        .map(|t| {
            let (name, role) = (&t.name, &t.role);
            let counts = [t.desired, t.total, t.ready, t.available].map(|n| n.to_string());
            format!("{name}{role} {} {}", counts.join("/"), t.weight)
        })
        .collect()
}

#[test]
fn without_tracks_in_its_status_an_object_has_those_that_it_owns_and_its_target() {
    let deployments = [
        deployment("a", "app", "nobody", [1, 1, 1]),
        deployment("a", "new", "u", [2, 2, 1]),
        deployment("a", "other", "v", [5, 5, 5]),
        deployment("b", "far", "u", [5, 5, 5]),
    ];
    let object = object(json!({"targetRef": {"name": "app"}}), json!({}));
    let frame = frame(&object, &deployments);
    assert_eq!(tracks(&frame), ["app 1/1/1/1 33", "new 2/2/2/1 67"]);
    assert_eq!(frame.tracks[1].revision, "new:1");
}

#[test]
fn counts_are_those_of_the_deployments_where_one_is_one_track() {
    let told = |name: &str, role: &str| json!({"name": name, "role": role, "revision": "r", "desired": 9, "ready": 9, "available": 9, "weight": 50});
    let deployments = [
        deployment("a", "one", "u", [3, 2, 1]),
        deployment("a", "two", "u", [4, 4, 4]),
    ];
    let status = json!({"tracks": [told("one", "stable"), told("gone", "canary")]});
    assert_eq!(
        tracks(&frame(&object(json!({}), status), &deployments)),
        ["onestable 3/3/2/1 50", "gonecanary 9/9/9/9 50"]
    );
    // Two versions in one Deployment: only the status tells them apart.
    let status = json!({"tracks": [told("two", "stable"), told("two", "canary")]});
    assert_eq!(
        tracks(&frame(&object(json!({}), status), &deployments)),
        ["twostable 9/9/9/9 50", "twocanary 9/9/9/9 50"]
    );
}

#[test]
fn what_an_object_wants_is_its_own_or_its_targets_number() {
    let mut borrowed = deployment("a", "app", "", [3, 3, 3]);
    borrowed["metadata"]["annotations"] = json!({"canary.oarlock.dev/replicas": "3/12"});
    let plain = deployment("a", "app", "u", [3, 3, 3]);
    let target = json!({"targetRef": {"name": "app"}});
    for (spec, deployment, desired) in [
        (json!({"deployment": {"replicas": 7}}), &plain, 7),
        (
            json!({"replicas": 8, "targetRef": {"name": "app"}}),
            &borrowed,
            8,
        ),
        (target.clone(), &borrowed, 12),
        (target, &plain, 3),
        // Nothing says so: what its tracks want.
        (json!({}), &plain, 3),
    ] {
        let frame = frame(&object(spec, json!({})), std::slice::from_ref(deployment));
        assert_eq!(frame.desired, desired);
    }
}

#[test]
fn the_host_is_newer_than_the_module() {
    let ready = |reason: &str| {
        json!({
            "why": {"decision": "Sleeping", "because": "of the module"},
            "conditions": [{"type": "Ready", "status": "False", "reason": reason, "message": "of the host"}],
        })
    };
    for (reason, decision) in [("GrantMissing", "GrantMissing"), ("Waiting", "Sleeping")] {
        let frame = frame(&object(json!({}), ready(reason)), &[]);
        assert_eq!(
            (frame.decision.as_str(), frame.ready),
            (decision, Some(false))
        );
    }
}

#[test]
fn sentences_have_no_dates_and_one_line() {
    for (sentence, read) in [
        ("next at 2026-01-05T09:01:05Z, then", "next at 01:05, then"),
        ("(2026-01-05T10:01:05Z)", "(2026-01-05T10:01:05Z)"),
        ("at 2026-01-05T10:01:05Z.", "at 1:01:05."),
        ("since 2020-01-01T00:00:00Z", "since 2020-01-01T00:00:00Z"),
        ("no\nhint: yes", "no; hint: yes"),
    ] {
        assert_eq!(readable(sentence, BEGAN), read);
    }
    assert_eq!(clock(Duration::from_secs(3599)), "59:59");
}

#[test]
fn names_are_short_where_they_can_be() {
    for (text, shown) in [
        ("Kind/a", "Kind/a"),
        ("Kind/default/a", "Kind/a"),
        ("Kind/team/a", "Kind/team/a"),
    ] {
        assert_eq!(
            Name::parse(text).map(|name| name.to_string()).as_deref(),
            Some(shown)
        );
    }
    for wrong in ["", "Kind", "Kind/", "/a", "Kind//a", "Kind/a/b/c"] {
        assert_eq!(Name::parse(wrong), None, "{wrong}");
    }
}
