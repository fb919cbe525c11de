//! The controllers against the store, under paused time.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::clock::Clock;
use oarlock_core::timestamp::Timestamp;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{Behaviour, Pattern, Workloads};
use crate::clock::VirtualClock;
use crate::resource::ResourceId;
use crate::selector::Filter;
use crate::store::{Change, DeleteOptions, HISTORY, Propagation, Store, Write};

mod batch;
mod lifecycle;
mod ordered;
mod rollout;

pub(crate) const DEPLOYMENTS: ResourceId = ResourceId::of("apps", "deployments");
pub(crate) const REPLICA_SETS: ResourceId = ResourceId::of("apps", "replicasets");
pub(crate) const PODS: ResourceId = ResourceId::of("", "pods");

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// A store with everything that runs beside it.
pub(crate) struct Lab {
    pub(crate) store: Store,
    pub(crate) clock: VirtualClock,
    pub(crate) workloads: Workloads,
    _tasks: JoinSet<()>,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let clock = VirtualClock::new(START, 1.0);
        let store = Store::new(Arc::new(clock.clone()), HISTORY, 7);
        let workloads = Workloads::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(super::run(store.clone(), workloads.clone()));
        tasks.spawn(crate::gc::run(store.clone()));
        tasks.spawn(crate::namespaces::run(store.clone()));
        Self {
            store,
            clock,
            workloads,
            _tasks: tasks,
        }
    }

    pub(crate) fn create(&self, id: &ResourceId, object: Value) -> Arc<Value> {
        self.store
            .create(id, "default", object, &Write::by("test"))
            .unwrap()
            .object
    }

    pub(crate) fn get(&self, id: &ResourceId, name: &str) -> Arc<Value> {
        self.store.get(id, "default", name).unwrap()
    }

    pub(crate) fn all(&self, id: &ResourceId) -> Vec<Arc<Value>> {
        self.store
            .select(id, Some("default"), &Filter::default())
            .unwrap()
    }

    pub(crate) fn edit(&self, id: &ResourceId, name: &str, edit: impl FnOnce(&mut Value)) {
        let edited = self
            .store
            .modify(id, "default", name, None, &Write::by("test"), |object| {
                edit(object);
                Ok(())
            });
        edited.unwrap();
    }

    pub(crate) fn delete(&self, id: &ResourceId, name: &str, propagation: Propagation) {
        let options = DeleteOptions::propagating(propagation);
        self.store.delete(id, "default", name, &options).unwrap();
    }

    /// Waits until `holds`, looking after every change; fails after `limit` of virtual time.
    pub(crate) async fn until(
        &self,
        what: &str,
        limit: Duration,
        mut holds: impl FnMut(&Self) -> bool,
    ) {
        self.watching(what, limit, |lab, _| holds(lab)).await;
    }

    /// The same, told each change.
    pub(crate) async fn watching(
        &self,
        what: &str,
        limit: Duration,
        mut holds: impl FnMut(&Self, Option<&Change>) -> bool,
    ) {
        let mut watch = self.store.watch(None, None).unwrap();
        let deadline = self.clock.now().after(limit);
        let mut expiry = self.clock.sleep_until(deadline);
        let mut change: Option<Arc<Change>> = None;
        while !holds(self, change.as_deref()) {
            change = tokio::select! {
                change = watch.next() => Some(change.unwrap().unwrap()),
                () = &mut expiry => panic!("not within {limit:?}: {what}\n{}", self.dump()),
            };
        }
    }

    /// Lets `duration` of virtual time pass.
    pub(crate) async fn pass(&self, duration: Duration) {
        self.clock
            .sleep_until(self.clock.now().after(duration))
            .await;
    }

    fn dump(&self) -> String {
        let mut text = String::new();
        for id in [&DEPLOYMENTS, &REPLICA_SETS, &PODS] {
            for object in self.all(id) {
                text.push_str(&format!(
                    "{id} {} {}\n",
                    object["metadata"]["name"], object["status"]
                ));
            }
        }
        text
    }

    pub(crate) async fn complete(&self, name: &str) {
        self.until("the rollout is complete", seconds(3_600), |lab| {
            let deployment = lab.get(&DEPLOYMENTS, name);
            condition(&deployment, "Progressing")["reason"] == "NewReplicaSetAvailable"
                && deployment["status"]["observedGeneration"]
                    == deployment["metadata"]["generation"]
                && count(&deployment, "updatedReplicas")
                    == deployment["spec"]["replicas"].as_i64().unwrap()
                && count(&deployment, "replicas") == count(&deployment, "updatedReplicas")
        })
        .await;
    }

    pub(crate) fn active_pods(&self) -> usize {
        let pods = self.all(&PODS);
        pods.iter()
            .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null())
            .count()
    }
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn condition(object: &Value, kind: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array();
    let found = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == kind);
    found.cloned().unwrap_or_default()
}

pub(crate) fn count(object: &Value, field: &str) -> i64 {
    object["status"][field].as_i64().unwrap_or(0)
}

pub(crate) fn is_ready(pod: &Value) -> bool {
    condition(pod, "Ready")["status"] == "True"
}

pub(crate) fn template(image: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": image}]},
    })
}

pub(crate) fn deployment(replicas: u32, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": template(image),
        },
    })
}

pub(crate) fn set_image(object: &mut Value, image: &str) {
    object["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
}

/// Pretty JSON with `secret`, a generated text, made constant.
pub(crate) fn shown(value: &Value, secret: &str) -> String {
    serde_json::to_string_pretty(value)
        .unwrap()
        .replace(secret, "<generated>")
}
