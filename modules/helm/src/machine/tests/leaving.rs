//! How releases go.

use super::World;
use crate::hooks::Event as Moment;
use crate::record::Status;
use crate::turn::Requeue;

fn leaving() -> World {
    let mut world = World::new();
    world.chart.hooks = vec![Moment::PreDelete, Moment::PostDelete];
    world.settle();
    world.may_leave = true;
    world.deleting = true;
    world
}

#[test]
fn a_deleted_object_uninstalls_with_hooks_and_then_lets_go() {
    let mut world = leaving();
    world.settle();
    assert!(world.gone);
    assert_eq!(world.history(), "");
    assert!(world.objects.is_empty());
    assert_eq!(world.runs, ["pre-delete of 1", "post-delete of 1"]);
}

#[test]
fn the_history_is_kept_where_the_wish_says_so() {
    let mut world = leaving();
    world.deleting = false;
    world.wants("2.0.0");
    world.settle();
    world.deleting = true;
    world.wish.policy.keep_history = true;
    world.settle();
    assert!(world.gone);
    assert_eq!(world.history(), "1 superseded, 2 uninstalled");
    assert_eq!(world.records[&2].description, "Uninstallation complete");
    assert!(world.objects.is_empty());
}

#[test]
fn the_finalizer_stays_until_the_objects_are_gone() {
    let mut world = leaving();
    world.wish.policy.disable_hooks = true;
    world.slow = true;
    world.objects.insert("Pod/straggler".into(), 0);
    let turn = world.settle();
    assert!(matches!(turn.requeue, Requeue::At(_)));
    assert!(!world.gone);
    assert_eq!(world.history(), "1 uninstalling");
    assert_eq!(
        world.records[&1].description,
        "Deletion in progress (or silently failed)"
    );
    let Requeue::At(at) = turn.requeue else {
        return;
    };
    world.now = at;
    world.settle();
    assert!(!world.gone);
    assert_eq!(world.condition("Released"), "False UninstallFailed");
    world.objects.clear();
    world.settle();
    assert!(world.gone);
}

#[test]
fn a_failing_pre_delete_hook_removes_nothing_and_is_told() {
    let mut world = leaving();
    world.failing.insert(Moment::PreDelete);
    let turn = world.settle();
    assert!(matches!(turn.requeue, Requeue::At(_)));
    assert_eq!(world.history(), "1 deployed");
    assert_eq!(
        world.records[&1].description,
        "Uninstall \"web\" failed: job failed: BackoffLimitExceeded"
    );
    assert_eq!(world.objects.len(), 2);
    assert_eq!(world.condition("Released"), "False UninstallFailed");
    assert!(!world.gone);
    world.failing.clear();
    world.finish();
    assert!(world.gone);
}

#[test]
fn a_failing_post_delete_hook_is_told_and_holds_nothing_up() {
    let mut world = leaving();
    world.failing.insert(Moment::PostDelete);
    world.settle();
    assert!(world.gone);
    assert_eq!(world.history(), "");
    assert!(world.reasons().contains(&"UninstallFailed"));
}

#[test]
fn a_deletion_calls_off_what_is_under_way() {
    let mut world = leaving();
    world.deleting = false;
    world.wants("2.0.0");
    world.slow = true;
    world.settle();
    world.slow = false;
    world.deleting = true;
    world.settle();
    assert!(world.gone);
    assert!(world.objects.is_empty());
    assert_eq!(world.history(), "");
}

#[test]
fn a_deleted_object_that_never_made_a_release_lets_go_at_once() {
    let mut world = World::new();
    world.by_hand(
        1,
        Status::Deployed,
        "Install complete",
        crate::state::Inputs::default(),
    );
    world.deleting = true;
    world.settle();
    assert!(world.gone);
    assert_eq!(world.history(), "1 deployed");
}

#[test]
fn a_deleted_object_that_is_suspended_leaves_the_release() {
    let mut world = World::installed();
    world.wish.suspended = true;
    world.deleting = true;
    world.settle();
    assert!(world.gone);
    assert_eq!(world.history(), "1 deployed");
    assert_eq!(world.objects.len(), 2);
}
