//! Fields of somebody else's object: borrowed, and given back whatever happens.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::cluster::Verb;
use oarlock_core::outcome::Outcome;
use serde_json::{Value, json};

use crate::world::World;
use crate::world::fake::{Fake, Wish, name_of};
use crate::world::faults::Strike;
use crate::world::objects::{
    MANAGER, annotations, at_map, at_widget, config_map, exactly, managers, shared_map, status,
    widget,
};

/// `data.a` of the user's ConfigMap is `1` and becomes `9`; `data.new` was not there.
fn borrowing() -> Outcome {
    let data = json!({"a": "9", "new": "9"});
    exactly([shared_map("theirs", data, json!({"a": "1", "new": null}))])
}

async fn borrowed() -> (World, Wish) {
    let wish = Wish::new(borrowing());
    let module = Arc::new(Fake::wishing(&wish));
    let world = World::with(&module).await;
    world
        .create(config_map("theirs", json!({"a": "1", "b": "2"})))
        .await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    (world, wish)
}

fn assert_given_back(live: &Value) {
    assert_eq!(live["data"], json!({"a": "1", "b": "2"}));
    assert!(annotations(live).is_empty(), "{live:#}");
    assert!(!held(live), "{live:#}");
}

/// Whether the module holds fields of it.
fn held(live: &Value) -> bool {
    managers(live)
        .iter()
        .any(|manager| manager.starts_with(MANAGER))
}

fn given_back(live: Option<&Value>) -> bool {
    live.is_some_and(|live| annotations(live).is_empty())
}

#[tokio::test(start_paused = true)]
async fn fields_are_taken_and_the_rest_is_left_alone() {
    let (world, _) = borrowed().await;
    let live = world.live(&at_map("theirs")).await;
    assert_eq!(live["data"], json!({"a": "9", "b": "2", "new": "9"}));
    assert_eq!(live["metadata"].get("ownerReferences"), None);
    assert!(held(&live));
}

#[tokio::test(start_paused = true)]
async fn on_leaving_the_values_come_back_before_the_fields_are_given_up() {
    let (world, wish) = borrowed().await;
    wish.set(exactly([]));
    world.reconcile("a");
    let live = world.until(&at_map("theirs"), given_back).await.unwrap();
    assert_given_back(&live);
    // Nothing is left to do, and the values are the user's to change.
    world.quiet().await;
    world
        .patch(&at_map("theirs"), json!({"data": {"a": "5"}}))
        .await;
    world.reconcile("a");
    world.quiet().await;
    assert_eq!(world.live(&at_map("theirs")).await["data"]["a"], "5");
}

#[tokio::test(start_paused = true)]
async fn killed_between_restoring_and_releasing_the_restart_finishes() {
    let (mut world, wish) = borrowed().await;
    wish.set(exactly([]));
    world.strike(|call| match call.verb {
        Verb::Release { .. } => Strike::Hang,
        _ => Strike::Pass,
    });
    world.reconcile("a");
    world.struck(1).await;
    let live = world.live(&at_map("theirs")).await;
    assert_eq!(live["data"], json!({"a": "1", "b": "2"}));
    assert!(!given_back(Some(&live)));
    world.restart().await;
    let live = world.until(&at_map("theirs"), given_back).await.unwrap();
    assert_given_back(&live);
}

#[tokio::test(start_paused = true)]
async fn killed_before_anything_was_restored_the_restart_begins() {
    let (mut world, wish) = borrowed().await;
    wish.set(exactly([]));
    world.strike(|call| match call.verb {
        Verb::Merge { status: false, .. } => Strike::Hang,
        _ => Strike::Pass,
    });
    world.reconcile("a");
    world.struck(1).await;
    world.restart().await;
    let live = world.until(&at_map("theirs"), given_back).await.unwrap();
    assert_given_back(&live);
}

#[tokio::test(start_paused = true)]
async fn what_is_borrowed_comes_back_when_the_borrower_is_deleted() {
    let (world, _) = borrowed().await;
    world.delete(&at_widget("a")).await;
    world.until_gone(&at_widget("a")).await;
    assert_given_back(&world.live(&at_map("theirs")).await);
}

#[tokio::test(start_paused = true)]
async fn it_comes_back_also_when_the_operator_dies_in_the_middle_of_it() {
    for after in [false, true] {
        let (mut world, _) = borrowed().await;
        world.strike(move |call| match call.verb {
            Verb::Release { .. } if after => Strike::HangAfter,
            Verb::Release { .. } => Strike::Hang,
            _ => Strike::Pass,
        });
        world.delete(&at_widget("a")).await;
        world.struck(1).await;
        assert!(world.get(&at_widget("a")).await.is_some());
        world.restart().await;
        world.until_gone(&at_widget("a")).await;
        assert_given_back(&world.live(&at_map("theirs")).await);
    }
}

#[tokio::test(start_paused = true)]
async fn an_absent_object_is_never_created_and_wakes_the_borrower_when_it_comes() {
    let wish = Wish::new(borrowing());
    let module = Arc::new(Fake::wishing(&wish));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    let message = world
        .until_condition("a", "Ready", "False", "WriteRefused")
        .await;
    insta::assert_snapshot!(message, @"ConfigMap default/theirs was not applied: ConfigMap default/theirs does not exist, and shared objects are never created (NotFound, 404)");
    world.pass(Duration::from_secs(1000)).await;
    assert!(world.get(&at_map("theirs")).await.is_none());
    let start = world.clock.now();
    world.create(config_map("theirs", json!({"a": "1"}))).await;
    world.until_ready("a").await;
    assert!(
        world.clock.now().since(start) < Duration::from_secs(1),
        "it does not wait for the backoff"
    );
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_keeps_does_not_insist_on_an_object_that_is_gone() {
    let (world, wish) = borrowed().await;
    wish.set(Outcome {
        status: status(json!({"phase": "Kept"})),
        ..Outcome::nothing()
    });
    world.delete(&at_map("theirs")).await;
    world.reconcile("a");
    world
        .until(&at_widget("a"), |live| {
            live.is_some_and(|live| live["status"]["phase"] == "Kept")
        })
        .await;
    world.until_ready("a").await;
    assert!(world.get(&at_map("theirs")).await.is_none());
    // It is borrowed from again when it is back.
    world
        .create(config_map("theirs", json!({"a": "1", "b": "2"})))
        .await;
    wish.set(borrowing());
    world.reconcile("a");
    world
        .until(&at_map("theirs"), |live| live.is_some_and(held))
        .await;
}

#[tokio::test(start_paused = true)]
async fn shared_fields_that_somebody_changes_are_taken_again() {
    let (world, _) = borrowed().await;
    world
        .patch(&at_map("theirs"), json!({"data": {"a": "7"}}))
        .await;
    world
        .until(&at_map("theirs"), |live| {
            live.is_some_and(|l| l["data"]["a"] == "9")
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn two_borrowers_of_one_object_do_not_disturb_each_other() {
    let module = Arc::new(Fake::new(|request| {
        let name = name_of(request);
        Ok(
            if crate::world::fake::field(request, "/spec/done") == true {
                exactly([])
            } else {
                let mut shared = shared_map(
                    "theirs",
                    json!({ name.as_str(): "9" }),
                    json!({ name.as_str(): null }),
                );
                shared.manager = Some(format!("{MANAGER}/{name}"));
                exactly([shared])
            },
        )
    }));
    let world = World::with(&module).await;
    world.create(config_map("theirs", json!({"b": "2"}))).await;
    world.create(widget("one")).await;
    world.create(widget("two")).await;
    world.until_ready("one").await;
    world.until_ready("two").await;
    let live = world.live(&at_map("theirs")).await;
    assert_eq!(live["data"], json!({"b": "2", "one": "9", "two": "9"}));
    world
        .patch(&at_widget("one"), json!({"spec": {"done": true}}))
        .await;
    let left = |live: Option<&Value>| {
        live.is_some_and(|l| !managers(l).contains(&format!("{MANAGER}/one")))
    };
    let live = world.until(&at_map("theirs"), left).await.unwrap();
    assert_eq!(live["data"], json!({"b": "2", "two": "9"}));
    assert!(managers(&live).contains(&format!("{MANAGER}/two")));
}

#[tokio::test(start_paused = true)]
async fn an_object_that_went_behind_the_cache_is_not_created() {
    let (world, wish) = borrowed().await;
    let dev = world.dev.clone();
    world.strike(move |call| {
        if matches!(call.verb, Verb::Apply { .. }) {
            let resource = dev.store().resource_of("v1", "ConfigMap").unwrap();
            let options = oarlock_devcluster::store::DeleteOptions::default();
            let _deleted = dev
                .store()
                .delete(&resource.id, "default", "theirs", &options);
        }
        Strike::Pass
    });
    let data = json!({"a": "10"});
    wish.set(exactly([shared_map("theirs", data, json!({"a": "1"}))]));
    world.reconcile("a");
    world
        .until_condition("a", "Ready", "False", "WriteRefused")
        .await;
    world.pass(Duration::from_secs(60)).await;
    assert!(world.get(&at_map("theirs")).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn two_objects_share_one_target_without_a_fight() {
    let module = Arc::new(Fake::new(|request| {
        let name = name_of(request);
        let shared = shared_map("theirs", json!({&*name: "9"}), json!({&*name: null}));
        Ok(exactly([shared]))
    }));
    let world = World::with(&module).await;
    world
        .create(config_map("theirs", json!({"mine": "1"})))
        .await;
    for name in ["a", "b"] {
        world.create(widget(name)).await;
        world.until_ready(name).await;
    }
    world.quiet().await;
    let live = world.live(&at_map("theirs")).await;
    assert_eq!(live["data"], json!({"a": "9", "b": "9", "mine": "1"}));
    world.delete(&at_widget("a")).await;
    world.until_gone(&at_widget("a")).await;
    let live = world.live(&at_map("theirs")).await;
    assert_eq!(live["data"], json!({"b": "9", "mine": "1"}));
}

/// Of two fields one is given back, while the other is kept.
fn shrunk() -> Outcome {
    exactly([shared_map("theirs", json!({"a": "9"}), json!({"a": "1"}))])
}

fn assert_shrunk(live: &Value) {
    assert_eq!(live["data"], json!({"a": "9", "b": "2"}));
    assert!(held(live), "{live:#}");
    assert!(!annotations(live).is_empty(), "{live:#}");
}

#[tokio::test(start_paused = true)]
async fn a_field_that_is_not_listed_any_more_gets_its_value_back() {
    let (world, wish) = borrowed().await;
    wish.set(shrunk());
    world.reconcile("a");
    world.quiet().await;
    assert_shrunk(&world.live(&at_map("theirs")).await);
    // It comes again, and all of it is given back.
    wish.set(borrowing());
    world.reconcile("a");
    world.quiet().await;
    assert_eq!(
        world.live(&at_map("theirs")).await["data"],
        json!({"a": "9", "b": "2", "new": "9"})
    );
    world.delete(&at_widget("a")).await;
    world.until_gone(&at_widget("a")).await;
    assert_given_back(&world.live(&at_map("theirs")).await);
}

#[tokio::test(start_paused = true)]
async fn a_field_that_is_given_up_keeps_the_value_that_it_is_to_have() {
    let data = json!({"a": "9", "b": "7"});
    let wish = Wish::new(exactly([shared_map(
        "theirs",
        data,
        json!({"a": "1", "b": "7"}),
    )]));
    let module = Arc::new(Fake::wishing(&wish));
    let world = World::with(&module).await;
    world
        .create(config_map("theirs", json!({"a": "1", "b": "2"})))
        .await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    wish.set(shrunk());
    world.reconcile("a");
    world.quiet().await;
    let live = world.live(&at_map("theirs")).await;
    assert_eq!(live["data"], json!({"a": "9", "b": "7"}));
}

#[tokio::test(start_paused = true)]
async fn killed_while_a_field_is_given_back_the_restart_finishes() {
    for (merge, after) in [(true, false), (true, true), (false, false), (false, true)] {
        let (mut world, wish) = borrowed().await;
        wish.set(shrunk());
        world.strike(move |call| match call.verb {
            Verb::Merge { status: false, .. } if merge && after => Strike::HangAfter,
            Verb::Merge { status: false, .. } if merge => Strike::Hang,
            Verb::Yield { .. } if !merge && after => Strike::HangAfter,
            Verb::Yield { .. } if !merge => Strike::Hang,
            _ => Strike::Pass,
        });
        world.reconcile("a");
        world.struck(1).await;
        world.restart().await;
        world.quiet().await;
        assert_shrunk(&world.live(&at_map("theirs")).await);
    }
}
