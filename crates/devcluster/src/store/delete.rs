//! Deleting objects: at once, after a grace period, or when the last finalizer is gone.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::timestamp::Timestamp;
use serde_json::Value;

use super::state::State;
use super::{Key, metadata};
use crate::crd;
use crate::resource::{Resource, ResourceId};
use crate::status::Status;

/// How to delete.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// What becomes of dependents.
    pub propagation: Propagation,
    /// What must hold of the object.
    pub preconditions: Preconditions,
    /// Seconds that a running Pod is given; `None` for its own setting, 0 for none.
    pub grace_period_seconds: Option<i64>,
    /// Only say what would happen.
    pub dry_run: bool,
}

/// What becomes of dependents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Propagation {
    /// As the object's finalizers say, else in the background.
    #[default]
    Default,
    /// The object goes, its dependents are collected afterwards.
    Background,
    /// The object waits for its dependents: finalizer `foregroundDeletion`.
    Foreground,
    /// The dependents stay: finalizer `orphan`.
    Orphan,
}

/// What must hold of the object for a deletion to happen.
#[derive(Clone, Debug, Default)]
pub struct Preconditions {
    /// Its uid.
    pub uid: Option<String>,
    /// Its resourceVersion.
    pub resource_version: Option<String>,
}

/// What a deletion did.
#[derive(Clone, Debug)]
pub enum Deleted {
    /// The object is gone; its last state.
    Removed(Arc<Value>),
    /// The object is marked and waits for finalizers or its grace period.
    Marked(Arc<Value>),
}

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";
const NAMESPACES: ResourceId = ResourceId::of("", "namespaces");
const PODS: ResourceId = ResourceId::of("", "pods");
const DEFAULT_GRACE: i64 = 30;

impl DeleteOptions {
    /// Without any grace period: what the kubelet sends once the containers have stopped.
    #[must_use]
    pub fn now() -> Self {
        Self {
            grace_period_seconds: Some(0),
            ..Self::default()
        }
    }

    /// With this propagation.
    #[must_use]
    pub fn propagating(propagation: Propagation) -> Self {
        Self {
            propagation,
            ..Self::default()
        }
    }
}

impl Deleted {
    /// The object as the deletion left it.
    #[must_use]
    pub fn object(&self) -> &Arc<Value> {
        match self {
            Self::Removed(object) | Self::Marked(object) => object,
        }
    }
}

impl State {
    pub(super) fn delete(
        &mut self,
        resource: &Arc<Resource>,
        key: &Key,
        options: &DeleteOptions,
        now: Timestamp,
    ) -> Result<Deleted, Status> {
        let live = self.live(resource, key)?.clone();
        check_preconditions(resource, key, &live, &options.preconditions)?;
        if resource.id == NAMESPACES && is_immortal(&key.name) {
            return Err(Status::forbidden(
                "",
                "namespaces",
                &key.name,
                "this namespace may not be deleted",
            ));
        }
        let mut object = Value::clone(&live);
        let mut finalizers = wanted_finalizers(&live, options.propagation);
        if resource.id == crd::DEFINITIONS
            && !metadata::is_deleting(&live)
            && !finalizers.iter().any(|name| name == crd::CLEANUP_FINALIZER)
        {
            finalizers.push(String::from(crd::CLEANUP_FINALIZER));
        }
        metadata::set_finalizers(&mut object, &finalizers);
        let grace = grace(resource, &live, options);
        let held = !finalizers.is_empty()
            || grace > 0
            || (resource.id == NAMESPACES
                && object["spec"]["finalizers"]
                    .as_array()
                    .is_some_and(|list| !list.is_empty()));
        if held {
            mark(resource, &live, &mut object, grace, now);
        }
        if options.dry_run {
            let object = Arc::new(object);
            return Ok(if held {
                Deleted::Marked(object)
            } else {
                Deleted::Removed(object)
            });
        }
        if !held {
            return Ok(Deleted::Removed(self.vanish(
                resource,
                key.clone(),
                object,
                now,
            )));
        }
        if object == *live {
            return Ok(Deleted::Marked(live));
        }
        let object = self.put(resource, key.clone(), object);
        self.after_write(resource, &object, now);
        if resource.id == crd::DEFINITIONS {
            return Ok(self.terminate_definition(resource, key, object, now));
        }
        Ok(Deleted::Marked(object))
    }

    /// Removes an object that nothing holds any more.
    pub(super) fn vanish(
        &mut self,
        resource: &Arc<Resource>,
        key: Key,
        last: Value,
        now: Timestamp,
    ) -> Arc<Value> {
        let last = self.remove(resource, key, last);
        if resource.id == crd::DEFINITIONS {
            if let Some(id) = crd::resource_id(&last) {
                self.withdraw(&id);
                self.settle_definitions(id.group(), now);
            }
        } else if resource.is_custom() {
            self.release_definition(resource, now);
        }
        last
    }

    /// Deletes the instances of a definition, and the definition itself when none is held back.
    fn terminate_definition(
        &mut self,
        definitions: &Arc<Resource>,
        key: &Key,
        definition: Arc<Value>,
        now: Timestamp,
    ) -> Deleted {
        let Some(instances) = crd::resource_id(&definition).and_then(|id| self.served(&id).ok())
        else {
            return Deleted::Marked(definition);
        };
        let keys: Vec<Key> = self.objects(&instances).keys().cloned().collect();
        for instance in keys {
            // Cannot be refused: the keys were read under the same lock and there are no preconditions. The last
            // instance's removal releases the definition, after which the rest of the keys is empty.
            if let Err(refusal) = self.delete(&instances, &instance, &DeleteOptions::default(), now)
            {
                tracing::error!(resource = %instances.id, ?instance, %refusal, "instance of a deleted definition stays");
            }
        }
        self.release_definition(&instances, now);
        // Its instances may be gone already; the answer is the definition that was told to go.
        Deleted::Marked(match self.objects(definitions).get(key) {
            Some(object) => Arc::clone(object),
            None => definition,
        })
    }

    /// Takes the clean-up finalizer from a terminating definition without instances.
    fn release_definition(&mut self, instances: &Resource, now: Timestamp) {
        if !self.objects(instances).is_empty() {
            return;
        }
        let Ok(definitions) = self.served(&crd::DEFINITIONS) else {
            return;
        };
        let key = Key::new("", instances.id.to_string());
        let Some(definition) = self.objects(&definitions).get(&key).cloned() else {
            return;
        };
        if !metadata::is_deleting(&definition) {
            return;
        }
        let mut definition = Value::clone(&definition);
        let mut finalizers = metadata::finalizers(&definition);
        finalizers.retain(|name| name != crd::CLEANUP_FINALIZER);
        metadata::set_finalizers(&mut definition, &finalizers);
        if finalizers.is_empty() {
            self.vanish(&definitions, key, definition, now);
        } else {
            self.put(&definitions, key, definition);
        }
    }
}

fn is_immortal(namespace: &str) -> bool {
    ["default", "kube-system", "kube-public"].contains(&namespace)
}

fn check_preconditions(
    resource: &Resource,
    key: &Key,
    live: &Value,
    wanted: &Preconditions,
) -> Result<(), Status> {
    let refuse = |what: &str, wanted: &str, found: &str, so: &str| {
        let why = format!(
            "the {what} in the precondition ({wanted}) does not match the {what} in record ({found}). The object might have been {so}"
        );
        // The kind stands where the resource stands in other conflicts.
        Err(Status::conflict(
            resource.id.group(),
            &resource.kind,
            &key.name,
            &why,
        ))
    };
    let (uid, revision) = (
        metadata::text(live, "uid"),
        metadata::text(live, "resourceVersion"),
    );
    if let Some(wanted) = wanted.uid.as_deref().filter(|wanted| *wanted != uid) {
        return refuse("UID", wanted, uid, "deleted and then recreated");
    }
    if let Some(wanted) = wanted
        .resource_version
        .as_deref()
        .filter(|wanted| *wanted != revision)
    {
        return refuse("ResourceVersion", wanted, revision, "modified");
    }
    Ok(())
}

fn wanted_finalizers(live: &Value, propagation: Propagation) -> Vec<String> {
    let mut finalizers = metadata::finalizers(live);
    let wanted = match propagation {
        Propagation::Default => return finalizers,
        Propagation::Background => None,
        Propagation::Foreground => Some(FOREGROUND),
        Propagation::Orphan => Some(ORPHAN),
    };
    finalizers
        .retain(|name| (name != FOREGROUND && name != ORPHAN) || Some(name.as_str()) == wanted);
    if let Some(wanted) = wanted
        && !finalizers.iter().any(|name| name == wanted)
    {
        finalizers.push(String::from(wanted));
    }
    finalizers
}

/// Seconds until the object may go: only Pods that run on a node have a grace period.
fn grace(resource: &Resource, live: &Value, options: &DeleteOptions) -> i64 {
    if resource.id != PODS {
        return 0;
    }
    let scheduled = live["spec"]["nodeName"]
        .as_str()
        .is_some_and(|node| !node.is_empty());
    let ended = matches!(
        live["status"]["phase"].as_str(),
        Some("Succeeded" | "Failed")
    );
    if !scheduled || ended {
        return 0;
    }
    let own = live["spec"]["terminationGracePeriodSeconds"]
        .as_i64()
        .unwrap_or(DEFAULT_GRACE);
    let wanted = options.grace_period_seconds.unwrap_or(own).max(0);
    // A second deletion may shorten the period and never lengthens it.
    match live["metadata"]["deletionGracePeriodSeconds"].as_i64() {
        Some(running) => wanted.min(running),
        None => wanted,
    }
}

fn mark(resource: &Resource, live: &Value, object: &mut Value, grace: i64, now: Timestamp) {
    if metadata::is_deleting(live) {
        let running = live["metadata"]["deletionGracePeriodSeconds"]
            .as_i64()
            .unwrap_or(0);
        if grace >= running {
            return;
        }
    } else if let Some(generation) = live["metadata"]["generation"].as_i64() {
        metadata::set(object, "generation", Some(Value::from(generation + 1)));
    }
    let deadline = now.after(Duration::from_secs(u64::try_from(grace).unwrap_or(0)));
    metadata::set(
        object,
        "deletionTimestamp",
        Some(Value::from(deadline.rfc3339())),
    );
    if resource.id == NAMESPACES {
        object["status"]["phase"] = Value::from("Terminating");
        return;
    }
    metadata::set(
        object,
        "deletionGracePeriodSeconds",
        Some(Value::from(grace)),
    );
    if resource.id == crd::DEFINITIONS {
        crd::note_terminating(object, now);
    }
}
