//! What fails, and what follows: conditions, counters and revisions, exactly.

use super::World;
use super::world::remediation;
use crate::hooks::Event as Moment;
use crate::record::Status;
use crate::situation::Unserved;
use crate::turn::Requeue;
use crate::wish::Strategy;

#[test]
fn a_failed_installation_is_told_and_stalls_without_retries() {
    let mut world = World::new();
    world.breaks();
    let turn = world.finish();
    assert_eq!(turn.requeue, Requeue::OnChange);
    assert_eq!(world.history(), "1 failed");
    assert_eq!(
        world.records[&1].description,
        "Release \"web\" failed: resource Deployment/shop/web not ready. status: InProgress\ncontext deadline exceeded"
    );
    assert_eq!(world.counters(), (1, 1, 0));
    assert_eq!(world.condition("Ready"), "False InstallFailed");
    assert_eq!(world.condition("Released"), "False InstallFailed");
    assert_eq!(world.condition("Stalled"), "True RetriesExceeded");
    assert_eq!(
        world.message("Stalled"),
        "Failed to install after 1 attempt(s)\n\
         hint: change the wish, or reset it (annotations reconcile.fluxcd.io/requestedAt and resetAt), or force one try more \
         (requestedAt and forceAt)"
    );
    assert_eq!(world.condition("Remediated"), "-");
    assert_eq!(world.objects.len(), 2);
}

#[test]
fn a_failed_installation_is_uninstalled_between_its_retries() {
    let mut world = World::new();
    world.wish.policy.install_remediation = remediation(2, Strategy::Uninstall, false);
    world.may_leave = true;
    world.breaks();
    world.finish();
    assert_eq!(world.history(), "1 failed");
    assert_eq!(world.counters(), (3, 3, 0));
    assert_eq!(world.condition("Stalled"), "True RetriesExceeded");
    assert_eq!(
        world.message("Stalled"),
        "Failed to install after 3 attempt(s)\n\
         hint: change the wish, or reset it (annotations reconcile.fluxcd.io/requestedAt and resetAt), or force one try more \
         (requestedAt and forceAt)"
    );
    let reasons = world.reasons();
    assert_eq!(
        reasons
            .iter()
            .filter(|reason| **reason == "InstallFailed")
            .count(),
        3
    );
    assert_eq!(
        reasons
            .iter()
            .filter(|reason| **reason == "UninstallSucceeded")
            .count(),
        2
    );
}

#[test]
fn the_last_failed_installation_is_uninstalled_where_the_wish_says_so() {
    let mut world = World::new();
    world.wish.policy.install_remediation = remediation(1, Strategy::Uninstall, true);
    world.may_leave = true;
    world.breaks();
    world.finish();
    assert_eq!(world.history(), "");
    assert!(world.objects.is_empty());
    assert_eq!(world.counters(), (2, 2, 0));
    assert_eq!(world.condition("Stalled"), "True RetriesExceeded");
    assert_eq!(world.condition("Remediated"), "True UninstallSucceeded");
    assert_eq!(world.condition("Ready"), "False UninstallSucceeded");
}

#[test]
fn a_failed_installation_is_tried_again_as_it_is_where_the_wish_only_retries() {
    let mut world = World::new();
    world.wish.policy.install_remediation = remediation(1, Strategy::Retry, false);
    world.wish.policy.upgrade_remediation = remediation(1, Strategy::Retry, false);
    world.breaks();
    world.finish();
    assert_eq!(world.history(), "1 failed, 2 failed, 3 failed");
    assert_eq!(world.counters(), (3, 1, 2));
    assert_eq!(world.condition("Stalled"), "True RetriesExceeded");
}

#[test]
fn a_failed_upgrade_stalls_and_leaves_the_last_one_deployed() {
    let mut world = World::installed();
    world.breaks();
    world.wants("2.0.0");
    world.finish();
    assert_eq!(world.history(), "1 deployed, 2 failed");
    assert!(
        world.records[&2]
            .description
            .starts_with("Upgrade \"web\" failed: ")
    );
    assert_eq!(world.counters(), (1, 0, 1));
    assert_eq!(world.condition("Ready"), "False UpgradeFailed");
    assert_eq!(world.condition("Stalled"), "True RetriesExceeded");
    assert_eq!(
        world.message("Stalled"),
        "Failed to upgrade after 1 attempt(s)\n\
         hint: change the wish, or reset it (annotations reconcile.fluxcd.io/requestedAt and resetAt), or force one try more \
         (requestedAt and forceAt)"
    );
}

#[test]
fn a_failed_upgrade_is_rolled_back_as_a_new_revision_with_the_reason() {
    let mut world = World::installed();
    world.wish.policy.upgrade_remediation = remediation(0, Strategy::Rollback, true);
    world.refused.insert("Ingress/web".into(), 422);
    world.chart.objects.push("Ingress/web".into());
    world.wants("2.0.0");
    world.finish();
    assert_eq!(world.history(), "1 superseded, 2 failed, 3 deployed");
    assert_eq!(
        world.records[&3].description,
        "Rollback to 1: Upgrade \"web\" failed: Ingress/web: the API server said no"
    );
    assert_eq!(world.records[&3].chart.inputs.chart_version, "1.0.0");
    assert_eq!(world.counters(), (1, 0, 1));
    assert_eq!(world.condition("Remediated"), "True RollbackSucceeded");
    assert_eq!(world.condition("Ready"), "False RollbackSucceeded");
    assert_eq!(world.condition("Released"), "False UpgradeFailed");
    assert_eq!(world.condition("Stalled"), "True RetriesExceeded");
    assert_eq!(
        world.message("Remediated"),
        "Helm rollback to previous release shop/web.v1 with chart podinfo@1.0.0 succeeded"
    );
    world.outcome();
}

#[test]
fn an_upgrade_is_retried_after_each_rollback_with_exact_revisions() {
    let mut world = World::installed();
    world.wish.policy.upgrade_remediation = remediation(2, Strategy::Rollback, true);
    world.wish.policy.max_history = None;
    world.refused.insert("Ingress/web".into(), 422);
    world.chart.objects.push("Ingress/web".into());
    world.wants("2.0.0");
    world.finish();
    assert_eq!(
        world.history(),
        "1 superseded, 2 failed, 3 superseded, 4 failed, 5 superseded, 6 failed, 7 deployed"
    );
    assert_eq!(world.counters(), (3, 0, 3));
    assert_eq!(
        world.message("Stalled"),
        "Failed to upgrade after 3 attempt(s)\n\
         hint: change the wish, or reset it (annotations reconcile.fluxcd.io/requestedAt and resetAt), or force one try more \
         (requestedAt and forceAt)"
    );
}

#[test]
fn a_retry_that_succeeds_forgives_and_is_ready() {
    let mut world = World::installed();
    world.wish.policy.upgrade_remediation = remediation(3, Strategy::Rollback, true);
    world.refused.insert("Ingress/web".into(), 422);
    world.chart.objects.push("Ingress/web".into());
    world.wants("2.0.0");
    let turn = world.settle();
    assert!(matches!(turn.requeue, Requeue::At(_)));
    assert_eq!(world.condition("Reconciling"), "True ProgressingWithRetry");
    world.refused.clear();
    world.finish();
    assert_eq!(
        world.history(),
        "1 superseded, 2 failed, 3 superseded, 4 deployed"
    );
    assert_eq!(world.condition("Ready"), "True UpgradeSucceeded");
    assert_eq!(world.condition("Remediated"), "False Over");
    assert_eq!(world.counters(), (0, 0, 0));
}

#[test]
fn a_failed_rollback_is_tried_again_and_stalls_in_the_end() {
    let mut world = World::installed();
    world.wish.policy.upgrade_remediation = remediation(0, Strategy::Rollback, true);
    world.breaks();
    world.wants("2.0.0");
    world.finish();
    assert_eq!(world.condition("Stalled"), "True RemediationFailed");
    assert_eq!(world.condition("Remediated"), "False RollbackFailed");
    assert_eq!(world.condition("Ready"), "False RollbackFailed");
    assert_eq!(world.counters(), (6, 0, 1));
    assert_eq!(world.history().matches("deployed").count(), 1);
    assert!(
        world.records.contains_key(&1),
        "what was deployed is never pruned"
    );
}

#[test]
fn an_upgrade_is_uninstalled_only_where_the_wish_says_so() {
    let mut world = World::installed();
    world.wish.policy.upgrade_remediation = remediation(0, Strategy::Uninstall, true);
    world.may_leave = true;
    world.breaks();
    world.wants("2.0.0");
    world.finish();
    assert!(world.reasons().contains(&"UninstallSucceeded"));
    // What is gone is installed again, and that fails too.
    assert_eq!(world.history(), "1 failed");
    assert_eq!(world.counters(), (2, 1, 1));
}

#[test]
fn a_release_that_served_is_not_uninstalled_for_a_failed_installation() {
    let mut world = World::installed();
    // Somebody deletes all records; the objects stand.
    world.records.clear();
    world.wish.policy.install_remediation = remediation(1, Strategy::Uninstall, true);
    world.breaks();
    world.finish();
    assert_eq!(world.objects.len(), 2);
    assert!(!world.reasons().contains(&"UninstallSucceeded"));
}

#[test]
fn a_missing_rollback_target_stalls() {
    let mut world = World::new();
    world.wish.policy.install_remediation = remediation(1, Strategy::Retry, false);
    world.wish.policy.upgrade_remediation = remediation(0, Strategy::Rollback, true);
    world.breaks();
    world.finish();
    assert_eq!(world.history(), "1 failed, 2 failed");
    assert_eq!(world.condition("Stalled"), "True MissingRollbackTarget");
    assert!(
        world
            .message("Stalled")
            .starts_with("Failed to perform remediation: missing target release for rollback")
    );
}

#[test]
fn a_rollback_target_of_kinds_that_are_gone_stalls_and_says_which() {
    let mut world = World::installed();
    world.unserved = vec![Unserved {
        revision: 1,
        object: "policy/v1beta1 PodSecurityPolicy web".into(),
    }];
    world.wish.policy.upgrade_remediation = remediation(0, Strategy::Rollback, true);
    world.breaks();
    world.wants("2.0.0");
    world.finish();
    assert_eq!(world.history(), "1 deployed, 2 failed");
    assert_eq!(world.condition("Stalled"), "True MissingRollbackTarget");
    assert!(
        world
            .message("Stalled")
            .contains("policy/v1beta1 PodSecurityPolicy web")
    );
}

#[test]
fn a_failed_test_counts_and_stalls() {
    let mut world = World::new();
    world.tests(false);
    world.failing.insert(Moment::Test);
    world.finish();
    assert_eq!(world.history(), "1 deployed");
    assert_eq!(world.condition("TestSuccess"), "False TestFailed");
    assert_eq!(world.condition("Ready"), "False TestFailed");
    assert_eq!(world.condition("Released"), "True InstallSucceeded");
    assert_eq!(world.condition("Stalled"), "True RetriesExceeded");
    assert_eq!(world.counters(), (1, 1, 0));
    assert_eq!(world.runs, ["test of 1"]);
}

#[test]
fn a_failed_test_is_rolled_back_from_and_its_revision_is_no_target() {
    let mut world = World::new();
    world.tests(false);
    world.settle();
    world.wish.policy.upgrade_remediation = remediation(1, Strategy::Rollback, true);
    world.wish.policy.max_history = Some(1);
    world.failing.insert(Moment::Test);
    world.wants("2.0.0");
    world.run().unwrap();
    world.settle();
    assert_eq!(
        world
            .records
            .values()
            .next_back()
            .unwrap()
            .chart
            .inputs
            .chart_version,
        "1.0.0"
    );
    world.finish();
    assert_eq!(world.history(), "5 deployed");
    let newest = world.records.values().next_back().unwrap();
    assert_eq!(newest.chart.inputs.chart_version, "1.0.0");
    assert_eq!(newest.status, Status::Deployed);
    assert_eq!(world.counters(), (2, 0, 2));
    assert_eq!(world.condition("Stalled"), "True RetriesExceeded");
    assert_eq!(world.condition("Remediated"), "True RollbackSucceeded");
}

#[test]
fn a_failed_test_is_no_failure_where_the_wish_ignores_it() {
    let mut world = World::new();
    world.tests(true);
    world.failing.insert(Moment::Test);
    world.finish();
    assert_eq!(world.condition("TestSuccess"), "False TestFailed");
    assert_eq!(world.condition("Ready"), "True InstallSucceeded");
    assert_eq!(world.condition("Stalled"), "False Settled");
    assert_eq!(world.counters(), (1, 0, 0));
}

#[test]
fn a_failing_hook_fails_the_release_before_its_objects() {
    let mut world = World::installed();
    world.chart.hooks = vec![Moment::PreUpgrade];
    world.failing.insert(Moment::PreUpgrade);
    world.wants("2.0.0");
    let before = world.objects.clone();
    world.finish();
    assert_eq!(world.objects, before);
    assert_eq!(
        world.records[&2].description,
        "Upgrade \"web\" failed: pre-upgrade hooks failed: job failed: BackoffLimitExceeded"
    );
    assert_eq!(world.runs, ["pre-upgrade of 2"]);
}

#[test]
fn a_write_that_may_pass_later_is_sent_again() {
    let mut world = World::new();
    world.refused.insert("Deployment/web".into(), 503);
    let turn = world.settle_refused();
    assert_eq!(turn.requeue, Requeue::At(world.now + 5_000));
    assert_eq!(world.history(), "1 pending-install");
    world.refused.clear();
    world.finish();
    assert_eq!(world.history(), "1 deployed");
    assert_eq!(world.counters(), (0, 0, 0));
}

#[test]
fn a_record_that_is_refused_touches_no_object_and_is_tried_later() {
    let mut world = World::new();
    world.refused.insert("Secret".into(), 403);
    for _ in 0..4 {
        world.run().unwrap();
    }
    assert!(world.objects.is_empty());
    assert_eq!(world.condition("Ready"), "False InstallFailed");
    assert_eq!(world.counters().1, 0);
    assert!(world.state.retry_at.is_some());
    world.refused.clear();
    world.finish();
    assert_eq!(world.history(), "1 deployed");
}

#[test]
fn the_pause_between_two_tries_is_the_wishs_own_where_it_has_one() {
    let mut world = World::installed();
    let mut remedy = remediation(3, Strategy::Retry, false);
    remedy.interval = Some(std::time::Duration::from_secs(77));
    world.wish.policy.upgrade_remediation = remedy;
    world.refused.insert("Deployment/web".into(), 422);
    world.wants("2.0.0");
    let turn = world.settle();
    assert_eq!(turn.requeue, Requeue::At(world.now + 77_000));
}

#[test]
fn a_hook_that_the_api_server_refuses_fails_the_release() {
    let mut world = World::installed();
    world.chart.hooks = vec![Moment::PreUpgrade];
    world.refused.insert("Job".into(), 403);
    world.wants("2.0.0");
    world.finish();
    assert_eq!(world.history(), "1 deployed, 2 failed");
    assert!(
        world.records[&2]
            .description
            .starts_with("Upgrade \"web\" failed: pre-upgrade hooks failed: "),
        "{}",
        world.records[&2].description
    );
    assert!(world.runs.is_empty());
}
