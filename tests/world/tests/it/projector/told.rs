//! What people are told of bindings that cannot be.

use std::time::Duration;

use serde_json::json;

use super::site::{BINDINGS, DEPLOYMENTS, Site, binding};
use crate::world::{World, condition, conditions};

#[tokio::test(start_paused = true)]
async fn name_and_selector_at_once() {
    let mut site = Site::furnished().await;
    let patch = json!({"spec": {"workload": {"selector": {}}}});
    site.apply(binding("db", &patch)).unwrap();
    let told = |world: &World| condition(&*world.get(&BINDINGS, "db")?, "Ready");
    site.until("it is told", told).await;
    site.pass(Duration::from_secs(1)).await;
    insta::assert_snapshot!(site.ready("db"), @r"
    False InvalidSpec: spec.workload: both name and selector are set
    hint: remove one of them
    ");
    // Right again, it goes on; wrong once more, it stays in; and it can be deleted.
    site.edit(
        &BINDINGS,
        "db",
        &json!({"spec": {"workload": {"selector": null}}}),
    )
    .unwrap();
    site.until_ready("db", "True").await;
    let bound = site.content(&DEPLOYMENTS, "app");
    site.edit(
        &BINDINGS,
        "db",
        &json!({"spec": {"workload": {"name": null}}}),
    )
    .unwrap();
    site.pass(Duration::from_secs(60)).await;
    assert_eq!(site.content(&DEPLOYMENTS, "app"), bound);
    site.delete(&BINDINGS, "db");
    site.until_gone("db").await;
    assert_ne!(site.content(&DEPLOYMENTS, "app"), bound);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_granted_is_spelled_out() {
    let watches = "
- group: servicebinding.io
  version: v1
  kind: ServiceBinding
  module: projector.wasm
  grants:
    read:
    - {apiGroups: [servicebinding.io], resources: [clusterworkloadresourcemappings]}
    - {apiGroups: [apps], resources: [deployments]}
";
    let mut site = Site::serving(watches, &[], None).await;
    site.furnish();
    site.apply(binding("db", &json!({}))).unwrap();
    site.until_ready("db", "False ServiceForbidden").await;
    insta::assert_snapshot!(site.ready("db"));
    // A Secret is believed to be there. To write is granted by nobody.
    let service = json!({"spec": {"service": {"apiVersion": "v1", "kind": "Secret", "name": "orders-secret"}}});
    site.apply(binding("plain", &service)).unwrap();
    site.until_ready("plain", "False WorkloadForbidden").await;
    insta::assert_snapshot!(conditions(&site.get(&BINDINGS, "plain").unwrap()).join("\n"));
}

#[tokio::test(start_paused = true)]
async fn a_job_cannot_be_changed() {
    let mut site = Site::furnished().await;
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once", "namespace": "default"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "once", "image": "once"}]}}},
    });
    site.apply(job).unwrap();
    let workload =
        json!({"spec": {"workload": {"apiVersion": "batch/v1", "kind": "Job", "name": "once"}}});
    site.apply(binding("db", &workload)).unwrap();
    site.until_ready("db", "False WorkloadImmutable").await;
    site.delete(&BINDINGS, "db");
    site.until_gone("db").await;
}

#[tokio::test(start_paused = true)]
async fn two_bindings_of_one_directory() {
    let mut site = Site::furnished().await;
    site.apply(binding("db", &json!({}))).unwrap();
    site.until_ready("db", "True").await;
    let bound = site.content(&DEPLOYMENTS, "app");
    site.apply(binding("other", &json!({"spec": {"name": "db"}})))
        .unwrap();
    site.until_ready("other", "False ProjectionFailed").await;
    insta::assert_snapshot!(site.ready("other"), @r#"
    False ProjectionFailed: container "migrate" has already something at "/bindings/db"
    hint: set spec.name of the binding to another name
    "#);
    assert_eq!(site.content(&DEPLOYMENTS, "app"), bound);
    // It comes in when there is room.
    site.delete(&BINDINGS, "db");
    site.until_ready("other", "True").await;
}
