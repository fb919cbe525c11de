//! Objects that are not as they should be, and kinds that are not there.

use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::rollout::api;
use crate::site::{Site, create, is_ready, nothing};

const WATCHES: &str = "\
- {group: example.com, version: v1, kind: Widget, module: widget.wasm}
- {group: example.com, version: v1, kind: Gadget, module: widget.wasm}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_definition_is_waited_for_and_told_once() {
    let site = Site::new().await;
    let gadgets = site.define("Gadget").await;
    create(&gadgets, "Gadget", "b").await;
    site.watches(WATCHES);
    site.module("widget.wasm", &nothing());
    let operator = site.operator().await;
    site.conditions(&gadgets, "b", is_ready).await;
    let told = operator.process.logs("not served yet").await;
    assert!(
        told.contains("hint: apply its CustomResourceDefinition. It is picked up by itself")
            && told.contains("example.com/v1 Widget"),
        "{told}"
    );
    operator.process.logs(" ready").await;
    assert_eq!(operator.get("/readyz").await, (200, "ok\n".to_owned()));

    let widgets = site.define("Widget").await;
    create(&widgets, "Widget", "a").await;
    site.conditions(&widgets, "a", is_ready).await;
    assert_eq!(operator.process.log().matches("not served yet").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_against_its_schema_is_refused_with_the_field() {
    let site = Site::new().await;
    let widgets = site.define("Widget").await;
    let refused = async |spec: serde_json::Value| {
        let object = json!({
            "apiVersion": "example.com/v1",
            "kind": "Widget",
            "metadata": {"name": "a"},
            "spec": spec,
        });
        let applied = widgets
            .patch("a", &PatchParams::apply("test"), &Patch::Apply(object))
            .await;
        applied.unwrap_err().to_string()
    };
    insta::assert_snapshot!(refused(json!({"size": 11})).await, @r#"ApiError: Widget.example.com "a" is invalid: spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10: Invalid (Status { status: Some(Failure), code: 422, message: "Widget.example.com \"a\" is invalid: spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10", metadata: Some(ListMeta { continue_: None, remaining_item_count: None, resource_version: None, self_link: None }), reason: "Invalid", details: Some(StatusDetails { name: "a", group: "example.com", kind: "Widget", uid: "", causes: [StatusCause { reason: "FieldValueInvalid", message: "Invalid value: 11: spec.size in body should be less than or equal to 10", field: "spec.size" }], retry_after_seconds: 0 }) })"#);
    insta::assert_snapshot!(refused(json!({"size": "big"})).await, @r#"ApiError: failed to create typed patch object (/a; example.com/v1, Kind=Widget): .spec.size: expected numeric (int or float), got string:  (Status { status: Some(Failure), code: 500, message: "failed to create typed patch object (/a; example.com/v1, Kind=Widget): .spec.size: expected numeric (int or float), got string", metadata: Some(ListMeta { continue_: None, remaining_item_count: None, resource_version: None, self_link: None }), reason: "", details: None })"#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_operators_on_one_cluster_come_to_one_end() {
    let site = Site::new().await;
    let gadgets = site.define("Gadget").await;
    site.watches(WATCHES);
    site.module("widget.wasm", &nothing());
    let (first, second) = (site.operator().await, site.operator().await);
    create(&gadgets, "Gadget", "b").await;
    site.conditions(&gadgets, "b", is_ready).await;
    first.process.kill().await;
    create(&gadgets, "Gadget", "c").await;
    site.conditions(&gadgets, "c", is_ready).await;
    let other = api(&site.cluster.client(), "example.com", "v1", "Gadget");
    assert_eq!(
        other
            .list(&kube::api::ListParams::default())
            .await
            .unwrap()
            .items
            .len(),
        2
    );
    second.process.kill().await;
}
