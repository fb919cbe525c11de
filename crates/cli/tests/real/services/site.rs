//! A ground with the kinds of the service catalog, and a broker that wants to know who asks.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oarlock_broker::{Access, Broker, Catalog, Server, Tls};
use serde_json::{Value, json};

use crate::ground::{Ground, Operator, replace};
use crate::process::modules;
use crate::rights;
use crate::service_objects::{
    self, Objects, binding, cluster_broker, cluster_instance, definitions, watches,
};
use crate::watching::define_as;

/// Where the credentials of brokers are, by the watches of the example.
const ACCOUNTS: &str = "brokers";

/// The module.
const MODULE: &str = "service-catalog.wasm";

/// The ground.
pub(super) struct Site {
    /// Namespace, identity and files.
    pub(super) ground: Ground,
    /// What is in the namespace, and in the cluster.
    pub(super) objects: Objects,
    /// What the broker has.
    pub(super) broker: Broker,
    /// Where it is.
    pub(super) server: Server,
}

impl Site {
    /// With no object that names the broker. `None`, said loudly, where there is no real API server.
    pub(super) async fn new(test: &str) -> Option<Self> {
        Some(Self::on(Ground::new(test).await?).await)
    }

    /// The same, while no other test runs.
    pub(super) async fn alone(test: &str) -> Option<Self> {
        Some(Self::on(Ground::alone(test).await?).await)
    }

    async fn on(ground: Ground) -> Self {
        for definition in definitions() {
            define_as(&ground.client, definition).await;
        }
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ACCOUNTS}});
        rights::apply(&ground.client, &[namespace], false).await;
        let broker = Broker::new(catalog(&ground.namespace));
        broker.access(Access::Basic(
            "oarlock".to_owned(),
            "a long word".to_owned(),
        ));
        let server = Server::start_tls(broker.clone(), Tls::FIRST).await.unwrap();
        let own = json!({"selector": {"matchLabels": {"test": ground.namespace}}});
        replace(
            &ground.path("watches.yaml"),
            watches(&server.url, &own).as_bytes(),
        );
        let file = modules().join(MODULE);
        let module = std::fs::read(&file).unwrap_or_else(|error| {
            panic!(
                "{}: {error}; hint: cargo xtask modules service-catalog",
                file.display()
            )
        });
        ground.module(MODULE, &module);
        let objects = Objects {
            client: ground.client.clone(),
            namespace: ground.namespace.clone(),
            labels: BTreeMap::from([("test".to_owned(), ground.namespace.clone())]),
        };
        Self {
            ground,
            objects,
            broker,
            server,
        }
    }

    /// Starts the operator.
    pub(super) async fn operator(&self) -> Operator {
        self.ground.operator().await
    }

    /// A name that no other test has.
    pub(super) fn own(&self, name: &str) -> String {
        format!("{name}-{}", self.ground.namespace)
    }

    /// Name of the broker's object.
    pub(super) fn broker_name(&self) -> String {
        self.own("broker")
    }

    /// The broker's object.
    pub(super) fn broker_object(&self, trusts: Tls) -> Value {
        let mut wanted = cluster_broker(&self.broker_name(), &self.server.url);
        wanted["spec"]["caBundle"] = json!(STANDARD.encode(trusts.ca()));
        wanted["spec"]["authInfo"] = json!({"basic": {"secretRef": {
            "name": self.ground.namespace, "namespace": ACCOUNTS,
        }}});
        wanted
    }

    /// The Secret that it names.
    pub(super) async fn with_account(&self) {
        let entries = json!({"username": "oarlock", "password": "a long word"});
        let mut account = service_objects::secret(&self.ground.namespace, &entries);
        account["metadata"]["namespace"] = json!(ACCOUNTS);
        rights::apply(&self.ground.client, &[account], false).await;
    }

    /// The broker's object, whose catalog is read.
    pub(super) async fn with_catalog(&self) {
        self.with_account().await;
        self.objects.apply(self.broker_object(Tls::FIRST)).await;
        self.objects
            .ready("ClusterServiceBroker", &self.broker_name())
            .await;
    }

    /// An instance `db` as it is asked for.
    pub(super) fn instance(&self) -> Value {
        cluster_instance("db", &self.own("postgres"), "small")
    }

    /// An instance `db` with a binding `creds`, in one go.
    pub(super) async fn with_binding(&self) {
        self.objects.apply(binding("creds", "db")).await;
        self.objects.apply(self.instance()).await;
        self.objects.ready("ServiceBinding", "creds").await;
        self.objects.ready("ServiceInstance", "db").await;
    }

    /// Asks for the end of the broker's object, and waits for it.
    pub(super) async fn without_broker(&self) {
        let name = self.broker_name();
        self.objects.delete("ClusterServiceBroker", &name).await;
        self.objects.gone("ClusterServiceBroker", &name).await;
        self.objects
            .gone("ClusterServiceClass", &self.own("service-postgres"))
            .await;
        self.objects
            .gone("ClusterServicePlan", &self.own("plan-small"))
            .await;
        assert_eq!(self.broker.violations(), [], "{:#?}", self.broker.calls());
    }

    /// How many instances and bindings the broker has.
    pub(super) fn there(&self) -> (usize, usize) {
        (self.broker.instances().len(), self.broker.bindings().len())
    }
}

/// Services that no other test has: classes and plans are of the whole cluster.
fn catalog(namespace: &str) -> Catalog {
    let mut catalog = Catalog::demo();
    for service in &mut catalog.services {
        service.id = format!("{}-{namespace}", service.id);
        service.name = format!("{}-{namespace}", service.name);
        for plan in &mut service.plans {
            plan.id = format!("{}-{namespace}", plan.id);
        }
    }
    catalog
}
