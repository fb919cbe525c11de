//! One module follows another under a name of its own.

use std::sync::Arc;

use oarlock_core::outcome::{OnLeave, Owner};
use oarlock_core::reference::Gvk;
use serde_json::{Value, json};

use crate::world::World;
use crate::world::fake::{Fake, Wish};
use crate::world::faults::Strike;
use crate::world::objects::{
    at_map, child, config_map, exactly, managers, map_child, shared_map, watch, widget,
};

fn old(children: impl IntoIterator<Item = oarlock_core::outcome::Child>) -> Arc<Fake> {
    Arc::new(Fake::wishing(&Wish::new(exactly(children))).named("old"))
}

fn new(children: impl IntoIterator<Item = oarlock_core::outcome::Child>) -> Arc<Fake> {
    Arc::new(Fake::wishing(&Wish::new(exactly(children))).named("new"))
}

fn map(data: Value) -> oarlock_core::outcome::Child {
    child(config_map("one", data))
}

/// An object that the old module has served.
async fn served() -> World {
    let world = World::with(&old([map(
        json!({"kept": "1", "changed": "1", "dropped": "1"}),
    )]))
    .await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.quiet().await;
    world
}

fn at_the_end(live: Option<&Value>) -> bool {
    live.is_some_and(|live| {
        live["data"] == json!({"kept": "1", "changed": "2"}) && managers(live) == ["oarlock/new"]
    })
}

fn successor() -> Arc<Fake> {
    new([map(json!({"kept": "1", "changed": "2"}))])
}

#[tokio::test(start_paused = true)]
async fn children_are_taken_over_and_what_the_old_one_alone_wanted_goes() {
    let mut world = served().await;
    world.serve(watch(), &successor());
    world.until(&at_map("one"), at_the_end).await;
    world.until_ready("a").await;
    world.quiet().await;
    world.requests();
    world.reconcile("a");
    world.quiet().await;
    assert_eq!(world.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn killed_between_taking_over_and_applying_the_restart_goes_on() {
    let mut world = served().await;
    world.strike(|call| match call.verb {
        oarlock_core::cluster::Verb::Inherit { .. } => Strike::HangAfter,
        _ => Strike::Pass,
    });
    world.serve(watch(), &successor());
    world.struck(1).await;
    let live = world.live(&at_map("one")).await;
    assert_eq!(managers(&live), ["oarlock/new"]);
    assert_eq!(live["data"]["dropped"], "1", "nothing was written yet");
    world.restart().await;
    world.until(&at_map("one"), at_the_end).await;
}

#[tokio::test(start_paused = true)]
async fn fields_of_others_are_still_theirs() {
    let mut world = served().await;
    world
        .patch_as(
            "somebody",
            &at_map("one"),
            json!({"data": {"changed": "theirs"}}),
        )
        .await;
    world.serve(watch(), &successor());
    let message = world
        .until_condition("a", "Ready", "False", "WriteRefused")
        .await;
    assert!(
        message.contains("\"somebody\"") && message.contains(".data.changed"),
        "{message}"
    );
    assert_eq!(
        world.live(&at_map("one")).await["data"]["changed"],
        "theirs"
    );
}

#[tokio::test(start_paused = true)]
async fn what_another_module_only_shares_stays_its_own() {
    // Two watches of one target: one borrows a field of the child of the other.
    let mut gadgets = watch();
    gadgets.gvk = Gvk::new("demo.example.com", "v1", "Gadget");
    let mut borrowed = shared_map("one", json!({"shared": "x"}), json!({"shared": null}));
    borrowed.on_leave = OnLeave::Keep;
    let mut unowned = map(json!({"beside": "y"}));
    unowned.owner = Owner::Unowned;
    let mut world = World::new().await;
    world
        .create(crate::world::objects::gadget_definition())
        .await;
    let first = old([map_child("one")]);
    let lending = Arc::new(Fake::wishing(&Wish::new(exactly([borrowed]))).named("lending"));
    world.serve_all(vec![
        (watch(), crate::world::serving(&first)),
        (gadgets.clone(), crate::world::serving(&lending)),
    ]);
    world.create(widget("a")).await;
    world.until_ready("a").await;
    let mut gadget = widget("g");
    gadget["kind"] = json!("Gadget");
    world.create(gadget).await;
    let lent = |live: Option<&Value>| live.is_some_and(|live| live["data"]["shared"] == "x");
    world.until(&at_map("one"), lent).await;
    let next = new([map_child("one"), child(config_map("two", json!({})))]);
    world.serve_all(vec![
        (watch(), crate::world::serving(&next)),
        (gadgets, crate::world::serving(&lending)),
    ]);
    world.until_there(&at_map("two")).await;
    world.until_ready("a").await;
    let live = world.live(&at_map("one")).await;
    assert_eq!(live["data"], json!({"k": "v", "shared": "x"}));
    let names = managers(&live);
    assert!(names.contains(&"oarlock/new".to_owned()), "{names:?}");
    assert!(!names.contains(&"oarlock/old".to_owned()), "{names:?}");
    assert!(
        names
            .iter()
            .any(|name| name.starts_with("oarlock/lending/")),
        "{names:?}"
    );
}

/// A child that is written under the name of another program.
fn of_helm(data: Value) -> oarlock_core::outcome::Child {
    let mut child = map(data);
    child.owner = Owner::Unowned;
    child.force = true;
    child.manager = Some("helm".to_owned());
    child
}

#[tokio::test(start_paused = true)]
async fn the_work_of_another_program_is_gone_on_with_under_its_name() {
    let mut first = of_helm(json!({"first": "0"}));
    first.manager = Some("setup".to_owned());
    let mut world = World::with(&old([first])).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    let data = json!({"kept": "1", "dropped": "1"});
    for (manager, data) in [("helm", data), ("kubectl", json!({"theirs": "3"}))] {
        world
            .patch_as(manager, &at_map("one"), json!({"data": data}))
            .await;
    }
    world.serve(watch(), &new([of_helm(json!({"kept": "2"}))]));
    let live = world
        .until(&at_map("one"), |live| {
            live.is_some_and(|live| {
                live["data"] == json!({"first": "0", "kept": "2", "theirs": "3"})
            })
        })
        .await;
    let held = live.as_ref().map(managers).unwrap_or_default();
    assert_eq!(held, ["helm", "setup", "kubectl"]);
    // It is looked at once.
    world.quiet().await;
    world.requests();
    world.reconcile("a");
    world.quiet().await;
    assert_eq!(world.requests(), Vec::<String>::new());
}
