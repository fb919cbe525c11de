//! What changes meanwhile: the wish, its inputs, and what people ask for.

use super::World;
use super::world::remediation;
use crate::state::Is;
use crate::wish::Strategy;

#[test]
fn a_new_wish_takes_effect_at_once_while_the_old_one_waits() {
    let mut world = World::installed();
    world.wants("2.0.0");
    world.slow = true;
    world.settle();
    assert_eq!(world.history(), "1 deployed, 2 pending-upgrade");
    let now = world.now;
    world.wants("3.0.0");
    world.slow = false;
    world.settle();
    assert_eq!(world.now, now);
    assert_eq!(world.history(), "1 superseded, 2 failed, 3 deployed");
    assert_eq!(
        world.records[&2].description,
        "Upgrade \"web\" failed: context canceled"
    );
    assert_eq!(world.counters(), (0, 0, 0));
    assert_eq!(world.condition("Ready"), "True UpgradeSucceeded");
}

#[test]
fn a_fix_of_a_first_installation_is_an_upgrade_of_it() {
    let mut world = World::new();
    world.breaks();
    world.settle();
    world.wants("1.0.1");
    world.heals();
    world.settle();
    assert_eq!(world.history(), "1 failed, 2 deployed");
    assert_eq!(world.counters(), (0, 0, 0));
}

#[test]
fn a_wish_that_comes_back_before_its_record_was_written_is_no_revision() {
    let mut world = World::installed();
    world.wants("2.0.0");
    world.run().unwrap();
    world.wants("1.0.0");
    world.settle();
    assert_eq!(world.history(), "1 deployed");
    assert_eq!(world.condition("Ready"), "True InstallSucceeded");
}

#[test]
fn what_a_rollback_brought_back_may_be_what_is_wished_for_next() {
    let mut world = World::installed();
    world.wish.policy.upgrade_remediation = remediation(0, Strategy::Rollback, true);
    world.refused.insert("Ingress/web".into(), 422);
    world.chart.objects.push("Ingress/web".into());
    world.wants("2.0.0");
    world.finish();
    world.chart.objects.pop();
    world.wants("1.0.0");
    world.finish();
    assert_eq!(world.history(), "1 superseded, 2 failed, 3 deployed");
    assert_eq!(world.condition("Ready"), "True UpgradeSucceeded");
    assert_eq!(world.condition("Stalled"), "False Settled");
}

fn exhausted() -> World {
    let mut world = World::installed();
    world.breaks();
    world.wants("2.0.0");
    world.finish();
    assert_eq!(world.condition("Stalled"), "True RetriesExceeded");
    world
}

#[test]
fn exhausted_retries_are_reset_by_new_inputs() {
    let mut world = exhausted();
    world.heals();
    world.settle();
    assert_eq!(world.history(), "1 deployed, 2 failed");
    world.wants("2.0.1");
    world.finish();
    assert_eq!(world.history(), "1 superseded, 2 failed, 3 deployed");
    assert_eq!(world.condition("Stalled"), "False Settled");
    assert_eq!(world.counters(), (0, 0, 0));
}

#[test]
fn exhausted_retries_are_reset_by_the_annotation_and_only_once() {
    let mut world = exhausted();
    world.asks("monday", false, true);
    world.finish();
    assert_eq!(world.history(), "1 deployed, 2 failed, 3 failed");
    assert_eq!(world.counters(), (1, 0, 1));
    assert_eq!(world.state.handled.reset.as_deref(), Some("monday"));
    world.finish();
    assert_eq!(world.history(), "1 deployed, 2 failed, 3 failed");
}

#[test]
fn a_reset_that_is_not_the_requested_one_is_not_heard() {
    let mut world = exhausted();
    world.asks("tuesday", false, false);
    world.wish.requests.reset = Some("monday".into());
    world.finish();
    assert_eq!(world.counters(), (1, 0, 1));
    assert_eq!(world.state.handled.reconcile.as_deref(), Some("tuesday"));
}

#[test]
fn what_is_in_sync_is_upgraded_once_where_it_is_forced() {
    let mut world = World::installed();
    world.asks("now", true, false);
    world.finish();
    assert_eq!(world.history(), "1 superseded, 2 deployed");
    world.finish();
    assert_eq!(world.history(), "1 superseded, 2 deployed");
}

#[test]
fn one_more_try_is_forced_when_retries_are_exhausted() {
    let mut world = exhausted();
    world.heals();
    world.asks("now", true, false);
    world.finish();
    assert_eq!(world.history(), "1 superseded, 2 failed, 3 deployed");
    assert_eq!(world.conditions["Ready"].is, Is::True);
}

#[test]
fn another_name_is_uninstalled_and_installed() {
    let mut world = World::installed();
    world.may_leave = true;
    world.wish.name = "shopfront".into();
    world.run().unwrap();
    world.settle();
    assert_eq!(world.state.release.as_ref().unwrap().name, "shopfront");
    assert_eq!(world.history(), "1 deployed");
    assert!(world.reasons().contains(&"UninstallSucceeded"));
    assert_eq!(world.condition("Ready"), "True InstallSucceeded");
}

#[test]
fn other_namespaces_are_uninstalled_and_installed() {
    for change in [
        |world: &mut World| world.wish.namespace = "other".into(),
        |world: &mut World| world.wish.storage = "other".into(),
    ] {
        let mut world = World::installed();
        world.may_leave = true;
        change(&mut world);
        world.settle();
        assert!(world.reasons().contains(&"UninstallSucceeded"));
        assert_eq!(world.history(), "1 deployed");
    }
}
