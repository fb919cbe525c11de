//! An operator that sees some namespaces only.

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::json;

use crate::site::{Site, create, is_ready, nothing};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_of_other_namespaces_are_left_alone() {
    let site = Site::new().await;
    let widgets = site.define("Widget").await;
    let client = site.cluster.client();
    let namespaces = Api::<DynamicObject>::all_with(
        client.clone(),
        &kube::api::ApiResource::from_gvk(&kube::api::GroupVersionKind::gvk("", "v1", "Namespace")),
    );
    let apply = PatchParams::apply("test");
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}});
    namespaces
        .patch("other", &apply, &Patch::Apply(object))
        .await
        .unwrap();
    let others = Api::<DynamicObject>::namespaced_with(
        client,
        "other",
        &kube::api::ApiResource::from_gvk(&kube::api::GroupVersionKind::gvk(
            "example.com",
            "v1",
            "Widget",
        )),
    );
    create(&others, "Widget", "b").await;
    create(&widgets, "Widget", "a").await;
    site.watches("- {group: example.com, version: v1, kind: Widget, module: widget.wasm}\n");
    site.module("widget.wasm", &nothing());
    let operator = site
        .operator_with(&["--watch-namespace", "default,,third"])
        .await;
    operator.process.logs("namespaces=\"default,third\"").await;
    operator.process.logs(" ready").await;
    site.conditions(&widgets, "a", is_ready).await;
    // One after the other, in this namespace: had the other object been seen, it would have been first.
    create(&widgets, "Widget", "c").await;
    site.conditions(&widgets, "c", is_ready).await;
    let other = others.get("b").await.unwrap();
    assert!(other.data.get("status").is_none(), "{other:?}");
}
