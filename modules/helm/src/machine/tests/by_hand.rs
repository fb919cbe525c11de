//! What somebody does with the `helm` command.

use super::World;
use super::world::inputs;
use crate::record::Status;
use crate::turn::Requeue;
use crate::wish::{DriftMode, Strategy};

fn two() -> World {
    let mut world = World::installed();
    world.wants("2.0.0");
    world.settle();
    world
}

#[test]
fn a_rollback_by_hand_is_left_alone_and_told() {
    let mut world = two();
    world.by_hand(3, Status::Deployed, "Rollback to 1", inputs("1.0.0", "a"));
    let turn = world.settle();
    assert!(turn.effects.is_empty());
    assert_eq!(world.history(), "1 superseded, 2 superseded, 3 deployed");
    assert_eq!(world.condition("Ready"), "False ReleasedByHand");
    assert_eq!(world.condition("Stalled"), "False Settled");
    assert!(
        world
            .message("Ready")
            .contains("revision 3 (\"Rollback to 1\")")
    );
    world.settle();
    assert_eq!(
        world
            .reasons()
            .iter()
            .filter(|reason| **reason == "ReleasedByHand")
            .count(),
        1
    );
}

#[test]
fn a_rollback_by_hand_ends_with_the_next_wish() {
    let mut world = two();
    world.by_hand(3, Status::Deployed, "Rollback to 1", inputs("1.0.0", "a"));
    world.settle();
    world.wants("2.0.1");
    world.settle();
    assert_eq!(
        world.history(),
        "1 superseded, 2 superseded, 3 superseded, 4 deployed"
    );
    assert_eq!(world.condition("Ready"), "True UpgradeSucceeded");
}

#[test]
fn a_rollback_by_hand_ends_when_it_is_forced() {
    let mut world = two();
    world.by_hand(3, Status::Deployed, "Rollback to 1", inputs("1.0.0", "a"));
    world.settle();
    world.asks("now", true, false);
    world.settle();
    assert_eq!(world.records[&4].chart.inputs.chart_version, "2.0.0");
}

#[test]
fn a_rollback_by_hand_is_drift_where_drift_is_corrected() {
    let mut world = two();
    world.wish.policy.drift.mode = DriftMode::Enabled;
    world.by_hand(3, Status::Deployed, "Rollback to 1", inputs("1.0.0", "a"));
    world.settle();
    assert_eq!(
        world.history(),
        "1 superseded, 2 superseded, 3 superseded, 4 deployed"
    );
    assert_eq!(world.records[&4].chart.inputs.chart_version, "2.0.0");
}

#[test]
fn an_upgrade_by_hand_to_what_is_wished_for_is_adopted() {
    let mut world = two();
    world.by_hand(
        3,
        Status::Deployed,
        "Upgrade complete",
        inputs("2.0.0", "a"),
    );
    world.settle();
    assert_eq!(world.history(), "1 superseded, 2 superseded, 3 deployed");
    assert_eq!(world.condition("Ready"), "True ReleaseAdopted");
}

#[test]
fn a_running_release_of_somebody_else_is_taken_over_without_a_revision() {
    let mut world = World::new();
    world.by_hand(
        7,
        Status::Deployed,
        "Upgrade complete",
        inputs("1.0.0", "a"),
    );
    world.settle();
    assert_eq!(world.history(), "7 deployed");
    assert_eq!(world.condition("Ready"), "True ReleaseAdopted");
    assert!(world.state.served);
}

#[test]
fn a_running_release_of_other_inputs_is_upgraded_and_never_installed() {
    let mut world = World::new();
    world.by_hand(
        7,
        Status::Deployed,
        "Upgrade complete",
        inputs("0.9.0", "a"),
    );
    world.settle();
    assert_eq!(world.history(), "7 superseded, 8 deployed");
    assert_eq!(world.condition("Ready"), "True UpgradeSucceeded");
}

#[test]
fn a_failed_upgrade_by_hand_is_upgraded() {
    let mut world = two();
    world.by_hand(
        3,
        Status::Failed,
        "Upgrade \"web\" failed: x",
        inputs("3.0.0", "a"),
    );
    world.settle();
    assert_eq!(
        world.history(),
        "1 superseded, 2 superseded, 3 failed, 4 deployed"
    );
}

#[test]
fn a_living_helm_is_waited_for() {
    let mut world = two();
    world.by_hand(
        3,
        Status::PendingUpgrade,
        "Preparing upgrade",
        inputs("3.0.0", "a"),
    );
    let turn = world.settle();
    assert_eq!(turn.requeue, Requeue::At(world.now + 300_000));
    assert_eq!(world.condition("Ready"), "False PendingRelease");
    assert_eq!(
        world.history(),
        "1 superseded, 2 deployed, 3 pending-upgrade"
    );
    world.by_hand(
        3,
        Status::Deployed,
        "Upgrade complete",
        inputs("3.0.0", "a"),
    );
    world.settle();
    assert_eq!(world.condition("Ready"), "False ReleasedByHand");
}

#[test]
fn a_helm_that_died_is_unlocked() {
    let mut world = two();
    world.by_hand(
        3,
        Status::PendingUpgrade,
        "Preparing upgrade",
        inputs("3.0.0", "a"),
    );
    world.finish();
    assert_eq!(
        world.records[&3].description,
        "Release unlocked from stale 'pending-upgrade' state"
    );
    assert_eq!(
        world.history(),
        "1 superseded, 2 superseded, 3 failed, 4 deployed"
    );
    assert!(world.reasons().contains(&"PendingRelease"));
}

/// Helm marks the record, which is ours, before it removes anything.
#[test]
fn an_uninstallation_by_hand_is_waited_for() {
    let mut world = two();
    world.record_by_hand(2, Status::Uninstalling);
    let turn = world.settle();
    assert!(turn.effects.is_empty());
    assert_eq!(world.history(), "1 superseded, 2 uninstalling");
    assert_eq!(world.condition("Ready"), "False PendingRelease");
    world.records.clear();
    world.objects.clear();
    world.settle();
    assert_eq!(world.history(), "1 deployed");
}

#[test]
fn an_uninstallation_by_hand_that_died_is_unlocked() {
    let mut world = two();
    world.record_by_hand(2, Status::Uninstalling);
    world.finish();
    assert_eq!(world.history(), "1 superseded, 2 failed, 3 deployed");
}

#[test]
fn our_own_pending_record_is_unlocked_at_once_when_the_status_was_lost() {
    let mut world = World::installed();
    world.wants("2.0.0");
    world.slow = true;
    world.settle();
    world.state.action = None;
    world.slow = false;
    let now = world.now;
    world.settle();
    assert_eq!(world.now, now);
    assert_eq!(world.history(), "1 superseded, 2 failed, 3 deployed");
    assert_eq!(
        world.records[&2].description,
        "Release unlocked from stale 'pending-upgrade' state"
    );
}

#[test]
fn a_lost_status_reinstalls_nothing() {
    let mut world = two();
    world.state = crate::state::State::default();
    world.settle();
    assert_eq!(world.history(), "1 superseded, 2 deployed");
    assert_eq!(world.condition("Ready"), "True ReleaseAdopted");
}

#[test]
fn a_rollback_by_hand_in_the_middle_calls_ours_off() {
    let mut world = two();
    world.wants("3.0.0");
    world.slow = true;
    world.settle();
    assert_eq!(
        world.history(),
        "1 superseded, 2 deployed, 3 pending-upgrade"
    );
    world.by_hand(4, Status::Deployed, "Rollback to 2", inputs("2.0.0", "a"));
    world.slow = false;
    world.settle();
    assert_eq!(
        world.records[&3].description,
        "Upgrade \"web\" failed: revision 4 was made meanwhile by somebody else"
    );
    assert_eq!(world.condition("Ready"), "False ReleasedByHand");
    assert_eq!(world.counters(), (0, 0, 0));
}

#[test]
fn what_was_uninstalled_by_hand_is_installed_again() {
    let mut world = two();
    world.records.clear();
    world.objects.clear();
    world.settle();
    assert_eq!(world.history(), "1 deployed");
    assert_eq!(world.objects.len(), 2);
}

#[test]
fn what_was_uninstalled_and_kept_its_history_is_installed_as_the_next_revision() {
    let mut world = two();
    world.by_hand(
        2,
        Status::Uninstalled,
        "Uninstallation complete",
        inputs("2.0.0", "a"),
    );
    world.objects.clear();
    world.settle();
    assert_eq!(world.history(), "1 superseded, 2 superseded, 3 deployed");
    assert_eq!(world.records[&2].description, "superseded by new release");
    assert_eq!(world.records[&3].description, "Install complete");
}

#[test]
fn what_was_forced_is_not_forgotten_over_a_stale_record() {
    let mut world = two();
    world.by_hand(
        3,
        Status::PendingUpgrade,
        "Preparing upgrade",
        inputs("2.0.0", "a"),
    );
    world.settle();
    world.asks("now", true, false);
    world.now += 300_000;
    world.run().unwrap();
    world.run().unwrap();
    assert_eq!(world.records[&3].status, Status::Failed);
    assert_eq!(world.state.handled.force, None);
    world.settle();
    assert_eq!(world.state.handled.force.as_deref(), Some("now"));
    assert_eq!(world.records[&4].status, Status::Deployed);
}

#[test]
fn what_failed_before_somebodys_revision_goes_with_the_next() {
    let mut world = World::installed();
    world.wish.policy.upgrade_remediation.strategy = Strategy::Retry;
    world.wants("2.0.0");
    world.chart.objects.push("Ingress/web".into());
    world.breaks();
    world.finish();
    assert_eq!(world.history(), "1 deployed, 2 failed");
    assert!(world.objects.contains_key("Ingress/web"));
    // Helm compares with the last deployed revision alone.
    world.heals();
    world.by_hand(
        3,
        Status::Deployed,
        "Upgrade complete",
        inputs("1.5.0", "a"),
    );
    world.records.get_mut(&3).unwrap().chart.objects.truncate(2);
    world.wants("3.0.0");
    world.chart.objects.truncate(2);
    world.finish();
    assert!(
        world.history().ends_with("4 deployed"),
        "{}",
        world.history()
    );
    assert!(!world.objects.contains_key("Ingress/web"));
}

#[test]
fn what_was_adopted_is_tested_once_and_not_adopted_again() {
    let mut world = two();
    world.by_hand(
        3,
        Status::Deployed,
        "Upgrade complete",
        inputs("2.0.0", "a"),
    );
    world.settle();
    assert_eq!(world.condition("Ready"), "True ReleaseAdopted");
    let adopted = world.state.clone();
    world.settle();
    assert_eq!(world.state, adopted);
    world.tests(false);
    world.settle();
    assert_eq!(world.condition("TestSuccess"), "True TestSucceeded");
    let tested = world.state.clone();
    world.settle();
    assert_eq!(world.state, tested, "once");
    world.wants("2.1.0");
    world.settle();
    assert!(
        world.history().ends_with("4 deployed"),
        "{}",
        world.history()
    );
}

#[test]
fn what_was_adopted_is_upgraded_when_something_changes_that_no_record_tells() {
    let mut world = World::new();
    world.by_hand(
        7,
        Status::Deployed,
        "Upgrade complete",
        inputs("1.0.0", "a"),
    );
    world.settle();
    assert_eq!(world.condition("Ready"), "True ReleaseAdopted");
    world.chart.inputs.post_digest = "labels".into();
    world.settle();
    assert_eq!(world.history(), "7 superseded, 8 deployed");
    assert_eq!(world.condition("Ready"), "True UpgradeSucceeded");
}

#[test]
fn another_record_of_an_adopted_number_is_another_revision() {
    let mut world = World::new();
    let by_hand = |world: &mut World, version: &str| {
        let inputs = inputs(version, "a");
        world.by_hand(1, Status::Deployed, "Install complete", inputs);
    };
    by_hand(&mut world, "1.0.0");
    world.settle();
    assert_eq!(world.condition("Ready"), "True ReleaseAdopted");
    // Uninstalled and installed, both by hand.
    world.records.clear();
    by_hand(&mut world, "0.9.0");
    world.settle();
    assert_eq!(world.condition("Ready"), "False ReleasedByHand");
}

#[test]
fn a_failing_test_of_an_adopted_revision_is_not_run_again() {
    let mut world = World::new();
    world.tests(true);
    world.failing.insert(crate::hooks::Event::Test);
    world.by_hand(
        3,
        Status::Deployed,
        "Upgrade complete",
        inputs("1.0.0", "a"),
    );
    world.finish();
    assert_eq!(world.runs, ["test of 3"]);
    assert_eq!(world.condition("TestSuccess"), "False TestFailed");
    let tested = world.state.clone();
    world.settle();
    assert_eq!(world.state, tested);
}

/// The chart and the values are the same, and what is done to the objects is not.
#[test]
fn a_rollback_by_hand_is_told_by_the_revision_that_came_back() {
    let mut world = World::installed();
    world.chart.inputs.post_digest = "labels".into();
    world.settle();
    assert_eq!(world.history(), "1 superseded, 2 deployed");
    world.by_hand(3, Status::Deployed, "Rollback to 1", inputs("1.0.0", "a"));
    world.settle();
    assert_eq!(world.condition("Ready"), "False ReleasedByHand");
    world.by_hand(4, Status::Deployed, "Rollback to 2", inputs("1.0.0", "a"));
    world.settle();
    assert_eq!(world.condition("Ready"), "True ReleaseAdopted");
}

#[test]
fn a_release_of_that_name_in_another_namespace_is_not_touched() {
    for status in [Status::Deployed, Status::Failed, Status::PendingUpgrade] {
        let mut world = World::new();
        world.by_hand(4, status.clone(), "Somebody's", inputs("1.0.0", "a"));
        world.records.get_mut(&4).unwrap().namespace = "bank".into();
        let turn = world.settle();
        assert_eq!(turn.requeue, Requeue::OnChange);
        assert_eq!(world.condition("Ready"), "False InvalidOwnership");
        assert!(
            world
                .message("Ready")
                .starts_with("release \"web\" with its records in namespace \"shop\" is in namespace \"bank\", not in \"shop\""),
            "{}",
            world.message("Ready")
        );
        assert_eq!(world.records[&4].status, status);
        world.deleting = true;
        world.settle();
        assert!(world.gone);
        assert_eq!(world.records[&4].status, status);
    }
}

/// A revision from before it was uninstalled is no target of a rollback.
#[test]
fn nothing_is_rolled_back_beyond_an_uninstallation_by_hand() {
    let mut world = two();
    world.wish.policy.install_remediation.strategy = Strategy::Retry;
    world.wish.policy.install_remediation.retries = Some(3);
    let kept = inputs("2.0.0", "a");
    world.by_hand(2, Status::Uninstalled, "Uninstallation complete", kept);
    world.objects.clear();
    world.breaks();
    world.settle();
    let until = world.now + 300_000;
    world.now = until;
    world.settle();
    assert_eq!(world.history(), "1 superseded, 2 superseded, 3 failed");
    world.wish.policy.upgrade_remediation.last = true;
    world.wants("3.0.0");
    world.finish();
    assert_eq!(
        world.history(),
        "1 superseded, 2 superseded, 3 failed, 4 failed"
    );
    assert_eq!(world.condition("Stalled"), "True MissingRollbackTarget");
}
