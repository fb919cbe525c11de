//! Objects that are large, and those that are too large.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::cluster::Verb;
use oarlock_core::outcome::Outcome;
use oarlock_core::request::ApiError;
use serde_json::json;

use crate::world::World;
use crate::world::fake::{Fake, Wish};
use crate::world::faults::Strike;
use crate::world::objects::{at_map, at_widget, child, config_map, exactly, map_child, widget};

fn of_size(bytes: usize) -> Outcome {
    exactly([child(config_map("one", json!({"k": "x".repeat(bytes)})))])
}

async fn until_too_large(world: &World) -> String {
    world
        .until_condition("a", "Stalled", "True", "TooLarge")
        .await
}

#[tokio::test(start_paused = true)]
async fn a_large_child_below_the_limits_is_written_once() {
    let module = Arc::new(Fake::wishing(&Wish::new(of_size(1_400_000))));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.quiet().await;
    world.requests();
    world.reconcile("a");
    world.quiet().await;
    assert_eq!(world.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_child_that_is_too_large_is_told_and_not_tried_until_something_changes() {
    let wish = Wish::new(of_size(3 << 20));
    let module = Arc::new(Fake::wishing(&wish));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    let message = until_too_large(&world).await;
    insta::assert_snapshot!(message, @"ConfigMap default/one was not applied: Request entity too large: limit is 3145728 (RequestEntityTooLarge, 413); hint: an API server takes about 1.5 MiB per object, 256 KiB of them annotations: keep less in it");
    world.quiet().await;
    let calls = module.count();
    world.requests();
    world.pass(Duration::from_secs(3600)).await;
    assert_eq!((module.count(), world.writes()), (calls, Vec::new()));

    wish.set(of_size(10));
    world
        .patch(&at_widget("a"), json!({"spec": {"size": 2}}))
        .await;
    world.until_there(&at_map("one")).await;
    world.until_ready("a").await;
}

/// What the API server says of more than 256 KiB of annotations.
#[tokio::test(start_paused = true)]
async fn annotations_that_are_too_large_are_told_and_not_tried_again() {
    let module = Arc::new(Fake::wishing(&Wish::new(exactly([map_child("one")]))));
    let world = World::with(&module).await;
    world.strike(|call| match &call.verb {
        Verb::Apply { .. } => Strike::Refuse(ApiError::new(
            422,
            "Invalid",
            "ConfigMap \"one\" is invalid: metadata.annotations: Too long: may not be more than 262144 bytes",
        )),
        _ => Strike::Pass,
    });
    world.create(widget("a")).await;
    let message = until_too_large(&world).await;
    assert!(
        message.contains("metadata.annotations: Too long"),
        "{message}"
    );
    world.quiet().await;
    let calls = module.count();
    world.pass(Duration::from_secs(3600)).await;
    assert_eq!(module.count(), calls);
}
