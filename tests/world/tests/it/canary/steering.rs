//! Wishes, replicas that an HPA sets, and two who want the same.

use std::time::Duration;

use serde_json::json;

use super::site::{DEPLOYERS, DEPLOYMENTS, Site, manifest};
use crate::components::text;
use crate::world::{World, condition};

#[tokio::test(start_paused = true)]
async fn row_11_an_abort_keeps_the_capacity() {
    let mut site = Site::installed().await;
    let since = site.store().revision();
    site.deploy("1.7.8");
    site.until_step(3).await;
    let revision = site.deployer()["status"]["currentRevision"].clone();
    site.set(&json!({"control": {"abort": revision}}));
    site.pass(Duration::from_secs(20)).await;
    assert_eq!(site.sizes(), "1.7.7=10");
    site.check_capacity(since, 10, 13).await;
    let status = &site.deployer()["status"];
    assert_eq!(status["rejectedRevisions"], json!([revision]));
    assert_eq!(status["history"][0]["outcome"], "Aborted");
    site.set(&json!({"control": {"abort": null, "retry": "again"}}));
    site.until_stable("1.7.8").await;
    site.check_capacity(since, 10, 13).await;
}

#[tokio::test(start_paused = true)]
async fn row_19_replicas_of_an_hpa_are_split_and_nothing_is_fought_over() {
    let mut site = Site::installed().await;
    site.deploy("1.7.8");
    site.until_step(2).await;
    let started = site.deployer()["status"]["stepStartedAt"].clone();
    // As the scale subresource writes them.
    let definition = super::site::definition();
    let scale = &definition["spec"]["versions"][0]["subresources"]["scale"];
    assert_eq!(scale["specReplicasPath"], ".spec.deployment.replicas");
    assert_eq!(scale["statusReplicasPath"], ".status.replicas");
    assert_eq!(scale["labelSelectorPath"], ".status.selector");
    site.set(&json!({"deployment": {"replicas": 20}}));
    site.pass(Duration::from_secs(10)).await;
    assert_eq!(site.sizes(), "1.7.7=14 1.7.8=6");
    let deployer = site.deployer();
    assert_eq!(deployer["spec"]["deployment"]["replicas"], 20);
    assert_eq!(deployer["status"]["replicas"], 20);
    assert_eq!(
        deployer["status"]["selector"],
        "deploy.example.com/deployer=nginx"
    );
    assert_eq!(deployer["status"]["stepStartedAt"], started);
    // What the HPA reads is what it wrote: nothing swings.
    let since = site.store().revision();
    site.pass(Duration::from_secs(10)).await;
    assert_eq!(site.store().revision(), since);
    site.until_stable("1.7.8").await;
    assert_eq!(site.sizes(), "1.7.8=20");
}

/// The second is told, and takes nothing from the first.
#[tokio::test(start_paused = true)]
async fn row_26_two_deployers_of_one_name() {
    let mut site = Site::installed().await;
    let before = site.get(&DEPLOYMENTS, "nginx-1.7.7").unwrap();
    let mut second = manifest();
    second["metadata"]["name"] = "second".into();
    second["spec"]["deployment"]["replicas"] = json!(2);
    site.apply(second).unwrap();
    let told = |world: &World| {
        let ready = condition(&*world.get(&DEPLOYERS, "second")?, "Ready")?;
        ready.starts_with("False").then_some(ready)
    };
    let ready = site.until("the second is told", told).await;
    assert!(ready.contains("nginx-1.7.7"), "{ready}");
    site.pass(Duration::from_secs(1200)).await;
    let after = site.get(&DEPLOYMENTS, "nginx-1.7.7").unwrap();
    assert_eq!(after["metadata"], before["metadata"]);
    assert_eq!(after["spec"], before["spec"]);
    // And the first goes on as if it were alone.
    site.deploy("1.7.8");
    site.until_stable("1.7.8").await;
    site.delete(&DEPLOYERS, "second");
    site.pass(Duration::from_secs(60)).await;
    assert!(site.get(&DEPLOYERS, "second").is_none());
    assert_eq!(
        site.get(&DEPLOYMENTS, "nginx-1.7.8").unwrap()["spec"]["replicas"],
        10
    );
}

/// The API server takes all that the example says.
#[tokio::test(start_paused = true)]
async fn the_example_with_everything_in_it_is_served() {
    let mut site = Site::new().await;
    let mut shop: serde_json::Value =
        serde_saphyr::from_str(&text("examples/deployer/checked.yaml")).unwrap();
    site.apply(shop.clone()).unwrap();
    let stable = |world: &World| {
        let shop = world.get(&DEPLOYERS, "shop")?;
        (shop["status"]["phase"] == "Stable").then_some(())
    };
    site.until("it is up", stable).await;
    // What the API server stored is what the user said.
    let stored = site.get(&DEPLOYERS, "shop").unwrap();
    for field in ["steps", "strategy", "notify", "revisionHistoryLimit"] {
        assert_eq!(stored["spec"][field], shop["spec"][field].take());
    }
    assert_eq!(
        site.get(&DEPLOYMENTS, "shop-2.4.0").unwrap()["spec"]["minReadySeconds"],
        10
    );
}
