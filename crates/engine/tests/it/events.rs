//! Events: one per key, whatever happens.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::outcome::{Event, Failure, Outcome};

use crate::world::World;
use crate::world::fake::{Fake, Wish};
use crate::world::objects::{at_map, exactly, map_child, widget};

fn event(key: &str) -> Event {
    Event {
        key: key.to_owned(),
        warning: false,
        reason: "Stepped".to_owned(),
        message: format!("reached {key}"),
        about: None,
    }
}

fn telling(keys: &[&str]) -> Outcome {
    Outcome {
        events: keys.iter().map(|key| event(key)).collect(),
        ..Outcome::nothing()
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_is_told_once_however_often_the_module_runs() {
    let wish = Wish::new(telling(&["step-1"]));
    let module = Arc::new(Fake::wishing(&wish));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    for _ in 0..3 {
        world.reconcile("a");
        world.quiet().await;
    }
    assert_eq!(
        world.events("a").await,
        ["Normal Stepped: reached step-1 (1)"]
    );
    wish.set(telling(&["step-1", "step-2"]));
    world.reconcile("a");
    world.quiet().await;
    assert_eq!(
        world.events("a").await,
        [
            "Normal Stepped: reached step-1 (1)",
            "Normal Stepped: reached step-2 (1)"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_the_same_event_is_counted_and_not_doubled() {
    let module = Arc::new(Fake::wishing(&Wish::new(telling(&["step-1"]))));
    let mut world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.quiet().await;
    world.restart().await;
    module.call(2).await;
    world.quiet().await;
    assert_eq!(
        world.events("a").await,
        ["Normal Stepped: reached step-1 (2)"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_problem_is_told_once_for_as_long_as_it_lasts() {
    let wish = Wish::new(Outcome::nothing());
    wish.fail(Failure::Retry("the broker is away".to_owned()));
    let module = Arc::new(Fake::wishing(&wish));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.pass(Duration::from_secs(3600)).await;
    assert_eq!(
        world.events("a").await,
        ["Warning Retrying: the broker is away (1)"]
    );
    wish.fail(Failure::Terminal("the plan is gone".to_owned()));
    world.reconcile("a");
    world.quiet().await;
    assert_eq!(
        world.events("a").await,
        [
            "Warning Failed: the plan is gone (1)",
            "Warning Retrying: the broker is away (1)"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn events_of_an_outcome_that_was_refused_are_not_told() {
    let wish = Wish::new(Outcome {
        events: vec![event("too-early")],
        ..exactly([map_child("taken")])
    });
    let module = Arc::new(Fake::wishing(&wish));
    let world = World::with(&module).await;
    world
        .create(crate::world::objects::config_map(
            "taken",
            serde_json::json!({}),
        ))
        .await;
    world.create(widget("a")).await;
    world
        .until_condition("a", "Ready", "False", "WriteRefused")
        .await;
    world.quiet().await;
    assert!(
        !world
            .events("a")
            .await
            .iter()
            .any(|line| line.contains("too-early"))
    );
    world.delete(&at_map("taken")).await;
    world.until_ready("a").await;
    world.quiet().await;
    assert!(
        world
            .events("a")
            .await
            .iter()
            .any(|line| line.contains("too-early"))
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_may_be_about_something_else() {
    let mut about = event("child-made");
    about.about = Some(at_map("one"));
    about.warning = true;
    let module = Arc::new(Fake::wishing(&Wish::new(Outcome {
        events: vec![about],
        ..exactly([map_child("one")])
    })));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.quiet().await;
    assert_eq!(world.events("a").await, Vec::<String>::new());
    let all = world
        .list(
            &oarlock_core::reference::Gvk::new("events.k8s.io", "v1", "Event"),
            Some("default"),
        )
        .await;
    let event = all
        .iter()
        .find(|event| event["regarding"]["kind"] == "ConfigMap");
    assert_eq!(
        event.map(|event| event["type"].clone()),
        Some("Warning".into())
    );
    assert_eq!(
        event.map(|event| event["reportingController"].clone()),
        Some("oarlock/fake".into())
    );
}
