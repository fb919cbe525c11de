//! The Deployer demo, watched from outside.

use futures_util::{Stream, StreamExt as _};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::{Value, json};

use crate::process::{PATIENCE, root};

/// A client of a namespaced kind.
pub(crate) fn api(
    client: &kube::Client,
    group: &str,
    version: &str,
    kind: &str,
) -> Api<DynamicObject> {
    let gvk = GroupVersionKind::gvk(group, version, kind);
    Api::namespaced_with(client.clone(), "default", &ApiResource::from_gvk(&gvk))
}

/// A client of Deployers.
pub(crate) fn deployers(client: &kube::Client) -> Api<DynamicObject> {
    api(client, "deploy.example.com", "v1alpha1", "Deployer")
}

/// A client of Deployments.
pub(crate) fn deployments(client: &kube::Client) -> Api<DynamicObject> {
    api(client, "apps", "v1", "Deployment")
}

/// A manifest of the example.
pub(crate) fn manifest(name: &str) -> Value {
    let text = std::fs::read_to_string(root().join("examples/deployer").join(name)).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// Applies the definition of Deployers, and waits until they are served.
pub(crate) async fn define(client: &kube::Client) {
    define_as(client, manifest("crd.yaml")).await;
}

/// Applies a definition, and waits until its kind is served.
pub(crate) async fn define_as(client: &kube::Client, definition: Value) {
    let gvk = GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    let definitions: Api<DynamicObject> =
        Api::all_with(client.clone(), &ApiResource::from_gvk(&gvk));
    let name = definition["metadata"]["name"].as_str().unwrap().to_owned();
    let apply = PatchParams::apply("test");
    definitions
        .patch(&name, &apply, &Patch::Apply(definition))
        .await
        .unwrap();
    let mut changes = std::pin::pin!(changes(definitions));
    until(&mut changes, |crd| {
        crd.metadata.name.as_deref() == Some(&name) && condition(crd, "Established") == "True"
    })
    .await;
}

/// Applies the users' own manifest, as it is.
pub(crate) async fn apply_deployer(client: &kube::Client) {
    let mut deployer = manifest("deployer.yaml");
    deployer["metadata"]["namespace"] = json!("default");
    deployers(client)
        .patch(
            "nginx",
            &PatchParams::apply("kubectl"),
            &Patch::Apply(deployer),
        )
        .await
        .unwrap();
}

/// Changes the version.
pub(crate) async fn change_version(client: &kube::Client, version: &str) {
    let patch = json!({"spec": {"deployment": {"version": version}}});
    deployers(client)
        .patch("nginx", &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
}

/// Every state of the objects of an API from now on.
pub(crate) fn changes(api: Api<DynamicObject>) -> impl Stream<Item = DynamicObject> {
    watcher(api, watcher::Config::default())
        .default_backoff()
        .applied_objects()
        .filter_map(async |object| object.ok())
}

/// The next state for which `wanted` holds.
pub(crate) async fn until(
    changes: &mut (impl Stream<Item = DynamicObject> + Unpin),
    wanted: impl Fn(&DynamicObject) -> bool,
) -> DynamicObject {
    let mut last = None;
    let find = async {
        loop {
            let object = changes.next().await.expect("a watch does not end");
            if wanted(&object) {
                return object;
            }
            last = Some(object);
        }
    };
    match tokio::time::timeout(PATIENCE, find).await {
        Ok(object) => object,
        Err(_) => panic!("it did not come to it; last seen: {:#}", json!(last)),
    }
}

/// A condition's status, or nothing.
pub(crate) fn condition(object: &DynamicObject, kind: &str) -> String {
    let conditions = object.data["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let found = conditions.iter().find(|c| c["type"] == kind);
    found
        .and_then(|c| c["status"].as_str())
        .unwrap_or_default()
        .to_owned()
}

/// Whether everything is as `version` wants it.
pub(crate) fn ready_at(object: &DynamicObject, version: &str) -> bool {
    let status = &object.data["status"];
    condition(object, "Ready") == "True"
        && status["to"]["version"] == version
        && status["observedGeneration"].as_i64() == object.metadata.generation
}

/// All conditions, one line each, without times.
pub(crate) fn conditions(object: &DynamicObject) -> String {
    let conditions = object.data["status"]["conditions"].as_array();
    let lines: Vec<String> = conditions
        .into_iter()
        .flatten()
        .map(|c| {
            let text = |field: &str| c[field].as_str().unwrap_or_default();
            format!(
                "{}={} {}: {}",
                text("type"),
                text("status"),
                text("reason"),
                text("message")
            )
        })
        .collect();
    lines.join("\n")
}
