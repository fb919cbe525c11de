//! A world: a cluster, users with hands, and an operator that can be killed and started again.

use std::sync::Arc;
use std::time::Duration;

use oarlock_cluster::{Kubernetes, Options, ServerClock};
use oarlock_config::{Env, Watch};
use oarlock_core::artifact::{Artifacts, Closed};
use oarlock_core::clock::Clock;
use oarlock_core::cluster::Cluster;
use oarlock_core::egress::{Credentials, Egress};
use oarlock_core::future::BoxFuture;
use oarlock_core::reconciler::{HttpError, HttpRequest, HttpResponse};
use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::resource::ResourceId;
use oarlock_devcluster::store::{DeleteOptions, Write};
use oarlock_devcluster::{DevCluster, Status, Store, VirtualClock};
use oarlock_engine::{Engine, Module};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::chronicle::Chronicle;
use crate::gate::{Gate, Moment};

pub(crate) const NAMESPACE: &str = "default";

const CRDS: ResourceId = ResourceId::of("apiextensions.k8s.io", "customresourcedefinitions");
const EVENTS: ResourceId = ResourceId::of("", "events");

/// Changes that the store remembers: all that happens in any test.
const HISTORY: usize = 1 << 20;

/// Longest wait for anything, in virtual time.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Who writes as a user.
const USER: &str = "kubectl";

/// What is served: kept outside of the operator, as its files are.
pub(crate) type Served = Vec<(Watch, Module)>;

pub(crate) struct World {
    cluster: DevCluster,
    clock: Arc<VirtualClock>,
    pub(crate) chronicle: Chronicle,
    served: Served,
    outside: Arc<dyn Egress>,
    artifacts: Arc<dyn Artifacts>,
    operator: Operator,
    /// How often it was started.
    pub(crate) lives: usize,
    /// Where users look.
    pub(crate) namespace: &'static str,
    /// How far the clock of the operator's host is ahead of the cluster's, in milliseconds; it sets its time by the API
    /// server's answers then. None: the two are one clock.
    pub(crate) skew: Option<i64>,
}

/// What a world begins with beside what is served.
pub(crate) struct Circumstances {
    /// The write that the operator's first life ends at.
    pub(crate) kill: Option<(usize, Moment)>,
    /// What the modules can call.
    pub(crate) outside: Arc<dyn Egress>,
    /// Where the modules' charts are from.
    pub(crate) artifacts: Arc<dyn Artifacts>,
    /// As [`World::skew`].
    pub(crate) skew: Option<i64>,
}

impl Default for Circumstances {
    fn default() -> Self {
        Self {
            kill: None,
            outside: Arc::new(NobodyAnswers),
            artifacts: Arc::new(Closed),
            skew: None,
        }
    }
}

/// One life of the operator.
struct Operator {
    gate: Gate,
    kubernetes: Arc<Kubernetes>,
    engine: Arc<Engine>,
    metrics: Registry,
    /// None once it was killed.
    task: Option<AbortOnDropHandle<()>>,
}

/// The watches of a file. Every entry must be good.
pub(crate) fn watches(text: &str) -> Vec<Watch> {
    let parsed = oarlock_config::parse("watches.yaml", text, &Env::empty());
    let told: Vec<String> = parsed.diagnostics.iter().map(|d| d.to_string()).collect();
    assert!(!parsed.has_errors(), "{}", told.join("\n"));
    parsed.watches
}

pub(crate) fn watch(text: &str) -> Watch {
    let mut watches = watches(text);
    assert_eq!(watches.len(), 1);
    watches.remove(0)
}

impl World {
    /// A cluster with these definitions, and an operator that serves.
    pub(crate) fn new(definitions: &[Value], served: Served) -> Self {
        Self::with(definitions, served, Circumstances::default())
    }

    /// The same, where the operator's first life ends at one of its writes.
    pub(crate) fn killed_at(
        definitions: &[Value],
        served: Served,
        kill: Option<(usize, Moment)>,
    ) -> Self {
        let circumstances = Circumstances {
            kill,
            ..Circumstances::default()
        };
        Self::with(definitions, served, circumstances)
    }

    /// The same under these circumstances.
    pub(crate) fn with(
        definitions: &[Value],
        served: Served,
        circumstances: Circumstances,
    ) -> Self {
        let Circumstances {
            kill,
            outside,
            artifacts,
            skew,
        } = circumstances;
        let start = Timestamp::parse_rfc3339("2026-11-02T09:00:00Z").unwrap();
        let clock = Arc::new(VirtualClock::new(start, 1.0));
        let cluster = DevCluster::builder()
            .clock(Arc::clone(&clock))
            .history(HISTORY)
            .seed(1)
            .start();
        let chronicle = Chronicle::begin(cluster.store(), Arc::clone(&clock));
        for definition in definitions {
            let written = cluster
                .store()
                .create(&CRDS, "", definition.clone(), &Write::by(USER));
            written.unwrap();
        }
        let host = host_clock(&clock, skew);
        let operator = Operator::start(&cluster, host, &outside, &artifacts, &served);
        if let Some((write, moment)) = kill {
            operator.gate.kill_at(write, moment);
        }
        Self {
            cluster,
            clock,
            chronicle,
            served,
            outside,
            artifacts,
            operator,
            lives: 1,
            namespace: NAMESPACE,
            skew,
        }
    }

    pub(crate) fn store(&self) -> &Store {
        self.cluster.store()
    }

    pub(crate) fn cluster(&self) -> &DevCluster {
        &self.cluster
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.operator.gate
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Serves something else from now on.
    pub(crate) fn serve(&mut self, served: Served) {
        self.operator.engine.serve(served.clone());
        self.served = served;
    }

    /// Takes the operator away as `kill -9` does.
    pub(crate) async fn kill(&mut self) {
        if let Some(task) = self.operator.task.take() {
            task.abort();
            // Aborted: that is all it can say.
            let _aborted = task.await;
        }
        self.operator.kubernetes.shutdown().await;
    }

    /// Takes the operator away as `kill -9` does, and starts another.
    pub(crate) async fn restart(&mut self) {
        self.kill().await;
        let clock = host_clock(&self.clock, self.skew);
        self.operator = Operator::start(
            &self.cluster,
            clock,
            &self.outside,
            &self.artifacts,
            &self.served,
        );
        self.lives += 1;
    }

    /// Waits until `found` finds something. An operator that dies meanwhile is started again.
    pub(crate) async fn until<T>(&mut self, what: &str, found: impl Fn(&Self) -> Option<T>) -> T {
        let deadline = self.now().after(PATIENCE);
        loop {
            let mut changes = self.store().watch(None, None).unwrap();
            if let Some(found) = found(self) {
                return found;
            }
            tokio::select! {
                change = changes.next() => drop(change.unwrap().unwrap()),
                () = self.operator.gate.died() => self.restart().await,
                () = self.clock.sleep_until(deadline) => panic!("not within {PATIENCE:?}: {what}\n{}", self.told()),
            }
        }
    }

    /// What is said of everything that is served, for whoever reads why a test failed.
    fn told(&self) -> String {
        let mut lines = Vec::new();
        for (watch, _) in &self.served {
            let kind = &watch.gvk;
            let resource = self.store().resource_of(&kind.api_version(), &kind.kind);
            for object in resource.iter().flat_map(|resource| self.list(&resource.id)) {
                lines.push(format!("{} {}", kind.kind, object["metadata"]["name"]));
                lines.extend(conditions(&object));
                lines.push(object["status"]["why"].to_string());
            }
        }
        lines.join("\n")
    }

    /// Lets time pass; everything that can happen in it happens.
    pub(crate) async fn pass(&self, time: Duration) {
        self.clock.sleep_until(self.now().after(time)).await;
    }

    /// `kubectl apply`.
    pub(crate) fn apply(&self, object: Value) -> Result<Arc<Value>, Status> {
        let (id, namespace, name) = self.place(&object);
        let store = self.store();
        let written = store.apply(&id, &namespace, &name, object, true, &Write::by(USER));
        Ok(written?.object)
    }

    /// `kubectl patch --type merge`.
    pub(crate) fn edit(&self, id: &ResourceId, name: &str, patch: &Value) -> Result<(), Status> {
        let change = |object: &mut Value| {
            merge(object, patch);
            Ok(())
        };
        let store = self.store();
        store.modify(id, self.space(id), name, None, &Write::by(USER), change)?;
        Ok(())
    }

    /// `kubectl delete`.
    pub(crate) fn delete(&self, id: &ResourceId, name: &str) {
        let options = DeleteOptions::default();
        let store = self.store();
        store.delete(id, self.space(id), name, &options).unwrap();
    }

    /// Where users look for objects of a kind: nowhere but in the cluster, where it has no namespaces.
    fn space(&self, id: &ResourceId) -> &'static str {
        match self.store().resource(id) {
            Some(resource) if !resource.namespaced => "",
            _ => self.namespace,
        }
    }

    pub(crate) fn get(&self, id: &ResourceId, name: &str) -> Option<Arc<Value>> {
        self.store().get(id, self.space(id), name).ok()
    }

    pub(crate) fn list(&self, id: &ResourceId) -> Vec<Arc<Value>> {
        let space = Some(self.space(id)).filter(|space| !space.is_empty());
        let all = self.store().select(id, space, &<_>::default());
        all.unwrap()
    }

    /// Events about the object of this name, the oldest first: `Type Reason: note`, with the count beyond one.
    pub(crate) fn events(&self, name: &str) -> Vec<String> {
        let mut events: Vec<Arc<Value>> = self
            .list(&EVENTS)
            .into_iter()
            .filter(|event| event["involvedObject"]["name"] == name)
            .collect();
        events.sort_by_key(|event| {
            let revision = event["metadata"]["resourceVersion"].as_str().unwrap();
            revision.parse::<u64>().unwrap()
        });
        let line = |event: &Arc<Value>| {
            let text = |key: &str| event[key].as_str().unwrap_or("?").to_owned();
            let count = event["series"]["count"]
                .as_u64()
                .or(event["count"].as_u64());
            let times = match count {
                Some(count) if count > 1 => format!(" (x{count})"),
                _ => String::new(),
            };
            format!(
                "{} {}: {}{times}",
                text("type"),
                text("reason"),
                text("message")
            )
        };
        events.iter().map(line).collect()
    }

    /// All metrics of this life, as they are scraped.
    pub(crate) fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.operator.metrics).unwrap();
        text
    }

    /// The value of a metric whose line begins with this text; 0 where there is none.
    pub(crate) fn metric(&self, line: &str) -> u64 {
        let text = self.metrics();
        let values = text.lines().filter(|l| l.starts_with(line));
        values
            .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum()
    }

    fn place(&self, object: &Value) -> (ResourceId, String, String) {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let (version, kind) = (text("/apiVersion").unwrap(), text("/kind").unwrap());
        let resource = self.store().resource_of(version, kind);
        let resource = resource.unwrap_or_else(|| panic!("{kind} is not served"));
        let namespace = match resource.namespaced {
            true => text("/metadata/namespace").unwrap_or(NAMESPACE),
            false => "",
        };
        (
            resource.id.clone(),
            namespace.to_owned(),
            text("/metadata/name").unwrap().to_owned(),
        )
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // The engine listens to the client that it holds: neither goes by itself.
        let kubernetes = Arc::clone(&self.kubernetes);
        tokio::spawn(async move { kubernetes.shutdown().await });
    }
}

impl Operator {
    fn start(
        cluster: &DevCluster,
        (port, server_clock): HostClock,
        outside: &Arc<dyn Egress>,
        artifacts: &Arc<dyn Artifacts>,
        served: &Served,
    ) -> Self {
        let gate = Gate::new(cluster.service());
        let client = kube::Client::new(gate.clone(), NAMESPACE);
        let cluster_options = Options {
            server_clock,
            ..Options::default()
        };
        let kubernetes = Kubernetes::new(client, Arc::clone(&port), cluster_options);
        let options = oarlock_engine::Options {
            seed: Some(7),
            ..oarlock_engine::Options::default()
        };
        let engine = Engine::with_packages(
            Arc::clone(&kubernetes) as Arc<dyn Cluster>,
            Arc::clone(outside),
            Arc::clone(artifacts),
            port,
            options,
        );
        let mut metrics = Registry::default();
        engine.register_metrics(&mut metrics);
        engine.serve(served.clone());
        let task = tokio::spawn(Arc::clone(&engine).run(CancellationToken::new()));
        Self {
            gate,
            kubernetes,
            engine,
            metrics,
            task: Some(AbortOnDropHandle::new(task)),
        }
    }
}

/// The operator's clock, and the same again where answers set it right.
type HostClock = (Arc<dyn Clock>, Option<ServerClock>);

fn host_clock(clock: &Arc<VirtualClock>, skew: Option<i64>) -> HostClock {
    let Some(skew) = skew else {
        return (Arc::clone(clock) as Arc<dyn Clock>, None);
    };
    let millis = clock.now().as_millis().saturating_add_signed(skew);
    let host = ServerClock::starting_at(Timestamp::from_millis(millis));
    (Arc::new(host.clone()), Some(host))
}

/// The world outside: every call hangs.
struct NobodyAnswers;

impl Egress for NobodyAnswers {
    fn send(
        &self,
        _: HttpRequest,
        _: Option<Credentials>,
        _: Duration,
    ) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(std::future::pending())
    }
}

/// RFC 7386.
pub(crate) fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = json!({});
    }
    for (key, patch) in fields {
        if patch.is_null() {
            value.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut value[key], patch);
        }
    }
}

/// `status reason: message` of a condition.
pub(crate) fn condition(object: &Value, kind: &str) -> Option<String> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    let condition = conditions.iter().find(|c| c["type"] == kind)?;
    let text = |key: &str| condition[key].as_str().unwrap_or("?").to_owned();
    Some(format!(
        "{} {}: {}",
        text("status"),
        text("reason"),
        text("message")
    ))
}

/// `kind=status reason: message` of all conditions.
pub(crate) fn conditions(object: &Value) -> Vec<String> {
    let list = object
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    let kinds = list
        .into_iter()
        .flatten()
        .filter_map(|c| c["type"].as_str());
    kinds
        .map(|kind| format!("{kind}={}", condition(object, kind).unwrap()))
        .collect()
}
