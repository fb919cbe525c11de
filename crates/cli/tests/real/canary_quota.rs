//! A Canary in a namespace that has no room for one Pod more.

use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::canary::{Podinfo, REPLICAS};
use crate::watching::conditions;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_18_a_full_quota_holds_it_and_is_named() {
    let Some(podinfo) = Podinfo::new("quota", "canary.oarlock.dev", "v1alpha1").await else {
        return;
    };
    let quotas = podinfo.ground.api("", "v1", "ResourceQuota");
    let quota = |pods: i64| {
        json!({
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "room"},
            "spec": {"hard": {"pods": pods.to_string()}},
        })
    };
    podinfo.ground.apply(&quotas, quota(REPLICAS)).await;
    podinfo
        .ground
        .when(&quotas, "room", |quota| {
            quota.data["status"]["hard"]["pods"].is_string()
        })
        .await;
    let _operator = podinfo.ground.operator().await;
    podinfo.deploy("3.1.0").await;
    // None may be missing, so one more has to come first.
    let strict =
        json!({"spec": {"strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}});
    podinfo
        .deployments
        .patch("podinfo", &PatchParams::default(), &Patch::Merge(strict))
        .await
        .unwrap();
    podinfo.apply(podinfo.steps(&[30])).await;
    podinfo.runs("3.1.0").await;

    podinfo.deploy("3.1.1").await;
    let held = podinfo
        .ground
        .when(&podinfo.canaries, "podinfo", |canary| {
            conditions(canary).contains("exceeded quota")
        })
        .await;
    assert_eq!(held.data["status"]["phase"], "Progressing");
    podinfo.runs("3.1.0").await;

    podinfo.ground.apply(&quotas, quota(2 * REPLICAS)).await;
    podinfo.phase("Succeeded").await;
    podinfo.stage("Idle").await;
    podinfo.runs("3.1.1").await;
}
