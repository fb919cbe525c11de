//! A reconcile that changes nothing asks the API server for nothing.

use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::audit::Account;
use crate::ground::{Ground, is_ready};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_sync_costs_no_request() {
    // Kinds that other tests define are news for every operator.
    let Some(ground) = Ground::alone("quiet").await else {
        return;
    };
    let bundles = ground.bundles().await;
    let operator = ground.operator().await;
    // With fields that the API server fills in, whole structures of them.
    let labels = json!({"app": "quiet"});
    let template = json!({
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "main", "image": "nginx", "ports": [{"containerPort": 80}]}]},
    });
    let deployment = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": ground.namespace},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template},
    });
    let mut ending = template.clone();
    ending["spec"]["restartPolicy"] = json!("Never");
    let job = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j", "namespace": ground.namespace},
        "spec": {"template": ending},
    });
    ground
        .bundle("b", &[ground.config_map("c", "text"), deployment, job])
        .await;
    ground.when(&bundles, "b", is_ready).await;
    // Their own controllers are done with them.
    ground
        .when(&ground.api("apps", "v1", "Deployment"), "d", |d| {
            d.data["status"]["availableReplicas"] == 2
        })
        .await;
    ground
        .when(&ground.api("batch", "v1", "Job"), "j", |j| {
            j.data["status"]["succeeded"] == 1
        })
        .await;
    let run = async |number: u32| {
        let note = format!("run-{number}-done");
        let patch = json!({"metadata": {"annotations": {"guests.oarlock.dev/note": note}}});
        bundles
            .patch("b", &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
        operator.process.logs(&format!("noted {note}")).await;
    };
    // A run begins after the end of the one before: whatever came of the last change is written.
    run(0).await;
    run(1).await;
    let before = Account::of(&ground).await;
    for number in 2..12 {
        run(number).await;
    }
    let after = Account::of(&ground).await;
    assert!(before.len() > 0, "the operator is in the account");
    assert_eq!(after.since(before.len()), Vec::<String>::new());
}
