//! The account that a broker is asked with: whoever mends it need not touch anything else, however long the broker said to wait.

use oarlock_broker::{Access, Behaviour, Op};
use serde_json::json;

use crate::service_objects::{broker, condition, secret};
use crate::service_site::Services;

const USER: &str = "oarlock";

/// A broker that lets in whoever knows `password`.
fn wants(services: &Services, password: &str) {
    let access = Access::Basic(USER.to_owned(), password.to_owned());
    services.broker.access(access);
}

async fn knows(services: &Services, password: &str) {
    let entries = json!({"username": USER, "password": password});
    services.objects.apply(secret("account", &entries)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_32_a_password_that_is_mended_is_a_try_by_itself() {
    let services = Services::new().await;
    let operator = services.operator().await;
    let objects = &services.objects;
    wants(&services, "first-password");
    let mut wanted = broker("broker", &services.server.url);
    wanted["spec"]["authInfo"] = json!({"basic": {"secretRef": {"name": "account"}}});
    objects.apply(wanted).await;
    let missing = "ErrorGettingAuthCredentials";
    objects
        .told("ServiceBroker", "broker", "Ready", missing)
        .await;
    knows(&services, "no-password").await;
    objects
        .told("ServiceBroker", "broker", "Ready", "ErrorFetchingCatalog")
        .await;
    knows(&services, "first-password").await;
    objects.ready("ServiceBroker", "broker").await;
    services.with_instance().await;
    services.with_binding().await;

    // It is changed at the broker first, which does not want to hear of us for a while.
    let denied = Behaviour::status(401).retry_after(3_600);
    let turns = [
        (
            "ServiceInstance",
            "db",
            Op::Update,
            "UpdateInstanceCallFailed",
        ),
        ("ServiceBinding", "creds", Op::Unbind, "UnbindCallFailed"),
        (
            "ServiceInstance",
            "db",
            Op::Deprovision,
            "DeprovisionCallFailed",
        ),
    ];
    for (turn, (kind, name, op, reason)) in turns.into_iter().enumerate() {
        services.broker.always(op, denied.clone());
        if op == Op::Update {
            let wish = json!({"spec": {"servicePlanExternalName": "large"}});
            objects.patch(kind, name, wish).await;
        } else {
            objects.delete(kind, name).await;
        }
        let told = objects.told(kind, name, "Ready", reason).await;
        let message = condition(&told, "Ready").unwrap()["message"].to_string();
        assert!(message.contains("401"), "{message}");
        let password = format!("password-{turn}");
        wants(&services, &password);
        services.broker.well();
        knows(&services, &password).await;
        if op == Op::Update {
            objects.ready(kind, name).await;
            assert_eq!(services.broker.instances()[0].plan_id, "plan-large");
        } else {
            objects.gone(kind, name).await;
        }
    }
    assert_eq!(services.there(), (0, 0));
    assert_eq!(operator.get("/healthz").await.0, 200);
}
