//! `oarlock release`: objects whose module never lets them go.

use std::process::Output;

use kube::Api;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::process::oarlock;
use crate::site::{Site, create};

const WATCHES: &str = "- {group: example.com, version: v1, kind: Widget, module: absent.wasm}\n";

/// An object in deletion, with a finalizer of a module and one of somebody else.
async fn dying(widgets: &Api<DynamicObject>, theirs: bool) {
    let mut finalizers = vec!["example.com/cleanup"];
    if theirs {
        finalizers.push("example.com/theirs");
    }
    let object = json!({
        "apiVersion": "example.com/v1", "kind": "Widget",
        "metadata": {
            "name": "a", "finalizers": finalizers,
            "annotations": {"oarlock.dev/finalizer": "example.com/cleanup"},
        },
    });
    let object = serde_json::from_value(object).unwrap();
    widgets
        .create(&PostParams::default(), &object)
        .await
        .unwrap();
    let _deleted = widgets.delete("a", &DeleteParams::default()).await.unwrap();
}

async fn release(site: &Site, more: &[&str]) -> Output {
    let kubeconfig = site.cluster.kubeconfig.to_str().unwrap();
    let mut args = vec!["release", "--kubeconfig", kubeconfig];
    args.extend(more);
    oarlock(&args, &site.path("modules")).await
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What it writes to standard error when it fails.
async fn refused(site: &Site, more: &[&str]) -> String {
    let output = release(site, more).await;
    assert!(!output.status.success(), "{}", text(&output.stdout));
    assert_eq!(text(&output.stdout), "");
    text(&output.stderr)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_lets_the_object_go_and_the_command_says_what_it_did() {
    let site = Site::new().await;
    let widgets = site.define("Widget").await;
    site.watches(WATCHES);
    let operator = site.operator().await;
    dying(&widgets, false).await;
    let shown = site
        .conditions(&widgets, "a", |c| c.contains("FinalizerBlocked"))
        .await;
    insta::assert_snapshot!(shown, @r#"
    Ready=False FinalizerBlocked: the deletion waits for example.com/cleanup, and no module is there to take it off: absent.wasm is not in the modules directory; it serves as soon as it is there; hint: `oarlock release widgets.example.com/a -n default` lets the object go without its module
    Stalled=True FinalizerBlocked: the deletion waits for example.com/cleanup, and no module is there to take it off: absent.wasm is not in the modules directory; it serves as soon as it is there; hint: `oarlock release widgets.example.com/a -n default` lets the object go without its module
    "#);
    let gauge = "oarlock_deletion_blocked{controller=\"widget.example.com\"}";
    operator.counts(gauge, |value| value == "1").await;

    let args = [
        "widgets.example.com/a",
        "-n",
        "default",
        "--reason",
        "the module is lost",
        "--yes",
    ];
    let output = release(&site, &args).await;
    insta::assert_snapshot!(text(&output.stderr), @r#"
    Widget default/a is being deleted, and waits for
      example.com/cleanup  its module's
    It says: the deletion waits for example.com/cleanup, and no module is there to take it off: absent.wasm is not in the modules directory; it serves as soon as it is there
    Released, it goes without its module: what that would have cleaned up stays behind
    "#);
    assert!(output.status.success());
    insta::assert_snapshot!(text(&output.stdout), @r#"Widget default/a released: example.com/cleanup taken off without calling the module, as oarlock:admin asked: the module is lost"#);
    assert!(widgets.get_opt("a").await.unwrap().is_none());
    let event = site.event("a", "Released").await;
    assert!(
        event.ends_with("as oarlock:admin asked: the module is lost"),
        "{event}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_operator_the_finalizers_go_only_by_force() {
    let site = Site::new().await;
    let widgets = site.define("Widget").await;
    dying(&widgets, true).await;
    let told = refused(&site, &["widget/a", "--yes", "--timeout", "1s"]).await;
    insta::assert_snapshot!(told, @r#"
    Widget default/a is being deleted, and waits for
      example.com/cleanup  its module's
      example.com/theirs  somebody else's: it stays
    Released, it goes without its module: what that would have cleaned up stays behind
    error: no operator has let Widget default/a go within 1s
      hint: it does as soon as one runs that serves the kind, or --force-finalizers takes the finalizers off without one
    "#);
    let object = widgets.get("a").await.unwrap();
    assert_eq!(object.metadata.finalizers.unwrap().len(), 2);

    let output = release(
        &site,
        &[
            "widget/a",
            "--yes",
            "--timeout",
            "1s",
            "--force-finalizers",
            "--reason",
            "gone for good",
        ],
    )
    .await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    insta::assert_snapshot!(text(&output.stdout), @r#"
    Widget default/a released without an operator: example.com/cleanup taken off: gone for good
    left behind, perhaps: whatever the module of example.com/cleanup would have cleaned up
    "#);
    let object = widgets.get("a").await.unwrap();
    assert_eq!(object.metadata.finalizers.unwrap(), ["example.com/theirs"]);
    let event = site.event("a", "Released").await;
    insta::assert_snapshot!(event, @r#"Warning example.com/cleanup taken off without an operator, as oarlock:admin asked: gone for good"#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_operator_would_have_deleted_is_named_when_there_is_none() {
    let site = Site::new().await;
    let client = site.cluster.client();
    let widgets = site.define("Widget").await;
    let apply = PatchParams::apply("test");
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}});
    let namespaces: Api<DynamicObject> = Api::all_with(
        client.clone(),
        &kube::api::ApiResource::from_gvk(&kube::api::GroupVersionKind::gvk("", "v1", "Namespace")),
    );
    namespaces
        .patch("other", &apply, &Patch::Apply(namespace))
        .await
        .unwrap();
    let object = json!({
        "apiVersion": "example.com/v1", "kind": "Widget",
        "metadata": {
            "name": "a", "finalizers": ["oarlock.dev/children"],
            "annotations": {"oarlock.dev/child-kinds": "v1 ConfigMap,lost.example.com/v1 Lost"},
        },
    });
    let object = serde_json::from_value(object).unwrap();
    let made = widgets
        .create(&PostParams::default(), &object)
        .await
        .unwrap();
    let far = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "far", "labels": {"oarlock.dev/owner-uid": made.metadata.uid}},
    });
    let maps: Api<DynamicObject> = Api::namespaced_with(
        client.clone(),
        "other",
        &kube::api::ApiResource::from_gvk(&kube::api::GroupVersionKind::gvk("", "v1", "ConfigMap")),
    );
    maps.patch("far", &apply, &Patch::Apply(far)).await.unwrap();
    let _deleted = widgets.delete("a", &DeleteParams::default()).await.unwrap();
    let output = release(
        &site,
        &["widget/a", "--yes", "--timeout", "0s", "--force-finalizers"],
    )
    .await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    insta::assert_snapshot!(text(&output.stdout), @r#"
    Widget default/a released without an operator: oarlock.dev/children taken off: no reason given
    left behind: ConfigMap other/far
    left behind, perhaps: objects of lost.example.com/v1 Lost: the API server does not serve them
    "#);
    assert!(widgets.get_opt("a").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_released_is_told_with_a_reason() {
    let site = Site::new().await;
    let widgets = site.define("Widget").await;
    insta::assert_snapshot!(refused(&site, &["widget/a", "--yes"]).await, @r#"error: Widget default/a does not exist"#);
    insta::assert_snapshot!(refused(&site, &["gadget/a", "--yes"]).await, @r#"
    error: the API server serves no kind gadget
      hint: `kubectl api-resources` lists what it serves
    "#);
    create(&widgets, "Widget", "b").await;
    insta::assert_snapshot!(refused(&site, &["widget/b", "--yes"]).await, @r#"
    error: Widget default/b is not being deleted
      hint: `kubectl delete` it first: its module is asked to let it go, and a release is for when it does not
    "#);
    dying(&widgets, true).await;
    insta::assert_snapshot!(refused(&site, &["widget/a"]).await, @r#"
    Widget default/a is being deleted, and waits for
      example.com/cleanup  its module's
      example.com/theirs  somebody else's: it stays
    Released, it goes without its module: what that would have cleaned up stays behind
    error: nobody is there to ask whether this is meant
      hint: --yes
    "#);
    insta::assert_snapshot!(refused(&site, &["widget/a", "--yes", "--reason", " "]).await, @r#"
    error: a release needs a reason
      hint: --reason says why, for whoever reads the Event
    "#);
    let annotations: Value = json!({"metadata": {"annotations": {"oarlock.dev/finalizer": null}}});
    widgets
        .patch("a", &PatchParams::default(), &Patch::Merge(annotations))
        .await
        .unwrap();
    insta::assert_snapshot!(refused(&site, &["widget/a", "--yes"]).await, @r#"
    error: nothing of Oarlock's holds Widget default/a
      hint: it waits for example.com/cleanup, example.com/theirs, which somebody else put there
    "#);
}
