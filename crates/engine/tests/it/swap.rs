//! Modules and watches that are exchanged under way.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::outcome::Outcome;
use oarlock_core::reconciler::Reconciler;
use oarlock_engine::Module;
use serde_json::{Value, json};

use crate::world::World;
use crate::world::fake::{Fake, Wish, name_of};
use crate::world::objects::{
    at_map, at_widget, condition, exactly, map_child, status, watch, widget,
};

fn saying(phase: &str, version: &str) -> Arc<Fake> {
    let outcome = Outcome {
        status: status(json!({ "phase": phase })),
        ..exactly([map_child("one")])
    };
    Arc::new(Fake::wishing(&Wish::new(outcome)).version(version))
}

async fn until_phase(world: &World, name: &str, phase: &str) -> Option<Value> {
    let met = |live: Option<&Value>| live.is_some_and(|l| l["status"]["phase"] == phase);
    world.until(&at_widget(name), met).await
}

#[tokio::test(start_paused = true)]
async fn a_new_module_reconciles_everything_without_a_list() {
    let old = Arc::new(Fake::wishing(&Wish::new(Outcome::nothing())));
    let mut world = World::with(&old).await;
    for name in ["a", "b", "c"] {
        world.create(widget(name)).await;
        world.until_ready(name).await;
    }
    world.quiet().await;
    world.requests();
    let new = Arc::new(
        Fake::new(|_| {
            Ok(Outcome {
                status: status(json!({"phase": "New"})),
                ..Outcome::nothing()
            })
        })
        .version("2.0.0"),
    );
    world.serve(watch(), &new);
    for name in ["a", "b", "c"] {
        until_phase(&world, name, "New").await;
    }
    assert_eq!(new.count(), 3);
    let reads: Vec<String> = world
        .requests()
        .into_iter()
        .filter(|r| r.starts_with("GET"))
        .collect();
    assert_eq!(reads, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn the_same_watch_and_module_again_is_no_reason_to_run() {
    let module = saying("x", "1.0.0");
    let mut world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    let mut moved = watch();
    moved.line = 40;
    world.serve(moved, &saying("x", "1.0.0"));
    world.quiet().await;
    assert_eq!(module.count(), 1);
    let mut changed = watch();
    changed.settings = oarlock_core::json::Json::from_value(&json!({"x": 1}));
    world.serve(changed, &module);
    assert_eq!(module.call(2).await.settings.as_str(), r#"{"x":1}"#);
}

#[tokio::test(start_paused = true)]
async fn another_library_is_another_module() {
    let module = |library: &str| {
        let wish = Wish::new(Outcome::nothing());
        Arc::new(Fake::wishing(&wish).calling(library))
    };
    let first = module("one");
    let mut world = World::with(&first).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.serve(watch(), &module("one"));
    world.quiet().await;
    assert_eq!(first.count(), 1);
    let second = module("two");
    world.serve(watch(), &second);
    second.call(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_module_sees_what_became_of_the_old_ones_outcome() {
    let old = saying("x", "1.0.0");
    let mut world = World::with(&old).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    let new = saying("y", "2.0.0");
    world.serve(watch(), &new);
    let last = new.call(1).await.last;
    assert_eq!(last.map(|last| last.module), Some(old.digest().clone()));
}

#[tokio::test(start_paused = true)]
async fn while_the_last_good_module_serves_the_objects_say_so() {
    let module = saying("x", "1.0.0");
    let mut world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    let broken = Module::LastGood(
        Arc::clone(&module) as Arc<dyn Reconciler>,
        "fake.wasm is no component".to_owned(),
    );
    world.serve_all(vec![(watch(), broken.clone())]);
    let message = world
        .until_condition("a", "ModuleCurrent", "False", "LastGoodServing")
        .await;
    insta::assert_snapshot!(message, @"fake.wasm is no component; fake 1.0.0 keeps serving");
    world.until_ready("a").await;
    world.quiet().await;
    assert_eq!(
        world.events("a").await,
        ["Warning LastGoodServing: fake.wasm is no component (1)"]
    );
    // It goes on working, and costs nothing.
    let calls = module.count();
    world.requests();
    world.reconcile("a");
    module.call(calls + 1).await;
    world.quiet().await;
    assert_eq!(world.requests(), Vec::<String>::new());
    world.delete(&at_map("one")).await;
    world.until_there(&at_map("one")).await;

    world.serve(watch(), &saying("y", "2.0.0"));
    let live = until_phase(&world, "a", "y").await;
    assert!(live.is_some_and(|live| condition(&live, "ModuleCurrent").is_none()));
}

#[tokio::test(start_paused = true)]
async fn without_any_module_the_objects_say_so_and_wait() {
    let mut world = World::new().await;
    world.serve_all(vec![(
        watch(),
        Module::Down("fake.wasm is not there".to_owned()),
    )]);
    world.create(widget("a")).await;
    let message = world
        .until_condition("a", "Ready", "False", "ModuleNotLoaded")
        .await;
    insta::assert_snapshot!(message, @"fake.wasm is not there");
    let module = saying("x", "1.0.0");
    world.serve(watch(), &module);
    world.until_ready("a").await;
    let live = world.live(&at_widget("a")).await;
    assert!(condition(&live, "Stalled").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_taken_out_stops_and_one_that_comes_back_starts() {
    let module = Arc::new(Fake::new(|_| {
        Ok(Outcome {
            requeue: oarlock_core::outcome::Requeue::After(Duration::from_secs(60)),
            ..Outcome::nothing()
        })
    }));
    let mut world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.serve_all(Vec::new());
    world.quiet().await;
    let calls = module.count();
    world
        .patch(&at_widget("a"), json!({"spec": {"size": 2}}))
        .await;
    world.pass(Duration::from_secs(3600)).await;
    assert_eq!(module.count(), calls);
    world.create(widget("b")).await;
    world.serve(watch(), &module);
    world.until_ready("b").await;
    let calls_of_a = |module: &Fake| {
        module
            .requests()
            .iter()
            .filter(|r| name_of(r) == "a")
            .count()
    };
    assert_eq!(calls_of_a(&module), calls + 1);
}

#[tokio::test(start_paused = true)]
async fn a_module_that_is_exchanged_during_a_run_runs_afterwards() {
    let held = tokio::sync::watch::Sender::new(true);
    let gate = held.clone();
    let old = Arc::new(Fake::reading(move |_, _| {
        let mut held = gate.subscribe();
        Box::pin(async move {
            let _open = held.wait_for(|held| !*held).await;
            Ok(Outcome {
                status: status(json!({"phase": "Old"})),
                ..Outcome::nothing()
            })
        })
    }));
    let mut world = World::with(&old).await;
    world.create(widget("a")).await;
    old.busy(1).await;
    let new = saying("New", "2.0.0");
    world.serve(watch(), &new);
    world.quiet().await;
    assert_eq!(new.count(), 0, "never two runs of one object");
    held.send_replace(false);
    until_phase(&world, "a", "New").await;
    assert_eq!(old.count(), 1);
}
