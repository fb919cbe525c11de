//! Doing nothing costs nothing.

use oarlock_core::outcome::Outcome;
use serde_json::json;

use crate::world::World;
use crate::world::fake::{Fake, Wish};
use crate::world::objects::{at_map, at_widget, child, exactly, map_child, status, widget};

/// Runs the module once more, and returns what that cost.
async fn once_more(world: &World, module: &Fake) -> Vec<String> {
    world.quiet().await;
    let calls = module.count();
    world.requests();
    world.reconcile("a");
    module.call(calls + 1).await;
    world.quiet().await;
    assert_eq!(
        module.count(),
        calls + 1,
        "one run, and nothing that follows from it"
    );
    world.requests()
}

async fn settled(outcome: Outcome) -> (World, std::sync::Arc<Fake>) {
    let module = std::sync::Arc::new(Fake::wishing(&Wish::new(outcome)));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    (world, module)
}

fn with_status(outcome: Outcome) -> Outcome {
    Outcome {
        status: status(json!({"phase": "Done", "step": 3})),
        ..outcome
    }
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_that_changes_nothing_makes_no_request() {
    let (world, module) = settled(with_status(exactly([map_child("one"), map_child("two")]))).await;
    assert_eq!(once_more(&world, &module).await, Vec::<String>::new());
}

fn deployment() -> serde_json::Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{
                "name": "web", "image": "nginx", "ports": [{"containerPort": 80}],
                "resources": {"limits": {"cpu": "1000m", "memory": "1024Ki"}}, "env": [{"name": "EMPTY", "value": ""}],
            }], "nodeSelector": {}, "tolerations": []}},
        },
    })
}

#[tokio::test(start_paused = true)]
async fn children_that_the_server_defaults_are_not_written_again() {
    let (world, module) = settled(exactly([child(deployment())])).await;
    // The workload controllers have been writing all the while.
    world.pass(std::time::Duration::from_secs(120)).await;
    assert_eq!(once_more(&world, &module).await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_status_that_the_schema_prunes_is_not_written_again() {
    let outcome = Outcome {
        status: status(json!({"phase": "Done", "unknown": {"to": "the schema"}})),
        ..exactly([])
    };
    let (world, module) = settled(outcome).await;
    let live = world.live(&at_widget("a")).await;
    assert_eq!(live["status"].get("unknown"), None);
    assert_eq!(once_more(&world, &module).await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_foreign_field_on_a_child_costs_nothing() {
    let (world, module) = settled(exactly([map_child("one")])).await;
    world
        .patch(
            &at_map("one"),
            json!({"metadata": {"labels": {"by": "somebody"}}, "data": {"more": "x"}}),
        )
        .await;
    world.quiet().await;
    assert_eq!(once_more(&world, &module).await, Vec::<String>::new());
    assert_eq!(
        world.live(&at_map("one")).await["data"],
        json!({"k": "v", "more": "x"})
    );
}

#[tokio::test(start_paused = true)]
async fn a_restart_costs_one_write_per_child_that_changes_nothing() {
    let (mut world, module) = settled(with_status(exactly([
        map_child("one"),
        map_child("two"),
        child(deployment()),
    ])))
    .await;
    world.pass(std::time::Duration::from_secs(120)).await;
    let before = world.live(&at_map("one")).await;
    let calls = module.count();
    world.kill().await;
    world.requests();
    world.start();
    module.call(calls + 1).await;
    world.quiet().await;
    assert_eq!(
        world.writes(),
        [
            "PATCH /api/v1/namespaces/default/configmaps/one",
            "PATCH /api/v1/namespaces/default/configmaps/two",
            "PATCH /apis/apps/v1/namespaces/default/deployments/web",
        ]
    );
    assert_eq!(world.live(&at_map("one")).await, before);
    assert_eq!(once_more(&world, &module).await, Vec::<String>::new());
}
