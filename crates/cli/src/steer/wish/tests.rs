#![expect(clippy::unwrap_used, reason = "tests")]

use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::{Decision, Reach, Wish, decide};
use crate::steer::rollout::{Rollout, Standing};

fn rollout(spec: Value, status: Value) -> Rollout {
    let object: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "example.com/v1", "kind": "Rollout",
        "metadata": {"name": "a", "generation": 2},
        "spec": spec, "status": status,
    }))
    .unwrap();
    Rollout::of(&object)
}

/// A new version at step 2.
fn rolling(control: Value) -> Rollout {
    rollout(
        json!({"control": control}),
        json!({"currentRevision": "new", "stableRevision": "old", "currentStep": 2, "rejectedRevisions": []}),
    )
}

/// A new version that was given up.
fn given_up(control: Value, handled: Option<&str>) -> Rollout {
    rollout(
        json!({"control": control}),
        json!({
            "currentRevision": "new", "stableRevision": "old", "rejectedRevisions": ["new"],
            "handledRetry": handled,
        }),
    )
}

/// The decision: the patch of `spec` and all that is said, or why not.
fn told(wish: Wish, rollout: &Rollout) -> String {
    match decide(wish, rollout, "rollouts.example.com/a -n prod") {
        Ok(Decision::Write(change)) => format!(
            "{}\n{}\n{}\nUndo: {}",
            change.spec, change.done, change.then, change.undo
        ),
        Ok(Decision::Already(told)) => format!("already: {told}"),
        Err(refusal) => format!("error: {refusal}"),
    }
}

fn spec(wish: Wish, rollout: &Rollout) -> Value {
    match decide(wish, rollout, "rollouts.example.com/a") {
        Ok(Decision::Write(change)) => change.spec,
        other => panic!("{other:?}"),
    }
}

const NEXT: Wish = Wish::Promote(Reach::Current);
const FULL: Wish = Wish::Promote(Reach::Full);

#[test]
fn a_promotion_is_past_the_current_step_or_as_far_as_is_said() {
    insta::assert_snapshot!(told(NEXT, &rolling(json!({}))), @r#"
    {"control":{"promote":"new/2"}}
    new is promoted past step 2
    It goes on without what step 2 still waits for; the steps after it are taken as they are; new Pods still have to get available before old ones go
    Undo: `oarlock abort rollouts.example.com/a -n prod` gives new up, and old serves again
    "#);
    insta::assert_snapshot!(told(FULL, &rolling(json!({}))), @r#"
    {"control":{"promote":"new/full"}}
    new is promoted past all steps
    It goes to the end without the waits, checks and confirmations of its steps; new Pods still have to get available before old ones go
    Undo: `oarlock abort rollouts.example.com/a -n prod` gives new up, and old serves again
    "#);
    insta::assert_snapshot!(told(Wish::Promote(Reach::Step(4)), &rolling(json!({}))), @r#"
    {"control":{"promote":"new/4"}}
    new is promoted past step 4
    It goes on without what step 4 still waits for; the steps after it are taken as they are; new Pods still have to get available before old ones go
    Undo: `oarlock abort rollouts.example.com/a -n prod` gives new up, and old serves again
    "#);
    let before = rollout(
        json!({}),
        json!({"currentRevision": "new", "stableRevision": "old", "currentStep": 0}),
    );
    assert_eq!(
        spec(NEXT, &before),
        json!({"control": {"promote": "new/1"}})
    );
}

#[test]
fn a_promotion_takes_no_further_one_back_and_ends_a_pause() {
    insta::assert_snapshot!(told(NEXT, &rolling(json!({"promote": "new/2"}))), @"already: new is promoted past step 2 already");
    insta::assert_snapshot!(told(NEXT, &rolling(json!({"promote": "new"}))), @"already: new is promoted past all steps already");
    insta::assert_snapshot!(told(Wish::Promote(Reach::Step(1)), &rolling(json!({}))), @"already: new is promoted past step 1 already");
    // Of another revision: without meaning here.
    let control = json!({"promote": "old/full"});
    assert_eq!(
        spec(NEXT, &rolling(control)),
        json!({"control": {"promote": "new/2"}})
    );
    // Held all the same: the pause goes, the promotion stays.
    let control = json!({"promote": "new/full", "pause": "new"});
    assert_eq!(
        spec(NEXT, &rolling(control)),
        json!({"control": {"promote": "new/full", "pause": null}})
    );
    insta::assert_snapshot!(told(NEXT, &rolling(json!({"pause": "new"}))), @r#"
    {"control":{"pause":null,"promote":"new/2"}}
    new is promoted past step 2
    It goes on without what step 2 still waits for; the steps after it are taken as they are; new Pods still have to get available before old ones go. Its pause is over
    Undo: `oarlock abort rollouts.example.com/a -n prod` gives new up, and old serves again
    "#);
}

#[test]
fn an_abort_gives_up_what_is_rolled_out_once() {
    insta::assert_snapshot!(told(Wish::Abort, &rolling(json!({}))), @r#"
    {"control":{"abort":"new"}}
    new is given up
    old grows to all replicas, then new shrinks. It is not tried again until its template changes or somebody retries
    Undo: `oarlock retry rollouts.example.com/a -n prod` rolls new out again, from its first step
    "#);
    insta::assert_snapshot!(told(Wish::Abort, &rolling(json!({"abort": "new"}))), @"already: the operator is asked already to give new up");
    insta::assert_snapshot!(told(Wish::Abort, &given_up(json!({"abort": "new"}), None)), @"already: new is given up already");
    // A retry that the operator has not seen is taken back.
    assert_eq!(
        spec(Wish::Abort, &given_up(json!({"retry": "new-1"}), None)),
        json!({"control": {"abort": "new"}})
    );
}

#[test]
fn a_retry_is_another_token_and_takes_back_what_ended_the_last_try() {
    insta::assert_snapshot!(told(Wish::Retry, &given_up(json!({"abort": "new", "promote": "new/1"}), None)), @r#"
    {"control":{"abort":null,"promote":null,"retry":"new-1"}}
    new is retried
    new is rolled out again, from its first step. The abort is taken back. Promotions of it are taken back
    Undo: `oarlock abort rollouts.example.com/a -n prod` gives it up again
    "#);
    insta::assert_snapshot!(told(Wish::Retry, &given_up(json!({"retry": "new-1"}), None)), @"already: the operator is asked already to retry new");
    insta::assert_snapshot!(told(Wish::Retry, &rolling(json!({}))), @"error: new was not given up, so there is nothing to retry; hint: `oarlock explain` tells what it waits for");
    // One more than there was, whoever handled it.
    for (token, handled, next) in [
        (Some("new-1"), Some("new-1"), "new-2"),
        (None, Some("new-7"), "new-8"),
        (Some("again"), Some("again"), "new-1"),
        (Some("old-3"), Some("old-3"), "new-1"),
    ] {
        assert_eq!(
            spec(Wish::Retry, &given_up(json!({"retry": token}), handled)),
            json!({"control": {"retry": next}})
        );
    }
}

#[test]
fn what_is_being_retried_is_promoted_and_paused_from_its_first_step() {
    let mut retried = given_up(json!({"retry": "new-1"}), None);
    // Where it was given up.
    retried.progress.current_step = Some(7);
    assert_eq!(
        spec(NEXT, &retried),
        json!({"control": {"promote": "new/1"}})
    );
    assert_eq!(
        spec(FULL, &retried),
        json!({"control": {"promote": "new/full"}})
    );
    assert_eq!(
        spec(Wish::Pause, &retried),
        json!({"control": {"pause": "new"}})
    );
}

#[test]
fn a_pause_holds_a_revision_and_a_resumption_takes_all_holds_away() {
    insta::assert_snapshot!(told(Wish::Pause, &rolling(json!({}))), @r#"
    {"control":{"pause":"new"}}
    new is paused
    It stays where it is: no step begins or ends, and its progress deadline does not run. Replicas that somebody sets are still shared out
    Undo: `oarlock resume rollouts.example.com/a -n prod` lets it go on
    "#);
    insta::assert_snapshot!(told(Wish::Pause, &rolling(json!({"pause": "new"}))), @"already: new is paused already");
    assert_eq!(
        spec(
            Wish::Pause,
            &rolling(json!({"promote": "new/1", "pause": "old"}))
        ),
        json!({"control": {"promote": null, "pause": "new"}})
    );
    insta::assert_snapshot!(told(Wish::Resume, &rolling(json!({"pause": "new"}))), @r#"
    {"control":{"pause":null}}
    new goes on
    spec.control.pause is taken away; time that was spent paused does not count
    Undo: `oarlock pause rollouts.example.com/a -n prod` holds it again
    "#);
    insta::assert_snapshot!(told(Wish::Resume, &rolling(json!({}))), @"already: nobody has paused it; a step that waits for somebody is passed by `oarlock promote rollouts.example.com/a -n prod`");
    let held = rollout(
        json!({"paused": true, "suspend": true, "control": {"pause": "new"}}),
        json!({"currentRevision": "old", "stableRevision": "old"}),
    );
    insta::assert_snapshot!(told(Wish::Resume, &held), @r#"
    {"control":{"pause":null},"paused":null,"suspend":null}
    it is no longer paused
    spec.control.pause, spec.paused, spec.suspend are taken away; time that was spent paused does not count
    Undo: `spec.paused: true` holds the next rollout from its beginning
    "#);
}

#[test]
fn where_nothing_rolls_out_nothing_is_steered() {
    let unknown = rollout(json!({}), json!({}));
    let stable = rollout(
        json!({}),
        json!({"currentRevision": "old", "stableRevision": "old"}),
    );
    let first = rollout(json!({}), json!({"currentRevision": "new"}));
    let wishes = [NEXT, Wish::Abort, Wish::Retry, Wish::Pause];
    for (rollout, standing) in [
        (&unknown, Standing::Unknown),
        (&stable, Standing::Stable("old")),
        (&first, Standing::Installing("new")),
    ] {
        assert_eq!(rollout.standing(), standing);
    }
    insta::assert_snapshot!(told(NEXT, &unknown), @"error: has no status.currentRevision, so no revision can be meant");
    insta::assert_snapshot!(told(NEXT, &stable), @"error: nothing is rolling out: old serves alone; hint: a change of the version begins a rollout, and `spec.paused: true` holds it from its beginning");
    insta::assert_snapshot!(told(NEXT, &given_up(json!({}), None)), @"error: new was given up; hint: `oarlock retry rollouts.example.com/a -n prod` rolls it out again");
    insta::assert_snapshot!(told(NEXT, &rolling(json!({"abort": "new"}))), @"error: new was given up; hint: `oarlock retry rollouts.example.com/a -n prod` rolls it out again");
    insta::assert_snapshot!(told(Wish::Pause, &given_up(json!({}), None)), @"error: new was given up; hint: `oarlock retry rollouts.example.com/a -n prod` rolls it out again");
    let firsts: Vec<String> = wishes.iter().map(|wish| told(*wish, &first)).collect();
    insta::assert_snapshot!(firsts.join("\n"), @r"
    error: new is the first version, which is being installed: it takes no steps
    error: new is the first version, which is being installed: nothing served before it
    error: new is the first version, which is being installed: it is tried until it runs
    error: new is the first version, which is being installed: it takes no steps
    ");
    for wish in wishes {
        assert!(decide(wish, &unknown, "a").is_err());
        assert!(decide(wish, &stable, "a").is_err());
    }
}

#[test]
fn what_stands_in_the_way_is_read() {
    let object: DynamicObject = serde_json::from_value(json!({
        "metadata": {"name": "a", "generation": 3, "annotations": {"oarlock.dev/paused": "true"}},
        "spec": {"paused": true, "control": {"abort": 7}},
        "status": {"observedGeneration": 2},
    }))
    .unwrap();
    let rollout = Rollout::of(&object);
    assert!(rollout.host_paused && rollout.behind);
    // One field of another shape makes the whole of `spec` unreadable here; the API server would not have taken it.
    assert_eq!(rollout.control, Default::default());
}
