//! A Flagger was here: its Deployment serves, and the users' own has no Pods.

use oarlock_devcluster::resource::ResourceId;
use serde_json::{Value, json};

use super::site::{CANARIES, DEPLOYMENTS, NEW, Site, documents};
use crate::chronicle::Scene;
use crate::world::{Circumstances, condition};

const SERVICES: ResourceId = ResourceId::of("", "services");

/// What a Flagger made of podinfo: the Canary, its Deployment and three Services, which are the Canary's.
async fn left() -> Site {
    let mut site = Site::new(Circumstances::default()).await;
    site.kill().await;
    let mut canary = documents("canary.yaml").remove(0);
    canary["spec"]["takeover"] = json!("flagger");
    let canary = site.apply(canary).unwrap();
    let owners = json!([{
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "podinfo",
        "uid": canary["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true,
    }]);
    let mut primary = documents("podinfo.yaml").remove(1);
    primary["metadata"]["name"] = json!("podinfo-primary");
    primary["metadata"]["ownerReferences"] = owners.clone();
    primary["spec"]["selector"]["matchLabels"] = json!({"app": "podinfo-primary"});
    primary["spec"]["template"]["metadata"] =
        json!({"labels": {"app": "podinfo-primary"}, "annotations": {"flagger-id": "2f0c"}});
    site.apply(primary).unwrap();
    for (name, pods) in [
        ("podinfo", "podinfo-primary"),
        ("podinfo-primary", "podinfo-primary"),
        ("podinfo-canary", "podinfo"),
    ] {
        let service = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": "prod", "ownerReferences": owners},
            "spec": {"selector": {"app": pods}, "ports": [{"name": "http", "port": 9898, "targetPort": "http"}]},
        });
        site.apply(service).unwrap();
    }
    let none = json!({"spec": {"replicas": 0}});
    site.edit(&DEPLOYMENTS, "podinfo", &none).unwrap();
    site.until("Flagger's Pods serve", |world| {
        let primary = world.get(&DEPLOYMENTS, "podinfo-primary")?;
        (primary["status"]["availableReplicas"] == 10).then_some(())
    })
    .await;
    site.settle().await;
    site
}

/// Ready Pods that the Service of all people sends requests to.
fn serving(scene: &Scene) -> usize {
    let of = |wanted: &'static str| {
        let all = scene
            .iter()
            .filter(move |((plural, _), _)| plural == wanted);
        all.map(|(_, object)| object.as_ref())
    };
    let service = of("services").find(|service| service["metadata"]["name"] == "podinfo");
    let selector = service.and_then(|service| service["spec"]["selector"].as_object());
    let is_selected = |pod: &&Value| {
        let labels = &pod["metadata"]["labels"];
        selector.is_some_and(|all| all.iter().all(|(key, value)| labels[key] == *value))
    };
    of("pods")
        .filter(is_selected)
        .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null())
        .filter(|pod| condition(pod, "Ready").is_some_and(|ready| ready.starts_with("True")))
        .count()
}

#[tokio::test(start_paused = true)]
async fn a_flagger_is_taken_over_without_a_moment_without_pods_though_the_operator_dies() {
    let mut site = left().await;
    let since = site.store().revision();
    site.restart().await;
    for _ in 0..12 {
        site.pass(std::time::Duration::from_secs(5)).await;
        site.restart().await;
    }
    site.until_phase(&["Initialized"]).await;
    site.settle().await;
    assert!(site.get(&DEPLOYMENTS, "podinfo-primary").is_none());
    assert_eq!(site.sizes(), "10+0");
    let selector = site.get(&SERVICES, "podinfo").unwrap()["spec"]["selector"].clone();
    assert_eq!(selector, json!({"app": "podinfo"}));
    site.chronicle
        .replay(since, |entry, scene| {
            let (ready, at) = (serving(scene), entry.change.revision);
            assert!(ready >= 10, "only {ready} serve at {at}");
        })
        .await;
    // From then on it is one as any other.
    let since = site.store().revision();
    site.edit(&CANARIES, "podinfo", &json!({"spec": {"takeover": null}}))
        .unwrap();
    site.deploy(NEW);
    site.until_promoted(NEW).await;
    site.check_capacity(since).await;
}
