//! An object that is gone while its watch is late: the cache still shows it, and what is made for it is collected at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::world::World;
use crate::world::fake::{self, Fake};
use crate::world::objects::{at_map, at_widget, exactly, map_child, status, widget};

/// More runs than any backoff allows for in the time of a test.
const MANY: usize = 100;

#[tokio::test(start_paused = true)]
async fn an_object_that_is_gone_is_not_served_over_and_over_until_its_watch_tells() {
    let calls = AtomicUsize::new(0);
    let module = Arc::new(Fake::reading(move |_, _| {
        let call = calls.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            if call > MANY {
                // It would go on for ever, without any time passing.
                return fake::never().await;
            }
            let mut outcome = exactly([map_child("one")]);
            outcome.status = status(json!({"step": call}));
            Ok(outcome)
        })
    }));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.quiet().await;
    let before = module.count();
    world.delay(Some("/widgets"));
    world.delete(&at_widget("a")).await;
    // Each child that is made for it is collected, which would be a reason to run again.
    world.pass(Duration::from_secs(10)).await;
    let runs = module.count() - before;
    assert!((1..=5).contains(&runs), "{runs} runs in ten seconds");
    world.delay(None);
    world.pass(Duration::from_secs(600)).await;
    let runs = module.count();
    assert!(world.get(&at_map("one")).await.is_none());
    world.pass(Duration::from_secs(600)).await;
    assert_eq!(module.count(), runs);
}

#[tokio::test(start_paused = true)]
async fn one_of_the_same_name_is_served_at_once() {
    let calls = AtomicUsize::new(0);
    let module = Arc::new(Fake::new(move |_| {
        let mut outcome = exactly([map_child("one")]);
        outcome.status = status(json!({"step": calls.fetch_add(1, Ordering::SeqCst)}));
        Ok(outcome)
    }));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.quiet().await;
    world.delay(Some("/widgets"));
    world.delete(&at_widget("a")).await;
    world.pass(Duration::from_secs(3)).await;
    world.create(widget("a")).await;
    world.delay(None);
    world.quiet().await;
    let owner = world.live(&at_widget("a")).await["metadata"]["uid"].clone();
    let child = world.live(&at_map("one")).await;
    assert_eq!(child["metadata"]["ownerReferences"][0]["uid"], owner);
}
