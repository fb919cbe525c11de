//! What goes well.

use super::World;
use super::world::inputs;
use crate::hooks::Event as Moment;
use crate::record::Status;
use crate::situation::{Obstacle, Unserved};
use crate::state::Stage;
use crate::turn::{Effect, Requeue};
use crate::wish::DriftMode;

#[test]
fn an_installation_is_one_record_and_says_so() {
    let mut world = World::new();
    world.settle();
    assert_eq!(world.history(), "1 deployed");
    assert_eq!(world.records[&1].description, "Install complete");
    assert_eq!(world.condition("Ready"), "True InstallSucceeded");
    assert_eq!(world.condition("Released"), "True InstallSucceeded");
    assert_eq!(world.condition("Reconciling"), "False Settled");
    assert_eq!(world.condition("Stalled"), "False Settled");
    assert_eq!(
        world.message("Released"),
        "Helm install succeeded for release shop/web.v1 with chart podinfo@1.0.0"
    );
    assert_eq!(world.counters(), (0, 0, 0));
    assert_eq!(world.objects.len(), 2);
}

#[test]
fn intent_is_in_the_status_before_the_first_effect() {
    let mut world = World::new();
    let first = world.run().unwrap();
    assert!(first.effects.is_empty());
    assert_eq!(first.requeue, Requeue::OnceWritten);
    assert_eq!(world.condition("Ready"), "Unknown Progressing");
    assert_eq!(
        world.message("Ready"),
        "Running 'install' action with timeout of 5m0s"
    );
    let second = world.run().unwrap();
    assert!(matches!(
        second.effects[..],
        [Effect::Ground, Effect::Record(_)]
    ));
    assert_eq!(world.history(), "1 pending-install");
    assert_eq!(world.records[&1].description, "Initial install underway");
    assert!(world.objects.is_empty());
}

#[test]
fn an_upgrade_supersedes_and_removes_what_is_left_out() {
    let mut world = World::installed();
    world.wants("2.0.0");
    world.chart.objects = vec!["Deployment/web".into(), "Ingress/web".into()];
    world.settle();
    assert_eq!(world.history(), "1 superseded, 2 deployed");
    assert_eq!(world.records[&2].description, "Upgrade complete");
    assert_eq!(world.condition("Ready"), "True UpgradeSucceeded");
    let objects: Vec<&String> = world.objects.keys().collect();
    assert_eq!(objects, ["Deployment/web", "Ingress/web"]);
}

#[test]
fn unchanged_inputs_are_no_turn_with_an_effect() {
    let mut world = World::installed();
    let before = world.state.clone();
    for _ in 0..3 {
        let turn = world.run().unwrap();
        assert!(turn.effects.is_empty() && turn.events.is_empty());
        assert_eq!(turn.state, before);
        assert_eq!(turn.requeue, Requeue::OnChange);
    }
}

#[test]
fn hooks_run_once_each_and_in_their_moments() {
    let mut world = World::new();
    world.chart.hooks = vec![
        Moment::PreInstall,
        Moment::PreInstall,
        Moment::PostInstall,
        Moment::PreUpgrade,
        Moment::PostUpgrade,
    ];
    world.settle();
    world.wants("2.0.0");
    world.settle();
    assert_eq!(
        world.runs,
        [
            "pre-install of 1",
            "pre-install of 1",
            "post-install of 1",
            "pre-upgrade of 2",
            "post-upgrade of 2"
        ]
    );
    assert_eq!(world.history(), "1 superseded, 2 deployed");
}

#[test]
fn hooks_are_left_out_where_the_wish_says_so() {
    let mut world = World::new();
    world.chart.hooks = vec![Moment::PreInstall, Moment::PostInstall];
    world.wish.policy.disable_hooks = true;
    world.settle();
    assert!(world.runs.is_empty());
    assert_eq!(world.history(), "1 deployed");
}

#[test]
fn nothing_blocks_on_readiness() {
    let mut world = World::new();
    world.slow = true;
    let turn = world.settle();
    assert_eq!(turn.requeue, Requeue::At(world.now + 300_000));
    assert_eq!(world.history(), "1 pending-install");
    assert!(world.message("Reconciling").contains("not ready"));
    world.slow = false;
    world.settle();
    assert_eq!(world.history(), "1 deployed");
}

#[test]
fn readiness_is_not_asked_for_where_the_wish_does_not() {
    let mut world = World::new();
    world.wish.policy.wait = false;
    world.slow = true;
    world.settle();
    assert_eq!(world.history(), "1 deployed");
}

#[test]
fn the_history_is_pruned_and_never_loses_the_deployed_one() {
    let mut world = World::installed();
    world.wish.policy.max_history = Some(2);
    for version in ["2.0.0", "3.0.0", "4.0.0"] {
        world.wants(version);
        world.settle();
    }
    assert_eq!(world.history(), "3 superseded, 4 deployed");
    world.breaks();
    for version in ["5.0.0", "6.0.0", "7.0.0"] {
        world.wants(version);
        world.finish();
    }
    assert_eq!(world.history(), "4 deployed, 7 failed");
}

#[test]
fn all_revisions_are_kept_where_no_number_is_wished_for() {
    let mut world = World::installed();
    world.wish.policy.max_history = None;
    for version in 2..12 {
        world.wants(&format!("{version}.0.0"));
        world.settle();
    }
    assert_eq!(world.records.len(), 11);
    assert_eq!(world.state.history.len(), 5);
}

#[test]
fn tests_run_after_the_release_and_are_told() {
    let mut world = World::new();
    world.tests(false);
    world.settle();
    assert_eq!(world.runs, ["test of 1"]);
    assert_eq!(world.condition("TestSuccess"), "True TestSucceeded");
    assert_eq!(world.condition("Ready"), "True TestSucceeded");
    assert_eq!(
        world.message("TestSuccess"),
        "Helm test succeeded for release shop/web.v1 with chart podinfo@1.0.0: 1 test hook completed successfully"
    );
    assert!(world.state.served);
}

#[test]
fn a_suspended_release_is_left_alone() {
    let mut world = World::installed();
    world.wish.suspended = true;
    world.wants("2.0.0");
    let turn = world.settle();
    assert!(turn.effects.is_empty());
    assert_eq!(world.history(), "1 deployed");
    world.wish.suspended = false;
    world.settle();
    assert_eq!(world.history(), "1 superseded, 2 deployed");
}

#[test]
fn what_is_under_way_ends_before_it_is_suspended() {
    let mut world = World::installed();
    world.wants("2.0.0");
    world.slow = true;
    world.settle();
    world.wish.suspended = true;
    world.settle();
    assert_eq!(world.history(), "1 deployed, 2 pending-upgrade");
    world.slow = false;
    world.settle();
    assert_eq!(world.history(), "1 superseded, 2 deployed");
}

#[test]
fn what_it_depends_on_is_waited_for() {
    let mut world = World::new();
    world.dependencies = vec!["shop/database".into()];
    let turn = world.settle();
    assert_eq!(world.condition("Ready"), "False DependencyNotReady");
    assert_eq!(turn.requeue, Requeue::At(world.now + 30_000));
    assert!(world.records.is_empty());
    world.dependencies.clear();
    world.settle();
    assert_eq!(world.history(), "1 deployed");
}

#[test]
fn a_release_of_another_object_is_refused() {
    let mut world = World::new();
    world.by_hand(
        1,
        Status::Deployed,
        "Install complete",
        inputs("9.0.0", "x"),
    );
    world.antecedent = Some("HelmRelease shop/other".into());
    world.settle();
    assert_eq!(world.condition("Stalled"), "True ReleaseOwned");
    assert_eq!(world.condition("Ready"), "False ReleaseOwned");
    assert!(world.message("Ready").contains("HelmRelease shop/other"));
    world.deleting = true;
    world.settle();
    assert!(world.gone);
    assert_eq!(world.history(), "1 deployed");
}

#[test]
fn of_two_who_want_the_same_revision_one_gets_it() {
    let mut world = World::new();
    world.run().unwrap();
    world.by_hand(
        1,
        Status::PendingInstall,
        "Initial install underway",
        inputs("9.0.0", "x"),
    );
    let turn = world.settle();
    assert_eq!(world.history(), "1 pending-install");
    assert!(world.objects.is_empty());
    assert_eq!(world.condition("Ready"), "False PendingRelease");
    assert!(matches!(turn.requeue, Requeue::At(_)));
}

#[test]
fn an_obstacle_touches_nothing_that_runs() {
    let mut world = World::installed();
    world.wants("2.0.0");
    world.obstacle = Some(Obstacle {
        reason: "ValuesError",
        message: "Secret shop/values is not there\nhint: create it".into(),
        retry: None,
    });
    let turn = world.settle();
    assert!(turn.effects.is_empty());
    assert_eq!(world.condition("Ready"), "False ValuesError");
    assert_eq!(world.history(), "1 deployed");
    assert_eq!(world.counters(), (0, 0, 0));
    world.obstacle = None;
    world.settle();
    assert_eq!(world.condition("Ready"), "True UpgradeSucceeded");
}

#[test]
fn what_cannot_be_rendered_is_said_before_the_record_is_written() {
    let mut world = World::installed();
    world.wants("2.0.0");
    world.run().unwrap();
    assert_eq!(world.state.action.as_ref().unwrap().stage, Stage::Begin);
    world.obstacle = Some(Obstacle {
        reason: "RenderFailed",
        message: "execution error at (podinfo/templates/deployment.yaml:3)".into(),
        retry: None,
    });
    world.settle();
    assert_eq!(world.condition("Ready"), "False RenderFailed");
    assert_eq!(world.history(), "1 deployed");
    world.obstacle = None;
    world.wants("2.0.1");
    world.settle();
    assert_eq!(world.history(), "1 superseded, 2 deployed");
    assert_eq!(world.records[&2].chart.inputs.chart_version, "2.0.1");
}

#[test]
fn drift_is_told_once_where_it_is_only_warned_of() {
    let mut world = World::installed();
    world.wish.policy.drift.mode = DriftMode::Warn;
    world.drift = Some(vec![
        "Deployment/shop/web changed (0 additions, 1 changes, 0 removals)".into(),
    ]);
    world.settle();
    assert_eq!(world.condition("Drifted"), "True DriftDetected");
    assert_eq!(world.condition("Ready"), "True InstallSucceeded");
    world.settle();
    assert_eq!(
        world
            .reasons()
            .iter()
            .filter(|reason| **reason == "DriftDetected")
            .count(),
        1
    );
    world.drift = Some(Vec::new());
    world.settle();
    assert_eq!(world.condition("Drifted"), "False NoDrift");
}

#[test]
fn drift_is_corrected_and_nobody_is_fought() {
    let mut world = World::installed();
    world.wish.policy.drift.mode = DriftMode::Enabled;
    world.drift = Some(vec!["Deployment/shop/web changed".into()]);
    world.objects.insert("Deployment/web".into(), 999);
    world.run().unwrap();
    let correction = world.run().unwrap();
    assert!(matches!(
        correction.effects[..],
        [Effect::Objects { of: 1, .. }]
    ));
    assert_eq!(world.condition("Drifted"), "False DriftCorrected");
    world.outcome();
    assert_eq!(world.history(), "1 deployed");
    // The other one writes it again.
    let turn = world.settle();
    assert_eq!(turn.requeue, Requeue::At(world.now + 30_000));
}

#[test]
fn drift_is_not_looked_at_where_the_wish_does_not() {
    let mut world = World::installed();
    world.drift = Some(vec!["Deployment/shop/web changed".into()]);
    let turn = world.settle();
    assert!(turn.effects.is_empty());
    assert_eq!(world.condition("Drifted"), "-");
}

#[test]
fn a_removed_api_version_in_the_stored_manifest_does_not_block_an_upgrade() {
    let mut world = World::installed();
    world.unserved = vec![Unserved {
        revision: 1,
        object: "policy/v1beta1 PodSecurityPolicy web".into(),
    }];
    world.wants("2.0.0");
    world.settle();
    assert_eq!(world.history(), "1 superseded, 2 deployed");
    assert!(world.reasons().contains(&"RemovedApi"));
}

#[test]
fn the_interval_is_when_it_is_looked_at_again() {
    let mut world = World::installed();
    world.wish.interval = Some(std::time::Duration::from_secs(600));
    let turn = world.settle();
    assert_eq!(turn.requeue, Requeue::At(world.now + 600_000));
    assert!(turn.effects.is_empty());
}

#[test]
fn an_installation_without_hooks_is_four_turns() {
    let mut world = World::new();
    let mut turns = 0;
    while world.history() != "1 deployed" {
        world.run().unwrap();
        turns += 1;
    }
    assert_eq!(turns, 4);
}

#[test]
fn what_is_remembered_is_small() {
    let mut world = World::installed();
    world.chart.hooks = vec![Moment::PreUpgrade; 3];
    for version in 2..9 {
        world.wants(&format!("{version}.0.0"));
        world.settle();
    }
    world.wants("9.0.0");
    world.slow = true;
    world.settle();
    let size = serde_json::to_string(&world.state).unwrap().len();
    assert!(size < 4_096, "{size} bytes");
}

#[test]
fn what_ran_before_the_objects_does_not_count_for_after_them() {
    let action = crate::state::Action {
        verb: crate::state::Verb::Upgrade,
        revision: 2,
        number: 7,
        stage: Stage::Before,
        since: 0,
        inputs: crate::state::Inputs::default(),
        against: Vec::new(),
        because: String::new(),
        courses: Vec::new(),
        moves: 0,
        former: None,
    };
    let run = |event| crate::situation::run("uid", &action, event);
    assert_eq!(run(Moment::PreUpgrade), "uid.2.7.pre-upgrade");
    assert_eq!(run(Moment::PostUpgrade), "uid.2.7.post-upgrade");
}
