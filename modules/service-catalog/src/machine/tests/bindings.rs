//! Credentials, their Secret and their rotation.

use super::world::{BUSY, Mode, START, World};
use crate::situation::{Rotation, Secret, Subject};
use crate::state::Stand;
use crate::turn::Requeue;

const HOUR: u64 = 3_600_000;
/// What the broker says: a day after the start.
const EXPIRY: u64 = START + 24 * HOUR;

fn bound() -> World {
    let mut world = World::new(Subject::Binding);
    world.finish();
    world.broker.calls.clear();
    world
}

fn rotating() -> World {
    let mut world = World::new(Subject::Binding);
    world.wish().rotation = Some(Rotation {
        before: 6 * HOUR,
        overlap: HOUR,
    });
    while world.run() == Requeue::OnceWritten {}
    world.broker.calls.clear();
    world
}

fn current(world: &World) -> String {
    world.state.current().unwrap().id.clone()
}

#[test]
fn credentials_are_stored_with_the_answer() {
    let world = bound();
    assert_eq!(world.secret, Secret::Own(current(&world)));
    assert!(world.says("Ready").starts_with("True InjectedBindResult"));
}

#[test]
fn credentials_of_an_operation_are_fetched() {
    let mut world = World::new(Subject::Binding);
    let unknown = Mode::Refuses(404, "{}");
    world.fails(&[Mode::Async(0), Mode::Well, unknown, unknown]);
    world.finish();
    assert_eq!(
        world.calls(),
        "bind small, poll small, fetch small, fetch small, fetch small"
    );
    assert_eq!(world.secret, Secret::Own(current(&world)));
}

#[test]
fn what_was_made_and_is_never_found_is_made_again() {
    let mut world = World::new(Subject::Binding);
    world.fails(&[Mode::Async(0), Mode::Well]);
    world.fails(&[Mode::Refuses(404, "{}"); 6]);
    world.finish();
    assert!(
        world
            .calls()
            .ends_with("fetch small, unbind small, bind small")
    );
    assert_eq!(world.broker.things.len(), 1);
}

#[test]
fn a_secret_that_is_refused_is_tried_again_without_a_second_binding() {
    let mut world = World::new(Subject::Binding);
    world.no_secrets = true;
    for _ in 0..20 {
        if let Requeue::At(at) = world.run() {
            world.now = world.now.max(at);
        }
    }
    assert_eq!(
        world.says("Ready"),
        "False ErrorInjectingBindResult: secrets is forbidden"
    );
    assert_eq!(world.broker.made.len(), 1);
    world.no_secrets = false;
    world.finish();
    assert!(world.says("Ready").starts_with("True"));
    assert_eq!(world.broker.things.len(), 1);
}

#[test]
fn a_secret_that_was_deleted_is_written_again() {
    let mut world = bound();
    let before = current(&world);
    world.secret = Secret::Absent;
    world.now += 2 * 60_000;
    world.finish();
    assert_eq!(world.calls(), "fetch small");
    assert_eq!(world.secret, Secret::Own(before));
}

#[test]
fn a_secret_that_is_not_seen_yet_is_waited_for() {
    let mut world = bound();
    world.secret = Secret::Absent;
    assert_eq!(world.run(), Requeue::At(START + 60_000));
    assert_eq!(world.calls(), "");
}

#[test]
fn credentials_that_are_told_once_are_replaced_where_their_secret_is_lost() {
    let mut world = World::new(Subject::Binding);
    let wish = world.wish();
    wish.retrievable = false;
    wish.rotatable = false;
    world.finish();
    let before = current(&world);
    world.secret = Secret::Absent;
    world.now += 2 * 60_000;
    world.finish();
    assert_eq!(world.calls(), "bind small, bind small, unbind small");
    assert_ne!(current(&world), before);
}

#[test]
fn a_binding_is_rotated_in_time_and_the_old_one_stays_for_the_overlap() {
    let mut world = rotating();
    let before = current(&world);
    assert_eq!(world.run(), Requeue::At(EXPIRY - 6 * HOUR));
    world.now = EXPIRY - 6 * HOUR;
    // The next one has to be rotated a day later only in the broker's words.
    world.wish.as_mut().unwrap().rotation = Some(Rotation {
        before: HOUR,
        overlap: HOUR,
    });
    world.now = EXPIRY - HOUR;
    world.run();
    assert!(
        world.says("Ready").starts_with("True"),
        "while it is rotated"
    );
    world.run();
    world.run();
    let after = current(&world);
    assert_ne!(after, before);
    assert_eq!(world.calls(), "rotate small");
    assert_eq!(world.secret, Secret::Own(after));
    assert_eq!(world.broker.things.len(), 2);
    let old = world.state.holding(&before).unwrap();
    let until = EXPIRY;
    assert_eq!(old.stand, Stand::Superseded { until });
    world.wish.as_mut().unwrap().rotation = None;
    world.finish();
    assert_eq!(world.calls(), "rotate small, unbind small");
    assert_eq!(world.now, EXPIRY, "not earlier");
    assert!(matches!(&world.secret, Secret::Own(id) if *id == current(&world)));
}

#[test]
fn a_rotation_on_request_is_heard_once() {
    let mut world = bound();
    world.wish().rotate = Some("monday".into());
    world.finish();
    assert_eq!(world.calls(), "rotate small, unbind small");
    world.finish();
    assert_eq!(world.calls(), "rotate small, unbind small");
}

#[test]
fn without_rotation_at_the_broker_another_binding_is_made() {
    let mut world = bound();
    let wish = world.wish();
    wish.rotatable = false;
    wish.rotate = Some("monday".into());
    world.finish();
    assert_eq!(world.calls(), "bind small, unbind small");
}

#[test]
fn a_rotation_that_fails_leaves_what_works() {
    let mut world = bound();
    let before = current(&world);
    world.wish().rotate = Some("monday".into());
    world.fails(&[Mode::LostAfter, Mode::Refuses(422, BUSY)]);
    world.waits();
    assert_eq!(current(&world), before);
    assert!(world.says("Ready").starts_with("True"));
    assert!(world.says("OrphanMitigation").starts_with("True"));
    world.finish();
    assert_eq!(
        world.calls(),
        "rotate small, unbind small, unbind small, rotate small, unbind small"
    );
    assert_ne!(current(&world), before, "it is not given up");
    assert_eq!(world.secret, Secret::Own(current(&world)));
}

#[test]
fn a_rotation_that_is_refused_is_told_while_the_credentials_are_good() {
    let mut world = bound();
    world.wish().rotate = Some("monday".into());
    world.fails(&[Mode::Refuses(400, r#"{"description":"not today"}"#)]);
    assert_eq!(world.waits(), 10_000);
    let said = world.says("Ready");
    assert!(said.starts_with("True InjectedBindResult"), "{said}");
    assert!(
        said.contains("successors") && said.contains("not today"),
        "{said}"
    );
    // Nobody wants it any more.
    world.wish().rotate = None;
    world.finish();
    assert!(!world.says("Ready").contains("successors"));
}

#[test]
fn other_parameters_that_are_refused_are_not_asked_for_again() {
    let mut world = bound();
    let before = current(&world);
    world.wish().inputs.parameters = "b".into();
    world.fails(&[Mode::Refuses(400, "{}")]);
    world.finish();
    assert_eq!(world.calls(), "bind small");
    assert!(world.says("Failed").starts_with("True BindCallFailed"));
    assert_eq!(current(&world), before);
}

#[test]
fn without_its_secret_it_is_not_ready() {
    let mut world = bound();
    world.secret = Secret::Absent;
    world.now += 2 * 60_000;
    world.fails(&[Mode::Refuses(503, "{}")]);
    world.waits();
    assert!(world.says("Ready").starts_with("False BindCallFailed"));
}

#[test]
fn other_parameters_are_another_binding() {
    let mut world = bound();
    world.wish().inputs.parameters = "b".into();
    world.finish();
    assert_eq!(world.calls(), "bind small, unbind small");
    assert_eq!(world.broker.things.values().next().unwrap().parameters, "b");
}

#[test]
fn deleted_while_two_are_there_both_go() {
    let mut world = rotating();
    world.now = EXPIRY - 6 * HOUR;
    world.run();
    world.run();
    world.run();
    assert_eq!(world.broker.things.len(), 2);
    world.deleting = true;
    world.finish();
    assert!(world.finalized && world.broker.things.is_empty());
    assert_eq!(world.secret, Secret::Absent);
}

#[test]
fn what_was_asked_for_and_is_not_wanted_any_more_goes() {
    for lost in [true, false] {
        let mut world = bound();
        let before = current(&world);
        world.wish().inputs.parameters = "b".into();
        if lost {
            // Sent, and killed before the answer was written.
            world.run();
            world.fuse = Some(1);
            world.run();
            assert_eq!(world.kills, 1);
        } else {
            world.fails(&[Mode::DoneBut(200, "<html>")]);
            world.finish();
            assert!(world.says("Failed").starts_with("True"));
        }
        assert_eq!(world.broker.things.len(), 2);
        world.wish().inputs.parameters = "a".into();
        world.finish();
        assert_eq!(world.calls(), "bind small, unbind small");
        assert_eq!(current(&world), before);
        assert_eq!(world.broker.things.len(), 1);
    }
}

/// Whatever a broker says of their end: there are no hundreds of them.
#[test]
fn credentials_that_live_too_short_are_rotated_at_half_their_life() {
    let mut world = World::new(Subject::Binding);
    world.wish().rotation = Some(Rotation {
        before: HOUR,
        overlap: HOUR,
    });
    world.now = EXPIRY - HOUR / 2;
    while world.run() == Requeue::OnceWritten {}
    assert_eq!(world.run(), Requeue::At(EXPIRY - HOUR / 4));
    let said = world.says("Ready");
    assert!(
        said.starts_with(
            "True InjectedBindResult: the credentials are in the Secret; they live shorter than"
        ),
        "{said}"
    );
    // The broker goes on to tell an end that comes, and is over.
    let end = EXPIRY + 4 * HOUR;
    while world.now < end {
        if let Requeue::At(at) = world.run() {
            world.now = world.now.max(at);
        }
        assert!(
            world.state.holdings.len() <= 9,
            "{}",
            world.state.holdings.len()
        );
    }
    assert!(world.broker.made.len() < 60, "{}", world.broker.made.len());
    assert!(world.says("Ready").starts_with("True"));
}

#[test]
fn a_binding_that_cannot_be_removed_stops_neither_rotation_nor_deletion() {
    for answer in [400, 404] {
        let mut world = bound();
        let first = current(&world);
        world.wish().rotate = Some("monday".into());
        while world.run() == Requeue::OnceWritten {}
        world.now += HOUR;
        world.fails(&[Mode::Refuses(answer, "{}")]);
        while world.run() == Requeue::OnceWritten {}
        assert_eq!(world.calls(), "rotate small, unbind small");
        assert!(world.state.holding(&first).is_some());
        // While it waits to be asked again, another rotation.
        world.wish().rotate = Some("tuesday".into());
        world.generation -= 1;
        while world.run() == Requeue::OnceWritten {}
        assert_eq!(world.calls(), "rotate small, unbind small, rotate small");
        assert_eq!(world.secret, Secret::Own(current(&world)));
        // And the deletion of all.
        world.deleting = true;
        world.fails(&[]);
        while world.run() == Requeue::OnceWritten {}
        let left: Vec<_> = world.broker.things.keys().cloned().collect();
        assert_eq!(left, std::slice::from_ref(&first));
        assert!(!world.finalized);
        let waits = world.waits();
        assert!(waits <= 10_000, "{waits}");
        world.finish();
        assert!(world.finalized && world.broker.things.is_empty());
    }
}

#[test]
fn what_has_ended_by_itself_may_be_unknown_to_its_broker() {
    let mut world = rotating();
    world.now = EXPIRY - 6 * HOUR;
    while world.run() == Requeue::OnceWritten {}
    let old = world.state.holdings[0].id.clone();
    world.now = EXPIRY + HOUR;
    world.wish.as_mut().unwrap().rotation = None;
    world.broker.things.remove(&old);
    world.fails(&[Mode::Refuses(404, "{}")]);
    world.finish();
    assert_eq!(world.calls(), "rotate small, unbind small");
    assert_eq!(world.state.holdings.len(), 1);
}

#[test]
fn credentials_that_cannot_be_read_again_are_replaced() {
    let mut world = bound();
    world.secret = Secret::Absent;
    world.now += 2 * 60_000;
    world.fails(&[Mode::Refuses(400, "{}"); 6]);
    world.finish();
    assert!(
        world.calls().starts_with("fetch small, "),
        "{}",
        world.calls()
    );
    assert!(
        world
            .calls()
            .ends_with("fetch small, rotate small, unbind small"),
        "{}",
        world.calls()
    );
    assert_eq!(world.secret, Secret::Own(current(&world)));
}

#[test]
fn what_is_read_again_is_not_waited_for_where_another_is_wanted() {
    for rotates in [true, false] {
        let mut world = bound();
        world.secret = Secret::Absent;
        world.now += 2 * 60_000;
        world.fails(&[Mode::Refuses(400, "{}")]);
        world.waits();
        let wish = world.wish();
        match rotates {
            true => wish.rotate = Some("now".into()),
            false => wish.inputs.parameters = "b".into(),
        }
        world.finish();
        let made = if rotates { "rotate" } else { "bind" };
        assert_eq!(
            world.calls(),
            format!("fetch small, {made} small, unbind small")
        );
        assert_eq!(world.secret, Secret::Own(current(&world)));
    }
}

#[test]
fn a_binding_whose_removal_takes_long_does_not_stop_rotation() {
    let mut world = bound();
    world.wish().rotate = Some("monday".into());
    while world.run() == Requeue::OnceWritten {}
    world.now += HOUR;
    world.fails(&[Mode::Async(40)]);
    while world.run() == Requeue::OnceWritten {}
    assert_eq!(world.calls(), "rotate small, unbind small");
    world.wish.as_mut().unwrap().rotate = Some("tuesday".into());
    while world.run() == Requeue::OnceWritten {}
    assert_eq!(world.calls(), "rotate small, unbind small, rotate small");
    world.finish();
    assert_eq!(world.broker.things.len(), 1);
    assert_eq!(world.state.holdings.len(), 1);
}

#[test]
fn whoever_says_that_they_are_over_is_not_asked_every_minute() {
    let mut world = World::new(Subject::Binding);
    world.wish().rotation = Some(Rotation {
        before: HOUR,
        overlap: HOUR,
    });
    world.now = EXPIRY + HOUR;
    while world.run() == Requeue::OnceWritten {}
    assert_eq!(world.run(), Requeue::At(EXPIRY + HOUR + 600_000));
}
