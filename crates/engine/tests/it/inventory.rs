//! What is whose child stands on the objects: a crash between a write and its record loses nothing.

use std::sync::Arc;

use oarlock_config::Watch;
use oarlock_core::outcome::{Child, Outcome, Write};
use oarlock_core::reference::{Gvk, ObjectRef};
use serde_json::{Value, json};

use crate::world::World;
use crate::world::fake::{Fake, Wish};
use crate::world::faults::Strike;
use crate::world::objects::{
    annotations, at_map, at_widget, child, config_map, exactly, grant, map_child, status, watch,
    widget,
};

/// Everything everywhere is granted, and nothing by name: neither the file nor the manifest tells of what kinds children are.
fn anything() -> Watch {
    let mut anything = watch();
    let mut everywhere = grant("*", "*");
    everywhere.namespaces = vec!["*".to_owned()];
    anything.grants.write = vec![everywhere];
    anything
}

fn secret(name: &str) -> Child {
    child(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "default"},
        "stringData": {"k": "v"},
    }))
}

fn service(name: &str) -> Child {
    child(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default", "labels": {"app": "web"}},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    }))
}

fn deployment(name: &str) -> Child {
    child(json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "nginx"}]}},
        },
    }))
}

fn far(namespace: &str) -> Child {
    child(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "far", "namespace": namespace}, "data": {"k": "v"}}),
    )
}

fn realm() -> Child {
    child(
        json!({"apiVersion": "demo.example.com/v1", "kind": "Realm", "metadata": {"name": "made"}}),
    )
}

fn realm_definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "realms.demo.example.com"},
        "spec": {
            "group": "demo.example.com", "scope": "Cluster", "names": {"kind": "Realm", "plural": "realms"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}],
        },
    })
}

async fn world_with(watch: Watch, outcome: Outcome) -> (World, Wish, Arc<Fake>) {
    let wish = Wish::new(outcome);
    let module = Arc::new(Fake::wishing(&wish));
    let mut world = World::new().await;
    world
        .create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}}))
        .await;
    world.create(realm_definition()).await;
    world.serve(watch, &module);
    (world, wish, module)
}

/// Kills the operator when `child` has been written, before anybody knew, and starts another that does not want it any more.
async fn written_and_forgotten(watch: Watch, child: Child) -> World {
    let target = child.object.target().clone();
    let (mut world, wish, _) = world_with(watch, exactly([child])).await;
    let struck = target.clone();
    world.strike(move |call| {
        if *call.verb.target() == struck {
            Strike::HangAfter
        } else {
            Strike::Pass
        }
    });
    world.create(widget("a")).await;
    world.struck(1).await;
    assert!(world.get(&target).await.is_some());
    world.kill().await;
    wish.set(exactly([]));
    world.start();
    world.until_ready("a").await;
    world.until_gone(&target).await;
    world
}

#[tokio::test(start_paused = true)]
async fn a_child_that_was_written_just_before_the_end_is_pruned() {
    written_and_forgotten(watch(), map_child("one")).await;
}

#[tokio::test(start_paused = true)]
async fn a_child_in_another_namespace_too() {
    written_and_forgotten(anything(), far("other")).await;
}

#[tokio::test(start_paused = true)]
async fn a_cluster_scoped_child_too() {
    written_and_forgotten(anything(), realm()).await;
}

#[tokio::test(start_paused = true)]
async fn a_child_of_a_kind_that_only_a_wildcard_grants_too() {
    let world = written_and_forgotten(anything(), service("w")).await;
    let live = world.live(&at_widget("a")).await;
    assert_eq!(annotations(&live)["oarlock.dev/child-kinds"], "v1 Service");
    assert_eq!(
        live["metadata"].get("finalizers"),
        None,
        "owner references do"
    );
}

#[tokio::test(start_paused = true)]
async fn the_kinds_of_children_are_on_the_object_before_the_first_of_them_is() {
    let (world, ..) = world_with(anything(), exactly([service("w"), map_child("one")])).await;
    world.strike(|call| match call.verb {
        oarlock_core::cluster::Verb::Apply { .. } => Strike::Hang,
        _ => Strike::Pass,
    });
    world.create(widget("a")).await;
    world.struck(1).await;
    let live = world.live(&at_widget("a")).await;
    assert_eq!(
        annotations(&live)["oarlock.dev/child-kinds"],
        "v1 ConfigMap,v1 Service"
    );
}

#[tokio::test(start_paused = true)]
async fn kinds_that_the_file_names_are_not_repeated_on_the_object() {
    let (world, ..) = world_with(watch(), exactly([map_child("one")])).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    let live = world.live(&at_widget("a")).await;
    assert!(annotations(&live).is_empty(), "{live:#}");
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_a_module_is_told_of_all_its_children() {
    let module = Arc::new(Fake::reading(|_, host| {
        Box::pin(async move {
            let children = host.children().await.unwrap_or_default();
            let kinds: Vec<String> = children
                .iter()
                .map(|child| child.to_value()["kind"].as_str().unwrap_or("?").to_owned())
                .collect();
            let outcome = exactly([service("w"), map_child("one")]);
            Ok(Outcome {
                status: status(json!({"phase": kinds.join(",")})),
                ..outcome
            })
        })
    }));
    let mut world = World::new().await;
    world.serve(anything(), &module);
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.reconcile("a");
    let all = |live: Option<&Value>| {
        live.is_some_and(|live| live["status"]["phase"] == "ConfigMap,Service")
    };
    world.until(&at_widget("a"), all).await;
    world.quiet().await;
    let calls = module.count();
    world.restart().await;
    module.call(calls + 1).await;
    world.until_ready("a").await;
    world.quiet().await;
    let live = world.live(&at_widget("a")).await;
    assert!(all(Some(&live)), "{}", live["status"]);
    assert_eq!(module.count(), calls + 1, "the first call was told of all");
}

fn at(kind: &str, name: &str) -> ObjectRef {
    let gvk = match kind {
        "Deployment" => Gvk::new("apps", "v1", kind),
        kind => Gvk::new("", "v1", kind),
    };
    ObjectRef::new(gvk, Some("default"), name)
}

#[tokio::test(start_paused = true)]
async fn drift_is_repaired_for_kinds_with_and_without_generations() {
    let mut granting = anything();
    granting.grants.write.push(grant("", "secrets"));
    let (world, ..) = world_with(
        granting,
        exactly([map_child("one"), secret("s"), service("w"), deployment("d")]),
    )
    .await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.quiet().await;
    for (target, damage, pointer, wanted) in [
        (
            at_map("one"),
            json!({"data": {"k": null}}),
            "/data/k",
            json!("v"),
        ),
        (
            at("Secret", "s"),
            json!({"data": {"k": null}}),
            "/data/k",
            json!("dg=="),
        ),
        (
            at("Service", "w"),
            json!({"metadata": {"labels": {"app": null}}}),
            "/metadata/labels/app",
            json!("web"),
        ),
        (
            at("Deployment", "d"),
            json!({"spec": {"template": {"metadata": {"labels": {"app": "web", "more": "x"}}, "spec": {"containers": []}}}}),
            "/spec/template/spec/containers/0/name",
            json!("web"),
        ),
    ] {
        if target.gvk.kind == "Deployment" {
            // Without a container a Deployment is refused: it is deleted instead.
            drop(damage);
            world.delete(&target).await;
        } else {
            world.patch(&target, damage).await;
        }
        let repaired =
            |live: Option<&Value>| live.is_some_and(|live| live.pointer(pointer) == Some(&wanted));
        world.until(&target, repaired).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_with_the_mark_where_nothing_is_granted_stops_nobody() {
    let (world, wish, _) = world_with(watch(), exactly([map_child("one")])).await;
    let owner = world.create(widget("a")).await;
    world.until_ready("a").await;
    let mut planted = config_map("planted", json!({}));
    planted["metadata"]["namespace"] = json!("other");
    planted["metadata"]["labels"] = json!({"oarlock.dev/owner-uid": owner["metadata"]["uid"]});
    planted["metadata"]["annotations"] =
        json!({"oarlock.dev/owner": "Widget.demo.example.com default/a"});
    let planted = world.create(planted).await;
    let mut share = config_map("damaged", json!({}));
    let uid = owner["metadata"]["uid"].as_str().unwrap_or_default();
    share["metadata"]["annotations"] = json!({format!("share.oarlock.dev/{uid}"): "no share"});
    world.create(share).await;

    wish.set(exactly([map_child("two")]));
    world.reconcile("a");
    world.until_there(&at_map("two")).await;
    world.until_gone(&at_map("one")).await;
    world.until_ready("a").await;
    world.quiet().await;
    let events = world.events("a").await.join("\n").replace(uid, "UID");
    insta::assert_snapshot!(events, @r#"
    Warning NotLetGo: ConfigMap default/damaged is marked as this object's, but is left where it is: annotation share.oarlock.dev/UID on ConfigMap default/damaged is not what the host wrote (expected ident at line 1 column 2); hint: restore the shared fields by hand and remove the annotation (Invalid, 422) (1)
    Warning NotLetGo: ConfigMap other/planted is marked as this object's, but is left where it is: no grant for delete on configmaps; hint: add to the watch: grants: {write: [{apiGroups: [""], resources: [configmaps], namespaces: [other]}]} (GrantMissing, 403) (1)
    "#);
    let at_planted = ObjectRef::new(Gvk::new("", "v1", "ConfigMap"), Some("other"), "planted");
    assert_eq!(world.live(&at_planted).await, planted);

    world.delete(&at_widget("a")).await;
    world.until_gone(&at_widget("a")).await;
    assert_eq!(world.live(&at_planted).await, planted);
}

#[tokio::test(start_paused = true)]
async fn what_was_created_once_and_is_gone_is_not_created_again_by_keeping() {
    let mut once = map_child("job");
    once.write = Write::Create;
    let (world, wish, _) = world_with(watch(), exactly([once.clone(), map_child("one")])).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    wish.set(Outcome::nothing());
    world.reconcile("a");
    world.quiet().await;
    // Its time to live has come.
    world.delete(&at_map("job")).await;
    world.delete(&at_map("one")).await;
    world.until_there(&at_map("one")).await;
    world.quiet().await;
    assert!(world.get(&at_map("job")).await.is_none());
    wish.set(exactly([once, map_child("one")]));
    world.reconcile("a");
    world.until_there(&at_map("job")).await;
}
