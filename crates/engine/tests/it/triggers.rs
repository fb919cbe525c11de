//! Which changes call a module, and which do not.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::outcome::Outcome;
use oarlock_core::reference::{Gvk, ObjectRef};
use oarlock_core::selector::LabelSelector;
use serde_json::json;

use crate::world::World;
use crate::world::fake::{Fake, Wish, field, name_of};
use crate::world::objects::{
    at_map, at_widget, child, config_map_kind, exactly, grant, map_child, status, watch, widget,
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

#[tokio::test(start_paused = true)]
async fn own_writes_do_not_call_again() {
    let outcome = Outcome {
        status: status(json!({"phase": "x"})),
        ..exactly([map_child("one"), map_child("two")])
    };
    let (world, module, wish) = settled(outcome).await;
    assert_eq!(module.count(), 1);
    world.pass(Duration::from_secs(600)).await;
    assert_eq!(module.count(), 1);
    wish.set(exactly([map_child("two")]));
    world.reconcile("a");
    world.until_gone(&at_map("one")).await;
    world.pass(Duration::from_secs(600)).await;
    // Whoever waits for something to be gone must hear that it is.
    assert_eq!(module.count(), 3, "a deletion is told, also an own one");
}

#[tokio::test(start_paused = true)]
async fn a_status_that_somebody_else_changes_does() {
    let (world, module, _) = settled(Outcome::nothing()).await;
    world
        .patch_status(&at_widget("a"), json!({"phase": "theirs"}))
        .await;
    assert_eq!(field(&module.call(2).await, "/status/phase"), "theirs");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_a_child_does() {
    let (world, module, _) = settled(exactly([map_child("one")])).await;
    world
        .patch(&at_map("one"), json!({"data": {"x": "y"}}))
        .await;
    module.call(2).await;
    world.quiet().await;
    world.delete(&at_map("one")).await;
    module.call(3).await;
}

#[tokio::test(start_paused = true)]
async fn a_change_of_a_child_does_not_where_the_watch_says_so() {
    let module = Arc::new(Fake::wishing(&Wish::new(exactly([map_child("one")]))));
    let mut world = World::new().await;
    let mut aloof = watch();
    aloof.dependents = false;
    world.serve(aloof, &module);
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world
        .patch(&at_map("one"), json!({"data": {"x": "y"}}))
        .await;
    world.quiet().await;
    assert_eq!(module.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_a_child_outside_of_all_namespaces_does_where_the_watch_follows_these() {
    for follows in [true, false] {
        let module = Arc::new(Fake::wishing(&Wish::new(exactly([child(json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "made", "labels": {"k": "v"}},
        }))]))));
        let mut world = World::new().await;
        let mut watch = watch();
        watch.cluster_scoped_dependents = follows;
        watch.grants.write.push(grant("", "namespaces"));
        world.serve(watch, &module);
        world.create(widget("a")).await;
        world.until_ready("a").await;
        let made = ObjectRef::new(Gvk::new("", "v1", "Namespace"), None, "made");
        let calls = module.count();
        world
            .patch(&made, json!({"metadata": {"labels": {"k": null}}}))
            .await;
        world.quiet().await;
        let live = world.live(&made).await;
        assert_eq!(live["metadata"]["labels"]["k"] == "v", follows);
        assert_eq!(module.count() > calls, follows);
        // Once there is a reason to run, it is repaired all the same.
        world.reconcile("a");
        world.quiet().await;
        let live = world.live(&made).await;
        assert_eq!(live["metadata"]["labels"]["k"], "v");
    }
}

#[tokio::test(start_paused = true)]
async fn a_blacklisted_kind_of_child_does_not() {
    let module = Arc::new(Fake::wishing(&Wish::new(exactly([map_child("one")]))));
    let mut world = World::new().await;
    let mut blind = watch();
    blind.blacklist = vec![config_map_kind()];
    world.serve(blind, &module);
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world
        .patch(&at_map("one"), json!({"data": {"x": "y"}}))
        .await;
    world.quiet().await;
    assert_eq!(module.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn changes_during_a_run_call_once_more() {
    let held = tokio::sync::watch::Sender::new(true);
    let gate = held.clone();
    let module = Arc::new(Fake::reading(move |_, _| {
        let mut held = gate.subscribe();
        Box::pin(async move {
            let _open = held.wait_for(|held| !*held).await;
            Ok(Outcome::nothing())
        })
    }));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    module.busy(1).await;
    for size in 2..5 {
        world
            .patch(&at_widget("a"), json!({"spec": {"size": size}}))
            .await;
    }
    world.quiet().await;
    assert_eq!(module.running().most, 1, "never two runs of one object");
    held.send_replace(false);
    assert_eq!(field(&module.call(2).await, "/spec/size"), 4);
    world.quiet().await;
    assert_eq!((module.count(), module.running().most), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn only_selected_objects_are_reconciled() {
    let module = Arc::new(Fake::wishing(&Wish::new(Outcome::nothing())));
    let mut world = World::new().await;
    let mut choosy = watch();
    choosy.selector = LabelSelector::parse("team=web").unwrap_or_default();
    world.serve(choosy, &module);
    world.create(widget("a")).await;
    let mut chosen = widget("b");
    chosen["metadata"]["labels"] = json!({"team": "web"});
    world.create(chosen).await;
    world.until_ready("b").await;
    world.quiet().await;
    assert_eq!(
        module.requests().iter().map(name_of).collect::<Vec<_>>(),
        ["b"]
    );
    world
        .patch(
            &at_widget("a"),
            json!({"metadata": {"labels": {"team": "web"}}}),
        )
        .await;
    world.until_ready("a").await;
}

#[tokio::test(start_paused = true)]
async fn an_object_of_a_kind_that_is_not_served_yet_is_reconciled_when_it_is() {
    let module = Arc::new(Fake::wishing(&Wish::new(Outcome::nothing())));
    let mut world = World::new().await;
    let mut early = watch();
    early.gvk = early.gvk.with_kind("Gadget");
    world.serve(early, &module);
    world.quiet().await;
    world
        .create(crate::world::objects::gadget_definition())
        .await;
    let mut gadget = widget("g");
    gadget["kind"] = json!("Gadget");
    world.create(gadget).await;
    assert_eq!(name_of(&module.call(1).await), "g");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_others_that_an_own_write_overtakes_is_not_lost() {
    let (world, module, wish) = settled(exactly([map_child("one")])).await;
    let dev = world.dev.clone();
    let mut once = true;
    world.strike(move |call| {
        let is_apply = matches!(call.verb, oarlock_core::cluster::Verb::Apply { .. });
        if std::mem::take(&mut once) && is_apply {
            let resource = dev.store().resource_of("v1", "ConfigMap").unwrap();
            let write = oarlock_devcluster::store::Write::by("somebody");
            dev.store()
                .modify(&resource.id, "default", "one", None, &write, |live| {
                    live["data"]["theirs"] = json!("2");
                    Ok(())
                })
                .unwrap();
        }
        crate::world::faults::Strike::Pass
    });
    let mut changed = map_child("one");
    changed.object = oarlock_core::object::Object::from_value(crate::world::objects::config_map(
        "one",
        json!({"k": "w"}),
    ))
    .unwrap();
    wish.set(exactly([changed]));
    let before = module.count();
    world.reconcile("a");
    module.call(before + 2).await;
}
