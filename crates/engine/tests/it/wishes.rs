//! What the user of an object asks of the host by an annotation, without any help of the module.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::outcome::{Failure, Outcome};
use serde_json::{Value, json};

use crate::world::World;
use crate::world::fake::{Fake, Wish};
use crate::world::objects::{
    annotations, at_map, at_widget, condition, exactly, map_child, watch, widget,
};

async fn settled() -> (World, Arc<Fake>, Wish) {
    let wish = Wish::new(exactly([map_child("one")]));
    let module = Arc::new(Fake::wishing(&wish));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.quiet().await;
    (world, module, wish)
}

async fn annotate(world: &World, name: &str, value: impl Into<Value>) {
    let patch = json!({"metadata": {"annotations": {name: value.into()}}});
    world.patch(&at_widget("a"), patch).await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_object_is_left_alone_and_says_so() {
    let (world, module, _) = settled().await;
    annotate(&world, "oarlock.dev/paused", "true").await;
    let message = world
        .until_condition("a", "Paused", "True", "Annotated")
        .await;
    insta::assert_snapshot!(message, @"the annotation oarlock.dev/paused is on the object: nothing is done for it; hint: take the annotation off");
    let calls = module.count();
    world.requests();
    world
        .patch(&at_widget("a"), json!({"spec": {"size": 2}}))
        .await;
    world.delete(&at_map("one")).await;
    world.pass(Duration::from_secs(24 * 3600)).await;
    assert_eq!(module.count(), calls, "neither changes nor its period");
    assert_eq!(
        world.writes(),
        ["PATCH /apis/demo.example.com/v1/namespaces/default/widgets/a/status"],
        "the condition is of the new generation"
    );
    assert_eq!(world.get(&at_map("one")).await, None, "drift stays");
    let live = world.live(&at_widget("a")).await;
    assert_eq!(
        condition(&live, "Ready").unwrap()["status"],
        "True",
        "as it was"
    );

    let began = world.clock.now();
    annotate(&world, "oarlock.dev/paused", Value::Null).await;
    world.until_there(&at_map("one")).await;
    assert!(world.clock.now().since(began) < Duration::from_secs(1));
    world
        .until(&at_widget("a"), |live| {
            live.is_some_and(|live| condition(live, "Paused").is_none())
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_object_that_is_deleted_waits_until_it_is_resumed() {
    let module = Arc::new(
        Fake::new(|request| {
            Ok(Outcome {
                finalized: request.deleting,
                ..Outcome::nothing()
            })
        })
        .finalizer("fake.example.com/cleanup"),
    );
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    annotate(&world, "oarlock.dev/paused", "true").await;
    world
        .until_condition("a", "Paused", "True", "Annotated")
        .await;
    world.delete(&at_widget("a")).await;
    world.pass(Duration::from_secs(3600)).await;
    let message = world
        .until_condition("a", "Paused", "True", "Annotated")
        .await;
    assert!(message.contains("its deletion waits"), "{message}");
    annotate(&world, "oarlock.dev/paused", Value::Null).await;
    world.until_gone(&at_widget("a")).await;
}

#[tokio::test(start_paused = true)]
async fn a_failing_object_can_be_paused_and_is_tried_at_once_when_resumed() {
    let (world, module, wish) = settled().await;
    wish.fail(Failure::Retry("no".to_owned()));
    world.reconcile("a");
    world.pass(Duration::from_secs(600)).await;
    annotate(&world, "oarlock.dev/paused", "").await;
    world
        .until_condition("a", "Paused", "True", "Annotated")
        .await;
    let calls = module.count();
    world.pass(Duration::from_secs(3600)).await;
    assert_eq!(module.count(), calls, "no backoff either");
    wish.set(Outcome::nothing());
    let began = world.clock.now();
    annotate(&world, "oarlock.dev/paused", "false").await;
    world.until_ready("a").await;
    assert!(world.clock.now().since(began) < Duration::from_secs(1));
}

/// Waits until a request was answered.
async fn until_handled(world: &World, value: &str) {
    world
        .until(&at_widget("a"), |live| {
            live.is_some_and(|live| {
                annotations(live).get("oarlock.dev/handled-at") == Some(&json!(value))
            })
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_asked_for_is_made_at_once_and_answered() {
    for name in [
        "oarlock.dev/requested-at",
        "reconcile.fluxcd.io/requestedAt",
    ] {
        let (world, module, _) = settled().await;
        let calls = module.count();
        annotate(&world, name, "2026-01-01T00:00:00Z").await;
        until_handled(&world, "2026-01-01T00:00:00Z").await;
        world.quiet().await;
        assert_eq!(module.count(), calls + 1, "one run, also with its answer");
        annotate(&world, name, "again").await;
        until_handled(&world, "again").await;
        world.quiet().await;
        assert_eq!(module.count(), calls + 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_answered_also_when_the_run_failed_and_does_not_wait_for_its_backoff() {
    let (world, module, wish) = settled().await;
    wish.fail(Failure::Retry("no".to_owned()));
    world.reconcile("a");
    world.pass(Duration::from_secs(900)).await;
    let (calls, began) = (module.count(), world.clock.now());
    annotate(&world, "oarlock.dev/requested-at", "now").await;
    until_handled(&world, "now").await;
    assert!(world.clock.now().since(began) < Duration::from_secs(1));
    assert_eq!(module.count(), calls + 1);
}

#[tokio::test(start_paused = true)]
async fn an_answered_request_costs_nothing_after_a_restart() {
    let (mut world, module, _) = settled().await;
    annotate(&world, "oarlock.dev/requested-at", "t").await;
    until_handled(&world, "t").await;
    world.quiet().await;
    let calls = module.count();
    world.kill().await;
    world.requests();
    world.start();
    module.call(calls + 1).await;
    world.quiet().await;
    assert_eq!(
        world.writes(),
        ["PATCH /api/v1/namespaces/default/configmaps/one"]
    );
}

#[tokio::test(start_paused = true)]
async fn an_object_may_have_a_period_of_its_own() {
    for name in [
        "oarlock.dev/reconcile-period",
        "ansible.sdk.operatorframework.io/reconcile-period",
        "helm.sdk.operatorframework.io/reconcile-period",
    ] {
        let (world, module, _) = settled().await;
        annotate(&world, name, "30s").await;
        world.quiet().await;
        let calls = module.count();
        world.pass(Duration::from_secs(300)).await;
        let more = module.count() - calls;
        assert!((9..=11).contains(&more), "{more} runs in five minutes");
    }
}

#[tokio::test(start_paused = true)]
async fn a_period_that_cannot_be_read_is_told_and_the_watchs_holds() {
    let module = Arc::new(Fake::wishing(&Wish::new(Outcome::nothing())));
    let mut world = World::new().await;
    let mut often = watch();
    often.period = Duration::from_secs(600);
    world.serve(often, &module);
    let mut object = widget("a");
    object["metadata"]["annotations"] = json!({"oarlock.dev/reconcile-period": "10 minutes"});
    world.create(object).await;
    world.until_ready("a").await;
    module.call(3).await;
    world.quiet().await;
    assert_eq!(
        world.events("a").await,
        [
            "Warning BadAnnotation: the annotation oarlock.dev/reconcile-period is not used: unknown unit \" minutes\"; hint: \
             minutes are written m; the watch's period holds (1)"
        ]
    );
}
