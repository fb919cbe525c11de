//! The canary rollout on real Deployments, whose Pods are KWOK's.

use futures_util::StreamExt as _;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use serde_json::json;

use crate::ground::Ground;
use crate::process::{PATIENCE, modules};
use crate::watching::{changes, define, manifest, ready_at, until};

/// Has the operator watch the Deployers of this test.
pub(crate) async fn deployers(ground: &Ground) -> Api<DynamicObject> {
    define(&ground.client).await;
    ground.watch(
        ("deploy.example.com", "v1alpha1", "Deployer"),
        "canary.wasm",
        "{write: [{apiGroups: [apps], resources: [deployments]}]}",
    );
    let canary = std::fs::read(modules().join("canary.wasm")).unwrap();
    ground.module("canary.wasm", &canary);
    ground.api("deploy.example.com", "v1alpha1", "Deployer")
}

/// Applies the users' own manifest, with short steps.
pub(crate) async fn apply_deployer(ground: &Ground, deployers: &Api<DynamicObject>, sleep: u32) {
    let mut deployer = manifest("deployer.yaml");
    deployer["spec"]["deployment"]["namespace"] = json!(ground.namespace);
    for step in deployer["spec"]["steps"].as_array_mut().unwrap() {
        if step.get("sleep").is_some() {
            step["sleep"] = json!(sleep);
        }
    }
    ground.apply(deployers, deployer).await;
}

/// Changes the version.
pub(crate) async fn change_version(deployers: &Api<DynamicObject>, version: &str) {
    let patch = json!({"spec": {"deployment": {"version": version}}});
    deployers
        .patch("nginx", &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
}

/// Names of the Deployments, and their available replicas.
pub(crate) async fn fleet(ground: &Ground) -> Vec<(String, i64)> {
    let deployments = ground.api("apps", "v1", "Deployment");
    let listed = deployments.list(&ListParams::default()).await.unwrap();
    listed
        .items
        .into_iter()
        .map(|deployment| {
            let available = deployment.data["status"]["availableReplicas"].as_i64();
            (
                deployment.metadata.name.unwrap(),
                available.unwrap_or_default(),
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_version_takes_over_step_by_step() {
    let Some(ground) = Ground::new("rollout").await else {
        return;
    };
    let deployers = deployers(&ground).await;
    let operator = ground.operator().await;
    apply_deployer(&ground, &deployers, 1).await;
    let mut states = std::pin::pin!(changes(deployers.clone()));
    until(&mut states, |d| ready_at(d, "1.7.7")).await;
    assert_eq!(fleet(&ground).await, [("nginx-1.7.7".to_owned(), 10)]);

    change_version(&deployers, "1.7.8").await;
    let mut steps: Vec<(String, String)> = Vec::new();
    let roll_out = async {
        loop {
            let deployer = states.next().await.unwrap();
            let progress = &deployer.data["status"]["progress"];
            if let (Some(step), Some(percentage)) =
                (progress["step"].as_str(), progress["percentage"].as_str())
            {
                let step = (step.to_owned(), percentage.to_owned());
                if steps.last() != Some(&step) {
                    steps.push(step);
                }
            }
            if ready_at(&deployer, "1.7.8") {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, roll_out)
        .await
        .unwrap_or_else(|_| panic!("it rolls out; its log:\n{}", operator.process.log()));
    let expected = [
        ("no. 1", "10% has been deployed"),
        ("no. 2", "30% has been deployed"),
        ("no. 3", "60% has been deployed"),
        ("no. 4", "100% has been deployed"),
    ];
    assert_eq!(steps, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    assert_eq!(fleet(&ground).await, [("nginx-1.7.8".to_owned(), 10)]);

    // The scheduler and the kubelets put every Pod on the node.
    let pods = ground.api("", "v1", "Pod");
    let pods = pods
        .list(&ListParams::default().labels("app=nginx"))
        .await
        .unwrap();
    let of_the_new = pods.items.iter().filter(|pod| {
        pod.metadata.deletion_timestamp.is_none()
            && pod.data["spec"]["containers"][0]["image"] == "nginx:1.7.8"
            && pod.data["status"]["phase"] == "Running"
    });
    assert_eq!(of_the_new.count(), 10);
}
