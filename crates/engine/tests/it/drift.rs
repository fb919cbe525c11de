//! Children that others change.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::outcome::{Outcome, Owner, Write};
use serde_json::{Value, json};

use crate::world::World;
use crate::world::fake::{Fake, Wish};
use crate::world::objects::{
    MANAGER, at_map, child, config_map, exactly, managers, map_child, widget,
};

async fn settled(outcome: Outcome) -> (World, Arc<Fake>, Wish) {
    let wish = Wish::new(outcome);
    let module = Arc::new(Fake::wishing(&wish));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.quiet().await;
    (world, module, wish)
}

fn has(key: &'static str, value: &'static str) -> impl Fn(Option<&Value>) -> bool {
    move |live| live.is_some_and(|live| live["data"][key] == value)
}

fn forced(name: &str) -> oarlock_core::outcome::Child {
    let mut child = map_child(name);
    child.force = true;
    child
}

#[tokio::test(start_paused = true)]
async fn a_child_that_somebody_deletes_comes_back() {
    let (world, ..) = settled(exactly([map_child("one")])).await;
    world.delete(&at_map("one")).await;
    world.until(&at_map("one"), has("k", "v")).await;
}

#[tokio::test(start_paused = true)]
async fn a_field_that_somebody_removes_comes_back() {
    let (world, ..) = settled(exactly([map_child("one")])).await;
    // A ConfigMap has no generation: only its content tells.
    world
        .patch(&at_map("one"), json!({"data": {"k": null}}))
        .await;
    world.until(&at_map("one"), has("k", "v")).await;
}

#[tokio::test(start_paused = true)]
async fn drift_is_repaired_while_the_module_keeps() {
    let (world, _, wish) = settled(exactly([map_child("one"), forced("two")])).await;
    wish.set(Outcome::nothing());
    world.reconcile("a");
    world.quiet().await;
    world.delete(&at_map("one")).await;
    world.until(&at_map("one"), has("k", "v")).await;
    world
        .patch(&at_map("two"), json!({"data": {"k": "theirs"}}))
        .await;
    world.until(&at_map("two"), has("k", "v")).await;
}

#[tokio::test(start_paused = true)]
async fn an_unowned_child_is_repaired_too() {
    let mut unowned = forced("one");
    unowned.owner = Owner::Unowned;
    let (world, ..) = settled(exactly([unowned])).await;
    let live = world.live(&at_map("one")).await;
    assert_eq!(live["metadata"].get("ownerReferences"), None);
    let start = world.clock.now();
    world
        .patch(&at_map("one"), json!({"data": {"k": "theirs"}}))
        .await;
    world.until(&at_map("one"), has("k", "v")).await;
    world.delete(&at_map("one")).await;
    world.until(&at_map("one"), has("k", "v")).await;
    assert!(
        world.clock.now().since(start) < Duration::from_secs(60),
        "not by the period"
    );
}

#[tokio::test(start_paused = true)]
async fn a_field_that_the_module_drops_goes() {
    let (world, _, wish) = settled(exactly([child(config_map(
        "one",
        json!({"a": "1", "b": "2"}),
    ))]))
    .await;
    world
        .patch(&at_map("one"), json!({"data": {"theirs": "x"}}))
        .await;
    wish.set(exactly([child(config_map("one", json!({"a": "1"})))]));
    world.reconcile("a");
    let live = world
        .until(&at_map("one"), |live| {
            live.is_some_and(|l| l["data"].get("b").is_none())
        })
        .await;
    assert_eq!(
        live.map(|live| live["data"].clone()),
        Some(json!({"a": "1", "theirs": "x"}))
    );
}

#[tokio::test(start_paused = true)]
async fn a_dropped_field_goes_also_when_it_was_dropped_while_the_operator_was_down() {
    let (mut world, _, wish) = settled(exactly([child(config_map(
        "one",
        json!({"a": "1", "b": "2"}),
    ))]))
    .await;
    world.kill().await;
    wish.set(exactly([child(config_map("one", json!({"a": "1"})))]));
    world.start();
    world
        .until(&at_map("one"), |live| {
            live.is_some_and(|l| l["data"].get("b").is_none())
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_field_that_another_manager_took_is_a_conflict_that_names_it() {
    let (world, _, wish) = settled(exactly([map_child("one")])).await;
    world
        .patch_as("somebody", &at_map("one"), json!({"data": {"k": "theirs"}}))
        .await;
    let message = world
        .until_condition("a", "Ready", "False", "WriteRefused")
        .await;
    assert!(
        message.starts_with("ConfigMap default/one was not applied: "),
        "{message}"
    );
    assert!(
        message.contains("\"somebody\"") && message.contains(".data.k"),
        "{message}"
    );
    assert_eq!(world.live(&at_map("one")).await["data"]["k"], "theirs");
    wish.set(exactly([forced("one")]));
    world.reconcile("a");
    world.until(&at_map("one"), has("k", "v")).await;
    world.until_ready("a").await;
}

#[tokio::test(start_paused = true)]
async fn ignored_fields_are_neither_compared_nor_written() {
    let mut ignoring = child(config_map("one", json!({"k": "v", "scaled": "1"})));
    ignoring.ignore = vec!["/data/scaled".to_owned()];
    let (world, ..) = settled(exactly([ignoring])).await;
    assert_eq!(world.live(&at_map("one")).await["data"], json!({"k": "v"}));
    world
        .patch(&at_map("one"), json!({"data": {"scaled": "7"}}))
        .await;
    world.requests();
    world.reconcile("a");
    world.quiet().await;
    assert_eq!(world.writes(), Vec::<String>::new());
    assert_eq!(world.live(&at_map("one")).await["data"]["scaled"], "7");
}

#[tokio::test(start_paused = true)]
async fn create_never_changes_what_is_there() {
    let created = |data| {
        let mut child = child(config_map("one", data));
        child.write = Write::Create;
        child
    };
    let (mut world, _, wish) = settled(exactly([created(json!({"k": "v"}))])).await;
    world
        .patch(&at_map("one"), json!({"data": {"k": "theirs"}}))
        .await;
    wish.set(exactly([created(json!({"k": "newer"}))]));
    world.requests();
    world.reconcile("a");
    world.quiet().await;
    assert_eq!(world.writes(), Vec::<String>::new());
    world.restart().await;
    world.quiet().await;
    assert_eq!(world.writes(), Vec::<String>::new());
    assert_eq!(world.live(&at_map("one")).await["data"]["k"], "theirs");
    // It is a child: it is pruned, and made again when it is gone.
    world.delete(&at_map("one")).await;
    world.until(&at_map("one"), has("k", "newer")).await;
    wish.set(exactly([]));
    world.reconcile("a");
    world.until_gone(&at_map("one")).await;
}

#[tokio::test(start_paused = true)]
async fn a_child_under_a_manager_of_its_own_is_that_managers() {
    let mut foreign = map_child("one");
    foreign.manager = Some("helm".to_owned());
    let (world, ..) = settled(exactly([foreign])).await;
    let live = world.live(&at_map("one")).await;
    assert_eq!(managers(&live), ["helm"]);
    assert!(!managers(&live).contains(&MANAGER.to_owned()));
}
