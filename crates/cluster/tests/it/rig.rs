#![expect(clippy::unwrap_used, reason = "tests")]

//! An embedded cluster, a gate in front of it that counts and breaks, and the room under test.

mod gate;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use oarlock_cluster::{Kubernetes, Options};
use oarlock_core::clock::Clock;
use oarlock_core::cluster::{Call, Change, Cluster, Listener, Verb, Written};
use oarlock_core::object::Object;
use oarlock_core::reference::{Gvk, ObjectRef};
use oarlock_core::request::ApiError;
use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::{DevCluster, VirtualClock};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;

pub(crate) use gate::{Gate, Meddling, REFUSED, SILENCE};

pub(crate) const MANAGER: &str = "oarlock/test";

/// What was told.
#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    told: watch::Sender<()>,
}

impl Listener for Log {
    fn changed(&self, change: Change) {
        let line = match change {
            Change::Applied { old: None, new } => format!("+{}", new.target()),
            Change::Applied { new, .. } => format!("~{}", new.target()),
            Change::Deleted(old) => format!("-{}", old.target()),
            Change::Synced(gvk) => format!("synced {}", gvk.kind),
            Change::Kinds => return,
        };
        self.lines.lock().push(line);
        self.told.send_replace(());
    }
}

pub(crate) struct Rig {
    pub(crate) dev: DevCluster,
    pub(crate) gate: Gate,
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) kubernetes: Arc<Kubernetes>,
    log: Arc<Log>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        let clock = Arc::new(VirtualClock::new(
            Timestamp::from_millis(1_700_000_000_000),
            1.0,
        ));
        let dev = DevCluster::builder()
            .clock(Arc::clone(&clock))
            .without_controllers()
            .start();
        Self::before(dev, clock, options)
    }

    /// In front of a cluster that remembers only so many changes.
    pub(crate) fn forgetful(changes: usize, options: Options) -> Self {
        let clock = Arc::new(VirtualClock::new(
            Timestamp::from_millis(1_700_000_000_000),
            1.0,
        ));
        let dev = DevCluster::builder()
            .clock(Arc::clone(&clock))
            .history(changes)
            .without_controllers()
            .start();
        Self::before(dev, clock, options)
    }

    fn before(dev: DevCluster, clock: Arc<VirtualClock>, options: Options) -> Self {
        let gate = Gate::new(dev.service());
        let (kubernetes, log) = second(&gate, &clock, options);
        Self {
            dev,
            gate,
            clock,
            kubernetes,
            log,
        }
    }

    /// The same cluster seen by a process that was just started.
    pub(crate) fn restarted(self) -> Self {
        let (kubernetes, log) = second(&self.gate, &self.clock, Options::default());
        Self {
            kubernetes,
            log,
            ..self
        }
    }

    /// Somebody else's hands.
    pub(crate) fn others(&self) -> Api<ConfigMap> {
        Api::namespaced(self.dev.client(), "default")
    }

    /// Somebody else creates an object.
    pub(crate) async fn create(&self, object: Value) {
        let object = typed(object);
        self.others()
            .create(&PostParams::default(), &object)
            .await
            .unwrap();
    }

    /// Somebody else changes the data of an object.
    pub(crate) async fn patch(&self, name: &str, data: &Value) {
        let patch = Patch::Merge(json!({ "data": data }));
        let params = PatchParams::default();
        self.others().patch(name, &params, &patch).await.unwrap();
    }

    /// Somebody else deletes an object.
    pub(crate) async fn delete(&self, name: &str) {
        let params = DeleteParams::default();
        self.others().delete(name, &params).await.unwrap();
    }

    /// The version that the cluster is at.
    pub(crate) fn version(&self) -> u64 {
        self.dev.store().revision()
    }

    /// How many lists of ConfigMaps were asked for since the requests were last read.
    pub(crate) fn lists(&self) -> usize {
        let requests = self.gate.requests();
        requests
            .iter()
            .filter(|request| {
                request.contains("configmaps?limit=") && !request.ends_with("limit=1")
                    || request.contains("configmaps?") && request.contains("sendInitialEvents")
            })
            .count()
    }

    pub(crate) fn client(&self) -> kube::Client {
        kube::Client::new(self.gate.clone(), "default")
    }

    pub(crate) fn told(&self) -> String {
        self.log
            .lines
            .lock()
            .drain(..)
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Waits until `line` was told, and returns all that was told.
    pub(crate) async fn until(&self, line: &str) -> String {
        let mut told = self.log.told.subscribe();
        let waiting = async {
            while !self.log.lines.lock().iter().any(|l| l == line) {
                told.changed().await.unwrap();
            }
        };
        let result = tokio::time::timeout(Duration::from_secs(600), waiting).await;
        assert!(result.is_ok(), "{line} was not told, but: {}", self.told());
        self.told()
    }

    pub(crate) async fn sleep(&self, time: Duration) {
        let deadline = self.clock.now().after(time);
        Clock::sleep_until(&*self.clock, deadline).await;
    }

    pub(crate) async fn write(&self, verb: Verb) -> Result<Written, ApiError> {
        self.kubernetes
            .write(Call {
                verb,
                manager: MANAGER.to_owned(),
                account: None,
            })
            .await
    }

    pub(crate) async fn apply(&self, value: Value) -> Written {
        let object = Object::from_value(value).unwrap();
        self.write(Verb::Apply {
            object,
            force: true,
        })
        .await
        .unwrap()
    }

    pub(crate) fn shown(&self, target: &ObjectRef) -> Option<Value> {
        Some(self.kubernetes.cached(target)?.json().to_value())
    }
}

fn second(gate: &Gate, clock: &Arc<VirtualClock>, options: Options) -> (Arc<Kubernetes>, Arc<Log>) {
    let client = kube::Client::new(gate.clone(), "default");
    let kubernetes = Kubernetes::new(client, Arc::clone(clock) as Arc<dyn Clock>, options);
    let log = Arc::new(Log::default());
    kubernetes.subscribe(Arc::<Log>::clone(&log));
    (kubernetes, log)
}

pub(crate) fn config_map() -> Gvk {
    Gvk::new("", "v1", "ConfigMap")
}

pub(crate) fn at(name: &str) -> ObjectRef {
    ObjectRef::new(config_map(), Some("default"), name)
}

pub(crate) fn map(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data})
}

fn typed(value: Value) -> ConfigMap {
    serde_json::from_value(value).unwrap()
}

pub(crate) fn status(code: u16, reason: &str) -> (u16, Value) {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": reason});
    (code, status)
}
