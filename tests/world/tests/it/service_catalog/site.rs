//! A world with a broker outside of it, and the operator that makes instances and bindings there.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oarlock_broker::{Access, Broker, Catalog};
use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::resource::ResourceId;
use oarlock_devcluster::store::Revision;
use serde_json::{Map, Value, json};

use super::wire::{Asked, Wire, word};
use crate::components::{component, serving, text};
use crate::gate::Moment;
use crate::world::{Circumstances, World, condition, conditions, watches};

const fn of(plural: &'static str) -> ResourceId {
    ResourceId::of("servicecatalog.k8s.io", plural)
}

pub(crate) const CLUSTER_BROKERS: ResourceId = of("clusterservicebrokers");
pub(crate) const CLUSTER_CLASSES: ResourceId = of("clusterserviceclasses");
pub(crate) const CLUSTER_PLANS: ResourceId = of("clusterserviceplans");
pub(crate) const BROKERS: ResourceId = of("servicebrokers");
pub(crate) const CLASSES: ResourceId = of("serviceclasses");
pub(crate) const PLANS: ResourceId = of("serviceplans");
pub(crate) const INSTANCES: ResourceId = of("serviceinstances");
pub(crate) const BINDINGS: ResourceId = of("servicebindings");
pub(crate) const SECRETS: ResourceId = ResourceId::of("", "secrets");
pub(crate) const NAMESPACES: ResourceId = ResourceId::of("", "namespaces");

/// Where the broker is.
pub(crate) const ADDRESS: &str = "http://broker.brokers.svc";
/// The same, where it shows a certificate.
pub(crate) const TRUSTED: &str = "https://broker.brokers.svc";
/// Where brokers of namespaces may call it.
pub(crate) const OUTSIDE: &str = "https://broker.example.com";
/// Where another one is.
pub(crate) const OTHER: &str = "http://other.brokers.svc";
/// Where credentials for brokers of the cluster are.
pub(crate) const HOME: &str = "brokers";
/// Who may ask it, and with what.
pub(crate) const USER: &str = "oarlock-platform";
pub(crate) const PASSWORD: &str = "planted-broker-password";
/// By which what we write into status, Secrets and classes is ours.
pub(crate) const DOMAIN: &str = "servicecatalog.oarlock.dev";

const API_VERSION: &str = "servicecatalog.k8s.io/v1beta1";

/// How long nothing is waited for any more: all pauses of a failure that comes once are over.
pub(crate) const A_WHILE: Duration = Duration::from_secs(600);

pub(crate) struct Site {
    world: World,
    /// The one at [`ADDRESS`].
    pub(crate) broker: Broker,
    pub(crate) wire: Arc<Wire>,
}

/// A moment to tell from.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) revision: Revision,
    pub(crate) at: Timestamp,
    /// How much was sent before.
    pub(crate) asked: usize,
}

impl Deref for Site {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl DerefMut for Site {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

fn object(kind: &str, name: &str, namespaced: bool, spec: Value) -> Value {
    let mut metadata = json!({"name": name});
    if namespaced {
        metadata["namespace"] = json!("default");
    }
    json!({"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec})
}

/// A broker of the cluster, with the credentials of [`auth`].
pub(crate) fn cluster_broker(name: &str, url: &str) -> Value {
    let secret = json!({"namespace": HOME, "name": "broker-auth"});
    let spec = json!({"url": url, "authInfo": {"basic": {"secretRef": secret}}});
    object("ClusterServiceBroker", name, false, spec)
}

/// A broker of the namespace.
pub(crate) fn namespaced_broker(name: &str, url: &str) -> Value {
    let spec = json!({"url": url, "authInfo": {"basic": {"secretRef": {"name": "broker-auth"}}}});
    object("ServiceBroker", name, true, spec)
}

/// A Secret of texts.
pub(crate) fn secret(name: &str, entries: &Value) -> Value {
    let data: Map<String, Value> = entries
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| (key.clone(), STANDARD.encode(value.as_str().unwrap()).into()))
        .collect();
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": name, "namespace": "default"}, "data": data,
    })
}

/// Of base64.
pub(crate) fn decoded(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

/// As base64.
pub(crate) fn encoded(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// What the broker wants to be asked with, where brokers of the cluster look for it.
pub(crate) fn auth() -> Value {
    auth_of(&json!({"username": USER, "password": PASSWORD}))
}

/// The same with other entries.
pub(crate) fn auth_of(entries: &Value) -> Value {
    let mut auth = secret("broker-auth", entries);
    auth["metadata"]["namespace"] = json!(HOME);
    auth
}

/// The same where a broker of the namespace looks for it.
pub(crate) fn auth_beside() -> Value {
    secret(
        "broker-auth",
        &json!({"username": USER, "password": PASSWORD}),
    )
}

/// An instance of `postgres`, plan `small`, with more spec.
pub(crate) fn instance(name: &str, more: &Value) -> Value {
    let mut spec = json!({
        "clusterServiceClassExternalName": "postgres",
        "clusterServicePlanExternalName": "small",
        "parameters": {"size": 1},
    });
    crate::world::merge(&mut spec, more);
    object("ServiceInstance", name, true, spec)
}

/// A binding of an instance, with more spec.
pub(crate) fn binding(name: &str, of: &str, more: &Value) -> Value {
    let mut spec = json!({"instanceRef": {"name": of}});
    crate::world::merge(&mut spec, more);
    object("ServiceBinding", name, true, spec)
}

/// The kinds that the module serves and writes.
pub(crate) fn definitions() -> Vec<Value> {
    let kinds = [
        CLUSTER_BROKERS,
        CLUSTER_CLASSES,
        CLUSTER_PLANS,
        BROKERS,
        CLASSES,
        PLANS,
        INSTANCES,
        BINDINGS,
    ];
    let read = |id: &ResourceId| {
        let path = format!("modules/service-catalog/crds/{}.yaml", id.plural());
        serde_saphyr::from_str(&text(&path)).unwrap()
    };
    kinds.iter().map(read).collect()
}

impl Site {
    /// A broker that nobody knows of yet.
    pub(crate) async fn empty(kill: Option<(usize, Moment)>) -> Self {
        Self::offering(Catalog::demo(), kill).await
    }

    /// The same with this on offer.
    pub(crate) async fn offering(catalog: Catalog, kill: Option<(usize, Moment)>) -> Self {
        let broker = Broker::new(catalog);
        broker.access(Access::Basic(USER.to_owned(), PASSWORD.to_owned()));
        let wire = Wire::new();
        wire.put(ADDRESS, &broker);
        wire.put(OUTSIDE, &broker);
        let module = serving(component("modules/service-catalog").await);
        // As they are shipped.
        let served = watches(&text("examples/service-catalog/watches.yaml"));
        let served = served.into_iter().map(|watch| (watch, module.clone()));
        let circumstances = Circumstances {
            kill,
            outside: Arc::clone(&wire) as _,
            ..Circumstances::default()
        };
        let world = World::with(&definitions(), served.collect(), circumstances);
        wire.follow(world.store());
        let home = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME}});
        world.apply(home).unwrap();
        Self {
            world,
            broker,
            wire,
        }
    }

    /// The broker `acme` of the cluster, with its classes and plans.
    pub(crate) async fn new() -> Self {
        let mut site = Self::empty(None).await;
        site.connect().await;
        site
    }

    /// Makes the broker `acme` of the cluster known.
    pub(crate) async fn connect(&mut self) {
        self.apply(auth()).unwrap();
        self.apply(cluster_broker("acme", ADDRESS)).unwrap();
        self.until_told(&CLUSTER_BROKERS, "acme", "Ready", "True")
            .await;
    }

    /// With the instance `db`, too.
    pub(crate) async fn with_instance() -> Self {
        let mut site = Self::new().await;
        site.provision().await;
        site
    }

    /// With the instance `db` and its binding `web`, too.
    pub(crate) async fn with_binding() -> Self {
        let mut site = Self::with_instance().await;
        site.bind().await;
        site
    }

    pub(crate) async fn provision(&mut self) {
        self.apply(instance("db", &json!({}))).unwrap();
        self.until_ready(&INSTANCES, "db").await;
    }

    pub(crate) async fn bind(&mut self) {
        self.apply(binding("web", "db", &json!({}))).unwrap();
        self.until_ready(&BINDINGS, "web").await;
        // Whoever looks for it has seen its Secret.
        self.seconds(2).await;
    }

    /// Takes the credentials for brokers of the cluster away. Whoever needs them holds them for a moment.
    pub(crate) async fn lose_auth(&mut self) {
        let options = Default::default();
        let store = self.store();
        store
            .delete(&SECRETS, HOME, "broker-auth", &options)
            .unwrap();
        self.until("the credentials are gone", |world| {
            let secret = world.store().get(&SECRETS, HOME, "broker-auth");
            secret.is_err().then_some(())
        })
        .await;
    }

    /// Changes a spec.
    pub(crate) fn set(&self, id: &ResourceId, name: &str, spec: &Value) {
        self.edit(id, name, &json!({"spec": spec})).unwrap();
    }

    pub(crate) fn annotate(&self, id: &ResourceId, name: &str, annotations: &Value) {
        let patch = json!({"metadata": {"annotations": annotations}});
        self.edit(id, name, &patch).unwrap();
    }

    pub(crate) async fn until_ready(&mut self, id: &ResourceId, name: &str) {
        self.until_told(id, name, "Ready", "True").await;
    }

    /// Waits until a condition says this of the object's present spec.
    pub(crate) async fn until_told(&mut self, id: &ResourceId, name: &str, kind: &str, said: &str) {
        let what = format!("{name} says {kind}={said}");
        self.until(&what, |world| {
            let object = world.get(id, name)?;
            let current =
                object["status"]["observedGeneration"] == object["metadata"]["generation"];
            let told = condition(&object, kind)?.starts_with(said);
            (current && told).then_some(())
        })
        .await;
    }

    /// Waits until an object is gone.
    pub(crate) async fn until_gone(&mut self, id: &ResourceId, name: &str) {
        let what = format!("{name} is gone");
        self.until(&what, |world| world.get(id, name).is_none().then_some(()))
            .await;
    }

    pub(crate) async fn seconds(&self, seconds: u64) {
        self.pass(Duration::from_secs(seconds)).await;
    }

    pub(crate) fn said(&self, id: &ResourceId, name: &str, kind: &str) -> String {
        let object = self.get(id, name);
        let said = object.and_then(|object| condition(&object, kind));
        said.unwrap_or_default()
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark {
            revision: self.store().revision(),
            at: self.now(),
            asked: self.wire.count(),
        }
    }

    /// What was sent since.
    pub(crate) fn asked(&self, mark: Mark) -> Vec<Asked> {
        self.wire.asked().split_off(mark.asked)
    }

    /// What was sent since, in words: `provision, poll x2`.
    pub(crate) fn calls(&self, mark: Mark) -> String {
        let mut calls: Vec<(&str, usize)> = Vec::new();
        for asked in self.asked(mark) {
            let word = word(asked.op);
            match calls.last_mut() {
                Some((last, times)) if *last == word => *times += 1,
                _ => calls.push((word, 1)),
            }
        }
        let line = |(word, times): (&str, usize)| match times {
            1 => word.to_owned(),
            times => format!("{word} x{times}"),
        };
        calls.into_iter().map(line).collect::<Vec<_>>().join(", ")
    }

    /// An object in whatever namespace.
    pub(crate) fn get_in(&self, id: &ResourceId, namespace: &str, name: &str) -> Arc<Value> {
        self.store().get(id, namespace, name).unwrap()
    }

    /// All objects of a kind, in whatever namespace.
    pub(crate) fn list_all(&self, id: &ResourceId) -> Vec<Arc<Value>> {
        self.store().select(id, None, &<_>::default()).unwrap()
    }

    /// The plain entries of a Secret.
    pub(crate) fn entries(&self, name: &str) -> Option<Map<String, Value>> {
        let secret = self.get(&SECRETS, name)?;
        let data = secret["data"].as_object().cloned().unwrap_or_default();
        let plain = |value: &Value| {
            let bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
            Value::from(String::from_utf8(bytes).unwrap())
        };
        Some(
            data.iter()
                .map(|(key, value)| (key.clone(), plain(value)))
                .collect(),
        )
    }

    /// The ID that an object has at the broker now.
    pub(crate) fn id_of(&self, id: &ResourceId, name: &str) -> String {
        let object = self.get(id, name).unwrap();
        let holdings = object["status"]["lifecycle"]["holdings"].as_array();
        let held = holdings.into_iter().flatten().find(|holding| {
            let stand = &holding["stand"]["name"];
            *stand == "held" || *stand == "unsure"
        });
        let held = held.unwrap_or_else(|| panic!("{name} holds nothing: {object:#}"));
        held["id"].as_str().unwrap().to_owned()
    }

    /// IDs of what is at the broker.
    pub(crate) fn there(&self) -> Vec<String> {
        let records = self.broker.instances().into_iter();
        let records = records.chain(self.broker.bindings());
        records.map(|record| record.id).collect()
    }

    /// What is at the broker, in words: `instance`, `instance, binding`, `nothing`.
    pub(crate) fn left(&self) -> String {
        let count = |noun: &str, count: usize| match count {
            0 => None,
            1 => Some(noun.to_owned()),
            count => Some(format!("{count} {noun}s")),
        };
        let nouns = [
            count("instance", self.broker.instances().len()),
            count("binding", self.broker.bindings().len()),
        ];
        let nouns: Vec<String> = nouns.into_iter().flatten().collect();
        match nouns.is_empty() {
            true => "nothing".to_owned(),
            false => nouns.join(", "),
        }
    }

    /// The broker does as it should from now on, and comes to an end with what it never ends.
    pub(crate) fn mend(&self) {
        self.broker.well();
        self.broker.release();
        for id in self.there() {
            self.broker.finish(&id);
        }
    }

    /// All that users wanted goes; nothing is left anywhere, and the broker was asked as it should be.
    pub(crate) async fn clear(&mut self) {
        self.mend();
        for (id, kinds) in [(&BINDINGS, "bindings"), (&INSTANCES, "instances")] {
            for object in self.list(id) {
                self.delete(id, object["metadata"]["name"].as_str().unwrap());
            }
            let what = format!("all {kinds} are gone");
            self.until(&what, |world| world.list(id).is_empty().then_some(()))
                .await;
        }
        assert_eq!(self.left(), "nothing");
        self.check().await;
    }

    /// Everything that is told of an object: conditions and status.
    pub(crate) fn status(&self, id: &ResourceId, name: &str) -> Vec<String> {
        let Some(object) = self.get(id, name) else {
            return vec!["is not there".to_owned()];
        };
        let mut lines = conditions(&object);
        lines.extend(super::story::figures(&object["status"]));
        lines.iter().map(|line| self.named(line)).collect()
    }
}
