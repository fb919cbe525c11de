//! Updates, polling and deletions of instances.

use super::world::{BUSY, GARBAGE, Mode, START, World};
use crate::situation::{Obstacle, Subject};
use crate::state::{Stage, Stand, State};
use crate::turn::Requeue;

fn made() -> World {
    let mut world = World::new(Subject::Instance);
    world.finish();
    world.broker.calls.clear();
    world
}

#[test]
fn the_intent_is_written_before_the_call() {
    let mut world = World::new(Subject::Instance);
    let turn = world.decide();
    assert!(turn.effects.is_empty());
    assert_eq!(turn.requeue, Requeue::OnceWritten);
    world.run();
    let id = &world.state.operation.as_ref().unwrap().id;
    assert_eq!(world.state.holding(id).unwrap().stand, Stand::Asked);
    assert!(world.decide().call().is_some());
}

#[test]
fn what_is_there_is_left_alone() {
    let mut world = made();
    for _ in 0..3 {
        assert_eq!(world.run(), Requeue::OnChange);
    }
    assert_eq!(world.calls(), "");
}

#[test]
fn an_id_that_somebody_chose_is_used() {
    let mut world = World::new(Subject::Instance);
    world.given = Some("chosen".into());
    world.finish();
    assert_eq!(world.broker.made, ["chosen"]);
}

/// Whoever chooses an ID of somebody else must not have it deleted.
#[test]
fn what_somebody_else_has_under_a_chosen_id_stays() {
    for deletes in [false, true] {
        let mut other = World::new(Subject::Instance);
        other.given = Some("chosen".into());
        other.finish();
        let mut world = World::new(Subject::Instance);
        world.given = Some("chosen".into());
        world.broker = std::mem::take(&mut other.broker);
        world.theirs = "chosen".into();
        world.wish().inputs.parameters = "b".into();
        world.finish();
        assert!(world.says("Failed").contains("409"));
        assert!(
            world
                .says("Failed")
                .contains("create the object without it")
        );
        assert_eq!(world.state.holdings, []);
        if deletes {
            world.deleting = true;
        } else {
            world.wish().inputs.parameters = "c".into();
        }
        world.finish();
        assert_eq!(world.broker.things["chosen"].parameters, "a");
        assert!(!world.calls().contains("deprovision"));
    }
}

/// Something restored is found under its ID; who edits his wish before the broker answered does not lose it.
#[test]
fn another_wish_before_the_first_answer_removes_nothing_under_a_chosen_id() {
    let mut world = World::new(Subject::Instance);
    world.given = Some("chosen".into());
    world.theirs = "chosen".into();
    world.fails(&[Mode::LostAfter]);
    world.run();
    world.run();
    world.wish().inputs.parameters = "b".into();
    world.finish();
    assert_eq!(world.calls(), "provision small, provision small");
    assert!(
        world
            .says("Failed")
            .contains("create the object without it")
    );
    assert_eq!(world.broker.things["chosen"].parameters, "a");
    // As it was wished for first, it is his.
    world.wish().inputs.parameters = "a".into();
    world.finish();
    assert!(world.says("Ready").starts_with("True"));
}

/// Nobody knows whether it is his: it is not removed because an answer was lost.
#[test]
fn a_lost_answer_is_asked_for_again_under_a_chosen_id() {
    for mode in [Mode::LostBefore, Mode::LostAfter, Mode::Refuses(500, "{}")] {
        let mut world = World::new(Subject::Instance);
        world.given = Some("chosen".into());
        world.fails(&[mode]);
        world.finish();
        assert_eq!(world.calls(), "provision small, provision small");
        assert!(world.says("Ready").starts_with("True"));
    }
}

#[test]
fn another_plan_or_other_parameters_are_an_update() {
    let mut world = made();
    world.fails(&[Mode::Well, Mode::Async(1)]);
    world.wish().inputs.parameters = "b".into();
    world.finish();
    world.wish().inputs.place.plan = "large".into();
    world.finish();
    assert_eq!(
        world.calls(),
        "update small, update large, poll large, poll large"
    );
    let thing = world.broker.things.values().next().unwrap();
    assert_eq!(
        (thing.plan.as_str(), thing.parameters.as_str()),
        ("large", "b")
    );
    assert!(world.says("Ready").starts_with("True"));
}

#[test]
fn what_cannot_be_changed_is_told_and_not_asked() {
    let mut world = made();
    let wish = world.wish();
    wish.plan_updateable = false;
    wish.inputs.place.plan = "large".into();
    world.finish();
    assert!(world.says("Failed").starts_with("True PlanChangeRefused"));
    world.wish().inputs.place.plan = "small".into();
    world.finish();
    assert!(world.says("Ready").starts_with("True"));
    world.wish().inputs.place.service = "service-2".into();
    world.finish();
    assert!(world.says("Ready").starts_with("False ClassChangeRefused"));
    assert_eq!(world.calls(), "");
}

#[test]
fn a_refused_update_is_not_repeated_and_can_be_taken_back() {
    let mut world = made();
    world.fails(&[Mode::Refuses(400, r#"{"description":"b is no size"}"#)]);
    world.wish().inputs.parameters = "b".into();
    world.finish();
    world.finish();
    assert_eq!(world.calls(), "update small");
    let said = world.says("Failed");
    assert!(said.starts_with("True UpdateInstanceCallFailed"), "{said}");
    assert!(said.contains("b is no size"), "{said}");
    world.wish().inputs.parameters = "a".into();
    world.finish();
    assert_eq!(world.calls(), "update small", "nothing had changed");
    assert!(world.says("Ready").starts_with("True"));
}

#[test]
fn an_update_that_failed_half_way_is_taken_back_at_the_broker() {
    let mut world = made();
    let body = r#"{"description":"half","update_repeatable":false}"#;
    world.fails(&[Mode::DoneBut(500, body)]);
    world.wish().inputs.parameters = "b".into();
    world.finish();
    assert!(world.says("Failed").starts_with("True"));
    world.wish().inputs.parameters = "a".into();
    world.finish();
    assert_eq!(world.calls(), "update small, update small");
    assert_eq!(world.broker.things.values().next().unwrap().parameters, "a");
}

#[test]
fn an_update_never_removes_anything() {
    let mut world = made();
    world.fails(&[
        Mode::LostAfter,
        Mode::DoneBut(500, GARBAGE),
        Mode::Refuses(422, BUSY),
    ]);
    world.wish().inputs.parameters = "b".into();
    world.finish();
    assert!(!world.calls().contains("deprovision"));
    assert!(
        world.says("Ready").starts_with("True"),
        "{}",
        world.says("Ready")
    );
}

#[test]
fn what_cannot_be_used_any_more_says_so() {
    let mut world = made();
    let body = r#"{"description":"broken","instance_usable":false,"update_repeatable":false}"#;
    world.fails(&[Mode::Refuses(500, body)]);
    world.wish().inputs.parameters = "b".into();
    world.finish();
    assert!(world.state.current().unwrap().facts.unusable);
    world.wish().inputs.parameters = "c".into();
    world.finish();
    assert!(!world.state.current().unwrap().facts.unusable);
}

#[test]
fn another_maintenance_has_the_catalog_read_again() {
    let mut world = World::new(Subject::Instance);
    world.fails(&[Mode::Refuses(422, r#"{"error":"MaintenanceInfoConflict"}"#)]);
    world.finish();
    assert_eq!(world.relists, 1);
    assert_eq!(world.calls(), "provision small, provision small");
    assert!(world.says("Ready").starts_with("True"));
}

#[test]
fn polls_come_when_the_broker_says_and_survive_a_restart() {
    let mut world = World::new(Subject::Instance);
    world.fails(&[Mode::Async(9), Mode::Well, Mode::Well, Mode::Later(200, 90)]);
    assert_eq!(world.waits(), 1_000);
    world.now += 999;
    assert_eq!(world.run(), Requeue::At(START + 1_000), "not earlier");
    world.now += 1;
    assert_eq!(world.waits(), 2_000);
    world.now += 2_000;
    assert_eq!(world.waits(), 4_000);
    world.now += 4_000;
    assert_eq!(world.waits(), 90_000, "Retry-After");
    let polls = world.broker.calls.len();
    world.fuse = Some(0);
    world.run();
    world.run();
    assert_eq!(world.broker.calls.len(), polls, "a restart hurries nothing");
}

#[test]
fn what_never_ends_is_given_up_after_what_the_plan_says_and_removed() {
    let mut world = World::new(Subject::Instance);
    world.fails(&[Mode::Async(u32::MAX)]);
    world.finish();
    assert!(world.broker.things.is_empty());
    let said = world.says("Failed");
    assert!(said.contains("within 600 s: at it"), "{said}");
    assert!(said.starts_with("True ProvisionCallFailed"), "{said}");
    let took = world.now - START;
    assert!((600_000..700_000).contains(&took), "{took}");
}

#[test]
fn an_update_that_never_ends_fails_and_nothing_is_removed() {
    let mut world = made();
    world.fails(&[Mode::Async(u32::MAX)]);
    world.wish().inputs.parameters = "b".into();
    world.finish();
    assert!(
        world
            .says("Failed")
            .starts_with("True UpdateInstanceCallFailed")
    );
    assert!(!world.calls().contains("deprovision"));
}

#[test]
fn what_was_under_way_while_nobody_looked_is_asked_for_once_more() {
    let mut world = World::new(Subject::Instance);
    world.fails(&[Mode::Async(0)]);
    world.waits();
    world.now += 7 * 24 * 3_600_000;
    world.finish();
    assert!(world.says("Ready").starts_with("True"));
}

#[test]
fn a_failed_provisioning_is_removed_and_not_repeated() {
    let mut world = World::new(Subject::Instance);
    world.fails(&[Mode::Fails(1)]);
    world.finish();
    assert_eq!(
        world.calls(),
        "provision small, poll small, poll small, deprovision small"
    );
    assert!(world.says("Failed").contains("no room"));
}

#[test]
fn a_failed_deprovisioning_is_asked_for_again() {
    let mut world = made();
    world.fails(&[Mode::Fails(0), Mode::Well, Mode::Async(0)]);
    world.deleting = true;
    world.finish();
    assert_eq!(
        world.calls(),
        "deprovision small, poll small, deprovision small, poll small"
    );
    assert!(world.finalized);
}

/// The broker takes it on, and says later that it failed, over and over.
#[test]
fn a_deprovisioning_that_always_fails_is_asked_for_ever_more_slowly() {
    let mut world = made();
    let mut modes = Vec::new();
    for _ in 0..12 {
        modes.extend([Mode::Fails(0), Mode::Well]);
    }
    world.fails(&modes);
    world.deleting = true;
    let mut pauses = Vec::new();
    for _ in 0..100 {
        if let Requeue::At(at) = world.run() {
            if world.says("Ready").starts_with("Unknown") {
                pauses.push((at - world.now) / 1_000);
            }
            world.now = world.now.max(at);
        }
        if world.finalized {
            break;
        }
    }
    assert_eq!(
        pauses,
        [
            10, 20, 40, 80, 160, 320, 640, 1_200, 1_200, 1_200, 1_200, 1_200
        ]
    );
    assert!(world.finalized);
}

#[test]
fn a_deletion_that_is_refused_for_ever_is_told_and_never_forgotten() {
    let mut world = made();
    world.fails(&[Mode::Refuses(403, "{}"); 40]);
    world.deleting = true;
    for _ in 0..60 {
        if let Requeue::At(at) = world.run() {
            world.now = world.now.max(at);
        }
    }
    assert!(!world.finalized);
    assert!(
        world
            .says("Ready")
            .starts_with("Unknown DeprovisionCallFailed")
    );
    assert!(world.waits() <= 1_200_000);
    world.broker.modes.clear();
    world.finish();
    assert!(world.finalized);
}

#[test]
fn what_was_refused_can_be_deleted() {
    for answer in [410, 404] {
        let mut world = World::new(Subject::Instance);
        world.fails(&[Mode::Refuses(400, "{}"), Mode::Refuses(answer, "{}")]);
        world.finish();
        assert!(world.says("Failed").starts_with("True ProvisionCallFailed"));
        world.deleting = true;
        world.finish();
        assert_eq!(world.calls(), "provision small, deprovision small");
        assert!(world.finalized);
    }
}

#[test]
fn an_instance_that_was_there_is_not_gone_because_the_broker_does_not_know_it() {
    let mut world = made();
    world.broker.things.clear();
    world.fails(&[Mode::Refuses(404, "{}")]);
    world.deleting = true;
    assert_eq!(world.waits(), 10_000);
    assert!(!world.finalized);
    world.finish();
    assert!(world.finalized, "410");
}

#[test]
fn an_instance_waits_for_its_bindings_to_go() {
    let mut world = made();
    world.deleting = true;
    world.dependents = vec!["shop/db".into()];
    world.finish();
    assert!(!world.finalized);
    assert_eq!(world.calls(), "");
    assert_eq!(
        world.says("Ready"),
        "False DeprovisionBlockedByExistingCredentials: not deprovisioned while bindings exist: shop/db\n\
         hint: delete them first"
    );
    world.dependents.clear();
    world.finish();
    assert!(world.finalized);
}

#[test]
fn another_wish_before_an_answer_removes_what_may_be_there_first() {
    let mut world = World::new(Subject::Instance);
    // Sent, and killed before the answer was written.
    world.fuse = Some(2);
    world.run();
    world.run();
    assert_eq!(world.kills, 1);
    world.wish().inputs.parameters = "b".into();
    world.finish();
    assert_eq!(
        world.calls(),
        "provision small, deprovision small, provision small"
    );
    assert_eq!(world.broker.things.values().next().unwrap().parameters, "b");
}

#[test]
fn without_a_plan_nothing_is_asked() {
    let mut world = World::new(Subject::Instance);
    let wish = world.wish.clone();
    world.wish = Err(Obstacle {
        reason: "ReferencesNonexistentServicePlan",
        message: "there is no plan small".into(),
        retry: Some(5_000),
    });
    assert_eq!(world.run(), Requeue::At(START + 5_000));
    assert!(
        world
            .says("Ready")
            .starts_with("False ReferencesNonexistentServicePlan")
    );
    world.wish = wish;
    world.finish();
    assert!(world.says("Ready").starts_with("True"));
}

#[test]
fn another_generation_is_tried_at_once() {
    let mut world = made();
    world.fails(&[Mode::Later(429, 3_000)]);
    world.wish().inputs.parameters = "b".into();
    assert_eq!(world.waits(), 3_000_000);
    world.wish();
    world.run();
    assert_eq!(world.calls(), "update small, update small");
}

#[test]
fn only_polls_are_paced_by_tries_of_their_own() {
    let mut world = World::new(Subject::Instance);
    world.fails(&[
        Mode::Refuses(422, BUSY),
        Mode::Refuses(422, BUSY),
        Mode::Async(3),
    ]);
    world.waits();
    world.now += 600_000;
    world.waits();
    world.now += 600_000;
    assert_eq!(world.waits(), 1_000);
    let operation = world.state.operation.as_ref().unwrap();
    assert!(matches!(operation.stage, Stage::Polling { .. }));
}

#[test]
fn what_is_there_and_cannot_be_understood_goes_before_another_is_made() {
    let mut world = World::new(Subject::Instance);
    world.fails(&[Mode::DoneBut(200, GARBAGE)]);
    world.finish();
    assert!(world.says("Failed").starts_with("True ProvisionCallFailed"));
    assert_eq!(world.calls(), "provision small", "200 leaves no orphan");
    world.wish().inputs.parameters = "b".into();
    world.finish();
    assert_eq!(
        world.calls(),
        "provision small, deprovision small, provision small"
    );
}

#[test]
fn what_the_broker_has_with_other_parameters_is_told_and_removed_for_another_wish() {
    let mut world = World::new(Subject::Instance);
    world.finish();
    // The status was lost, and the wish changed meanwhile.
    world.state = State::default();
    world.wish().inputs.parameters = "b".into();
    world.run();
    world.run();
    world.run();
    assert!(
        world.says("Failed").contains("409"),
        "{}",
        world.says("Failed")
    );
    world.wish().inputs.parameters = "c".into();
    world.finish();
    assert!(world.says("Ready").starts_with("True"));
    let things: Vec<_> = world.broker.things.values().collect();
    assert_eq!(things.len(), 1);
    assert_eq!(things[0].parameters, "c");
}
