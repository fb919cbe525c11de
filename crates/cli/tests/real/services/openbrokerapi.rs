//! A broker that others wrote, through the whole asynchronous life on a real API server. It is of the namespace: what it offers has
//! the same identifiers wherever it runs.

use std::io::Write as _;
use std::sync::Once;

use kube::api::ListParams;
use oarlock_broker::OpenBrokerApi;
use serde_json::{Value, json};

use crate::ground::replace;
use crate::service_objects::{binding, broker, instance, secret, watches};

use super::site::Site;

/// One that runs; `None`, said past the test harness, where tests may go on without.
async fn start() -> Option<OpenBrokerApi> {
    static SAID: Once = Once::new();
    if let Err(missing) = OpenBrokerApi::prepared() {
        assert!(
            std::env::var_os("OARLOCK_ALLOW_MISSING").is_some(),
            "{missing}"
        );
        SAID.call_once(|| {
            let text = b"NOT RUN: nothing was tested with openbrokerapi; hint: cargo xtask parts\n";
            std::io::stderr().write_all(text).unwrap();
        });
        return None;
    }
    Some(OpenBrokerApi::start().await.unwrap())
}

/// The only one of the broker's instances or bindings.
fn only(all: &Value) -> (&String, &Value) {
    let mut all = all.as_object().unwrap().iter();
    match (all.next(), all.next()) {
        (Some(only), None) => only,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_life_at_a_broker_that_others_wrote() {
    let Some(site) = Site::new("openbrokerapi").await else {
        return;
    };
    let Some(queues) = start().await else {
        return;
    };
    let objects = &site.objects;
    let own = json!({"selector": {"matchLabels": {"test": site.ground.namespace}}});
    let watches = watches(&queues.url, &own);
    replace(&site.ground.path("watches.yaml"), watches.as_bytes());
    let operator = site.operator().await;

    // All in one go, and the account last.
    let mut wanted = broker("queues", &queues.url);
    wanted["spec"]["authInfo"] = json!({"basic": {"secretRef": {"name": "auth"}}});
    let mut orders = instance("orders", "queue", "small");
    orders["spec"]["parameters"] = json!({"size": 1});
    for object in [binding("orders", "orders"), orders, wanted] {
        objects.apply(object).await;
    }
    let missing = "ErrorGettingAuthCredentials";
    objects
        .told("ServiceBroker", "queues", "Ready", missing)
        .await;
    let account = json!({"username": queues.user, "password": queues.password});
    objects.apply(secret("auth", &account)).await;
    objects.ready("ServiceBinding", "orders").await;
    let ledger = queues.ledger().await.unwrap();
    let (id, there) = only(&ledger["instances"]);
    assert_eq!((&there["puts"], &there["ready"]), (&json!(1), &json!(true)));
    let (binding_id, there) = only(&ledger["bindings"]);
    assert_eq!((&there["puts"], &there["ready"]), (&json!(1), &json!(true)));
    let told = objects.secret("orders").await.unwrap();
    let uri = format!("amqp://queue:planted-{binding_id}@queues.example:5672/");
    assert_eq!(told["uri"], uri);
    assert_eq!(
        (told["type"].as_str(), told["provider"].as_str()),
        ("queue", "queues")
    );

    // Killed while the broker works on another plan.
    let wish = json!({"spec": {"servicePlanExternalName": "large", "parameters": {"size": 2}}});
    objects.patch("ServiceInstance", "orders", wish).await;
    objects
        .when("ServiceInstance", "orders", |orders| {
            orders.data["status"]["asyncOpInProgress"] == true
        })
        .await;
    let mut logs = operator.process.log();
    operator.process.kill().await;
    let operator = site.operator().await;
    objects.ready("ServiceInstance", "orders").await;
    let ledger = queues.ledger().await.unwrap();
    let (same, there) = only(&ledger["instances"]);
    assert_eq!(
        (same, &there["plan"], &there["parameters"]),
        (id, &json!("plan-queue-large"), &json!({"size": 2}))
    );
    assert_eq!(objects.secret("orders").await, Some(told));

    // Everything is taken away at once.
    for (kind, name) in [
        ("ServiceBroker", "queues"),
        ("ServiceInstance", "orders"),
        ("ServiceBinding", "orders"),
    ] {
        objects.delete(kind, name).await;
    }
    objects.gone("ServiceBinding", "orders").await;
    objects.gone("ServiceInstance", "orders").await;
    objects.gone("ServiceBroker", "queues").await;
    let ledger = queues.ledger().await.unwrap();
    assert_eq!(
        (&ledger["instances"], &ledger["bindings"]),
        (&json!({}), &json!({}))
    );
    assert_eq!(objects.secret("orders").await, None);

    // No secret was ever anywhere but in a Secret.
    logs.push_str(&operator.process.log());
    assert!(logs.contains("the broker was asked"), "{logs}");
    let events = objects.of("Event").list(&ListParams::default()).await;
    logs.push_str(&json!(events.unwrap().items).to_string());
    assert!(!logs.contains("planted"), "{logs}");
}
