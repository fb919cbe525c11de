//! Wishes, and replicas that an HPA sets.

use std::time::Duration;

use serde_json::json;

use super::site::Site;

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
    assert_eq!(deployer["status"]["selector"], "deploy.example.com/deployer=nginx");
    assert_eq!(deployer["status"]["stepStartedAt"], started);
    // What the HPA reads is what it wrote: nothing swings.
    let since = site.store().revision();
    site.pass(Duration::from_secs(10)).await;
    assert_eq!(site.store().revision(), since);
    site.until_stable("1.7.8").await;
    assert_eq!(site.sizes(), "1.7.8=20");
}
