//! Killed between any two effects, and with any status write lost: it ends as if nothing had been.

use super::World;
use super::world::remediation;
use crate::hooks::Event as Moment;
use crate::state::Stage;
use crate::wish::Strategy;

/// Plays it to its end, then again with every single thing going wrong once.
fn whatever_happens(scene: impl Fn() -> World) {
    let mut world = scene();
    let (effects, writes) = (world.effects, world.writes);
    world.finish();
    let expected = world.outcome();
    let (effects, writes) = (world.effects - effects, world.writes - writes);
    assert!(effects > 2 && writes > 2, "nothing happens: {expected}");
    for fuse in 0..effects {
        let mut world = scene();
        world.fuse = Some(fuse);
        world.finish();
        assert_eq!(world.fuse, None);
        assert_eq!(world.outcome(), expected, "killed after {fuse} effects");
    }
    for conflict in 0..writes {
        let mut world = scene();
        world.conflict = Some(conflict);
        world.finish();
        assert_eq!(
            world.outcome(),
            expected,
            "status write {conflict} conflicted"
        );
    }
    // Killed, and soon after that again.
    for fuse in 0..effects {
        let mut world = scene();
        world.fuse = Some(fuse);
        while world.fuse.is_some() {
            world.run();
        }
        world.fuse = Some(0);
        world.finish();
        assert_eq!(
            world.outcome(),
            expected,
            "killed twice after {fuse} effects"
        );
    }
}

#[test]
fn an_installation_survives_a_kill_anywhere() {
    whatever_happens(|| {
        let mut world = World::new();
        world.chart.hooks = vec![Moment::PreInstall, Moment::PreInstall, Moment::PostInstall];
        world.tests(false);
        world
    });
}

#[test]
fn an_upgrade_survives_a_kill_anywhere() {
    whatever_happens(|| {
        let mut world = World::installed();
        world.wish.policy.max_history = Some(1);
        world.chart.hooks = vec![Moment::PreUpgrade, Moment::PostUpgrade];
        world.chart.objects = vec!["Deployment/web".into(), "Ingress/web".into()];
        world.wants("2.0.0");
        world
    });
}

#[test]
fn a_failed_installation_and_its_remediation_survive_a_kill_anywhere() {
    whatever_happens(|| {
        let mut world = World::new();
        world.wish.policy.install_remediation = remediation(1, Strategy::Uninstall, true);
        world.may_leave = true;
        world.breaks();
        world
    });
}

#[test]
fn a_failed_upgrade_and_its_rollback_survive_a_kill_anywhere() {
    whatever_happens(|| {
        let mut world = World::installed();
        world.wish.policy.upgrade_remediation = remediation(1, Strategy::Rollback, true);
        world.wish.policy.max_history = Some(3);
        world.chart.hooks = vec![Moment::PreUpgrade, Moment::PostUpgrade];
        world.failing.insert(Moment::PostUpgrade);
        world.chart.objects.push("Ingress/web".into());
        world.wants("2.0.0");
        world
    });
}

#[test]
fn a_failed_test_and_its_rollback_survive_a_kill_anywhere() {
    whatever_happens(|| {
        let mut world = World::installed();
        world.wish.policy.upgrade_remediation = remediation(0, Strategy::Rollback, true);
        world.tests(false);
        world.failing.insert(Moment::Test);
        world.wants("2.0.0");
        world
    });
}

#[test]
fn an_uninstallation_survives_a_kill_anywhere() {
    for keep in [false, true] {
        whatever_happens(|| {
            let mut world = World::new();
            world.chart.hooks = vec![Moment::PreDelete, Moment::PostDelete];
            world.settle();
            world.wants("2.0.0");
            world.settle();
            world.wish.policy.keep_history = keep;
            world.may_leave = true;
            world.deleting = true;
            world
        });
    }
}

#[test]
fn a_move_survives_a_kill_anywhere() {
    whatever_happens(|| {
        let mut world = World::installed();
        world.may_leave = true;
        world.wish.name = "shopfront".into();
        world
    });
}

#[test]
fn a_change_of_mind_survives_a_kill_anywhere() {
    whatever_happens(|| {
        let mut world = World::installed();
        world.wants("2.0.0");
        world.slow = true;
        world.settle();
        world.wants("3.0.0");
        world.slow = false;
        world
    });
}

#[test]
fn a_record_that_is_deployed_stays_so_although_the_status_was_lost() {
    let mut world = World::installed();
    world.wants("2.0.0");
    while world.state.action.as_ref().map(|action| &action.stage) != Some(&Stage::Ready) {
        world.run().unwrap();
    }
    world.conflict = Some(0);
    world.run().unwrap();
    assert_eq!(world.history(), "1 superseded, 2 deployed");
    assert!(world.state.action.is_some());
    world.slow = true;
    world.now += 400_000;
    world.settle();
    assert_eq!(world.history(), "1 superseded, 2 deployed");
    assert_eq!(world.condition("Ready"), "True UpgradeSucceeded");
}
