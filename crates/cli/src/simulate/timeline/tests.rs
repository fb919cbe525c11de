#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::resource::ResourceId;
use oarlock_devcluster::store::{Change, Key};
use serde_json::{Value, json};

use super::{Finding, Timeline};
use crate::simulate::chronicle::{EVENTS, Entry};
use crate::simulate::course::{Done, DoneKind, End, Record};
use crate::simulate::invariant::Invariant;
use crate::simulate::render;

const BEGAN: Timestamp = Timestamp::from_millis(1_767_603_600_000);
const ROLLOUTS: ResourceId = ResourceId::of("example.com", "rollouts");
const DEPLOYMENTS: ResourceId = ResourceId::of("apps", "deployments");

fn at(seconds: u64) -> Timestamp {
    BEGAN.after(Duration::from_secs(seconds))
}

fn entry(seconds: u64, resource: &ResourceId, object: Value, removed: bool) -> Entry {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let key = Key::new(
        text("/metadata/namespace").unwrap_or_default(),
        text("/metadata/name").unwrap(),
    );
    Entry {
        at: at(seconds),
        change: Arc::new(Change {
            revision: 1,
            resource: resource.clone(),
            key,
            object: Arc::new(object),
            previous: None,
            removed,
        }),
    }
}

fn rollout(step: u64, decision: &str, weight: u64) -> Value {
    json!({
        "metadata": {"name": "app", "namespace": "team", "uid": "u"},
        "spec": {"replicas": 4, "targetRef": {"kind": "Deployment", "name": "app"}},
        "status": {
            "phase": "Progressing",
            "currentStep": step,
            "tracks": [
                {"name": "app-stable", "role": "stable", "revision": "a1", "desired": 9, "ready": 9, "available": 9,
                 "weight": 100 - weight},
                {"name": "app", "role": "canary", "revision": "b2", "desired": 9, "ready": 9, "available": 9,
                 "weight": weight},
            ],
            "why": {"decision": decision, "because": "again at 2026-01-05T09:02:00Z, says <b>", "inputs": [
                {"name": "metric a", "value": "97", "expected": ">= 99", "verdict": "fail"},
                {"name": "unreadable"},
            ]},
            "conditions": [{"type": "Ready", "status": "False", "reason": "x", "message": "y"}],
        },
    })
}

fn deployment(name: &str, desired: u64, available: u64) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "team"},
        "spec": {"replicas": desired},
        "status": {"replicas": desired, "readyReplicas": available, "availableReplicas": available},
    })
}

/// Four Pods; the canary takes one for a minute, of which a Pod is missing for ten seconds, and then the object is deleted.
fn record() -> Record {
    let event = json!({
        "metadata": {"name": "e", "namespace": "team"},
        "involvedObject": {"kind": "Rollout", "namespace": "team", "name": "app"},
        "type": "Warning", "reason": "CheckFailed", "message": "97 is not >= 99\nhint: look",
    });
    let other = json!({
        "metadata": {"name": "f", "namespace": "team"},
        "involvedObject": {"kind": "Pod", "namespace": "team", "name": "app"},
        "type": "Warning", "reason": "Unrelated", "message": "of nobody",
    });
    let entries = vec![
        entry(0, &ROLLOUTS, rollout(1, "Installing", 0), false),
        entry(0, &DEPLOYMENTS, deployment("app-stable", 0, 0), false),
        entry(0, &DEPLOYMENTS, deployment("app", 4, 0), false),
        entry(5, &DEPLOYMENTS, deployment("app", 4, 4), false),
        entry(60, &ROLLOUTS, rollout(2, "StepEntered", 40), false),
        // Within one instant only the end counts.
        entry(60, &DEPLOYMENTS, deployment("app", 0, 0), false),
        entry(60, &DEPLOYMENTS, deployment("app", 1, 0), false),
        entry(60, &DEPLOYMENTS, deployment("app-stable", 3, 3), false),
        entry(60, &EVENTS, event, false),
        entry(60, &EVENTS, other, false),
        entry(70, &DEPLOYMENTS, deployment("app", 1, 1), false),
        entry(120, &ROLLOUTS, rollout(2, "StepEntered", 40), true),
    ];
    let done = |seconds, kind, text: &str| Done {
        at: at(seconds),
        kind,
        text: text.to_owned(),
    };
    Record {
        began: BEGAN,
        ended: at(1200),
        end: End::Rest(at(120)),
        entries,
        deeds: vec![
            done(60, DoneKind::Change, "apply <new>.yaml"),
            done(120, DoneKind::Change, "delete app.yaml"),
        ],
        kinds: BTreeMap::from([(ROLLOUTS, "Rollout".to_owned())]),
    }
}

fn invariants(texts: &[(&str, u64)]) -> Vec<Invariant> {
    texts
        .iter()
        .map(|(text, spare)| {
            Invariant::parse(text, Duration::from_secs(*spare), None)
                .unwrap_or_else(|fault| panic!("{text}: {fault:?}"))
        })
        .collect()
}

fn timeline(texts: &[(&str, u64)]) -> Timeline {
    Timeline::of(&record(), &invariants(texts))
}

const TEXTS: [(&str, u64); 3] = [
    ("available >= 100%", 0),
    ("weight(canary) <= 50", 0),
    ("track(nobody).ready == 0", 0),
];

#[test]
fn people_read_it() {
    insta::assert_snapshot!(render::text(&timeline(&TEXTS)));
}

#[test]
fn programs_read_it() {
    insta::assert_snapshot!(render::json(&timeline(&TEXTS)));
}

#[test]
fn the_page_needs_nothing_else_and_nothing_in_it_is_markup() {
    let page = render::html(&timeline(&TEXTS), "a <title>");
    for outside in ["http", "<script", "src=", "@import", "<new>", "<b>"] {
        // The first lines of a summary are bold.
        let page = page.replace("<b class", "");
        assert!(!page.contains(outside), "{outside}");
    }
    let style = page.find("</style>").unwrap();
    insta::assert_snapshot!(&page[style..]);
}

/// Each invariant with how often it is violated, and for how long the first time.
#[test]
fn violations_count_from_when_it_first_held_and_may_be_short() {
    for (text, spare, wanted) in [
        // Not before the installation.
        ("available >= 100%", 0, Some((60, 10, 1))),
        ("available >= 100%", 9, Some((60, 10, 1))),
        ("available >= 100%", 10, None),
        ("available >= 3", 0, None),
        // To the end of the object.
        ("weight(canary) < 40", 0, Some((60, 60, 1))),
        ("total <= 4", 0, None),
    ] {
        let timeline = timeline(&[(text, spare)]);
        let found = match &timeline.verdicts[0].finding {
            Finding::Violated {
                first,
                lasted,
                times,
                ..
            } => Some((first.as_secs(), lasted.as_secs(), *times)),
            Finding::Held => None,
            Finding::Never { .. } => panic!("{text}"),
        };
        assert_eq!(found, wanted, "{text}");
        assert_eq!(timeline.is_violated(), wanted.is_some(), "{text}");
    }
}

#[test]
fn what_never_held_is_violated() {
    let timeline = timeline(&[("total > 100", 0)]);
    assert!(timeline.is_violated());
    assert!(matches!(
        timeline.verdicts[0].finding,
        Finding::Never { .. }
    ));
}

#[test]
fn what_is_said_of_an_object_that_never_was_is_violated() {
    let object = |text: &str| Some(text.to_owned());
    for (text, violated) in [("Rollout/team/app", false), ("Rollout/app", true)] {
        let invariant = Invariant::parse("total >= 0", Duration::ZERO, object(text)).unwrap();
        let timeline = Timeline::of(&record(), &[invariant]);
        assert_eq!(timeline.verdicts.len(), 1);
        assert_eq!(timeline.verdicts[0].object.to_string(), text);
        assert_eq!(timeline.is_violated(), violated, "{text}");
    }
}
