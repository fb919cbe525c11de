//! A scripted broker behind a socket, and an embedded cluster with the kinds of the service catalog, for operators in processes of
//! their own.

use std::collections::BTreeMap;

use oarlock_broker::{Broker, Catalog, Server};
use serde_json::{Value, json};

use crate::process::modules;
use crate::rollout::define_as;
use crate::service_objects::{Objects, binding, broker, definitions, instance, watches};
use crate::site::{Operator, Site};

/// The module.
pub(crate) const MODULE: &str = "service-catalog.wasm";

/// The module's code.
pub(crate) fn module() -> Vec<u8> {
    let file = modules().join(MODULE);
    std::fs::read(&file).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; hint: cargo xtask modules service-catalog",
            file.display()
        )
    })
}

/// An embedded cluster with the kinds, and an operator's files. Its clock is as fast as real time.
pub(crate) struct Ground {
    /// The files and the cluster.
    pub(crate) site: Site,
    /// What is in the namespace `default`.
    pub(crate) objects: Objects,
}

impl Ground {
    /// With the watches of the example, for a broker at `url`.
    pub(crate) async fn for_broker_at(url: &str) -> Self {
        let site = Site::new().await;
        site.cluster.run_clock().await;
        let client = site.cluster.client();
        for definition in definitions() {
            define_as(&client, definition).await;
        }
        site.watches(&watches(url, &Value::Null));
        site.module(MODULE, &module());
        let objects = Objects {
            client,
            namespace: "default".to_owned(),
            labels: BTreeMap::new(),
        };
        Self { site, objects }
    }

    /// Starts an operator.
    pub(crate) async fn operator(&self) -> Operator {
        self.site.operator().await
    }
}

/// The same, with a broker of ours: `postgres` and `mail` of [`Catalog::demo`].
pub(crate) struct Services {
    /// The cluster.
    pub(crate) ground: Ground,
    /// What is in its namespace `default`.
    pub(crate) objects: Objects,
    /// What the broker has.
    pub(crate) broker: Broker,
    /// Where it is.
    pub(crate) server: Server,
}

impl Services {
    /// With an open broker, which no object names yet.
    pub(crate) async fn new() -> Self {
        let server = Server::start(Broker::new(Catalog::demo())).await.unwrap();
        let ground = Ground::for_broker_at(&server.url).await;
        Self {
            objects: ground.objects.clone(),
            ground,
            broker: server.broker.clone(),
            server,
        }
    }

    /// Starts an operator.
    pub(crate) async fn operator(&self) -> Operator {
        self.ground.operator().await
    }

    /// The broker's object, whose catalog is read.
    pub(crate) async fn with_catalog(&self) {
        self.objects.apply(broker("broker", &self.server.url)).await;
        self.objects.ready("ServiceBroker", "broker").await;
    }

    /// Asks for an instance `db`.
    pub(crate) async fn ask_for_instance(&self) {
        let mut wanted = instance("db", "postgres", "small");
        wanted["spec"]["parameters"] = json!({"size": 1});
        self.objects.apply(wanted).await;
    }

    /// An instance `db`.
    pub(crate) async fn with_instance(&self) {
        self.ask_for_instance().await;
        self.objects.ready("ServiceInstance", "db").await;
    }

    /// Asks for a binding `creds` of it.
    pub(crate) async fn ask_for_binding(&self) {
        self.objects.apply(binding("creds", "db")).await;
    }

    /// A binding `creds` of it.
    pub(crate) async fn with_binding(&self) {
        self.ask_for_binding().await;
        self.objects.ready("ServiceBinding", "creds").await;
    }

    /// How many instances and bindings the broker has.
    pub(crate) fn there(&self) -> (usize, usize) {
        (self.broker.instances().len(), self.broker.bindings().len())
    }
}
