//! A world with services, workloads, and their users.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use oarlock_devcluster::Status;
use oarlock_devcluster::resource::ResourceId;
use oarlock_devcluster::store::Write;
use serde_json::{Value, json};

use crate::components::{component, serving, text};
use crate::gate::Moment;
use crate::world::{NAMESPACE, World, condition, merge, watches};

pub(crate) const BINDINGS: ResourceId = ResourceId::of("servicebinding.io", "servicebindings");
pub(crate) const DEPLOYMENTS: ResourceId = ResourceId::of("apps", "deployments");
pub(crate) const STATEFUL_SETS: ResourceId = ResourceId::of("apps", "statefulsets");
pub(crate) const CRON_JOBS: ResourceId = ResourceId::of("batch", "cronjobs");
pub(crate) const PODS: ResourceId = ResourceId::of("", "pods");
pub(crate) const MAPPINGS: ResourceId =
    ResourceId::of("servicebinding.io", "clusterworkloadresourcemappings");
pub(crate) const DATABASES: ResourceId = ResourceId::of("db.example.com", "databases");
pub(crate) const RUNNERS: ResourceId = ResourceId::of("x.example.com", "runners");
pub(crate) const KEYED: ResourceId = ResourceId::of("x.example.com", "keyedrunners");

const WATCHES: &str = "
- group: servicebinding.io
  version: v1
  kind: ServiceBinding
  module: projector.wasm
  grants:
    read:
    - {apiGroups: [db.example.com, x.example.com], resources: ['*']}
    - {apiGroups: [''], resources: [secrets], resourceNames: ['*']}
    - {apiGroups: [''], resources: [pods]}
    - {apiGroups: [servicebinding.io], resources: [clusterworkloadresourcemappings]}
    - {apiGroups: [apiextensions.k8s.io], resources: [customresourcedefinitions]}
    - {apiGroups: [apps, batch], resources: ['*']}
    write:
    - {apiGroups: [apps, batch, x.example.com], resources: ['*'], verbs: [patch]}
";

pub(crate) struct Site {
    world: World,
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

/// The definitions that the component brings.
pub(crate) fn brought() -> Vec<Value> {
    ["servicebindings", "clusterworkloadresourcemappings"]
        .map(|name| {
            let text = text(&format!("modules/projector/crds/{name}.yaml"));
            serde_saphyr::from_str(&text).unwrap()
        })
        .to_vec()
}

pub(crate) fn definition(group: &str, kind: &str, plural: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{plural}.{group}"),
            "annotations": {"api-approved.kubernetes.io": "unapproved, a stand-in"},
        },
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase(), "listKind": format!("{kind}List")},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {
                    "spec": spec,
                    "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                },
            }}}],
        },
    })
}

/// What nothing is known of.
pub(crate) fn free() -> Value {
    json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

/// Jobs with variables and mounts, and disks: lists with keys, or without.
fn runner(keys: bool) -> Value {
    let list = |key: &str, item: Value| match keys {
        true => {
            json!({"type": "array", "items": item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]})
        }
        false => json!({"type": "array", "items": item}),
    };
    let item = |key: &str| {
        json!({"type": "object", "required": [key], "x-kubernetes-preserve-unknown-fields": true,
               "properties": {key: {"type": "string"}}})
    };
    let run = json!({"type": "object", "properties": {
        "image": {"type": "string"}, "variables": list("name", item("name")), "mounts": list("mountPath", item("mountPath"))}});
    let job = json!({"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}, "run": run}});
    json!({"type": "object", "properties": {
        "size": {"type": "integer"}, "jobs": list("id", job), "disks": list("name", item("name")),
        "notes": {"type": "object", "additionalProperties": {"type": "string"}},
    }})
}

pub(crate) fn mapping(plural: &str) -> Value {
    json!({
        "apiVersion": "servicebinding.io/v1", "kind": "ClusterWorkloadResourceMapping",
        "metadata": {"name": format!("{plural}.x.example.com")},
        "spec": {"versions": [{
            "version": "v1",
            "annotations": ".spec.notes",
            "containers": [{"path": ".spec.jobs[*].run", "env": ".variables", "volumeMounts": ".mounts"}],
            "volumes": ".spec.disks",
        }]},
    })
}

pub(crate) fn deployment(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"tier": "web"}},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "initContainers": [{"name": "migrate", "image": "migrate"}],
                    "containers": [
                        {"name": "app", "image": "app:1", "env": [{"name": "A", "value": "1"}]},
                        {"name": "side", "image": "side", "env": [{"name": "SERVICE_BINDING_ROOT", "value": "/own"}],
                         "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]},
                    ],
                    "volumes": [{"name": "tmp", "emptyDir": {}}],
                },
            },
        },
    })
}

/// Of `orders` into the Deployment `app`, changed by a merge patch.
pub(crate) fn binding(name: &str, patch: &Value) -> Value {
    let mut binding = json!({
        "apiVersion": "servicebinding.io/v1", "kind": "ServiceBinding",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "service": {"apiVersion": "db.example.com/v1", "kind": "Database", "name": "orders"},
            "workload": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"},
        },
    });
    merge(&mut binding, patch);
    binding
}

pub(crate) fn secret(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": NAMESPACE},
           "stringData": {"type": "db", "host": "db.example", "password": "pl4nted"}})
}

pub(crate) fn database(secret: &str) -> Value {
    let mut database = json!({"apiVersion": "db.example.com/v1", "kind": "Database",
                              "metadata": {"name": "orders", "namespace": NAMESPACE}, "spec": {}});
    if !secret.is_empty() {
        database["status"] = json!({"binding": {"name": secret}});
    }
    database
}

impl Site {
    pub(crate) async fn new() -> Self {
        Self::killed_at(None).await
    }

    pub(crate) async fn killed_at(kill: Option<(usize, Moment)>) -> Self {
        Self::serving(WATCHES, &[], kill).await
    }

    pub(crate) async fn serving(text: &str, more: &[Value], kill: Option<(usize, Moment)>) -> Self {
        let mut definitions = brought();
        definitions.push(definition(
            "db.example.com",
            "Database",
            "databases",
            &free(),
        ));
        definitions.push(definition(
            "x.example.com",
            "Runner",
            "runners",
            &runner(false),
        ));
        definitions.push(definition(
            "x.example.com",
            "KeyedRunner",
            "keyedrunners",
            &runner(true),
        ));
        definitions.extend_from_slice(more);
        let module = serving(component("modules/projector").await);
        let served = watches(text)
            .into_iter()
            .map(|watch| (watch, module.clone()))
            .collect();
        Self {
            world: World::killed_at(&definitions, served, kill),
        }
    }

    /// With a service, its Secret, and the Deployment `app`.
    pub(crate) async fn furnished() -> Self {
        let site = Self::new().await;
        site.furnish();
        site
    }

    /// A mapping, which is in no namespace.
    pub(crate) fn map(&self, mapping: Value) {
        let by = Write::by("kubectl");
        let name = mapping["metadata"]["name"].as_str().unwrap().to_owned();
        self.store()
            .apply(&MAPPINGS, "", &name, mapping, true, &by)
            .unwrap();
    }

    pub(crate) fn furnish(&self) {
        self.apply(secret("orders-secret")).unwrap();
        self.apply(database("orders-secret")).unwrap();
        self.apply(deployment("app")).unwrap();
    }

    /// `kubectl apply --server-side`, as Flux and others do it, without force.
    pub(crate) fn apply_politely(
        &self,
        id: &ResourceId,
        object: &Value,
    ) -> Result<Arc<Value>, Status> {
        let name = object["metadata"]["name"].as_str().unwrap();
        let by = Write::by("kubectl");
        let written = self
            .store()
            .apply(id, NAMESPACE, name, object.clone(), false, &by);
        Ok(written?.object)
    }

    pub(crate) fn ready(&self, name: &str) -> String {
        let binding = self.get(&BINDINGS, name);
        binding
            .and_then(|binding| condition(&binding, "Ready"))
            .unwrap_or_default()
    }

    pub(crate) async fn until_ready(&mut self, name: &'static str, begins: &'static str) {
        let told = move |world: &World| {
            let binding = world.get(&BINDINGS, name)?;
            let is_current =
                binding["status"]["observedGeneration"] == binding["metadata"]["generation"];
            (is_current && condition(&binding, "Ready")?.starts_with(begins)).then_some(())
        };
        self.until(&format!("{name} is {begins}"), told).await;
        // What comes after the status.
        self.pass(Duration::from_secs(1)).await;
    }

    pub(crate) async fn until_gone(&mut self, name: &'static str) {
        let gone = move |world: &World| world.get(&BINDINGS, name).is_none().then_some(());
        self.until(&format!("{name} is gone"), gone).await;
        self.pass(Duration::from_secs(5)).await;
    }

    /// What its users have of an object.
    pub(crate) fn content(&self, id: &ResourceId, name: &str) -> Value {
        let live = self.get(id, name).unwrap();
        json!({
            "labels": live["metadata"]["labels"],
            "annotations": own_annotations(&live),
            "spec": live["spec"],
            "managers": managers(&live),
        })
    }

    pub(crate) fn version(&self, id: &ResourceId, name: &str) -> String {
        let live = self.get(id, name).unwrap();
        live["metadata"]["resourceVersion"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

/// Without those of controllers.
fn own_annotations(object: &Value) -> Value {
    let mut annotations = object["metadata"]["annotations"].clone();
    if let Some(map) = annotations.as_object_mut() {
        map.retain(|key, _| !key.starts_with("deployment.kubernetes.io/"));
        if map.is_empty() {
            return Value::Null;
        }
    }
    annotations
}

/// Who has fields of an object, but for its controller.
pub(crate) fn managers(object: &Value) -> Vec<String> {
    let fields = object["metadata"]["managedFields"].as_array().unwrap();
    let mut managers: Vec<String> = fields
        .iter()
        .map(|entry| entry["manager"].as_str().unwrap().to_owned())
        .filter(|manager| !manager.contains("controller"))
        .collect();
    managers.sort();
    managers.dedup();
    managers
}

/// Names of the items of a list.
pub(crate) fn names(list: &Value) -> Vec<&str> {
    let items = list.as_array().map_or(&[][..], Vec::as_slice);
    items
        .iter()
        .map(|item| item["name"].as_str().unwrap())
        .collect()
}
