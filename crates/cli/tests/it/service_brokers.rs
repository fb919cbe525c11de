//! A broker that others wrote, `openbrokerapi`, through the whole asynchronous life: what it has is asked of itself.

use std::io::Write as _;
use std::sync::Once;

use kube::api::ListParams;
use oarlock_broker::OpenBrokerApi;
use serde_json::{Value, json};

use crate::process::client;
use crate::service_objects::{
    Objects, binding, broker, cluster_broker, cluster_instance, deployment, entries, instance,
    secret,
};
use crate::service_site::Ground;
use crate::site::Operator;

/// Kinds that have something of a catalog.
const KINDS: [&str; 8] = [
    "ClusterServiceBroker",
    "ServiceBroker",
    "ClusterServiceClass",
    "ClusterServicePlan",
    "ServiceClass",
    "ServicePlan",
    "ServiceInstance",
    "ServiceBinding",
];

/// The broker, a cluster, and an operator: the clock is ten times as fast as real time, since everything is polled.
struct Stage {
    broker: OpenBrokerApi,
    ground: Ground,
    objects: Objects,
    /// None while it is dead.
    operator: Option<Operator>,
}

impl Stage {
    /// None where there is no such broker.
    async fn new() -> Option<Self> {
        static SAID: Once = Once::new();
        if let Err(missing) = OpenBrokerApi::prepared() {
            assert!(
                std::env::var_os("OARLOCK_ALLOW_MISSING").is_some(),
                "{missing}"
            );
            SAID.call_once(|| {
                let text =
                    b"NOT RUN: nothing was tested with openbrokerapi; hint: cargo xtask parts\n";
                std::io::stderr().write_all(text).unwrap();
            });
            return None;
        }
        let broker = OpenBrokerApi::start().await.unwrap();
        let ground = Ground::for_broker_at(&broker.url).await;
        let cluster = &ground.site.cluster;
        let faster = http::Request::put("/clock").body(br#"{"speed":10}"#.to_vec());
        let reading: Value = client(&cluster.url).request(faster.unwrap()).await.unwrap();
        assert_eq!(reading["speed"], 10.0);
        let operator = Self::operator(&ground).await;
        Some(Self {
            objects: ground.objects.clone(),
            broker,
            operator: Some(operator),
            ground,
        })
    }

    async fn operator(ground: &Ground) -> Operator {
        let clock = format!("{}/clock", ground.site.cluster.url);
        // Nothing is left out of what is searched for secrets.
        let more = ["--clock", &clock, "--log", "trace"];
        ground.site.operator_with(&more).await
    }

    /// Kills the operator, and starts another.
    async fn kill(&mut self) {
        self.operator.take().unwrap().process.kill().await;
        self.operator = Some(Self::operator(&self.ground).await);
    }

    /// What the broker wants to hear.
    fn credentials(&self) -> Value {
        let (user, password) = (&self.broker.user, &self.broker.password);
        secret("auth", &json!({"username": user, "password": password}))
    }

    /// What the broker has: instances and bindings.
    async fn there(&self) -> (Value, Value) {
        let ledger = self.broker.ledger().await.unwrap();
        (ledger["instances"].clone(), ledger["bindings"].clone())
    }

    /// The only one of the broker's instances or bindings.
    async fn only(&self, what: &str) -> (String, Value) {
        let ledger = self.broker.ledger().await.unwrap();
        let mut all = ledger[what].as_object().unwrap().clone().into_iter();
        match (all.next(), all.next()) {
            (Some(only), None) => only,
            other => panic!("{what}: {other:?}"),
        }
    }

    /// No secret is anywhere but in a Secret.
    async fn assert_silence(&self) {
        let mut told = self.operator.as_ref().unwrap().process.log();
        assert!(told.contains("the broker was asked"), "{told}");
        for kind in KINDS.into_iter().chain(["Event"]) {
            let all = self.objects.of(kind).list(&ListParams::default()).await;
            told.push_str(&json!(all.unwrap().items).to_string());
        }
        assert!(!told.contains("planted"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_life_at_a_broker_that_others_wrote() {
    let Some(mut stage) = Stage::new().await else {
        return;
    };
    let objects = stage.objects.clone();
    let brokers = Objects {
        namespace: "brokers".to_owned(),
        ..objects.clone()
    };
    objects
        .apply(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "brokers"}}))
        .await;

    // The catalog: first nobody lets us in.
    let mut wanted = cluster_broker("queues", &stage.broker.url);
    wanted["spec"]["authInfo"] =
        json!({"basic": {"secretRef": {"namespace": "brokers", "name": "auth"}}});
    objects.apply(wanted).await;
    let kind = "ClusterServiceBroker";
    objects
        .told(kind, "queues", "Ready", "ErrorGettingAuthCredentials")
        .await;
    brokers.apply(stage.credentials()).await;
    objects.ready(kind, "queues").await;
    let classes = objects.of("ClusterServiceClass");
    let classes = classes.list(&ListParams::default()).await.unwrap().items;
    assert_eq!(classes.len(), 1);
    assert_eq!(classes[0].data["spec"]["externalName"], "queue");
    let plans = objects.of("ClusterServicePlan");
    let plans = plans.list(&ListParams::default()).await.unwrap().items;
    assert_eq!(plans.len(), 2);

    // An instance, its binding and who wants it at once: they wait for each other.
    let mut orders = cluster_instance("orders", "queue", "small");
    orders["spec"]["parameters"] = json!({"size": 1});
    objects.apply(deployment("app", 1, "orders")).await;
    objects.apply(binding("orders", "orders")).await;
    objects.apply(orders).await;
    let bound = objects.ready("ServiceBinding", "orders").await;
    assert_eq!(bound.data["status"]["binding"]["name"], "orders");
    objects
        .when("Deployment", "app", |app| {
            app.data["status"]["availableReplicas"] == 1
        })
        .await;
    let (id, there) = stage.only("instances").await;
    assert_eq!(
        (&there["plan"], &there["parameters"], &there["ready"]),
        (
            &json!("plan-queue-small"),
            &json!({"size": 1}),
            &json!(true)
        )
    );
    assert_eq!(
        (&there["puts"], &there["namespace"]),
        (&json!(1), &json!("default"))
    );
    let (binding_id, there) = stage.only("bindings").await;
    assert_eq!((&there["puts"], &there["ready"]), (&json!(1), &json!(true)));
    let made = objects.of("Secret").get("orders").await.unwrap();
    let told = entries(&made);
    assert_eq!(
        told["uri"],
        format!("amqp://queue:planted-{binding_id}@queues.example:5672/")
    );
    assert_eq!(told["port"], "5672");
    let nested: Value = serde_json::from_str(&told["tls"]).unwrap();
    assert_eq!(nested, json!({"key": format!("planted-key-{binding_id}")}));
    assert_eq!(
        (told["type"].as_str(), told["provider"].as_str()),
        ("queue", "queues")
    );

    // Another plan and other parameters, for the same instance and the same Secret; the operator dies in between.
    let wish =
        json!({"spec": {"clusterServicePlanExternalName": "large", "parameters": {"size": 2}}});
    objects.patch("ServiceInstance", "orders", wish).await;
    objects
        .when("ServiceInstance", "orders", |instance| {
            instance.data["status"]["asyncOpInProgress"] == true
        })
        .await;
    stage.assert_silence().await;
    stage.kill().await;
    objects.ready("ServiceInstance", "orders").await;
    let (same, there) = stage.only("instances").await;
    assert_eq!(
        (same, &there["plan"], &there["parameters"]),
        (id, &json!("plan-queue-large"), &json!({"size": 2}))
    );
    let after = objects.of("Secret").get("orders").await.unwrap();
    assert_eq!(after.metadata.uid, made.metadata.uid);
    assert_eq!(entries(&after), told);
    stage.assert_silence().await;

    // All is deleted at once, and goes in the order that brokers want.
    objects.delete(kind, "queues").await;
    objects.delete("ServiceInstance", "orders").await;
    objects.delete("ServiceBinding", "orders").await;
    for (kind, name) in [
        ("ServiceBinding", "orders"),
        ("ServiceInstance", "orders"),
        (kind, "queues"),
    ] {
        objects.gone(kind, name).await;
    }
    assert_eq!(stage.there().await, (json!({}), json!({})));
    assert_eq!(objects.secret("orders").await, None);
    for class in &classes {
        let name = class.metadata.name.as_ref().unwrap();
        objects.gone("ClusterServiceClass", name).await;
    }
    stage.assert_silence().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_deleted_while_it_is_made_is_halted() {
    let Some(stage) = Stage::new().await else {
        return;
    };
    let objects = &stage.objects;
    objects.apply(stage.credentials()).await;
    let mut wanted = broker("queues", &stage.broker.url);
    wanted["spec"]["authInfo"] = json!({"basic": {"secretRef": {"name": "auth"}}});
    objects.apply(wanted).await;
    objects.ready("ServiceBroker", "queues").await;
    objects.apply(instance("orders", "queue", "small")).await;
    let polls =
        |object: &kube::api::DynamicObject| object.data["status"]["asyncOpInProgress"] == true;
    objects.when("ServiceInstance", "orders", polls).await;
    objects.delete("ServiceInstance", "orders").await;
    objects.gone("ServiceInstance", "orders").await;
    assert_eq!(stage.there().await, (json!({}), json!({})));

    objects.apply(instance("orders", "queue", "small")).await;
    objects.ready("ServiceInstance", "orders").await;
    objects.apply(binding("orders", "orders")).await;
    objects.when("ServiceBinding", "orders", polls).await;
    objects.delete("ServiceBinding", "orders").await;
    objects.gone("ServiceBinding", "orders").await;
    assert_eq!(stage.there().await.1, json!({}));
    assert_eq!(objects.secret("orders").await, None);
    objects.delete("ServiceInstance", "orders").await;
    objects.gone("ServiceInstance", "orders").await;
    assert_eq!(stage.there().await.0, json!({}));
}
