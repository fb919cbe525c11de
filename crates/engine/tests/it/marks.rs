//! Children that no garbage collector would find.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use oarlock_config::Watch;
use oarlock_core::outcome::OnLeave;
use oarlock_core::reference::{Gvk, ObjectRef};
use serde_json::{Value, json};

use crate::world::World;
use crate::world::fake::{Fake, Wish};
use crate::world::faults::Strike;
use crate::world::objects::{
    annotations, at_map, at_widget, child, exactly, grant, map_child, watch, widget,
};

const FINALIZER: &str = "oarlock.dev/children";

fn far() -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "far", "namespace": "other"}, "data": {"k": "v"}})
}

fn at_far() -> ObjectRef {
    ObjectRef::new(Gvk::new("", "v1", "ConfigMap"), Some("other"), "far")
}

fn other() -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}})
}

fn at_space() -> ObjectRef {
    ObjectRef::new(Gvk::new("", "v1", "Namespace"), None, "made")
}

fn space() -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "made"}})
}

fn granting() -> Watch {
    let mut watch = watch();
    watch.grants.write.push(grant("", "namespaces"));
    let mut everywhere = grant("", "configmaps");
    everywhere.namespaces = vec!["other".to_owned()];
    watch.grants.write.push(everywhere);
    watch
}

async fn with_far_children() -> (World, Wish) {
    let wish = Wish::new(exactly([child(far()), child(space()), map_child("near")]));
    let module = Arc::new(Fake::wishing(&wish));
    let mut world = World::new().await;
    world.create(other()).await;
    world.serve(granting(), &module);
    world.create(widget("a")).await;
    world.until_ready("a").await;
    (world, wish)
}

#[tokio::test(start_paused = true)]
async fn where_an_owner_reference_is_illegal_a_label_and_an_annotation_mark_the_child() {
    let (world, _) = with_far_children().await;
    let owner = world.live(&at_widget("a")).await;
    for target in [at_far(), at_space()] {
        let live = world.live(&target).await;
        assert_eq!(
            live["metadata"]["labels"]["oarlock.dev/owner-uid"],
            owner["metadata"]["uid"]
        );
        assert_eq!(
            live["metadata"]["annotations"]["oarlock.dev/owner"],
            "Widget.demo.example.com default/a"
        );
        assert_eq!(live["metadata"].get("ownerReferences"), None);
    }
    let near = world.live(&at_map("near")).await;
    assert_eq!(
        near["metadata"]["ownerReferences"][0]["uid"],
        owner["metadata"]["uid"]
    );
    assert_eq!(owner["metadata"]["finalizers"], json!([FINALIZER]));
}

#[tokio::test(start_paused = true)]
async fn the_finalizer_is_there_before_the_first_such_child() {
    let wish = Wish::new(exactly([child(far())]));
    let module = Arc::new(Fake::wishing(&wish));
    let mut world = World::new().await;
    world.create(other()).await;
    world.strike(|call| {
        if call.verb.target().name == "far" {
            Strike::Hang
        } else {
            Strike::Pass
        }
    });
    world.serve(granting(), &module);
    world.create(widget("a")).await;
    world.struck(1).await;
    assert_eq!(
        world.live(&at_widget("a")).await["metadata"]["finalizers"],
        json!([FINALIZER])
    );
}

#[tokio::test(start_paused = true)]
async fn they_are_pruned_as_others_are() {
    let (world, wish) = with_far_children().await;
    wish.set(exactly([map_child("near")]));
    world.reconcile("a");
    world.until_gone(&at_far()).await;
    world.until_gone(&at_space()).await;
    world.until_ready("a").await;
    assert!(world.get(&at_map("near")).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn they_go_with_the_object() {
    let (world, _) = with_far_children().await;
    world.delete(&at_widget("a")).await;
    world.until_gone(&at_widget("a")).await;
    assert!(world.get(&at_far()).await.is_none());
    let space = world.get(&at_space()).await;
    assert!(space.is_none_or(|space| space["metadata"].get("deletionTimestamp").is_some()));
    world.until_gone(&at_map("near")).await;
}

#[tokio::test(start_paused = true)]
async fn they_go_with_the_object_also_when_the_operator_was_down_meanwhile() {
    let (mut world, _) = with_far_children().await;
    world.kill().await;
    world.delete(&at_widget("a")).await;
    assert!(
        world.get(&at_widget("a")).await.is_some(),
        "the finalizer holds it"
    );
    world.start();
    world.until_gone(&at_widget("a")).await;
    assert!(world.get(&at_far()).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn they_go_also_where_the_grants_do_not_name_their_kind() {
    let wish = Wish::new(exactly([child(far())]));
    let module = Arc::new(Fake::wishing(&wish));
    let mut world = World::new().await;
    world.create(other()).await;
    let mut anything = watch();
    let mut everywhere = grant("*", "*");
    everywhere.namespaces = vec!["*".to_owned()];
    anything.grants.write = vec![everywhere];
    world.serve(anything, &module);
    world.create(widget("a")).await;
    world.until_ready("a").await;
    let live = world.live(&at_widget("a")).await;
    assert_eq!(
        annotations(&live)["oarlock.dev/child-kinds"],
        "v1 ConfigMap"
    );
    world.kill().await;
    world.delete(&at_widget("a")).await;
    world.start();
    world.until_gone(&at_widget("a")).await;
    assert!(world.get(&at_far()).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn killed_between_two_deletions_the_rest_is_deleted_after_the_restart() {
    let (mut world, _) = with_far_children().await;
    world.strike(|call| match call.verb {
        oarlock_core::cluster::Verb::Delete { .. } => Strike::HangAfter,
        _ => Strike::Pass,
    });
    world.delete(&at_widget("a")).await;
    world.struck(1).await;
    assert!(world.get(&at_widget("a")).await.is_some());
    world.restart().await;
    world.until_gone(&at_widget("a")).await;
    assert!(world.get(&at_far()).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_child_that_stays_on_leaving_loses_its_marks_and_keeps_its_fields() {
    let mut staying = map_child("near");
    staying.on_leave = OnLeave::Keep;
    let wish = Wish::new(exactly([staying.clone()]));
    let module = Arc::new(Fake::wishing(&wish));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    wish.set(exactly([]));
    world.reconcile("a");
    let released = |live: Option<&Value>| {
        live.is_some_and(|live| live["metadata"].get("ownerReferences").is_none())
    };
    let live = world.until(&at_map("near"), released).await.unwrap();
    assert_eq!(live["data"], json!({"k": "v"}));
    assert!(annotations(&live).is_empty());

    // The same when the object is deleted: the garbage collector must not get it.
    world.delete(&at_map("near")).await;
    wish.set(exactly([staying]));
    world.reconcile("a");
    world
        .until(&at_map("near"), |live| {
            live.is_some_and(|l| !released(Some(l)))
        })
        .await;
    world.until_ready("a").await;
    world.delete(&at_widget("a")).await;
    world.until_gone(&at_widget("a")).await;
    world.quiet().await;
    assert!(released(world.get(&at_map("near")).await.as_ref()));
}
