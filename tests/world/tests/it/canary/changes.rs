//! Changes of mind, broken versions, and people who lend a hand.

use std::time::Duration;

use oarlock_devcluster::resource::ResourceId;
use oarlock_devcluster::store::{Subresource, Write};
use oarlock_devcluster::workload::{Behaviour, Pattern};
use serde_json::json;

use super::site::{DEPLOYERS, DEPLOYMENTS, Site, key};
use crate::world::{NAMESPACE, World, condition};

/// Four of the old version, six of the new one.
async fn at_the_third_step() -> Site {
    let mut site = Site::installed().await;
    site.deploy("1.7.8");
    site.until_step(3).await;
    assert_eq!(site.sizes(), "1.7.7=4 1.7.8=6");
    site
}

#[tokio::test(start_paused = true)]
async fn row_10_back_to_the_old_version_in_the_middle() {
    let mut site = at_the_third_step().await;
    let (since, began) = (site.store().revision(), site.now());
    site.deploy("1.7.7");
    site.until_stable("1.7.7").await;
    let took = site.now().since(began);
    assert!(
        took < Duration::from_secs(10),
        "a way back has no steps: {took:?}"
    );
    site.check_capacity(since, 10, 13).await;
    let mut last = 4;
    for entry in site.chronicle.since(since).await {
        if entry.change.resource == DEPLOYMENTS && entry.change.key == key("nginx-1.7.7") {
            let replicas = entry.change.object["spec"]["replicas"].as_u64().unwrap();
            assert!(replicas >= last, "{replicas} after {last}");
            last = replicas;
        }
    }
    assert_eq!(site.sizes(), "1.7.7=10");
    let events = site.events("nginx");
    insta::assert_snapshot!(events[events.len() - 2..].join("\n"), @r"
    Normal RollingBack: back to nginx-1.7.7, without steps
    Normal RolledBack: all Pods are of nginx-1.7.7 again
    ");
}

#[tokio::test(start_paused = true)]
async fn row_10_a_third_version_in_the_middle() {
    let mut site = at_the_third_step().await;
    let (since, began) = (site.store().revision(), site.now());
    site.deploy("1.7.9");
    site.until_stable("1.7.9").await;
    insta::assert_snapshot!("third-version", site.story(since, began).await);
    site.check_capacity(since, 10, 13).await;
    assert!(site.now().since(began) >= Duration::from_secs(120));
    assert_eq!(site.sizes(), "1.7.9=10");
}

#[tokio::test(start_paused = true)]
async fn row_03_more_replicas_in_the_middle_of_a_step() {
    let mut site = at_the_third_step().await;
    site.pass(Duration::from_secs(10)).await;
    let status = site.deployer()["status"].clone();
    let since = site.store().revision();
    site.set(&json!({"deployment": {"replicas": 20}}));
    site.pass(Duration::from_secs(10)).await;
    assert_eq!(site.sizes(), "1.7.7=8 1.7.8=12");
    let now = &site.deployer()["status"];
    for field in ["stepStartedAt", "stepEndsAt", "currentStep"] {
        assert_eq!(now[field], status[field], "the time goes on");
    }
    site.until_stable("1.7.8").await;
    assert_eq!(site.sizes(), "1.7.8=20");
    site.check_capacity(since, 10, 25).await;
}

#[tokio::test(start_paused = true)]
async fn row_13_an_image_that_cannot_be_pulled() {
    let mut site = Site::installed().await;
    let workloads = site.cluster().workloads();
    workloads.add(Pattern::image("nginx:1.7.8"), Behaviour::ImagePullBackOff);
    let old = site.get(&DEPLOYMENTS, "nginx-1.7.7").unwrap();
    let since = site.store().revision();
    site.deploy("1.7.8");
    let given_up = |world: &World| {
        let ready = condition(&*world.get(&DEPLOYERS, "nginx")?, "Ready")?;
        ready.contains("Rejected").then_some(ready)
    };
    let began = site.now();
    let ready = site.until("it is given up", given_up).await;
    let took = site.now().since(began).as_secs();
    assert!((600..610).contains(&took), "{took}");
    insta::assert_snapshot!(ready, @"
    False Rejected: 1.7.8 (cab41d256f) was given up: the Pods of nginx-1.7.8 were not available within 600s
    hint: change it, or try it again with spec.control.retry
    ");
    site.pass(Duration::from_secs(1800)).await;
    assert_eq!(site.ready(), ready);
    assert_eq!(site.sizes(), "1.7.7=10");
    let untouched = site.get(&DEPLOYMENTS, "nginx-1.7.7").unwrap();
    assert_eq!(
        untouched["metadata"]["generation"],
        old["metadata"]["generation"]
    );
    site.check_capacity(since, 10, 13).await;
    let warnings: Vec<String> = site
        .events("nginx")
        .into_iter()
        .filter(|event| event.starts_with("Warning"))
        .collect();
    insta::assert_snapshot!(warnings.join("\n"), @"Warning Aborted: nginx-1.7.8 is given up: the Pods of nginx-1.7.8 were not available within 600s");

    // The next version is a good one: it takes all steps.
    let began = site.now();
    site.deploy("1.7.9");
    site.until_stable("1.7.9").await;
    assert!(site.now().since(began) >= Duration::from_secs(120));
    assert_eq!(site.sizes(), "1.7.9=10");
    site.check_capacity(since, 10, 13).await;
}

#[tokio::test(start_paused = true)]
async fn row_17_a_deleted_deployer_takes_everything_with_it() {
    let site = at_the_third_step().await;
    site.delete(&DEPLOYERS, "nginx");
    site.pass(Duration::from_secs(60)).await;
    assert!(site.get(&DEPLOYERS, "nginx").is_none());
    for resource in [
        DEPLOYMENTS,
        ResourceId::of("apps", "replicasets"),
        ResourceId::of("", "pods"),
    ] {
        assert_eq!(site.list(&resource).len(), 0, "{resource}");
    }
}

/// At rest and in the middle of a rollout; by `kubectl scale`, `kubectl edit` and `kubectl apply --server-side`.
#[tokio::test(start_paused = true)]
async fn row_15_what_people_scale_is_put_back() {
    for middle in [false, true] {
        let mut site = if middle {
            at_the_third_step().await
        } else {
            Site::installed().await
        };
        let sizes = site.sizes();
        for way in ["scale", "edit", "apply"] {
            scale(&site, way, "nginx-1.7.7", 2);
            assert_ne!(site.sizes(), sizes);
            site.pass(Duration::from_millis(500)).await;
            assert_eq!(site.sizes(), sizes, "{way} in the middle: {middle}");
        }
        // Pods that had to come again delay the next step, and nothing else.
        let version = if middle { "1.7.8" } else { "1.7.7" };
        site.until_stable(version).await;
    }
}

fn scale(site: &Site, way: &str, name: &str, replicas: u64) {
    let patch = json!({"spec": {"replicas": replicas}});
    match way {
        "scale" => {
            let write = Write::by("kubectl").to(Subresource::Scale);
            let change = |object: &mut serde_json::Value| {
                object["spec"]["replicas"] = replicas.into();
                Ok(())
            };
            let store = site.store();
            store
                .modify(&DEPLOYMENTS, NAMESPACE, name, None, &write, change)
                .unwrap();
        }
        "edit" => site.edit(&DEPLOYMENTS, name, &patch).unwrap(),
        _ => {
            let mut object = patch;
            object["apiVersion"] = "apps/v1".into();
            object["kind"] = "Deployment".into();
            object["metadata"] = json!({"name": name});
            site.apply(object).unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn row_16_a_deployment_that_somebody_deletes_comes_back() {
    for name in ["nginx-1.7.7", "nginx-1.7.8"] {
        let mut site = at_the_third_step().await;
        site.delete(&DEPLOYMENTS, name);
        site.pass(Duration::from_secs(10)).await;
        assert_eq!(site.sizes(), "1.7.7=4 1.7.8=6", "{name}");
        assert_eq!(site.deployer()["status"]["currentStep"], 3);
        site.until_stable("1.7.8").await;
        assert_eq!(site.sizes(), "1.7.8=10");
    }
}
