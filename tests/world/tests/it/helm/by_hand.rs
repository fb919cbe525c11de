//! Releases that somebody else made, and what somebody does to ours with the `helm` command: its records are written here as it
//! writes them.

use std::sync::Arc;

use oarlock_devcluster::store::Write;
use serde_json::{Value, json};

use super::site::{CONFIG_MAPS, Dialect, Record, SECRETS, Site};
use crate::world::condition;

/// Who `helm` is.
const HELM: &str = "helm";

/// Writes a record as Helm does, whatever was there.
fn store(site: &Site, record: &Record) {
    let secret = record.secret();
    let name = secret["metadata"]["name"].as_str().unwrap().to_owned();
    let exists = site.get(&SECRETS, &name).is_some();
    let write = Write::by(HELM);
    if exists {
        let change = |object: &mut Value| {
            let (labels, data) = (&secret["metadata"]["labels"], &secret["data"]);
            for (key, value) in labels.as_object().unwrap() {
                object["metadata"]["labels"][key] = value.clone();
            }
            object["data"] = data.clone();
            Ok(())
        };
        let store = site.store();
        store
            .modify(&SECRETS, "default", &name, None, &write, change)
            .unwrap();
    } else {
        site.store()
            .create(&SECRETS, "default", secret, &write)
            .unwrap();
    }
}

/// A revision after `of`, of its content, by `helm` itself.
fn revision(site: &Site, of: u64, number: u64, status: &str, description: &str) -> Record {
    let mut record = site
        .records()
        .into_iter()
        .find(|r| r.revision == of)
        .unwrap();
    record.revision = number;
    record.content["version"] = number.into();
    record.content["info"]["status"] = status.into();
    record.content["info"]["description"] = description.into();
    let now = site.now().rfc3339();
    record.content["info"]["last_deployed"] = now.as_str().into();
    record
}

/// Says that `of` is superseded.
fn supersede(site: &Site, of: u64) {
    let mut record = site
        .records()
        .into_iter()
        .find(|r| r.revision == of)
        .unwrap();
    record.content["info"]["status"] = "superseded".into();
    store(site, &record);
}

/// A release that looks as if `helm install` had made it: its object is gone without an uninstallation, its record is Helm's.
pub(super) async fn helms_own() -> Site {
    let mut site = Site::new(Dialect::Flux2).await;
    site.set(&json!({}));
    site.until_told("Ready", "True InstallSucceeded").await;
    site.kill().await;
    let resource = site.dialect.resource();
    site.edit(&resource, "web", &json!({"metadata": {"finalizers": null}}))
        .unwrap();
    site.delete(&resource, "web");
    let record = site.records().remove(0);
    site.delete(&SECRETS, "sh.helm.release.v1.web.v1");
    store(&site, &record);
    site.restart().await;
    site
}

fn greeting(site: &Site) -> String {
    let config_map: Arc<Value> = site.get(&CONFIG_MAPS, "web").unwrap();
    config_map["data"]["greeting"].as_str().unwrap().to_owned()
}

fn ready(site: &Site) -> String {
    condition(&site.release(), "Ready").unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_helm_installed_is_adopted_where_it_is_what_is_wished_for() {
    let mut site = helms_own().await;
    site.set(&json!({}));
    site.until_told("Ready", "True").await;
    site.seconds(600).await;
    assert_eq!(site.history(), ["v1 web-1.0.0 deployed: Install complete"]);
    insta::assert_snapshot!(ready(&site));
    site.set(&json!({"values": {"greeting": "hi"}}));
    site.until_told("Ready", "True UpgradeSucceeded").await;
    assert_eq!(greeting(&site), "hi");
    insta::assert_snapshot!(site.history().join("\n"));
}

#[tokio::test(start_paused = true)]
async fn what_helm_installed_is_upgraded_where_it_is_not_what_is_wished_for() {
    let mut site = helms_own().await;
    site.set(&json!({"values": {"greeting": "hi"}}));
    site.until_told("Ready", "True").await;
    assert_eq!(greeting(&site), "hi");
    insta::assert_snapshot!(site.history().join("\n"));
}

/// The record alone is what the operator decides by; `helm rollback` changes the objects before.
async fn rolled_back_by_hand(spec: &Value) -> Site {
    let mut site = Site::new(Dialect::Flux2).await;
    site.set(spec);
    site.until_told("Ready", "True InstallSucceeded").await;
    site.set(&json!({"values": {"greeting": "hi"}}));
    site.until_told("Ready", "True UpgradeSucceeded").await;
    site.seconds(60).await;
    site.apply(json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "web", "namespace": "default"}, "data": {"greeting": "hello"}}))
        .unwrap();
    store(&site, &revision(&site, 1, 3, "deployed", "Rollback to 1"));
    supersede(&site, 2);
    site
}

#[tokio::test(start_paused = true)]
async fn a_rollback_by_hand_is_left_alone_and_told_until_something_changes() {
    let mut site = rolled_back_by_hand(&json!({})).await;
    site.seconds(3 * 3600).await;
    assert_eq!(site.records().len(), 3, "{}", site.told());
    assert_eq!(greeting(&site), "hello");
    insta::assert_snapshot!(ready(&site));
    let told = site
        .events("web")
        .into_iter()
        .filter(|e| e.contains("ReleasedByHand"));
    assert_eq!(told.count(), 1);
    site.set(&json!({"values": {"greeting": "hey"}}));
    site.until_told("Ready", "True UpgradeSucceeded").await;
    assert_eq!(greeting(&site), "hey");
    insta::assert_snapshot!(site.history().join("\n"));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_by_hand_is_undone_where_drift_is_corrected() {
    let mut site = rolled_back_by_hand(&json!({"driftDetection": {"mode": "enabled"}})).await;
    site.until("it is brought back", |world| {
        (world.get(&CONFIG_MAPS, "web")?["data"]["greeting"] == "hi").then_some(())
    })
    .await;
    site.seconds(60).await;
    insta::assert_snapshot!(site.history().join("\n"));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_by_hand_to_what_is_wished_for_is_adopted() {
    let mut site = Site::new(Dialect::Flux2).await;
    site.set(&json!({}));
    site.until_told("Ready", "True InstallSucceeded").await;
    store(&site, &revision(&site, 1, 2, "deployed", "Rollback to 1"));
    supersede(&site, 1);
    site.until_told("Ready", "True ReleaseAdopted").await;
    site.seconds(600).await;
    insta::assert_snapshot!(site.history().join("\n"));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_at_it_is_waited_for_and_a_stale_lock_is_taken_away() {
    let mut site = Site::new(Dialect::Flux2).await;
    site.set(&json!({}));
    site.until_told("Ready", "True InstallSucceeded").await;
    let (since, from) = (site.store().revision(), site.now());
    store(
        &site,
        &revision(&site, 1, 2, "pending-upgrade", "Preparing upgrade"),
    );
    site.set(&json!({"values": {"greeting": "hi"}}));
    site.seconds(120).await;
    assert_eq!(site.records().len(), 2);
    let waits = ready(&site);
    site.until_told("Ready", "True").await;
    insta::assert_snapshot!(format!("{waits}\n{}", site.story(since, from).await));
}

#[tokio::test(start_paused = true)]
async fn what_was_uninstalled_by_hand_is_installed_again() {
    let mut site = Site::new(Dialect::Flux2).await;
    site.set(&json!({}));
    site.until_told("Ready", "True InstallSucceeded").await;
    site.delete(&CONFIG_MAPS, "web");
    site.delete(&SECRETS, "sh.helm.release.v1.web.v1");
    site.until("it is there again", |world| {
        let there = world.get(&CONFIG_MAPS, "web").is_some();
        let record = world.get(&SECRETS, "sh.helm.release.v1.web.v1")?;
        let is_deployed = record["metadata"]["labels"]["status"] == "deployed";
        (there && is_deployed).then_some(())
    })
    .await;
    assert_eq!(site.history(), ["v1 web-1.0.0 deployed: Install complete"]);
}

/// What was adopted is looked after like any other release: another way of rendering is another revision.
#[tokio::test(start_paused = true)]
async fn what_was_adopted_is_upgraded_when_it_is_rendered_otherwise() {
    let mut site = helms_own().await;
    site.set(&json!({}));
    site.until_told("Ready", "True ReleaseAdopted").await;
    site.set(&json!({"commonMetadata": {"labels": {"team": "blue"}}}));
    site.until_told("Ready", "True UpgradeSucceeded").await;
    let config_map = site.get(&CONFIG_MAPS, "web").unwrap();
    assert_eq!(config_map["metadata"]["labels"]["team"], "blue");
}

#[tokio::test(start_paused = true)]
async fn what_was_adopted_is_tested_once() {
    let site = helms_own().await;
    site.set(&json!({"test": {"enable": true}}));
    site.seconds(6 * 3600).await;
    let tests = site
        .events("web")
        .into_iter()
        .filter(|e| e.contains("Test"));
    assert!(tests.count() <= 1, "{}", site.told());
    let adopted = site
        .events("web")
        .into_iter()
        .filter(|e| e.contains("ReleaseAdopted"));
    assert_eq!(adopted.count(), 1, "{}", site.told());
    assert_eq!(site.history().len(), 1);
}

/// A release that somebody else looks after is not written to for being looked at.
#[tokio::test(start_paused = true)]
async fn an_adopted_release_is_looked_at_without_a_write() {
    let mut site = helms_own().await;
    site.set(&json!({}));
    site.until_told("Ready", "True ReleaseAdopted").await;
    site.seconds(120).await;
    site.gate().requests();
    site.seconds(3 * 3600).await;
    let requests = site.gate().requests();
    let writes: Vec<&String> = requests.iter().filter(|r| !r.starts_with("GET")).collect();
    assert!(writes.is_empty(), "{writes:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_helm_3_made_and_is_rolled_back_to_is_applied_by_the_server() {
    let mut site = helms_own().await;
    let mut record = site.records().remove(0);
    // Helm 3 has no such field, and applies by itself.
    record
        .content
        .as_object_mut()
        .unwrap()
        .remove("apply_method");
    store(&site, &record);
    let remediation = json!({"retries": 0, "remediateLastFailure": true});
    site.set(&json!({"timeout": "30s", "upgrade": {"remediation": remediation}}));
    site.until_told("Ready", "True").await;
    site.set(&json!({"values": {"image": "web:never-ready"}}));
    site.until_told("Stalled", "True").await;
    let methods: Vec<Value> = site
        .records()
        .into_iter()
        .map(|record| record.content["apply_method"].clone())
        .collect();
    assert_eq!(methods, ["csa", "ssa", "ssa"]);
}
