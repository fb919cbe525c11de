//! Finalizers, and objects that are deleted at any time.

use futures_util::StreamExt as _;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams};
use kube::runtime::wait::await_condition;
use kube::runtime::watcher;
use serde_json::{Value, json};

use crate::ground::{Ground, define_greetings, is_ready};
use crate::process::{PATIENCE, guest};
use crate::watching::changes;

const FINALIZER: &str = "guests.oarlock.dev/cleanup";

/// Defines greetings, and has the operator watch those of this test.
pub(crate) async fn greetings(ground: &Ground) -> Api<DynamicObject> {
    define_greetings(&ground.client).await;
    ground.watch(
        ("guests.oarlock.dev", "v1", "Greeting"),
        "guest.wasm",
        "{write: [{apiGroups: [''], resources: [configmaps]}], read: [{apiGroups: [''], resources: [secrets], resourceNames: [key]}]}",
    );
    ground.module("guest.wasm", &guest("guest-rust.wasm"));
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"token": "t"},
    });
    ground.apply(&ground.api("", "v1", "Secret"), secret).await;
    ground.api("guests.oarlock.dev", "v1", "Greeting")
}

/// A greeting.
pub(crate) fn greeting(name: &str) -> Value {
    json!({
        "apiVersion": "guests.oarlock.dev/v1",
        "kind": "Greeting",
        "metadata": {"name": name},
        "spec": {"message": "hi", "secretName": "key"},
    })
}

/// Waits until a namespace holds none of them that are the test's.
async fn none_left(ground: &Ground, api: &Api<DynamicObject>) {
    let label = format!("test={}", ground.namespace);
    let mut events = std::pin::pin!(watcher(
        api.clone(),
        watcher::Config::default().labels(&label)
    ));
    let gone = async {
        loop {
            let listed = api.list(&ListParams::default().labels(&label)).await;
            if listed.unwrap().items.is_empty() {
                return;
            }
            events.next().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone)
        .await
        .expect("all are deleted");
}

/// The children of greetings that are there.
async fn children(ground: &Ground) -> Vec<String> {
    let listed = ground.config_maps().list(&ListParams::default()).await;
    let names = listed.unwrap().items.into_iter();
    names
        .filter_map(|child| child.metadata.name)
        .filter(|name| name.ends_with("-greeting"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_finalizer_is_there_before_the_child_and_goes_after_it() {
    let Some(ground) = Ground::new("finalizer").await else {
        return;
    };
    let greetings = greetings(&ground).await;
    let _operator = ground.operator().await;
    ground.apply(&greetings, greeting("hello")).await;
    let ready = ground.when(&greetings, "hello", is_ready).await;
    assert!(
        ready
            .metadata
            .finalizers
            .is_some_and(|all| all.contains(&FINALIZER.to_owned()))
    );
    let child = ground.config_maps().get("hello-greeting").await.unwrap();
    let claimed = |object: &DynamicObject, of: &str| {
        let entries = object.metadata.managed_fields.iter().flatten();
        entries
            .filter(|entry| {
                let fields = serde_json::to_string(&entry.fields_v1).unwrap();
                fields.contains(of)
            })
            .filter_map(|entry| entry.time.clone())
            .min()
    };
    // Whole seconds: the finalizer is not later.
    let owner = greetings.get("hello").await.unwrap();
    let before = claimed(&owner, "f:finalizers").unwrap();
    assert!(before <= child.metadata.creation_timestamp.clone().unwrap());

    greetings
        .delete("hello", &DeleteParams::default())
        .await
        .unwrap();
    none_left(&ground, &greetings).await;
    assert_eq!(children(&ground).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_while_a_reconcile_runs_nothing_is_left() {
    let Some(ground) = Ground::new("deleted").await else {
        return;
    };
    let greetings = greetings(&ground).await;
    let operator = ground.operator().await;
    operator.process.logs(" ready").await;
    let mut states = std::pin::pin!(changes(greetings.clone()));
    for number in 0..20 {
        ground
            .apply(&greetings, greeting(&format!("hello-{number}")))
            .await;
    }
    // Each as soon as the operator has touched it: its first run is going on.
    let delete_all = async {
        let mut deleted = Vec::new();
        while deleted.len() < 20 {
            let object = states.next().await.unwrap();
            let name = object.metadata.name.unwrap();
            let touched = object.metadata.finalizers.is_some_and(|f| !f.is_empty());
            if touched && !deleted.contains(&name) {
                greetings
                    .delete(&name, &DeleteParams::default())
                    .await
                    .unwrap();
                deleted.push(name);
            }
        }
    };
    tokio::time::timeout(PATIENCE, delete_all)
        .await
        .expect("the operator sees all of them");
    none_left(&ground, &greetings).await;
    assert_eq!(children(&ground).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn created_again_under_the_same_name_it_has_children_of_its_own() {
    let Some(ground) = Ground::new("again").await else {
        return;
    };
    let greetings = greetings(&ground).await;
    let _operator = ground.operator().await;
    let mut uids = Vec::new();
    for _ in 0..3 {
        ground.apply(&greetings, greeting("hello")).await;
        let owner = ground.when(&greetings, "hello", is_ready).await;
        let child = ground.config_maps().get("hello-greeting").await.unwrap();
        let references = child.metadata.owner_references.unwrap();
        assert_eq!(Some(&references[0].uid), owner.metadata.uid.as_ref());
        uids.push(owner.metadata.uid);
        greetings
            .delete("hello", &DeleteParams::default())
            .await
            .unwrap();
        none_left(&ground, &greetings).await;
    }
    uids.dedup();
    assert_eq!(uids.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_that_is_deleted_takes_all_of_it_along() {
    let Some(ground) = Ground::new("ending").await else {
        return;
    };
    let greetings = greetings(&ground).await;
    let _operator = ground.operator().await;
    for number in 0..5 {
        let name = format!("hello-{number}");
        ground.apply(&greetings, greeting(&name)).await;
        ground.when(&greetings, &name, is_ready).await;
    }
    let gvk = GroupVersionKind::gvk("", "v1", "Namespace");
    let namespaces: Api<DynamicObject> =
        Api::all_with(ground.client.clone(), &ApiResource::from_gvk(&gvk));
    let namespace = namespaces.get(&ground.namespace).await.unwrap();
    let uid = namespace.metadata.uid.unwrap();
    namespaces
        .delete(&ground.namespace, &DeleteParams::default())
        .await
        .unwrap();
    let ended = await_condition(
        namespaces,
        &ground.namespace,
        kube::runtime::conditions::is_deleted(&uid),
    );
    tokio::time::timeout(PATIENCE, ended)
        .await
        .expect("finalizers of objects in a namespace that ends are taken off")
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_in_the_foreground_its_children_are_not_made_again() {
    let Some(ground) = Ground::new("foreground").await else {
        return;
    };
    let bundles = ground.bundles().await;
    let _operator = ground.operator().await;
    ground.bundle("b", &[ground.config_map("c", "text")]).await;
    let owner = ground.when(&bundles, "b", is_ready).await;
    let uid = owner.metadata.uid.unwrap();
    let child = ground.config_maps().get("c").await.unwrap();
    let child = child.metadata.uid.unwrap();
    bundles
        .delete("b", &DeleteParams::foreground())
        .await
        .unwrap();
    let ended = await_condition(
        bundles.clone(),
        "b",
        kube::runtime::conditions::is_deleted(&uid),
    );
    tokio::time::timeout(PATIENCE, ended)
        .await
        .expect("its children do not hold it")
        .unwrap();
    // The garbage collector may not have known the child yet, then it collects it later.
    let config_maps = ground.config_maps();
    let collected = await_condition(
        config_maps.clone(),
        "c",
        kube::runtime::conditions::is_deleted(&child),
    );
    tokio::time::timeout(PATIENCE, collected)
        .await
        .expect("a child without an owner is collected")
        .unwrap();
    assert_eq!(config_maps.get_opt("c").await.unwrap(), None);
}
