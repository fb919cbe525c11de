//! Objects that go, whatever became of their releases.

use std::time::Duration;

use serde_json::json;

use super::site::{CONFIG_MAPS, DEPLOYMENTS, Dialect, SECRETS, Site};

async fn installed(spec: serde_json::Value) -> Site {
    let mut site = Site::new(Dialect::Flux2).await;
    site.set(&spec);
    site.until_told("Ready", "True InstallSucceeded").await;
    site.seconds(60).await;
    site
}

/// Deletes the object; it is gone within a minute.
async fn goes(site: &mut Site) {
    let resource = site.dialect.resource();
    site.delete(&resource, "web");
    site.pass(Duration::from_secs(60)).await;
    assert!(site.get(&resource, "web").is_none(), "{}", site.told());
}

#[tokio::test(start_paused = true)]
async fn an_object_goes_although_its_records_are_gone() {
    let mut site = installed(json!({})).await;
    site.charts
        .fail(Some(oarlock_core::artifact::FetchError::Unavailable(
            "charts.example: connection refused".to_owned(),
        )));
    site.delete(&SECRETS, "sh.helm.release.v1.web.v1");
    goes(&mut site).await;
    insta::assert_snapshot!(site.events("web").join("\n"));
}

#[tokio::test(start_paused = true)]
async fn an_object_goes_although_its_records_vanish_in_the_middle() {
    let site = installed(json!({})).await;
    let hold = json!({"metadata": {"finalizers": ["example.com/hold"]}});
    site.edit(&CONFIG_MAPS, "web", &hold).unwrap();
    let resource = site.dialect.resource();
    site.delete(&resource, "web");
    site.seconds(10).await;
    assert!(site.get(&resource, "web").is_some(), "it waits");
    site.delete(&SECRETS, "sh.helm.release.v1.web.v1");
    let free = json!({"metadata": {"finalizers": null}});
    site.edit(&CONFIG_MAPS, "web", &free).unwrap();
    site.seconds(60).await;
    assert!(site.get(&resource, "web").is_none(), "{}", site.told());
    assert!(site.objects().is_empty(), "{:?}", site.objects());
}

#[tokio::test(start_paused = true)]
async fn an_object_that_goes_waits_for_no_pause_between_two_tries() {
    let spec = json!({"upgrade": {"strategy": {"name": "RetryOnFailure", "retryInterval": "1h"}}});
    let mut site = installed(spec).await;
    site.set(&json!({"values": {"image": "web:never-ready"}}));
    site.until_told("Reconciling", "True ProgressingWithRetry")
        .await;
    goes(&mut site).await;
    assert!(site.objects().is_empty(), "{:?}", site.objects());
    assert!(site.history().is_empty());
}

/// What is in the way of an upgrade is not in the way of an end.
#[tokio::test(start_paused = true)]
async fn an_object_goes_although_its_chart_and_values_are_gone() {
    let mut site = installed(json!({})).await;
    site.charts.withdraw("web", "1.0.0");
    site.set(&json!({"valuesFrom": [{"kind": "Secret", "name": "nobody"}]}));
    site.seconds(60).await;
    goes(&mut site).await;
    assert!(site.objects().is_empty(), "{:?}", site.objects());
}

/// It is somebody else's release: this object never made one.
#[tokio::test(start_paused = true)]
async fn a_release_that_the_object_did_not_make_stays() {
    let mut site = installed(json!({})).await;
    site.kill().await;
    let resource = site.dialect.resource();
    let free = json!({"metadata": {"finalizers": null}});
    site.edit(&resource, "web", &free).unwrap();
    site.delete(&resource, "web");
    let labels = json!({"metadata": {"labels": {"helm.oarlock.dev/action": null}}});
    site.edit(&SECRETS, "sh.helm.release.v1.web.v1", &labels)
        .unwrap();
    site.restart().await;
    // It cannot be rendered, so that nothing is made of it.
    site.set(&json!({"values": {"replicas": -1}}));
    site.seconds(60).await;
    goes(&mut site).await;
    assert_eq!(site.history(), ["v1 web-1.0.0 deployed: Install complete"]);
    assert!(site.get(&DEPLOYMENTS, "web").is_some());
}

/// Deleted while it waits for its Pods: that is called off.
#[tokio::test(start_paused = true)]
async fn an_object_goes_in_the_middle_of_its_installation() {
    let mut site = Site::new(Dialect::Flux2).await;
    site.set(&json!({"timeout": "1h", "values": {"image": "web:never-ready"}}));
    site.seconds(60).await;
    goes(&mut site).await;
    assert!(site.objects().is_empty(), "{:?}", site.objects());
    assert!(site.history().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_suspended_object_leaves_its_release() {
    let mut site = installed(json!({})).await;
    site.set(&json!({"suspend": true}));
    site.seconds(60).await;
    goes(&mut site).await;
    assert_eq!(site.history(), ["v1 web-1.0.0 deployed: Install complete"]);
    assert!(site.get(&DEPLOYMENTS, "web").is_some());
}

/// What is marked as such stays; the rest goes.
#[tokio::test(start_paused = true)]
async fn what_is_to_be_kept_is_kept() {
    let extra = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: precious, annotations: {helm.sh/resource-policy: keep}}\n";
    let mut site = installed(json!({"values": {"extra": extra}})).await;
    goes(&mut site).await;
    assert_eq!(site.objects(), ["ConfigMap/precious"]);
}

#[tokio::test(start_paused = true)]
async fn the_history_stays_where_it_is_asked_for() {
    let mut site = installed(json!({"uninstall": {"keepHistory": true}})).await;
    goes(&mut site).await;
    assert!(site.objects().is_empty(), "{:?}", site.objects());
    insta::assert_snapshot!(site.history().join("\n"));
    // The name is free again, and revisions go on.
    site.set(&json!({}));
    site.until_told("Ready", "True InstallSucceeded").await;
    let revisions: Vec<u64> = site.records().iter().map(|r| r.revision).collect();
    assert_eq!(revisions, [1, 2]);
}
