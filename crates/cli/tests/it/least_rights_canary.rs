//! The Canary example with the rights that `oarlock rbac` prints for it, and no more.

use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use crate::guarded::Guarded;
use crate::process::{Process, root};
use crate::rights::{apply, documents, forbidden, generated};
use crate::rollout::{changes, define_as, until};
use crate::site::canary;

fn file(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The operator as its ServiceAccount.
async fn operator(site: &Guarded) -> Process {
    let kubeconfig = site.kubeconfig("oarlock", "kube-system").await;
    let (watches, modules) = (
        site.path().join("watches.yaml"),
        site.path().join("modules"),
    );
    let clock = format!("{}/clock", site.url);
    let process = Process::start(&[
        "run",
        "--watches",
        watches.to_str().unwrap(),
        "--modules",
        modules.to_str().unwrap(),
        "--kubeconfig",
        kubeconfig.to_str().unwrap(),
        "--clock",
        &clock,
        "--metrics-bind-address",
        "127.0.0.1:0",
    ]);
    process.logs("serving canary").await;
    process
}

async fn metrics(operator: &Process) -> String {
    let line = operator.logs("probes and metrics").await;
    let address = line.split("address=").nth(1).unwrap().trim().to_owned();
    let client = crate::process::client(&format!("http://{address}"));
    let request = http::Request::get("/metrics").body(Vec::new()).unwrap();
    client.request_text(request).await.unwrap()
}

async fn merge(api: &Api<DynamicObject>, patch: Value) {
    let params = PatchParams::default();
    let patched = api.patch("podinfo", &params, &Patch::Merge(patch)).await;
    drop(patched.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_comes_rolls_out_and_goes_with_exactly_the_generated_rights() {
    let site = Guarded::new().await;
    let admin = site.cluster.client();
    std::fs::create_dir(site.path().join("modules")).unwrap();
    std::fs::write(site.path().join("modules/canary.wasm"), canary()).unwrap();
    let watches = file("examples/canary/watches.yaml");
    std::fs::write(site.path().join("watches.yaml"), watches).unwrap();
    let definition = file("modules/canary/crds/flagger.app/canaries.yaml");
    define_as(&admin, serde_saphyr::from_str(&definition).unwrap()).await;
    apply(
        &admin,
        &documents(&file("examples/canary/podinfo.yaml")),
        false,
    )
    .await;
    let args = ["watches.yaml", "--service-account", "kube-system/oarlock"];
    apply(&admin, &generated(site.path(), &args).await, false).await;
    let operator = operator(&site).await;

    let api = |group: &str, version: &str, kind: &str| -> Api<DynamicObject> {
        let gvk = GroupVersionKind::gvk(group, version, kind);
        Api::namespaced_with(admin.clone(), "prod", &ApiResource::from_gvk(&gvk))
    };
    let canaries = api("flagger.app", "v1alpha3", "Canary");
    let deployments = api("apps", "v1", "Deployment");
    // No Prometheus is there: without checks, as the rights are the same.
    let mut canary = documents(&file("examples/canary/canary.yaml")).remove(0);
    canary["spec"]["skipAnalysis"] = json!(true);
    apply(&admin, &[canary], false).await;
    let mut states = std::pin::pin!(changes(canaries.clone()));
    let phase =
        |phase: &'static str| move |object: &DynamicObject| object.data["status"]["phase"] == phase;
    until(&mut states, phase("Initialized")).await;
    let mut app = deployments.get("podinfo").await.unwrap();
    let containers = &mut app.data["spec"]["template"]["spec"]["containers"];
    containers[0]["image"] = json!("stefanprodan/podinfo:3.1.1");
    let containers = containers.clone();
    let template = json!({"spec": {"template": {"spec": {"containers": containers}}}});
    merge(&deployments, template).await;
    until(&mut states, phase("Succeeded")).await;

    let _deleted = canaries
        .delete("podinfo", &DeleteParams::default())
        .await
        .unwrap();
    let mut apps = std::pin::pin!(changes(deployments.clone()));
    let free = |object: &DynamicObject| {
        object.metadata.name.as_deref() == Some("podinfo")
            && object.data["spec"]["paused"].is_null()
    };
    until(&mut apps, free).await;
    let metrics = metrics(&operator).await;
    assert_eq!(
        forbidden(&metrics),
        Vec::<&str>::new(),
        "{}",
        operator.log()
    );
}
