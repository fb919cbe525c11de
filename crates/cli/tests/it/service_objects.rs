//! Objects of the service catalog as users write them, and what is to be seen of them; on any API server.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams,
};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::{Value, json};

use crate::process::{PATIENCE, root};

/// The group of all kinds here.
pub(crate) const GROUP: &str = "servicecatalog.k8s.io";

/// Its version.
pub(crate) const VERSION: &str = "v1beta1";

/// Definitions of the kinds, as they are shipped.
pub(crate) fn definitions() -> Vec<Value> {
    let folder = root().join("modules/service-catalog/crds");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|file| {
            file.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    assert_eq!(files.len(), 8, "{}", folder.display());
    files
        .iter()
        .map(|file| serde_saphyr::from_str(&std::fs::read_to_string(file).unwrap()).unwrap())
        .collect()
}

/// The watches of the example, for a broker at `url`, with `more` in each entry.
pub(crate) fn watches(url: &str, more: &Value) -> String {
    let file = root().join("examples/service-catalog/watches.yaml");
    let text = std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut entries: Vec<Value> = serde_saphyr::from_str(&text).unwrap();
    entries.retain(|entry| entry["group"] == GROUP);
    assert_eq!(entries.len(), 4, "{text}");
    for entry in &mut entries {
        entry["grants"]["http"] = json!([url]);
        for (key, value) in more.as_object().into_iter().flatten() {
            entry[key] = value.clone();
        }
    }
    json!(entries).to_string()
}

/// A broker of the cluster, without credentials.
pub(crate) fn cluster_broker(name: &str, url: &str) -> Value {
    object("ClusterServiceBroker", name, &json!({"url": url}))
}

/// A broker of the namespace, without credentials.
pub(crate) fn broker(name: &str, url: &str) -> Value {
    object("ServiceBroker", name, &json!({"url": url}))
}

/// An instance of a service of the namespace, by names of service and plan.
pub(crate) fn instance(name: &str, class: &str, plan: &str) -> Value {
    let spec = json!({"serviceClassExternalName": class, "servicePlanExternalName": plan});
    object("ServiceInstance", name, &spec)
}

/// An instance of a service of the cluster, by names of service and plan.
pub(crate) fn cluster_instance(name: &str, class: &str, plan: &str) -> Value {
    let spec =
        json!({"clusterServiceClassExternalName": class, "clusterServicePlanExternalName": plan});
    object("ServiceInstance", name, &spec)
}

/// A binding, whose Secret has its name.
pub(crate) fn binding(name: &str, instance: &str) -> Value {
    object(
        "ServiceBinding",
        name,
        &json!({"instanceRef": {"name": instance}}),
    )
}

/// A Secret.
pub(crate) fn secret(name: &str, entries: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": entries})
}

/// A Deployment of some Pods that have all entries of a Secret in their environment.
pub(crate) fn deployment(name: &str, replicas: u32, secret: &str) -> Value {
    let labels = json!({"app": name});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{
                    "name": "main", "image": "registry.example/app:1",
                    "envFrom": [{"secretRef": {"name": secret}}],
                }]},
            },
        },
    })
}

fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": format!("{GROUP}/{VERSION}"), "kind": kind, "metadata": {"name": name}, "spec": spec,
    })
}

/// The objects of a namespace, and those of the cluster.
#[derive(Clone)]
pub(crate) struct Objects {
    /// Of an administrator.
    pub(crate) client: kube::Client,
    /// The namespace.
    pub(crate) namespace: String,
    /// What all that is applied is labelled with.
    pub(crate) labels: BTreeMap<String, String>,
}

impl Objects {
    /// A client of any kind.
    pub(crate) fn api(&self, group: &str, version: &str, kind: &str) -> Api<DynamicObject> {
        let gvk = GroupVersionKind::gvk(group, version, kind);
        let resource = ApiResource::from_gvk(&gvk);
        let is_of_cluster = group == GROUP && kind.starts_with("Cluster")
            || group.is_empty() && kind == "Namespace";
        if is_of_cluster {
            Api::all_with(self.client.clone(), &resource)
        } else {
            Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
        }
    }

    /// A client of a kind of the service catalog, or of those that everybody knows.
    pub(crate) fn of(&self, kind: &str) -> Api<DynamicObject> {
        match kind {
            "Secret" | "ConfigMap" | "Pod" | "Namespace" => self.api("", "v1", kind),
            "Deployment" => self.api("apps", "v1", kind),
            "Event" => self.api("events.k8s.io", "v1", kind),
            _ => self.api(GROUP, VERSION, kind),
        }
    }

    /// Applies an object as a user does.
    pub(crate) async fn apply(&self, mut object: Value) {
        let kind = object["kind"].as_str().unwrap().to_owned();
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        for (key, value) in &self.labels {
            object["metadata"]["labels"][key] = json!(value);
        }
        let user = PatchParams::apply("kubectl").force();
        let (api, object) = (self.of(&kind), Patch::Apply(object));
        if let Err(error) = api.patch(&name, &user, &object).await {
            panic!("{kind} {name}: {error}");
        }
    }

    /// Changes an object as a user does.
    pub(crate) async fn patch(&self, kind: &str, name: &str, patch: Value) {
        let user = PatchParams {
            field_manager: Some("kubectl-edit".to_owned()),
            ..PatchParams::default()
        };
        let (api, patch) = (self.of(kind), Patch::Merge(patch));
        if let Err(error) = api.patch(name, &user, &patch).await {
            panic!("{kind} {name}: {error}");
        }
    }

    /// Asks for the end of an object.
    pub(crate) async fn delete(&self, kind: &str, name: &str) {
        let api = self.of(kind);
        drop(api.delete(name, &DeleteParams::default()).await.unwrap());
    }

    /// The state of an object for which `wanted` holds, now or later.
    pub(crate) async fn when(
        &self,
        kind: &str,
        name: &str,
        wanted: impl Fn(&DynamicObject) -> bool,
    ) -> DynamicObject {
        let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
        let states = watcher(self.of(kind), config)
            .default_backoff()
            .applied_objects();
        let mut states = std::pin::pin!(states);
        let mut last = None;
        let find = async {
            loop {
                let Ok(object) = states.next().await.expect("a watch does not end") else {
                    continue;
                };
                if wanted(&object) {
                    return object;
                }
                last = Some(object);
            }
        };
        match tokio::time::timeout(PATIENCE, find).await {
            Ok(object) => object,
            Err(_) => panic!(
                "{kind} {name} did not come to it; last seen: {:#}",
                json!(last)
            ),
        }
    }

    /// An object as soon as it is as its current spec wants it.
    pub(crate) async fn ready(&self, kind: &str, name: &str) -> DynamicObject {
        self.when(kind, name, is_ready).await
    }

    /// An object as soon as its condition has this reason.
    pub(crate) async fn told(
        &self,
        kind: &str,
        name: &str,
        condition: &str,
        reason: &str,
    ) -> DynamicObject {
        let is_so = |object: &DynamicObject| {
            self::condition(object, condition).is_some_and(|told| told["reason"] == reason)
        };
        self.when(kind, name, is_so).await
    }

    /// Waits for the end of an object.
    pub(crate) async fn gone(&self, kind: &str, name: &str) {
        let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
        let mut events = std::pin::pin!(watcher(self.of(kind), config).default_backoff());
        let api = self.of(kind);
        let mut last = None;
        let gone = async {
            loop {
                last = api.get_opt(name).await.unwrap();
                if last.is_none() {
                    return;
                }
                drop(events.next().await);
            }
        };
        if tokio::time::timeout(PATIENCE, gone).await.is_err() {
            panic!("{kind} {name} is still there: {:#}", json!(last));
        }
    }

    /// Entries of a Secret, as text; none where there is none.
    pub(crate) async fn secret(&self, name: &str) -> Option<BTreeMap<String, String>> {
        let found = self.of("Secret").get_opt(name).await.unwrap();
        found.map(|secret| entries(&secret))
    }

    /// Note of the first Event with this reason about an object.
    pub(crate) async fn event(&self, name: &str, reason: &str) -> String {
        let states = watcher(self.of("Event"), watcher::Config::default());
        let mut states = std::pin::pin!(states.default_backoff().applied_objects());
        let find = async {
            loop {
                let Ok(event) = states.next().await.expect("a watch does not end") else {
                    continue;
                };
                if event.data["regarding"]["name"] == name && event.data["reason"] == reason {
                    return event.data["note"].as_str().unwrap_or_default().to_owned();
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, find).await;
        found.unwrap_or_else(|_| panic!("no Event {reason} about {name}"))
    }
}

/// Entries of a Secret, as text.
pub(crate) fn entries(secret: &DynamicObject) -> BTreeMap<String, String> {
    let data = secret.data["data"].as_object().cloned().unwrap_or_default();
    let text = |value: &Value| {
        let bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    data.iter()
        .map(|(key, value)| (key.clone(), text(value)))
        .collect()
}

/// A condition.
pub(crate) fn condition(object: &DynamicObject, kind: &str) -> Option<Value> {
    let conditions = object.data["status"]["conditions"].as_array()?;
    conditions.iter().find(|told| told["type"] == kind).cloned()
}

/// Whether an object is as its current spec wants it.
pub(crate) fn is_ready(object: &DynamicObject) -> bool {
    condition(object, "Ready").is_some_and(|ready| {
        ready["status"] == "True"
            && ready["observedGeneration"].as_i64() == object.metadata.generation
    }) && object.metadata.deletion_timestamp.is_none()
}
