//! A world with one binding in it, whose workloads are written as server-side apply does it: by item where a list has keys.

use std::collections::BTreeMap;

use oarlock_sdk::testing::World;
use oarlock_sdk::{
    ApiError, Child, Failure, KindInfo, ObjectRef, Outcome, Value, Write, json, merge_patch,
};

use crate::run::reconcile;
use crate::run::workload::reference;

/// The host's mark of what is shared.
pub(super) const MARK: &str = "share.oarlock.dev/the-object";

pub(super) struct Site {
    pub(super) world: World,
    applied: BTreeMap<ObjectRef, Value>,
    refusing: BTreeMap<ObjectRef, ApiError>,
}

pub(super) fn info(api_version: &str, kind: &str, plural: &str, namespaced: bool) -> KindInfo {
    KindInfo {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        namespaced,
    }
}

pub(super) fn at(api_version: &str, kind: &str, name: &str) -> ObjectRef {
    ObjectRef::new(api_version, kind, name).in_namespace("shop")
}

pub(super) fn app() -> ObjectRef {
    at("apps/v1", "Deployment", "app")
}

pub(super) fn secret(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "shop"},
           "data": {"type": "bm9ib2R5IHJlYWRzIHRoaXM="}})
}

/// What has a Secret of this name; none yet where it is empty.
pub(super) fn database(secret: &str) -> Value {
    let mut object = json!({"apiVersion": "db.example.com/v1", "kind": "Database",
                            "metadata": {"name": "orders", "namespace": "shop"}});
    if !secret.is_empty() {
        object["status"] = json!({"binding": {"name": secret}});
    }
    object
}

pub(super) fn deployment(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop", "labels": {"tier": "web"}},
        "spec": {"template": {"spec": {
            "initContainers": [{"name": "migrate", "image": "m"}],
            "containers": [
                {"name": "app", "image": "a", "env": [{"name": "A", "value": "1"}]},
                {"name": "side", "image": "s", "env": [{"name": "SERVICE_BINDING_ROOT", "value": "/own"}]},
            ],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        }}},
    })
}

impl Site {
    /// Nothing but the binding of `orders` into the Deployment `app`, changed by a merge patch.
    pub(super) fn empty(patch: &Value) -> Self {
        let mut binding = json!({
            "apiVersion": "servicebinding.io/v1", "kind": "ServiceBinding",
            "metadata": {"name": "db", "namespace": "shop"},
            "spec": {
                "service": {"apiVersion": "db.example.com/v1", "kind": "Database", "name": "orders"},
                "workload": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"},
            },
        });
        merge_patch::apply(&mut binding, patch);
        let mut world = World::new(binding);
        world.serves(info("apps/v1", "Deployment", "deployments", true));
        world.serves(info("apps/v1", "StatefulSet", "statefulsets", true));
        world.serves(info("batch/v1", "CronJob", "cronjobs", true));
        world.serves(info("batch/v1", "Job", "jobs", true));
        world.serves(info("v1", "Pod", "pods", true));
        world.serves(info("v1", "Node", "nodes", false));
        world.serves(info("db.example.com/v1", "Database", "databases", true));
        world.serves(info("x.example.com/v1", "Runner", "runners", true));
        Self {
            world,
            applied: BTreeMap::new(),
            refusing: BTreeMap::new(),
        }
    }

    /// Whatever changes this object is answered so from now on.
    pub(super) fn refuse(&mut self, target: &ObjectRef, code: u16, reason: &str) {
        let error = ApiError {
            code,
            reason: reason.to_owned(),
            message: format!("no {} for you", target.name),
        };
        self.world.refuses(target, error.clone());
        self.refusing.insert(target.clone(), error);
    }

    /// It is taken again.
    pub(super) fn take(&mut self, target: &ObjectRef) {
        self.world.takes(target);
        self.refusing.remove(target);
    }

    /// Where nothing is changed, nothing is sent, so nothing is refused. To be let go of is a change.
    fn overlook(&mut self, outcome: &Outcome) {
        let Some(children) = outcome.exactly() else {
            return;
        };
        for target in self.refusing.keys() {
            let child = children
                .iter()
                .find(|child| child.target().as_ref() == Some(target));
            match (child, self.applied.get(target)) {
                (Some(child), Some(applied)) if child.object() == *applied => {
                    self.world.takes(target);
                    // The world merges lists as one field: so that it finds nothing to do.
                    self.world.each_object(|object| {
                        if reference(object) == *target {
                            merge_patch::apply(object, &child.object());
                        }
                    });
                }
                (None, Some(_)) => panic!("{target} is let go of, which is refused"),
                _ => {}
            }
        }
    }

    /// With all that it needs.
    pub(super) fn new(patch: &Value) -> Self {
        let mut site = Self::empty(patch);
        site.world.foreign(database("orders-secret"));
        site.world.foreign(secret("orders-secret"));
        site.world.foreign(deployment("app"));
        site
    }

    /// One run.
    pub(super) fn run(&mut self) -> Result<(Outcome, bool), Failure> {
        self.run_until(usize::MAX)
    }

    /// One run whose outcome is carried out for so many steps.
    pub(super) fn run_until(&mut self, steps: usize) -> Result<(Outcome, bool), Failure> {
        let outcome = self.world.call(reconcile)?;
        let all: Vec<Value> = self.world.objects().cloned().collect();
        let before = self.contents();
        let own = self.world.object().clone();
        let children = outcome.exactly().unwrap_or_default();
        let mut states: BTreeMap<ObjectRef, Value> = BTreeMap::new();
        for child in children {
            let target = child.target().unwrap();
            if let Some(live) = self.world.live(&target) {
                states.insert(target, live.clone());
            }
        }
        self.overlook(&outcome);
        self.world.perform(&outcome, steps);
        for (target, error) in &self.refusing {
            self.world.refuses(target, error.clone());
        }
        if outcome.exactly().is_none() {
            // Nothing has drifted, so nothing is repaired.
            for object in &all {
                self.world.foreign(object.clone());
            }
        }
        let refused = self.world.refusal().map(|refusal| refusal.target.clone());
        let done = children
            .iter()
            .take(steps)
            .take_while(|child| child.target() != refused);
        for child in done {
            self.correct(child, &mut states);
        }
        for (target, state) in &states {
            self.overwrite(target, state);
        }
        let is_listed = |target: &ObjectRef| {
            let mut listed = children.iter().filter_map(Child::target);
            listed.any(|listed| listed == *target)
        };
        if steps == usize::MAX && refused.is_none() && outcome.exactly().is_some() {
            self.applied.retain(|target, _| is_listed(target));
        }
        let changed = self.contents() != before || *self.world.object() != own;
        Ok((outcome, changed))
    }

    /// The world merges lists as one field.
    fn correct(&mut self, child: &Child, states: &mut BTreeMap<ObjectRef, Value>) {
        let target = child.target().unwrap();
        let live = states.get_mut(&target).unwrap();
        let wanted = child.object();
        assert_eq!(child.write(), Write::Share);
        let applied = self.applied.insert(target.clone(), wanted.clone());
        if let Some(applied) = applied.as_ref().filter(|applied| **applied != wanted) {
            give_up(live, applied, "");
        }
        take(live, &wanted, "");
        live["metadata"]["annotations"][MARK] =
            self.live(&target)["metadata"]["annotations"][MARK].clone();
    }

    fn overwrite(&mut self, target: &ObjectRef, state: &Value) {
        self.world.each_object(|object| {
            if reference(object) == *target {
                let version = object["metadata"]["resourceVersion"].clone();
                *object = state.clone();
                object["metadata"]["resourceVersion"] = version;
            }
        });
    }

    /// One run.
    pub(super) fn step(&mut self) {
        drop(self.run().unwrap());
    }

    /// Runs until nothing changes.
    pub(super) fn settle(&mut self) {
        drop(self.rest());
    }

    /// Runs until nothing changes, and gives the last outcome.
    pub(super) fn rest(&mut self) -> Outcome {
        for _ in 0..20 {
            let (outcome, changed) = self.run().unwrap();
            if self.world.is_gone() || !changed && self.world.refusal().is_none() {
                return outcome;
            }
        }
        panic!("it does not come to rest: {}", self.world.status());
    }

    pub(super) fn live(&self, target: &ObjectRef) -> &Value {
        self.world.live(target).unwrap()
    }

    /// What its user would see, without what the API server keeps.
    pub(super) fn content(&self, target: &ObjectRef) -> Value {
        let mut live = self.live(target).clone();
        let metadata = live["metadata"].as_object_mut().unwrap();
        metadata.retain(|key, _| {
            ["name", "namespace", "labels", "annotations"].contains(&key.as_str())
        });
        if metadata
            .get("annotations")
            .is_some_and(|map| *map == json!({}))
        {
            metadata.remove("annotations");
        }
        if live
            .pointer("/spec/notes")
            .is_some_and(|map| *map == json!({}))
        {
            live["spec"].as_object_mut().unwrap().remove("notes");
        }
        live
    }

    fn contents(&self) -> Vec<Value> {
        let without_counters = |object: &Value| {
            let mut object = object.clone();
            for counter in ["resourceVersion", "generation"] {
                object["metadata"][counter] = Value::Null;
            }
            object
        };
        self.world.objects().map(without_counters).collect()
    }

    /// `status reason: message` of a condition.
    pub(super) fn told(&self, kind: &str) -> String {
        let condition = self.world.condition(kind).unwrap();
        let text = |key: &str| condition[key].as_str().unwrap();
        format!("{} {}: {}", text("status"), text("reason"), text("message"))
    }

    /// Its uid, as it is in names.
    pub(super) fn is_in(&self, target: &ObjectRef) -> bool {
        self.live(target).to_string().contains("binding-the-object")
    }
}

fn key(field: &str) -> Option<&'static str> {
    match field {
        "containers" | "initContainers" | "env" | "volumes" => Some("name"),
        "volumeMounts" => Some("mountPath"),
        _ => None,
    }
}

/// What names an object or an item, by the field that it is in, stays.
fn names(field: &str) -> &'static [&'static str] {
    match field {
        "" => &["apiVersion", "kind"],
        "metadata" => &["name", "namespace"],
        "(name)" => &["name"],
        "(mountPath)" => &["mountPath"],
        _ => &[],
    }
}

fn give_up(live: &mut Value, applied: &Value, field: &str) {
    match (live, applied) {
        (Value::Object(live), Value::Object(applied)) => {
            for (name, value) in applied {
                if names(field).contains(&name.as_str()) {
                    continue;
                }
                let Some(inner) = live.get_mut(name) else {
                    continue;
                };
                give_up(inner, value, name);
                let is_empty = match &*inner {
                    Value::Object(map) => map.is_empty(),
                    Value::Array(list) => list.is_empty(),
                    Value::Null => true,
                    _ => false,
                };
                if is_empty {
                    live.remove(name);
                }
            }
        }
        (Value::Array(live), Value::Array(applied)) if key(field).is_some() => {
            let key = key(field).unwrap();
            for item in applied {
                if let Some(found) = live.iter_mut().find(|found| found[key] == item[key]) {
                    give_up(found, item, &format!("({key})"));
                }
            }
            live.retain(|item| {
                let has_more = item.as_object().unwrap().keys().any(|name| name != key);
                has_more || !applied.iter().any(|applied| applied[key] == item[key])
            });
        }
        (live, _) => *live = Value::Null,
    }
}

fn take(live: &mut Value, wanted: &Value, field: &str) {
    match (&mut *live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            for (name, value) in wanted {
                take(live.entry(name.clone()).or_insert(Value::Null), value, name);
            }
        }
        (Value::Array(live), Value::Array(wanted)) if key(field).is_some() => {
            let key = key(field).unwrap();
            for item in wanted {
                match live.iter_mut().find(|found| found[key] == item[key]) {
                    Some(found) => take(found, item, ""),
                    None => live.push(item.clone()),
                }
            }
        }
        _ => *live = wanted.clone(),
    }
}
