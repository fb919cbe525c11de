//! Owner garbage collection: what becomes of dependents when their owners go.
//!
//! Works on `metadata.ownerReferences` and the finalizers `foregroundDeletion` and `orphan` of any resource, custom ones
//! included. It knows nothing of what objects mean. The rules are those of the garbage collector in
//! kube-controller-manager: an owner is the object of that kind, name and uid in the dependent's namespace or in none; a
//! dependent goes when the last of its owners is gone; a reference of a cluster-scoped object to a namespaced kind, and one to
//! a kind that is not served, cannot be resolved and keep the dependent.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use self::graph::{Dependent, Graph, Owner};
use crate::resource::{Resource, ResourceId};
use crate::status::{Reason, Status};
use crate::store::metadata::{is_deleting, text};
use crate::store::{
    Change, DeleteOptions, Key, ListOptions, Preconditions, Propagation, Store, Watch, Write,
};

mod graph;

#[cfg(test)]
mod tests;

/// Finalizer of an owner that waits for its dependents.
const FOREGROUND: &str = "foregroundDeletion";
/// Finalizer of an owner whose dependents are to be let go first.
const ORPHAN: &str = "orphan";
/// The field manager.
const MANAGER: &str = "kube-controller-manager";
/// How long after a refused write it is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Runs the garbage collector; returns only when the store no longer serves what it needs.
///
/// The caller owns the task: dropping the future stops it between two writes.
pub(crate) async fn run(store: Store) {
    let mut collector = Collector::new(store);
    loop {
        let watch = match collector.relist() {
            Ok(watch) => watch,
            Err(refusal) => {
                tracing::error!(%refusal, "garbage collector cannot list and stops");
                return;
            }
        };
        if !collector.follow(watch).await {
            return;
        }
    }
}

/// An object, wherever it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Location {
    resource: ResourceId,
    key: Key,
}

/// Where an owner named by a reference stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// There, or not to be resolved.
    Solid,
    /// There, being deleted in the foreground.
    Waiting,
    /// Not there.
    Absent,
}

struct Collector {
    store: Store,
    graph: Graph,
    /// Objects to look at.
    queue: BTreeSet<Location>,
    /// Objects to look at once more after a refusal.
    refused: BTreeSet<Location>,
    /// Kinds that references named, by apiVersion and kind; forgotten when definitions change.
    kinds: HashMap<(String, String), Option<Arc<Resource>>>,
}

impl Collector {
    fn new(store: Store) -> Self {
        Self {
            store,
            graph: Graph::default(),
            queue: BTreeSet::new(),
            refused: BTreeSet::new(),
            kinds: HashMap::new(),
        }
    }

    /// Builds the graph anew. The watch is opened first: what comes in between is seen twice, which does no harm.
    fn relist(&mut self) -> Result<Watch, Status> {
        let watch = self.store.watch(None, None)?;
        self.graph = Graph::default();
        self.kinds.clear();
        let tables: BTreeMap<ResourceId, ResourceId> = self
            .store
            .resources()
            .into_values()
            .map(|resource| (resource.storage.clone(), resource.id.clone()))
            .collect();
        for (table, id) in tables {
            let listing = match self.store.list(&id, None, &ListOptions::default()) {
                Ok(listing) => listing,
                // Withdrawn since.
                Err(refusal) if refusal.is_not_found() => continue,
                Err(refusal) => return Err(refusal),
            };
            for object in listing.items {
                let key = Key::new(text(&object, "namespace"), text(&object, "name"));
                self.take(
                    Location {
                        resource: table.clone(),
                        key,
                    },
                    &object,
                );
            }
        }
        Ok(watch)
    }

    /// Follows the store; `true` when the watch has fallen behind.
    async fn follow(&mut self, mut watch: Watch) -> bool {
        loop {
            loop {
                match watch.try_next() {
                    Some(Ok(Some(change))) => self.see(&change),
                    Some(Ok(None)) => match self.queue.pop_first() {
                        Some(location) => self.look(location),
                        None => break,
                    },
                    Some(Err(_)) => return true,
                    None => return false,
                }
            }
            let pause = self
                .store
                .clock()
                .sleep_until(self.store.clock().now().after(RETRY));
            let change = if self.refused.is_empty() {
                watch.next().await
            } else {
                tokio::select! {
                    biased;
                    change = watch.next() => change,
                    () = pause => {
                        self.queue.append(&mut self.refused);
                        continue;
                    }
                }
            };
            match change {
                Some(Ok(change)) => self.see(&change),
                Some(Err(_)) => return true,
                None => return false,
            }
        }
    }

    fn see(&mut self, change: &Change) {
        if change.resource.plural() == "customresourcedefinitions" {
            self.kinds.clear();
        }
        let location = Location {
            resource: change.resource.clone(),
            key: change.key.clone(),
        };
        if !change.removed {
            self.take(location, &change.object);
            return;
        }
        let uid = text(&change.object, "uid");
        // Owners that waited for it, and what waited for it as an owner.
        let owners = self.graph.remove(&location, uid);
        for owner in &owners {
            let owner = self.locate(&location, owner);
            self.queue.extend(owner);
        }
        self.queue.extend(
            self.graph
                .dependents(uid)
                .map(|(location, _)| location.clone()),
        );
    }

    fn take(&mut self, location: Location, object: &Value) {
        let owners = owners(object);
        let deleting = is_deleting(object);
        let changed = self.graph.put(&location, text(object, "uid"), owners);
        if deleting && (has_finalizer(object, FOREGROUND) || has_finalizer(object, ORPHAN)) {
            self.queue.insert(location.clone());
            if has_finalizer(object, FOREGROUND) {
                let dependents = self.graph.dependents(text(object, "uid"));
                self.queue
                    .extend(dependents.map(|(location, _)| location.clone()));
            }
        }
        if changed {
            self.queue.insert(location);
        }
    }

    /// Looks at one object, as an owner that is going and as a dependent.
    fn look(&mut self, location: Location) {
        match self.settle(&location) {
            Ok(()) => {}
            // Gone, or another one by now: the watch tells.
            Err(refusal) if matches!(refusal.reason, Reason::NotFound | Reason::Conflict) => {}
            Err(refusal) => {
                tracing::debug!(resource = %location.resource, key = ?location.key, %refusal, "garbage collection refused");
                self.refused.insert(location);
            }
        }
    }

    fn settle(&mut self, location: &Location) -> Result<(), Status> {
        let object = self.get(location)?;
        if is_deleting(&object) {
            if has_finalizer(&object, ORPHAN) {
                return self.orphan(location, &object);
            }
            if has_finalizer(&object, FOREGROUND) {
                return self.wait_for_dependents(location, &object);
            }
            return Ok(());
        }
        self.collect(location, &object)
    }

    /// Takes the owner from all its dependents, then lets it go.
    fn orphan(&mut self, location: &Location, object: &Value) -> Result<(), Status> {
        let uid = text(object, "uid");
        for (dependent, _) in self.dependents(location, uid) {
            let stripped = self.edit(&dependent, |object| drop_owners(object, &[uid]));
            match stripped {
                Err(refusal) if !refusal.is_not_found() => return Err(refusal),
                Ok(()) | Err(_) => {}
            }
        }
        self.edit(location, |object| drop_finalizer(object, ORPHAN))
    }

    /// Lets the owner go once no dependent holds it back.
    fn wait_for_dependents(&mut self, location: &Location, object: &Value) -> Result<(), Status> {
        let dependents = self.dependents(location, text(object, "uid"));
        if dependents.iter().any(|(_, dependent)| dependent.blocks) {
            return Ok(());
        }
        self.edit(location, |object| drop_finalizer(object, FOREGROUND))
    }

    /// Deletes a dependent that has lost its owners, or strips the references to those it has lost.
    fn collect(&mut self, location: &Location, object: &Value) -> Result<(), Status> {
        let owners = owners(object);
        if owners.is_empty() {
            return Ok(());
        }
        let mut gone = Vec::new();
        let (mut solid, mut waiting) = (false, false);
        for owner in &owners {
            match self.standing(location, owner)? {
                Standing::Solid => solid = true,
                Standing::Waiting => {
                    waiting = true;
                    gone.push(owner.uid.as_str());
                }
                Standing::Absent => gone.push(owner.uid.as_str()),
            }
        }
        if solid {
            if gone.is_empty() {
                return Ok(());
            }
            return self.edit(location, |object| drop_owners(object, &gone));
        }
        let uid = text(object, "uid");
        let has_dependents = self.graph.dependents(uid).next().is_some();
        let propagation = if waiting && has_dependents {
            self.unblock_cycle(location, uid)?;
            Propagation::Foreground
        } else if has_finalizer(object, ORPHAN) {
            Propagation::Orphan
        } else if has_finalizer(object, FOREGROUND) {
            Propagation::Foreground
        } else {
            Propagation::Background
        };
        let options = DeleteOptions {
            propagation,
            preconditions: Preconditions {
                uid: Some(String::from(uid)),
                resource_version: None,
            },
            ..DeleteOptions::default()
        };
        let id = self.served(location)?;
        let key = &location.key;
        self.store
            .delete(&id, &key.namespace, &key.name, &options)
            .map(drop)
    }

    /// Two objects that own each other would wait for each other: a dependent that waits itself no longer blocks.
    fn unblock_cycle(&mut self, location: &Location, uid: &str) -> Result<(), Status> {
        for (dependent, _) in self.dependents(location, uid) {
            let waits = match self.get(&dependent) {
                Ok(object) => is_deleting(&object) && has_finalizer(&object, FOREGROUND),
                Err(refusal) if refusal.is_not_found() => false,
                Err(refusal) => return Err(refusal),
            };
            if waits {
                let own = self.get(location)?;
                let owner = text(&*self.get(&dependent)?, "uid").to_owned();
                if owners(&own).iter().any(|reference| reference.uid == owner) {
                    self.edit(location, |object| unblock(object, &owner))?;
                }
            }
        }
        Ok(())
    }

    fn standing(&mut self, dependent: &Location, owner: &Owner) -> Result<Standing, Status> {
        let Some(resource) = self.kind(owner) else {
            return Ok(Standing::Solid);
        };
        if resource.namespaced && dependent.key.namespace.is_empty() {
            return Ok(Standing::Solid);
        }
        let namespace = if resource.namespaced {
            dependent.key.namespace.as_str()
        } else {
            ""
        };
        match self.store.get(&resource.id, namespace, &owner.name) {
            Ok(object) if text(&object, "uid") != owner.uid => Ok(Standing::Absent),
            Ok(object) if is_deleting(&object) && has_finalizer(&object, FOREGROUND) => {
                Ok(Standing::Waiting)
            }
            Ok(_) => Ok(Standing::Solid),
            Err(refusal) if refusal.is_not_found() => Ok(Standing::Absent),
            Err(refusal) => Err(refusal),
        }
    }

    /// Where the owner would be.
    fn locate(&mut self, dependent: &Location, owner: &Owner) -> Option<Location> {
        let resource = self.kind(owner)?;
        let namespace = if resource.namespaced {
            dependent.key.namespace.as_str()
        } else {
            ""
        };
        Some(Location {
            resource: resource.storage.clone(),
            key: Key::new(namespace, owner.name.as_str()),
        })
    }

    fn kind(&mut self, owner: &Owner) -> Option<Arc<Resource>> {
        let key = (owner.api_version.clone(), owner.kind.clone());
        let store = &self.store;
        self.kinds
            .entry(key)
            .or_insert_with_key(|(api_version, kind)| store.resource_of(api_version, kind))
            .clone()
    }

    /// Dependents that can see the owner: a namespaced one has none in other namespaces.
    fn dependents(&self, owner: &Location, uid: &str) -> Vec<(Location, Dependent)> {
        let namespace = owner.key.namespace.as_str();
        self.graph
            .dependents(uid)
            .filter(|(location, _)| namespace.is_empty() || location.key.namespace == namespace)
            .map(|(location, dependent)| (location.clone(), *dependent))
            .collect()
    }

    fn get(&self, location: &Location) -> Result<Arc<Value>, Status> {
        self.store.get(
            &self.served(location)?,
            &location.key.namespace,
            &location.key.name,
        )
    }

    /// The resource that serves a table.
    fn served(&self, location: &Location) -> Result<ResourceId, Status> {
        if self.store.resource(&location.resource).is_some() {
            return Ok(location.resource.clone());
        }
        Err(Status::no_such_path())
    }

    fn edit(&self, location: &Location, edit: impl FnOnce(&mut Value)) -> Result<(), Status> {
        let id = self.served(location)?;
        let key = &location.key;
        let write = Write::by(MANAGER);
        let edited = self
            .store
            .modify(&id, &key.namespace, &key.name, None, &write, |object| {
                edit(object);
                Ok(())
            });
        edited.map(drop)
    }
}

fn has_finalizer(object: &Value, finalizer: &str) -> bool {
    object["metadata"]["finalizers"]
        .as_array()
        .is_some_and(|finalizers| finalizers.iter().any(|name| name == finalizer))
}

fn owners(object: &Value) -> Vec<Owner> {
    let references = object["metadata"]["ownerReferences"].as_array();
    references
        .into_iter()
        .flatten()
        .filter_map(Owner::of)
        .collect()
}

fn drop_finalizer(object: &mut Value, finalizer: &str) {
    retain(object, "finalizers", |name| name != finalizer);
}

fn drop_owners(object: &mut Value, uids: &[&str]) {
    retain(object, "ownerReferences", |reference| {
        reference["uid"]
            .as_str()
            .is_none_or(|uid| !uids.contains(&uid))
    });
}

fn unblock(object: &mut Value, uid: &str) {
    let references = object["metadata"]["ownerReferences"].as_array_mut();
    for reference in references
        .into_iter()
        .flatten()
        .filter(|reference| reference["uid"] == uid)
    {
        reference["blockOwnerDeletion"] = Value::Bool(false);
    }
}

/// Keeps some entries of a list in the metadata, and no empty list.
fn retain(object: &mut Value, field: &str, keep: impl FnMut(&Value) -> bool) {
    let Some(metadata) = object["metadata"].as_object_mut() else {
        return;
    };
    let Some(list) = metadata.get_mut(field).and_then(Value::as_array_mut) else {
        return;
    };
    list.retain(keep);
    if list.is_empty() {
        metadata.remove(field);
    }
}
