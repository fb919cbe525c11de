//! People and autoscalers who scale in the middle of a rollout.

use std::time::Duration;

use oarlock_devcluster::resource::ResourceId;
use serde_json::{Value, json};

use super::site::{CANARIES, DEPLOYMENTS, NEW, Site, definition, documents};
use crate::components::text;
use crate::world::{Circumstances, World};

const AUTOSCALERS: ResourceId = ResourceId::of("autoscaling", "horizontalpodautoscalers");

/// Replicas of the users' Deployment and of the stable one.
fn sizes(world: &World) -> Option<(u64, u64)> {
    let size = |name: &str| world.get(&DEPLOYMENTS, name)?["spec"]["replicas"].as_u64();
    Some((size("podinfo")?, size("podinfo-stable")?))
}

async fn until_sizes(site: &mut Site, wanted: (u64, u64)) {
    let what = format!("{wanted:?}");
    site.until(&what, |world| (sizes(world)? == wanted).then_some(()))
        .await;
}

/// A rollout at 30 percent, which asks nothing and waits: of ten Pods three are new.
async fn at_thirty(site: &mut Site) {
    site.deploy(NEW);
    site.until_weight(30).await;
    until_sizes(site, (3, 7)).await;
    let revision = site.revision("currentRevision");
    site.control(&json!({"pause": revision}));
    site.pass(Duration::from_secs(5)).await;
}

#[tokio::test(start_paused = true)]
async fn row_03_a_deployment_that_somebody_scales_is_split_anew_at_the_same_weight() {
    let mut site = Site::held().await;
    at_thirty(&mut site).await;
    let step = site.status()["stepStartedAt"].clone();
    site.edit(&DEPLOYMENTS, "podinfo", &json!({"spec": {"replicas": 20}}))
        .unwrap();
    until_sizes(&mut site, (6, 14)).await;
    site.pass(Duration::from_secs(30)).await;
    assert_eq!(site.status()["canaryWeight"], 30);
    assert_eq!(site.status()["stepStartedAt"], step);
    site.edit(&DEPLOYMENTS, "podinfo", &json!({"spec": {"replicas": 10}}))
        .unwrap();
    until_sizes(&mut site, (3, 7)).await;
    site.control(&json!({"pause": null}));
    site.until_promoted(NEW).await;
    site.settle().await;
    assert_eq!(site.sizes(), "10+0");
}

#[tokio::test(start_paused = true)]
async fn row_15_row_16_the_stable_deployment_is_put_back_whatever_people_do_to_it() {
    let mut site = Site::held().await;
    at_thirty(&mut site).await;
    let weight = site.status()["canaryWeight"].clone();
    let scaled = json!({"spec": {"replicas": 1}});
    site.edit(&DEPLOYMENTS, "podinfo-stable", &scaled).unwrap();
    until_sizes(&mut site, (3, 7)).await;
    site.pass(Duration::from_secs(30)).await;
    site.delete(&DEPLOYMENTS, "podinfo-stable");
    site.until("it is back", |world| {
        let uid = world.get(&DEPLOYMENTS, "podinfo-stable")?;
        let going = !uid["metadata"]["deletionTimestamp"].is_null();
        (!going && uid["spec"]["replicas"].as_u64()? >= 7).then_some(())
    })
    .await;
    site.pass(Duration::from_secs(30)).await;
    assert_eq!(site.status()["canaryWeight"], weight);
    site.control(&json!({"pause": null}));
    site.until_promoted(NEW).await;
    site.settle().await;
    assert_eq!(site.sizes(), "10+0");
}

/// Podinfo with an autoscaler, and a Canary that names it.
async fn autoscaled() -> Site {
    let watches = text("examples/canary/watches.yaml");
    let services = "    - {apiGroups: [\"\"], resources: [services]}\n";
    let more = "    - {apiGroups: [autoscaling], resources: [horizontalpodautoscalers]}\n";
    let own = "    - {apiGroups: [flagger.app], resources: [canaries]}\n";
    let (read, write) = watches.split_once("    write:\n").unwrap();
    let granted = format!(
        "{}    write:\n{}",
        read.replace(services, &format!("{services}{more}")),
        write.replace(services, &format!("{services}{more}{own}"))
    );
    let mut site = Site::with(Circumstances::default(), &granted, &[definition()]).await;
    site.apply(json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "podinfo", "namespace": "prod"},
        "spec": {
            "minReplicas": 10, "maxReplicas": 40,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
            "metrics": [{"type": "Resource", "resource": {
                "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80},
            }}],
        },
    }))
    .unwrap();
    let mut canary = documents("canary.yaml").remove(0);
    canary["spec"]["autoscalerRef"] = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "podinfo",
    });
    site.apply(canary).unwrap();
    site.until_phase(&["Initialized"]).await;
    site.until_available().await;
    site.settle().await;
    site
}

fn target(site: &Site) -> Value {
    site.get(&AUTOSCALERS, "podinfo").unwrap()["spec"]["scaleTargetRef"].clone()
}

#[tokio::test(start_paused = true)]
async fn row_19_an_autoscaler_scales_both_versions_through_the_canary_and_gets_its_target_back() {
    let mut site = autoscaled().await;
    assert_eq!(
        target(&site),
        json!({"apiVersion": "flagger.app/v1alpha3", "kind": "Canary", "name": "podinfo"})
    );
    assert_eq!(site.canary()["spec"]["replicas"], 10);
    at_thirty(&mut site).await;
    // What the autoscaler's controller does by `/scale`.
    site.set(&json!({"replicas": 20}));
    until_sizes(&mut site, (6, 14)).await;
    site.pass(Duration::from_secs(600)).await;
    assert_eq!(sizes(&site), Some((6, 14)), "it comes to rest");
    assert_eq!(
        site.canary()["spec"]["replicas"],
        20,
        "nobody else writes it"
    );
    assert_eq!(site.status()["replicas"], 20);
    site.control(&json!({"pause": null}));
    site.until_promoted(NEW).await;
    site.settle().await;
    assert_eq!(sizes(&site), Some((20, 0)));
    site.delete(&CANARIES, "podinfo");
    site.until("the Canary is gone", |world| {
        world.get(&CANARIES, "podinfo").is_none().then_some(())
    })
    .await;
    site.settle().await;
    let app = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"});
    assert_eq!(target(&site), app);
    let app = site.get(&DEPLOYMENTS, "podinfo").unwrap();
    assert_eq!(
        (&app["spec"]["replicas"], &app["spec"]["paused"]),
        (&json!(20), &Value::Null)
    );
}
