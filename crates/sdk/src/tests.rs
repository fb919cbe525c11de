//! The pieces together, as a module sees them.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::http::{HttpError, Request};
use crate::testing::{FakeCluster, World};
use crate::{
    Child, Condition, Context, Event, Failure, Object, Outcome, ReadError, Requeue, Resource,
};

#[derive(Clone, Debug, Deserialize)]
struct Note {
    text: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct NoteStatus {
    phase: Option<String>,
    step: Option<u32>,
}

impl Resource for Note {
    const GROUP: &'static str = "e.com";
    const VERSION: &'static str = "v1";
    const KIND: &'static str = "Note";
    const PLURAL: &'static str = "notes";
    const NAMESPACED: bool = true;
    type Status = NoteStatus;
}

fn note(status: serde_json::Value) -> Object<Note> {
    Object::from_value(
        json!({"metadata": {"name": "n", "namespace": "d"}, "spec": {}, "status": status}),
    )
    .unwrap()
}

#[test]
fn a_status_is_patched_where_it_differs() {
    let wanted = NoteStatus {
        phase: Some(String::from("Done")),
        step: None,
    };
    for (current, patch) in [
        (json!(null), Some(json!({"phase": "Done"}))),
        (json!({"phase": "Done"}), None),
        (
            json!({"phase": "Done", "step": 3}),
            Some(json!({"step": null})),
        ),
        // What others write is not the module's to remove.
        (
            json!({"phase": "Done", "other": 1, "conditions": [{}]}),
            None,
        ),
    ] {
        assert_eq!(
            Outcome::new()
                .status(&note(current), &wanted)
                .status_patch(),
            patch.as_ref()
        );
    }
}

#[test]
fn settings_that_do_not_fit_are_named() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only ever fails to parse")]
    struct Settings {
        teams: Vec<String>,
    }
    let cx = Context::builder()
        .settings(json!({"teams": ["a", 1]}))
        .build();
    assert_eq!(
        cx.settings::<Settings>().unwrap_err(),
        Failure::Terminal(String::from(
            "settings.teams[1]: invalid type: integer `1`, expected a string (in watches.yaml)"
        ))
    );
}

#[test]
fn reads_are_typed_and_say_what_does_not_fit() {
    let object = |kind: &str, text: serde_json::Value| json!({"apiVersion": "e.com/v1", "kind": kind, "metadata": {"name": kind, "namespace": "d"}, "spec": {"text": text}});
    let cluster = FakeCluster::new()
        .child(object("Note", json!("a")))
        .child(object("Other", json!(1)));
    let cx = Context::builder().cluster(cluster).build();
    let notes = cx.children_of::<Note>().unwrap();
    assert_eq!((notes.len(), notes[0].spec.text.as_deref()), (1, Some("a")));
    assert!(cx.get::<Note>("d", "missing").unwrap().is_none());

    let broken = Context::builder()
        .cluster(FakeCluster::new().object(object("Note", json!(1))))
        .build();
    let failure = Failure::from(broken.get::<Note>("d", "Note").unwrap_err());
    assert_eq!(
        failure,
        Failure::Terminal(String::from(
            "cannot read Note: spec.text: invalid type: integer `1`, expected a string"
        ))
    );
    let down = FakeCluster::new().broken(ReadError::Unavailable(String::from("not yet")));
    let down = Context::builder().cluster(down).build();
    assert_eq!(
        Failure::from(down.children_of::<Note>().unwrap_err()),
        Failure::Retry(String::from("not yet"))
    );
}

#[test]
fn http_is_refused_without_being_imported() {
    let refused = Context::builder()
        .build()
        .send(&Request::get("http://example.com"))
        .unwrap_err();
    assert!(matches!(&refused, HttpError::Denied(message) if message.contains("hint: say `http")));
}

#[test]
fn what_cannot_be_written_as_json_is_a_failure() {
    let keys = BTreeMap::from([((1, 2), 3)]);
    assert_eq!(
        Outcome::new()
            .child(Child::apply(&keys))
            .checked()
            .unwrap_err()
            .to_string(),
        "the module's child 0 cannot be written as JSON: key must be a string"
    );
}

/// Two children, of which the second is given up later.
fn pair(note: Object<Note>, _: &Context) -> Result<Outcome, Failure> {
    let map = |name: &str, data: serde_json::Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "d"}, "data": data});
    let outcome = Outcome::new()
        .child(Child::apply(map("a", json!({"text": note.spec.text}))))
        .condition(Condition::yes("Ready", "Written", "it is there"))
        .event(Event::normal("written", "Written", "it is there"));
    Ok(match note.spec.text {
        Some(_) => outcome,
        None => outcome.child(Child::apply(map("b", json!({})))),
    })
}

#[test]
fn a_world_remembers_what_leaves_when_it_is_killed() {
    let mut world = World::new(json!({"metadata": {"name": "n", "namespace": "d"}, "spec": {}}));
    assert!(world.run(pair).unwrap().changed);
    assert!(
        !world.run(pair).unwrap().changed,
        "a second run changes nothing"
    );
    assert_eq!(world.children().count(), 2);
    assert_eq!(world.events().len(), 1);

    world.edit(json!({"spec": {"text": "x"}}));
    let outcome = world.call(pair).unwrap();
    assert_eq!(outcome.when(), Requeue::OnChange);
    world.perform(&outcome, 1);
    assert_eq!(
        world.children().count(),
        2,
        "killed before the second one left"
    );
    world.run(pair).unwrap();
    assert_eq!(world.children().count(), 1);
    assert_eq!(world.object()["metadata"]["generation"], 2);
}
