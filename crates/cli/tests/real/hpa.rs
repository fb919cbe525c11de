//! The real HorizontalPodAutoscaler, which scales the Canary instead of the Deployment while there is one.

use serde_json::json;

use crate::canary::Podinfo;

/// More than the Deployment asks for: the autoscaler goes there without any metrics.
const AT_LEAST: i64 = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_19_it_scales_through_the_canary() {
    let Some(podinfo) = Podinfo::new("hpa", "canary.oarlock.dev", "v1alpha1").await else {
        return;
    };
    let _operator = podinfo.ground.operator().await;
    podinfo.deploy("3.1.0").await;
    let autoscalers = podinfo
        .ground
        .api("autoscaling", "v2", "HorizontalPodAutoscaler");
    let mut canary = podinfo.steps(&[30]);
    canary["spec"]["autoscalerRef"] = json!({"name": "podinfo"});
    let autoscaler = json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "podinfo"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
            "minReplicas": 1,
            "maxReplicas": 20,
            "metrics": [{"type": "Resource", "resource": {
                "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80},
            }}],
        },
    });
    podinfo.ground.apply(&autoscalers, autoscaler).await;
    podinfo.apply(canary).await;
    podinfo
        .ground
        .when(&autoscalers, "podinfo", |autoscaler| {
            autoscaler.data["spec"]["scaleTargetRef"]["kind"] == "Canary"
        })
        .await;

    // Whoever owns the autoscaler wants more.
    let patch = json!({"spec": {"minReplicas": AT_LEAST}});
    autoscalers
        .patch(
            "podinfo",
            &kube::api::PatchParams::default(),
            &kube::api::Patch::Merge(patch),
        )
        .await
        .unwrap();
    podinfo
        .ground
        .when(&podinfo.canaries, "podinfo", |canary| {
            canary.data["spec"]["replicas"] == AT_LEAST
        })
        .await;
    podinfo
        .ground
        .when(&podinfo.deployments, "podinfo", |deployment| {
            deployment.data["status"]["availableReplicas"] == AT_LEAST
        })
        .await;

    podinfo.delete().await;
    let autoscaler = autoscalers.get("podinfo").await.unwrap();
    let target = &autoscaler.data["spec"]["scaleTargetRef"];
    assert_eq!(
        target,
        &json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"})
    );
}
