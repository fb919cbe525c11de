//! The end of an operator: what is going on ends, nothing begins, and it does not take for ever.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::outcome::{Notice, Outcome};
use serde_json::json;

use crate::world::World;
use crate::world::fake::{Fake, never};
use crate::world::objects::{at_map, at_widget, condition, exactly, map_child, watch, widget};

#[tokio::test(start_paused = true)]
async fn runs_that_are_going_on_end_with_all_their_writes_and_none_begins() {
    let module = Arc::new(Fake::reading(|_, _| {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            Ok(exactly([map_child("one")]))
        })
    }));
    let mut world = World::new().await.workers(1);
    world.serve(watch(), &module);
    world.create(widget("a")).await;
    module.busy(1).await;
    world.create(widget("b")).await;
    world.quiet().await;
    let began = tokio::time::Instant::now();
    world.stop().await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(6), "{took:?}");
    assert_eq!(
        module.count(),
        1,
        "the other one waits for the next operator"
    );
    assert!(world.get(&at_map("one")).await.is_some());
    let live = world.live(&at_widget("a")).await;
    assert_eq!(
        condition(&live, "Ready").map(|c| c["status"].clone()),
        Some(json!("True"))
    );
    world.start();
    world
        .until_condition("b", "Ready", "False", "WriteRefused")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_does_not_end_is_dropped_in_time() {
    let module = Arc::new(Fake::reading(|_, _| Box::pin(never())));
    let mut world = World::new().await.drain(Duration::from_secs(3));
    let mut patient = watch();
    patient.limits.deadline = Duration::from_secs(3600);
    world.serve(patient, &module);
    world.create(widget("a")).await;
    module.busy(1).await;
    let began = tokio::time::Instant::now();
    world.stop().await;
    let took = began.elapsed();
    assert!(
        (Duration::from_secs(3)..Duration::from_secs(4)).contains(&took),
        "{took:?}"
    );
    assert_eq!(
        module.running().now,
        0,
        "it does not go on behind anybody's back"
    );
}

#[tokio::test(start_paused = true)]
async fn notices_of_the_last_runs_are_sent_before_the_end() {
    let module = Arc::new(Fake::reading(|_, _| {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(Outcome {
                notices: vec![Notice {
                    key: "k".to_owned(),
                    url: "http://hook/".to_owned(),
                    headers: Vec::new(),
                    body: "done".to_owned(),
                }],
                ..Outcome::nothing()
            })
        })
    }));
    let mut world = World::new().await;
    let mut telling = watch();
    telling.grants.http = vec!["http://hook".to_owned()];
    world.serve(telling, &module);
    world.create(widget("a")).await;
    module.busy(1).await;
    world.stop().await;
    assert_eq!(world.outbox.sent(), ["POST http://hook/ done"]);
}
