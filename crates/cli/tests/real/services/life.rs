//! From the broker's catalog to the last trace of an instance.

use oarlock_broker::{Behaviour, Op, Tls};
use serde_json::json;

use crate::service_objects::{binding, deployment};

use super::site::Site;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_from_its_catalog_to_its_end() {
    let Some(site) = Site::new("services").await else {
        return;
    };
    let (objects, broker) = (&site.objects, &site.broker);
    let _operator = site.operator().await;
    let name = site.broker_name();

    // Everything at once: the account of the broker, its certificate and its catalog are still to come.
    objects.apply(deployment("app", 2, "creds")).await;
    objects.apply(binding("creds", "db")).await;
    objects.apply(site.instance()).await;
    objects.apply(site.broker_object(Tls::SECOND)).await;
    objects
        .told(
            "ClusterServiceBroker",
            &name,
            "Ready",
            "ErrorGettingAuthCredentials",
        )
        .await;
    site.with_account().await;
    objects
        .told(
            "ClusterServiceBroker",
            &name,
            "Ready",
            "ErrorFetchingCatalog",
        )
        .await;
    for op in [
        Op::Provision,
        Op::Update,
        Op::Bind,
        Op::Unbind,
        Op::Deprovision,
    ] {
        broker.always(op, Behaviour::Async { polls: 2 });
    }
    objects.apply(site.broker_object(Tls::FIRST)).await;
    objects.ready("ClusterServiceBroker", &name).await;

    // It all follows.
    objects.ready("ServiceInstance", "db").await;
    let bound = objects.ready("ServiceBinding", "creds").await;
    assert_eq!(bound.data["status"]["binding"]["name"], "creds");
    let secret = objects.secret("creds").await.unwrap();
    let first = broker.bindings()[0].clone();
    assert_eq!(json!(secret["password"]), first.credentials["password"]);
    assert_eq!(secret["type"], site.own("postgres"));
    assert_eq!(secret["provider"], name);
    objects
        .when("Deployment", "app", |app| {
            app.data["status"]["availableReplicas"] == 2
        })
        .await;

    // Another plan.
    let plan = json!({"spec": {"clusterServicePlanExternalName": "large"}});
    objects.patch("ServiceInstance", "db", plan).await;
    objects.ready("ServiceInstance", "db").await;
    assert_eq!(broker.instances()[0].plan_id, site.own("plan-large"));
    assert_eq!(site.there(), (1, 1));

    // Other credentials, while the old ones are good for a while.
    let rotate = json!({
        "metadata": {"annotations": {"servicecatalog.oarlock.dev/rotate": "after the audit"}},
        "spec": {"rotation": {"overlap": "2s"}},
    });
    objects.patch("ServiceBinding", "creds", rotate).await;
    let old = json!(first.id);
    objects
        .when("ServiceBinding", "creds", |creds| {
            let id = &creds.data["status"]["externalID"];
            id.is_string() && *id != old
        })
        .await;
    broker.until(|broker| broker.bindings().len() == 1).await;
    let second = broker.bindings()[0].clone();
    assert_eq!(second.predecessor, Some(first.id.clone()));
    objects.ready("ServiceBinding", "creds").await;
    let secret = objects.secret("creds").await.unwrap();
    assert_eq!(json!(secret["password"]), second.credentials["password"]);
    assert_eq!(broker.removed(), [first.id]);

    // What is in use stays.
    objects.delete("ServiceInstance", "db").await;
    let blocked = "DeprovisionBlockedByExistingCredentials";
    objects
        .told("ServiceInstance", "db", "Ready", blocked)
        .await;
    objects.delete("ClusterServiceBroker", &name).await;
    assert_eq!(site.there(), (1, 1));
    objects.delete("ServiceBinding", "creds").await;
    objects.gone("ServiceBinding", "creds").await;
    assert_eq!(objects.secret("creds").await, None);
    objects.gone("ServiceInstance", "db").await;
    assert_eq!(site.there(), (0, 0));
    site.without_broker().await;
}
