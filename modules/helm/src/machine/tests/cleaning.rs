//! What a failed upgrade leaves behind.

use super::World;
use crate::turn::Effect;
use crate::wish::Strategy;

/// An upgrade that adds an object and never becomes ready.
fn failing(cleanup: bool) -> World {
    let mut world = World::installed();
    world.wish.policy.upgrade_remediation.strategy = Strategy::Retry;
    world.wish.policy.actions.upgrade.cleanup = Some(cleanup);
    world.wants("2.0.0");
    world.chart.objects.push("Ingress/web".into());
    world.breaks();
    world
}

fn objects(world: &World) -> Vec<&str> {
    world.objects.keys().map(String::as_str).collect()
}

#[test]
fn what_a_failed_upgrade_created_goes_where_the_wish_says_so() {
    let mut world = failing(true);
    world.finish();
    assert_eq!(world.history(), "1 deployed, 2 failed");
    assert_eq!(objects(&world), ["Deployment/web", "Service/web"]);
    assert_eq!(world.condition("Ready"), "False UpgradeFailed");
    let mut other = failing(false);
    other.finish();
    assert_eq!(
        objects(&other),
        ["Deployment/web", "Ingress/web", "Service/web"]
    );
}

#[test]
fn the_next_try_cleans_up_its_own_alone() {
    let mut world = failing(true);
    world.wish.policy.upgrade_remediation.retries = Some(1);
    world.finish();
    assert_eq!(world.history(), "1 deployed, 2 failed, 3 failed");
    assert_eq!(objects(&world), ["Deployment/web", "Service/web"]);
    world.heals();
    world.wants("2.0.1");
    world.finish();
    assert!(world.history().ends_with("4 deployed"));
    assert_eq!(
        objects(&world),
        ["Deployment/web", "Ingress/web", "Service/web"]
    );
}

#[test]
fn what_an_earlier_failure_left_is_not_this_ones_to_remove() {
    let mut world = failing(false);
    world.finish();
    world.wish.policy.actions.upgrade.cleanup = Some(true);
    world.wants("2.0.1");
    world.chart.objects.push("Job/once".into());
    world.finish();
    assert_eq!(world.history(), "1 deployed, 2 failed, 3 failed");
    assert_eq!(
        objects(&world),
        ["Deployment/web", "Ingress/web", "Service/web"]
    );
}

#[test]
fn an_installation_cleans_up_nothing() {
    let mut world = World::new();
    world.wish.policy.actions.install.cleanup = Some(true);
    world.breaks();
    world.finish();
    assert_eq!(world.history(), "1 failed");
    assert_eq!(objects(&world), ["Deployment/web", "Service/web"]);
}

#[test]
fn killed_at_any_effect_it_cleans_up_all_the_same() {
    for fuse in 0..40 {
        let mut world = failing(true);
        world.fuse = Some(fuse);
        world.finish();
        let left = objects(&world);
        assert_eq!(
            left,
            ["Deployment/web", "Service/web"],
            "killed at effect {fuse}"
        );
        assert_eq!(world.history(), "1 deployed, 2 failed");
        assert_eq!(world.counters(), (1, 0, 1));
    }
}

#[test]
fn a_failure_is_told_although_nothing_can_be_cleaned_up() {
    let mut world = failing(true);
    world.refused.insert("clean".into(), 403);
    world.finish();
    assert_eq!(world.history(), "1 deployed, 2 failed");
    assert_eq!(world.condition("Ready"), "False UpgradeFailed");
    let said = world.message("Released");
    assert!(
        said.ends_with("what it created is left: Ingress/web: the API server said no"),
        "{said}"
    );
    assert_eq!(world.state.action, None);
}

#[test]
fn a_cleaning_that_is_refused_for_now_is_sent_again() {
    let mut world = failing(true);
    world.refused.insert("clean".into(), 503);
    for _ in 0..30 {
        let turn = world.run();
        if world
            .report
            .as_ref()
            .is_some_and(|report| report.refused.is_some())
        {
            break;
        }
        if let Some(crate::turn::Requeue::At(at)) = turn.map(|turn| turn.requeue) {
            world.now = at;
        }
    }
    assert!(world.state.action.is_some(), "the failure is not told yet");
    world.refused.clear();
    world.finish();
    assert_eq!(objects(&world), ["Deployment/web", "Service/web"]);
    assert_eq!(world.condition("Ready"), "False UpgradeFailed");
}

#[test]
fn the_record_comes_before_what_is_removed() {
    let mut world = failing(true);
    let turn = loop {
        let turn = world.run().unwrap();
        if turn
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::Clean { .. }))
        {
            break turn;
        }
        if let crate::turn::Requeue::At(at) = turn.requeue {
            world.now = at;
        }
    };
    assert!(matches!(
        turn.effects[..],
        [Effect::Record(_), Effect::Clean { of: 2, .. }]
    ));
}
