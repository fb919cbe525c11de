//! How releases go.

use std::time::Duration;

use super::World;
use super::world::{inputs, remediation};
use crate::hooks::Event as Moment;
use crate::record::Status;
use crate::situation::Obstacle;
use crate::turn::{Effect, Requeue};
use crate::wish::Strategy;

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
fn what_came_back_is_sent_away_again() {
    let mut world = leaving();
    world.wish.policy.disable_hooks = true;
    world.slow = true;
    world.objects.insert("Pod/straggler".into(), 0);
    let turn = world.settle();
    world.objects = [("Deployment/web".into(), 0)].into();
    let Requeue::At(at) = turn.requeue else {
        panic!("{turn:?}");
    };
    world.now = at - 1;
    world.settle();
    assert!(!world.gone);
    world.now = at;
    world.settle();
    assert!(world.objects.is_empty());
    assert!(world.gone);
    assert!(world.reasons().contains(&"UninstallFailed"));
}

#[test]
fn what_is_left_of_the_records_tells_what_goes() {
    let mut world = leaving();
    world.deleting = false;
    world.wish.policy.disable_hooks = true;
    world.wish.policy.upgrade_remediation = remediation(9, Strategy::Retry, false);
    world.wants("2.0.0");
    world.breaks();
    world.settle();
    world.now += 300_000;
    world.settle();
    assert_eq!(world.history(), "1 deployed, 2 failed");
    world.deleting = true;
    for _ in 0..2 {
        world.run();
    }
    assert_eq!(world.history(), "1 deployed, 2 uninstalling");
    world.records.remove(&2);
    let turn = world.decide();
    assert_eq!(turn.effects, [Effect::Remove { of: vec![1] }]);
    world.finish();
    assert!(world.gone);
    assert_eq!(world.history(), "");
}

/// `kubectl delete namespace`: no hook can be created any more.
#[test]
fn a_namespace_that_goes_takes_no_hook() {
    let mut world = leaving();
    world.refused.insert("Job".into(), 403);
    world.refusal = String::from(
        "jobs.batch \"web\" is forbidden: unable to create new content in namespace shop because it is being terminated",
    );
    world.settle();
    assert!(world.gone);
    assert_eq!(world.history(), "");
    assert!(world.objects.is_empty());
    let told: Vec<&str> = world
        .events
        .values()
        .filter(|event| event.warning)
        .map(|event| event.message.as_str())
        .collect();
    assert!(
        told.iter()
            .any(|told| told.ends_with("it goes on without its pre-delete hooks")),
        "{told:?}"
    );
    // Other refusals hold it up, as any other failing hook does.
    let mut world = leaving();
    world.refused.insert("Job".into(), 403);
    world.settle();
    assert_eq!(world.history(), "1 deployed");
    assert!(!world.gone);
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

/// The installation was only meant: whoever made the release made it by hand.
#[test]
fn a_release_that_was_made_by_hand_meanwhile_stays() {
    let mut world = World::new();
    world.run();
    assert!(world.state.action.is_some() && world.state.release.is_some());
    world.by_hand(
        1,
        Status::Deployed,
        "Install complete",
        inputs("0.9.0", "a"),
    );
    world.objects.insert("Deployment/web".into(), 1);
    world.deleting = true;
    world.settle();
    assert!(world.gone);
    assert_eq!(world.history(), "1 deployed");
    assert!(!world.objects.is_empty());
    assert!(world.reasons().contains(&"ReleaseLeft"));
}

#[test]
fn a_release_of_ours_goes_though_its_status_was_lost() {
    let mut world = leaving();
    world.state = crate::state::State::default();
    world.settle();
    assert!(world.gone);
    assert_eq!(world.history(), "");
    assert!(world.objects.is_empty());
}

#[test]
fn a_release_that_was_adopted_or_rolled_back_by_hand_goes_too() {
    let mut world = World::new();
    world.by_hand(
        3,
        Status::Deployed,
        "Install complete",
        inputs("1.0.0", "a"),
    );
    world.settle();
    assert_eq!(world.condition("Ready"), "True ReleaseAdopted");
    world.may_leave = true;
    world.deleting = true;
    world.settle();
    assert!(world.gone);
    assert_eq!(world.history(), "");

    let mut world = World::installed();
    world.wants("2.0.0");
    world.settle();
    world.by_hand(3, Status::Deployed, "Rollback to 1", inputs("1.0.0", "a"));
    world.settle();
    assert_eq!(world.condition("Ready"), "False ReleasedByHand");
    world.may_leave = true;
    world.deleting = true;
    world.settle();
    assert!(world.gone);
    assert_eq!(world.history(), "");
    assert!(!world.reasons().contains(&"ReleaseLeft"));
}

#[test]
fn a_release_whose_records_are_gone_is_not_said_to_be_uninstalled() {
    for after in 0..8 {
        let mut world = leaving();
        for _ in 0..after {
            world.run();
        }
        if world.objects.is_empty() {
            assert!(after > 4, "the hooks and the objects have their turns");
            return;
        }
        world.records.clear();
        world.settle();
        assert!(world.gone);
        assert_eq!(world.objects.len(), 2);
        assert!(!world.reasons().contains(&"UninstallSucceeded"));
        let told = world
            .events
            .values()
            .find(|event| event.reason == "ReleaseLeft");
        let told = told.unwrap();
        assert!(told.warning);
        assert!(
            told.message
                .starts_with("the records of release shop/web are gone, shop/web.v1 was the last"),
            "{}",
            told.message
        );
    }
}

#[test]
fn a_deletion_waits_for_no_pause_of_an_upgrade() {
    let mut world = leaving();
    world.deleting = false;
    world.wish.policy.upgrade_remediation = remediation(9, Strategy::Retry, false);
    world.wish.policy.upgrade_remediation.interval = Some(Duration::from_secs(3600));
    world.wants("2.0.0");
    world.breaks();
    world.settle();
    world.now += 300_000;
    world.settle();
    assert!(world.state.retry_at.is_some_and(|until| until > world.now));
    world.deleting = true;
    world.settle();
    assert!(world.gone);
}

#[test]
fn a_move_waits_for_no_pause_of_an_upgrade() {
    let mut world = World::installed();
    world.wish.policy.upgrade_remediation = remediation(9, Strategy::Retry, false);
    world.wish.policy.upgrade_remediation.interval = Some(Duration::from_secs(3600));
    world.wants("2.0.0");
    world.breaks();
    world.settle();
    world.now += 300_000;
    world.settle();
    assert!(world.state.retry_at.is_some());
    world.heals();
    world.may_leave = true;
    world.wish.namespace = "prod".into();
    world.settle();
    assert_eq!(world.history(), "1 deployed");
    assert_eq!(world.state.history[0].namespace, "prod");
}

#[test]
fn a_release_moves_only_when_it_can_come_elsewhere() {
    let mut world = World::installed();
    world.wish.namespace = "prod".into();
    world.obstacle = Some(Obstacle {
        reason: "ArtifactFailed",
        message: "no such chart".into(),
        retry: None,
    });
    world.settle();
    assert_eq!(world.condition("Ready"), "False ArtifactFailed");
    assert_eq!(world.objects.len(), 2, "what runs is untouched");
    world.obstacle = None;
    world.dependencies = vec!["dependency 'shop/base' is not ready".into()];
    world.settle();
    assert_eq!(world.condition("Ready"), "False DependencyNotReady");
    assert_eq!(world.objects.len(), 2);
    world.dependencies.clear();
    world.may_leave = true;
    world.settle();
    assert_eq!(world.condition("Ready"), "True InstallSucceeded");
    assert_eq!(world.state.history[0].namespace, "prod");
    let told = world.events.values().map(|event| event.message.as_str());
    let told: Vec<&str> = told.filter(|told| told.contains("uninstall")).collect();
    assert_eq!(
        told,
        ["Helm uninstall succeeded for release shop/web.v1 with chart podinfo@1.0.0"]
    );
}

#[test]
fn a_refused_mark_is_told_where_there_are_hooks_before() {
    let mut world = leaving();
    world.refused.insert("Secret".into(), 403);
    for _ in 0..4 {
        world.run();
    }
    assert_eq!(world.condition("Ready"), "False UninstallFailed");
    assert!(world.message("Ready").contains("the API server said no"));
    assert_eq!(world.objects.len(), 2);
    world.refused.clear();
    world.finish();
    assert!(world.gone);
    assert_eq!(world.runs, ["pre-delete of 1", "post-delete of 1"]);
}
