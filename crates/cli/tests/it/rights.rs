//! What `oarlock rbac` prints, and an operator that has just that.

use std::path::Path;

use kube::api::{
    Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams,
};
use kube::core::Request;
use serde_json::{Value, json};

use crate::process::oarlock;

/// The objects that `oarlock rbac` prints with these arguments.
pub(crate) async fn generated(directory: &Path, args: &[&str]) -> Vec<Value> {
    let mut all = vec!["rbac", "-o", "json"];
    all.extend(args);
    let output = oarlock(&all, directory).await;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    list["items"].as_array().unwrap().clone()
}

/// Applies objects as an administrator does, or only asks whether they could be.
pub(crate) async fn apply(client: &kube::Client, objects: &[Value], dry_run: bool) {
    for object in objects {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let (group, version) = text("/apiVersion")
            .unwrap()
            .split_once('/')
            .unwrap_or(("", "v1"));
        let gvk = GroupVersionKind::gvk(group, version, text("/kind").unwrap());
        // The plural of the kinds here is the usual one, but for this.
        let resource = match gvk.kind.as_str() {
            "ValidatingAdmissionPolicy" => {
                ApiResource::from_gvk_with_plural(&gvk, "validatingadmissionpolicies")
            }
            _ => ApiResource::from_gvk(&gvk),
        };
        let api: Api<DynamicObject> = match text("/metadata/namespace") {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        };
        let name = text("/metadata/name").unwrap();
        let mut params = PatchParams::apply("kubectl").force();
        params.dry_run = dry_run;
        let applied = api.patch(name, &params, &Patch::Apply(object)).await;
        if let Err(error) = applied {
            panic!("{} {name}: {error}", gvk.kind);
        }
    }
}

/// A token of a ServiceAccount.
pub(crate) async fn token(client: &kube::Client, namespace: &str, name: &str) -> String {
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
    let body = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": {"audiences": [], "expirationSeconds": 3600},
    });
    let body = serde_json::to_vec(&body).unwrap();
    let request = Request::new(path)
        .create_subresource("token", name, &PostParams::default(), body)
        .unwrap();
    let answer: Value = client.request(request).await.unwrap();
    answer["status"]["token"].as_str().unwrap().to_owned()
}

/// Every document of a YAML file.
pub(crate) fn documents(text: &str) -> Vec<Value> {
    text.split("\n---\n")
        .filter(|part| {
            part.lines()
                .any(|line| !line.is_empty() && !line.starts_with('#'))
        })
        .map(|part| serde_saphyr::from_str(part).unwrap())
        .collect()
}

/// All objects of `deploy/`, in the order in which they can be applied.
pub(crate) fn deployment(root: &Path) -> Vec<Value> {
    [
        "namespace",
        "rbac",
        "deployment",
        "release-policy",
        "abandon-policy",
        "service-catalog-policy",
    ]
    .iter()
    .flat_map(|name| {
        let file = root.join(format!("deploy/{name}.yaml"));
        let text = std::fs::read_to_string(&file);
        documents(&text.unwrap_or_else(|error| panic!("{}: {error}", file.display())))
    })
    .collect()
}

/// How often the operator was answered 403, by its own metrics.
pub(crate) fn forbidden(metrics: &str) -> Vec<&str> {
    let requests = metrics
        .lines()
        .filter(|line| line.starts_with("rest_client_requests_total{"));
    let requests: Vec<&str> = requests.collect();
    assert!(!requests.is_empty(), "no request was counted:\n{metrics}");
    requests
        .into_iter()
        .filter(|line| line.contains("code=\"403\""))
        .collect()
}
