//! Wishes, and `/scale`.

use std::time::Duration;

use oarlock_devcluster::store::{Subresource, Write};
use serde_json::json;

use super::site::{DEPLOYERS, Site};
use crate::world::NAMESPACE;

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
async fn row_19_replicas_come_by_the_scale_subresource() {
    let mut site = Site::installed().await;
    site.deploy("1.7.8");
    site.until_step(2).await;
    let started = site.deployer()["status"]["stepStartedAt"].clone();
    let write = Write::by("hpa").to(Subresource::Scale);
    let change = |object: &mut serde_json::Value| {
        object["spec"]["replicas"] = json!(20);
        Ok(())
    };
    site.store()
        .modify(&DEPLOYERS, NAMESPACE, "nginx", None, &write, change)
        .unwrap();
    site.pass(Duration::from_secs(10)).await;
    assert_eq!(site.sizes(), "1.7.7=14 1.7.8=6");
    let deployer = site.deployer();
    assert_eq!(deployer["spec"]["deployment"]["replicas"], 20);
    assert_eq!(deployer["status"]["replicas"], 20);
    assert_eq!(deployer["status"]["selector"], "deploy.example.com/deployer=nginx");
    assert_eq!(deployer["status"]["stepStartedAt"], started);
    site.until_stable("1.7.8").await;
    assert_eq!(site.sizes(), "1.7.8=20");
}
