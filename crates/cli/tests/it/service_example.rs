//! `examples/service-catalog`, as it is shipped.

use oarlock_broker::Access;
use serde_json::{Value, json};

use crate::process::root;
use crate::rights::documents;
use crate::service_objects::entries;
use crate::service_site::Services;

fn example(name: &str) -> Vec<Value> {
    let file = root().join("examples/service-catalog").join(name);
    documents(&std::fs::read_to_string(file).unwrap())
}

fn kind(object: &Value) -> &str {
    object["kind"].as_str().unwrap()
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

/// The broker of the example, at the address of ours, which wants the credentials of the example.
async fn with_broker(services: &Services) {
    for mut object in example("broker.yaml") {
        let mut objects = services.objects.clone();
        if let Some(namespace) = object["metadata"]["namespace"].as_str() {
            objects.namespace = namespace.to_owned();
        }
        let login = object["stringData"].clone();
        if login.is_object() {
            let text = |key: &str| login[key].as_str().unwrap().to_owned();
            services
                .broker
                .access(Access::Basic(text("username"), text("password")));
        }
        if kind(&object) == "ClusterServiceBroker" {
            object["spec"]["url"] = json!(services.server.url);
        }
        objects.apply(object).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_gets_its_database_in_one_apply() {
    let services = Services::new().await;
    let _operator = services.operator().await;
    let app = example("app.yaml");
    // Before there is a broker: nothing has an order.
    for object in &app {
        services.objects.apply(object.clone()).await;
    }
    with_broker(&services).await;
    services.objects.ready("ServiceBinding", "shop-db").await;
    let secret = services.objects.secret("shop-db").await.unwrap();
    let url = format!(
        "postgres://{}:{}@db.example:5432/shop",
        secret["username"], secret["password"]
    );
    assert_eq!(secret["DATABASE_URL"], url);
    assert_eq!(secret["type"], "postgres");
    assert_eq!(secret["provider"], "acme");

    // What its Pods wait for is there.
    let deployment = app.iter().find(|object| kind(object) == "Deployment");
    let pod = &deployment.unwrap()["spec"]["template"]["spec"];
    let variable = &pod["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"];
    assert_eq!(variable["name"], "shop-db");
    assert!(secret.contains_key(variable["key"].as_str().unwrap()));
    assert_eq!(pod["volumes"][0]["secret"]["secretName"], "shop-db");

    // And it goes as it came.
    for object in &app {
        services.objects.delete(kind(object), name(object)).await;
    }
    services.objects.gone("ServiceInstance", "shop-db").await;
    assert_eq!(services.there(), (0, 0));
    assert!(services.objects.secret("shop-db").await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_and_a_binding() {
    let services = Services::new().await;
    let _operator = services.operator().await;
    with_broker(&services).await;
    for object in example("instance.yaml") {
        services.objects.apply(object).await;
    }
    services.objects.ready("ServiceBinding", "orders").await;
    let secret = services
        .objects
        .of("Secret")
        .get("orders-credentials")
        .await;
    let entries = entries(&secret.unwrap());
    assert_eq!(entries["host"], "db.example");
    let instance = services.objects.ready("ServiceInstance", "orders").await;
    let status = &instance.data["status"];
    assert_eq!(status["lastConditionState"], "Ready");
    assert_eq!(
        status["userSpecifiedClassName"],
        "ClusterServiceClass/postgres"
    );
    let known = &status["externalProperties"];
    assert_eq!(known["clusterServicePlanExternalName"], "small");
    assert_eq!(known["parameters"], json!({"size": 10}));
}

/// The one to try things with has no credentials, and an address that `watches.yaml` grants.
#[test]
fn the_broker_of_the_readme_may_be_called() {
    let broker = example("broker-here.yaml").remove(0);
    let url = broker["spec"]["url"].as_str().unwrap();
    for entry in example("watches.yaml").remove(0).as_array().unwrap() {
        // Another kind than the broker's.
        if entry["kind"] == "ServiceBroker" {
            continue;
        }
        let granted = entry["grants"]["http"].as_array().unwrap();
        assert!(granted.contains(&json!(url)), "{}", entry["kind"]);
    }
}

/// Users choose the address of a ServiceBroker, and the operator is inside of every NetworkPolicy.
#[test]
fn users_call_no_service_that_is_not_named() {
    let file = root().join("examples/service-catalog/watches.yaml");
    let watches: Vec<Value> =
        serde_saphyr::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let granted = |kind: &str| -> Vec<String> {
        let entry = watches.iter().find(|entry| entry["kind"] == kind).unwrap();
        let origins = entry["grants"]["http"].as_array().unwrap().iter();
        origins
            .map(|origin| origin.as_str().unwrap().to_owned())
            .collect()
    };
    for origin in granted("ServiceBroker") {
        assert!(!origin.contains('*'), "{origin}");
    }
    for kind in ["ClusterServiceBroker", "ServiceInstance", "ServiceBinding"] {
        let origins = granted(kind);
        for origin in origins.iter().filter(|origin| origin.contains('*')) {
            assert!(origin.contains("://*.brokers.svc"), "{kind}: {origin}");
        }
        // What a broker is called at, its instances are.
        if kind != "ClusterServiceBroker" {
            for broker in ["ClusterServiceBroker", "ServiceBroker"] {
                for origin in granted(broker) {
                    assert!(origins.contains(&origin), "{kind}: {origin}");
                }
            }
        }
    }
}
