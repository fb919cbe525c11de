//! CustomResourceDefinitions that come and go under the running operator.

use futures_util::StreamExt as _;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams,
};
use kube::runtime::watcher;
use serde_json::json;

use crate::ground::{Ground, define, definition, is_ready};
use crate::process::{PATIENCE, guest};

fn definitions(ground: &Ground) -> Api<DynamicObject> {
    let gvk = GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    Api::all_with(ground.client.clone(), &ApiResource::from_gvk(&gvk))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_deleted_and_created_again_is_served_again() {
    let Some(ground) = Ground::new("definition").await else {
        return;
    };
    // A group of its own: definitions are everybody's.
    let group = format!("{}.example.com", ground.namespace);
    ground.watch((&group, "v1", "Widget"), "widget.wasm", "{}");
    ground.module("widget.wasm", &guest("hostile-nothing.wasm"));
    let operator = ground.operator().await;
    operator.process.logs("not served yet").await;
    let widget = |name: &str| {
        json!({
            "apiVersion": format!("{group}/v1"), "kind": "Widget", "metadata": {"name": name}, "spec": {},
        })
    };
    let widgets = ground.api(&group, "v1", "Widget");

    define(&ground.client, &group, "Widget").await;
    ground.apply(&widgets, widget("first")).await;
    let first = ground.when(&widgets, "first", is_ready).await;

    let definitions = definitions(&ground);
    let name = format!("widgets.{group}");
    let mut events = std::pin::pin!(watcher(
        definitions.clone(),
        watcher::Config::default().fields(&format!("metadata.name={name}"))
    ));
    definitions
        .delete(&name, &DeleteParams::default())
        .await
        .unwrap();
    let gone = async {
        while !matches!(
            events.next().await,
            Some(Ok(watcher::Event::Delete(_) | watcher::Event::InitDone))
        ) {}
        // What was there at the first list may be in deletion still.
        while definitions.get_opt(&name).await.unwrap().is_some() {
            events.next().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone)
        .await
        .expect("a definition can be deleted");

    define(&ground.client, &group, "Widget").await;
    ground.apply(&widgets, widget("first")).await;
    ground.apply(&widgets, widget("second")).await;
    ground.when(&widgets, "second", is_ready).await;
    let again = ground.when(&widgets, "first", is_ready).await;
    assert_ne!(again.metadata.uid, first.metadata.uid);
    assert_eq!(operator.get("/healthz").await.0, 200);
    assert_eq!(operator.get("/readyz").await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_goes_and_comes_back_is_followed() {
    let Some(ground) = Ground::new("version").await else {
        return;
    };
    let group = format!("{}.example.com", ground.namespace);
    ground.watch((&group, "v1", "Widget"), "widget.wasm", "{}");
    ground.module("widget.wasm", &guest("hostile-nothing.wasm"));
    let operator = ground.operator().await;
    define(&ground.client, &group, "Widget").await;
    let name = format!("widgets.{group}");
    let widget = |version: &str, name: &str| {
        json!({
            "apiVersion": format!("{group}/{version}"), "kind": "Widget", "metadata": {"name": name}, "spec": {},
        })
    };
    let first = ground.api(&group, "v1", "Widget");
    ground.apply(&first, widget("v1", "first")).await;
    ground.when(&first, "first", is_ready).await;

    // A second version takes over storage; the watched one is served no longer.
    let definitions = definitions(&ground);
    let versions = async |served: bool| {
        let mut changed = definition(&group, "Widget");
        let versions = changed["spec"]["versions"].as_array_mut().unwrap();
        let mut second = versions[0].clone();
        second["name"] = json!("v2");
        versions[0]["storage"] = json!(false);
        versions[0]["served"] = json!(served);
        versions.push(second);
        definitions
            .patch(
                &name,
                &PatchParams::apply("test").force(),
                &Patch::Apply(changed),
            )
            .await
            .unwrap();
    };
    versions(false).await;
    let second = ground.api(&group, "v2", "Widget");
    let served = async { while second.list(&ListParams::default()).await.is_err() {} };
    tokio::time::timeout(PATIENCE, served)
        .await
        .expect("the second version is served");
    ground.apply(&second, widget("v2", "second")).await;
    assert_eq!(operator.get("/healthz").await.0, 200);

    versions(true).await;
    ground.when(&second, "second", is_ready).await;
}
