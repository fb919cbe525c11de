//! The rows that are promised.

use super::world::{BUSY, GARBAGE, Mode, World};
use crate::situation::{DeletionPolicy, Obstacle, Secret, Subject};
use crate::state::State;
use crate::turn::Requeue;

/// Killed after every single write and effect of a whole life, one after the other.
#[test]
fn row_30_killed_anywhere_there_is_one_instance_and_nothing_leaks() {
    for subject in [Subject::Instance, Subject::Binding] {
        for modes in [&[][..], &[Mode::Async(2)], &[Mode::Nameless]] {
            for fuse in 0..40 {
                let mut world = World::new(subject);
                world.fails(modes);
                world.fuse = Some(fuse);
                world.finish();
                assert_eq!(world.broker.things.len(), 1, "{subject:?} {fuse}");
                let made: std::collections::BTreeSet<_> = world.broker.made.iter().collect();
                assert_eq!(made.len(), 1, "one ID, however often it is sent");
                world.deleting = true;
                world.finish();
                assert!(world.finalized);
                assert!(world.broker.things.is_empty());
            }
        }
    }
}

#[test]
fn row_30_whose_answer_is_lost_is_removed_before_another_one_is_made() {
    let mut world = World::new(Subject::Instance);
    world.fails(&[Mode::LostAfter]);
    world.run();
    world.run();
    world.run();
    assert!(world.state.mitigates());
    begins(
        &world.says("OrphanMitigation"),
        "True StartingInstanceOrphanMitigation",
    );
    assert!(
        world
            .says("Ready")
            .starts_with("False DeprovisionRequestInFlight")
    );
    world.finish();
    assert_eq!(
        world.calls(),
        "provision small, deprovision small, provision small"
    );
    assert_eq!(world.broker.things.len(), 1);
    assert_ne!(
        world.broker.made[0], world.broker.made[1],
        "no ID is used twice"
    );
    assert!(
        world
            .says("Ready")
            .starts_with("True ProvisionedSuccessfully")
    );
    assert!(world.says("OrphanMitigation").starts_with("False"));
}

fn begins(said: &str, start: &str) {
    assert!(said.starts_with(start), "{said}");
}

/// The status was lost with the cluster's store, and the broker is asked for the same instance.
#[test]
fn row_30_without_its_status_it_asks_for_the_same_instance() {
    let mut world = World::new(Subject::Instance);
    world.finish();
    world.state = State::default();
    world.finish();
    assert_eq!(world.broker.things.len(), 1);
    assert_eq!(world.broker.made[0], world.broker.made[1]);
}

#[test]
fn row_31_deleted_while_it_is_made_the_broker_is_told_and_the_new_operation_polled() {
    for (subject, calls) in [
        (
            Subject::Instance,
            "provision small, poll small, deprovision small, poll small, poll small",
        ),
        (
            Subject::Binding,
            "bind small, poll small, unbind small, poll small, poll small",
        ),
    ] {
        let mut world = World::new(subject);
        world.fails(&[Mode::Async(100), Mode::Well, Mode::Async(1)]);
        world.waits();
        world.now += 1_000;
        world.run();
        world.run();
        world.deleting = true;
        world.finish();
        // The world refuses polls of an operation that is not the last.
        assert_eq!(world.calls(), calls);
        assert!(world.finalized);
        assert!(world.broker.things.is_empty());
    }
}

#[test]
fn row_31_deleted_before_an_answer_the_broker_is_told_too() {
    let mut world = World::new(Subject::Instance);
    world.run();
    world.deleting = true;
    world.finish();
    assert_eq!(world.calls(), "deprovision small");
    assert!(world.finalized);
}

fn gone(reason: &'static str) -> Obstacle {
    Obstacle {
        reason,
        message: "ClusterServiceBroker db is not there".into(),
        retry: None,
    }
}

#[test]
fn row_32_without_its_broker_it_waits_says_so_and_can_be_abandoned() {
    for reason in [
        "ReferencesNonexistentBroker",
        "ErrorGettingAuthCredentials",
        "ErrorWithCABundle",
    ] {
        let mut world = World::new(Subject::Instance);
        world.unreachable = Some(gone(reason));
        world.finish();
        assert_eq!(world.broker.calls.len(), 0);
        assert_eq!(
            world.says("Ready"),
            format!("False {reason}: ClusterServiceBroker db is not there")
        );
        world.unreachable = None;
        world.finish();
        assert!(world.says("Ready").starts_with("True"));

        world.unreachable = Some(gone(reason));
        world.wish = Err(gone("ReferencesNonexistentServiceClass"));
        world.deleting = true;
        world.finish();
        assert!(!world.finalized, "never before the broker says so");
        let said = world.says("Ready");
        assert!(said.contains(reason) && said.contains("hint: "), "{said}");
        world.abandon = Some("root@example: broker was switched off".into());
        world.finish();
        assert!(world.finalized);
        assert_eq!(world.broker.things.len(), 1);
        assert_eq!(world.state.abandoned.len(), 1);
        let told = world.events.last().unwrap();
        assert_eq!(told.reason, "Abandoned");
        assert!(told.message.contains("root@example"), "{}", told.message);
    }
}

#[test]
fn row_32_without_its_class_it_goes_nevertheless() {
    let mut world = World::new(Subject::Binding);
    world.finish();
    world.wish = Err(gone("ReferencesNonexistentInstance"));
    world.deleting = true;
    world.finish();
    assert_eq!(world.calls(), "bind small, unbind small");
    assert!(world.finalized && world.secret == Secret::Absent);
}

#[test]
fn row_32_what_is_to_be_abandoned_asks_nobody() {
    let mut world = World::new(Subject::Instance);
    world.finish();
    world.policy = DeletionPolicy::Abandon;
    world.dependents = vec!["shop/db".into()];
    world.deleting = true;
    world.finish();
    assert!(world.finalized);
    assert_eq!(world.calls(), "provision small");
}

#[test]
fn row_32_an_annotation_alone_abandons_nothing() {
    let mut world = World::new(Subject::Instance);
    world.abandon = Some("too early".into());
    world.finish();
    assert!(world.says("Ready").starts_with("True"));
    assert!(world.state.abandoned.is_empty());
}

#[test]
fn row_33_what_cannot_be_understood_is_removed_and_fails() {
    for (status, body) in [(201, GARBAGE), (202, GARBAGE), (204, "")] {
        let mut world = World::new(Subject::Instance);
        world.fails(&[Mode::DoneBut(status, body)]);
        world.finish();
        assert_eq!(
            world.calls(),
            "provision small, deprovision small",
            "{status}"
        );
        assert!(world.broker.things.is_empty());
        assert!(world.says("Failed").starts_with("True ProvisionCallFailed"));
        assert!(world.says("OrphanMitigation").starts_with("False"));
        // Another wish is another try, under another ID.
        world.wish().inputs.requests += 1;
        world.finish();
        assert_eq!(world.broker.things.len(), 1);
        assert!(world.says("Failed").starts_with("False"));
    }
}

#[test]
fn row_33_an_operation_needs_no_name() {
    let mut world = World::new(Subject::Instance);
    world.fails(&[Mode::Nameless]);
    world.finish();
    assert_eq!(world.calls(), "provision small, poll small, poll small");
    assert!(world.says("Ready").starts_with("True"));
}

#[test]
fn row_33_410_and_404_do_not_end_a_creation() {
    let mut world = World::new(Subject::Instance);
    let (gone, unknown) = (Mode::Refuses(410, "{}"), Mode::Refuses(404, "{}"));
    world.fails(&[Mode::Async(0), gone, unknown, Mode::Refuses(500, GARBAGE)]);
    world.finish();
    assert_eq!(world.calls().matches("poll").count(), 4);
    assert_eq!(world.calls().matches("provision").count(), 1);
    assert!(world.says("Ready").starts_with("True"));
}

#[test]
fn row_33_410_ends_a_deletion() {
    let mut world = World::new(Subject::Instance);
    world.finish();
    world.fails(&[
        Mode::Async(5),
        Mode::Refuses(404, "{}"),
        Mode::Refuses(410, "{}"),
    ]);
    world.deleting = true;
    // What the broker says rules: here it forgets what it had.
    world.broker.things.clear();
    world.finish();
    assert!(world.finalized);
}

#[test]
fn row_33_a_busy_broker_is_waited_for_and_nothing_is_removed() {
    let mut world = World::new(Subject::Instance);
    world.fails(&[
        Mode::Refuses(422, BUSY),
        Mode::Refuses(408, "{}"),
        Mode::Later(429, 7),
    ]);
    world.finish();
    assert_eq!(world.calls().matches("provision small").count(), 4);
    assert_eq!(world.calls().matches("deprovision").count(), 0);
    let made: Vec<_> = world.broker.made.iter().collect();
    assert_eq!(made.len(), 1);
}

#[test]
fn row_37_a_foreign_secret_is_seen_before_anything_is_bound() {
    let mut world = World::new(Subject::Binding);
    world.secret = Secret::Foreign("Deployment web's".into());
    world.finish();
    assert_eq!(world.broker.calls.len(), 0);
    assert_eq!(
        world.says("Ready"),
        "False ErrorInjectingBindResult: the Secret is not this binding's own but Deployment web's\n\
         hint: delete it if nobody needs it, or create another binding with another spec.secretName"
    );
    world.deleting = true;
    world.finish();
    assert!(world.finalized, "and stays");
    assert_eq!(world.secret, Secret::Foreign("Deployment web's".into()));
}

#[test]
fn row_32_a_deletion_that_does_not_get_through_says_how_to_get_around_it() {
    let hint = "the annotation servicecatalog.oarlock.dev/abandon";
    for subject in [Subject::Instance, Subject::Binding] {
        let mut world = World::new(subject);
        world.finish();
        world.deleting = true;
        world.fails(&[Mode::LostBefore, Mode::Async(100)]);
        world.waits();
        assert!(
            world.says("Ready").contains(hint),
            "{}",
            world.says("Ready")
        );
        // A broker that works at it needs nobody's help, for some time.
        let began = world.now;
        world.now += 10_000;
        while world.now < began + 500_000 {
            world.now += world.waits();
            assert!(
                !world.says("Ready").contains(hint),
                "{}",
                world.says("Ready")
            );
        }
    }
}

/// A password that was mended wakes whoever was denied: it need not wait for the end of a pause.
#[test]
fn row_32_who_was_denied_asks_again_when_something_wakes_it() {
    let mut world = World::new(Subject::Instance);
    world.fails(&[Mode::Refuses(401, "{}"); 3]);
    assert_eq!(world.waits(), 10_000);
    assert_eq!(world.calls(), "provision small");
    world.now += 1_000;
    assert_eq!(
        world.run(),
        Requeue::At(world.now + 4_000),
        "not in a moment"
    );
    world.now += 4_000;
    world.broker.modes.clear();
    world.run();
    assert_eq!(world.calls(), "provision small, provision small");
    // Of what was refused for other reasons a pause is a pause.
    world.finish();
    world.deleting = true;
    world.fails(&[Mode::Refuses(400, "{}"); 3]);
    world.waits();
    world.broker.modes.clear();
    world.now += 6_000;
    assert_eq!(world.run(), Requeue::At(world.now + 4_000));
}

/// Received, killed, and then refused: what may be there is removed before its ID goes elsewhere.
#[test]
fn row_30_a_refused_id_goes_to_no_other_broker() {
    let mut world = World::new(Subject::Instance);
    world.fails(&[Mode::DoneBut(400, "{}")]);
    world.finish();
    assert!(world.says("Failed").starts_with("True"));
    world.wish().inputs.place.broker = "ClusterServiceBroker/other".into();
    world.finish();
    assert_eq!(
        world.calls(),
        "provision small, deprovision small, provision small"
    );
    assert_eq!(world.state.holdings.len(), 1);
}

/// A broker that answers 404 where it should answer 410, for what it never got.
#[test]
fn row_30_an_orphan_that_the_broker_knows_nothing_of_stops_nobody_for_ever() {
    let mut world = World::new(Subject::Instance);
    let unknown = Mode::Refuses(404, "{}");
    world.fails(&[Mode::LostBefore, unknown, unknown, unknown]);
    world.finish();
    assert_eq!(world.calls().matches("deprovision").count(), 3);
    assert!(world.says("Ready").starts_with("True"));
    // What was heard of is asked for until it is gone.
    world.fails(&[unknown; 5]);
    world.broker.things.clear();
    world.deleting = true;
    world.finish();
    assert_eq!(world.calls().matches("deprovision").count(), 9);
}
