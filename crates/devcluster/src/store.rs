//! The objects of the cluster and everything that happens on a write.
//!
//! [`Store`] is what the HTTP side and the built-in controllers share. Every call is synchronous and atomic: it takes one lock,
//! decides, writes, counts the revision up and tells the watches. The store owns metadata bookkeeping (uid, generation,
//! resourceVersion, timestamps, finalizers, managedFields), validation, defaulting and history. It knows nothing of
//! HTTP, media types or who asks.
//!
//! Objects are `Arc<Value>` in the form they are kept in (storage version); [`Resource::present`] shows them in another version.
//! Never mutate what `get` returned: clone, change, `update`; or use [`Store::modify`], which cannot conflict.

use std::collections::BTreeMap;
use std::sync::Arc;

use oarlock_core::clock::Clock;
use parking_lot::Mutex;
use serde_json::Value;

use crate::resource::{Resource, ResourceId};
use crate::selector::Filter;
use crate::status::Status;

mod admission;
mod create;
mod defaults;
mod delete;
mod history;
mod identity;
mod listing;
pub(crate) mod metadata;
mod rules;
mod state;
mod update;
mod watch;

pub use self::delete::{DeleteOptions, Deleted, Preconditions, Propagation};
pub use self::history::Change;
pub use self::listing::{ListOptions, Listing, RevisionMatch};
pub use self::watch::Watch;

pub(crate) use self::metadata::name_rule;
use self::state::State;

/// Changes that each resource's history keeps before a watch from behind it is answered 410.
///
/// As many as the watch cache of the real server keeps for a busy resource at its start.
pub const HISTORY: usize = 1024;

/// The objects of the cluster. Cheap to clone; all clones are the same store.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
}

/// A point in the one history of the cluster: `metadata.resourceVersion`.
pub type Revision = u64;

/// Which part of an object a write may change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Subresource {
    /// The object itself; `status` is ignored where the resource has a `/status`.
    #[default]
    Main,
    /// `/status`.
    Status,
    /// `/scale`, which writes the object's replicas on behalf of a Scale.
    Scale,
    /// `/finalize` of a Namespace: `spec.finalizers`.
    Finalize,
    /// `/approval` of a CertificateSigningRequest and others whose object is written whole.
    Other(&'static str),
}

/// What to do with fields that the schema does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// Drop them silently.
    Ignore,
    /// Drop them and warn; the default of the real server.
    #[default]
    Warn,
    /// Refuse the request.
    Strict,
}

/// How to write.
#[derive(Clone, Debug, Default)]
pub struct Write {
    /// The field manager noted in managedFields.
    pub manager: String,
    /// What is written.
    pub subresource: Subresource,
    /// Unknown fields.
    pub validation: FieldValidation,
    /// `dryRun=All`: everything but the write itself.
    pub dry_run: bool,
    /// Fields that the text of the object had twice.
    pub duplicates: Vec<String>,
}

/// What a write left behind.
#[derive(Clone, Debug)]
pub struct Written {
    /// The object as kept now (or as it would be, for a dry run).
    pub object: Arc<Value>,
    /// Whether it did not exist before.
    pub created: bool,
    /// Texts for `Warning` headers.
    pub warnings: Vec<String>,
}

/// Which object: resource, namespace (empty when cluster-scoped), name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Namespace; empty for cluster-scoped resources.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Write {
    /// A plain write by `manager`.
    #[must_use]
    pub fn by(manager: impl Into<String>) -> Self {
        Self {
            manager: manager.into(),
            ..Self::default()
        }
    }

    /// The same write to a subresource.
    #[must_use]
    pub fn to(mut self, subresource: Subresource) -> Self {
        self.subresource = subresource;
        self
    }
}

impl Key {
    /// A key; `namespace` is empty for cluster-scoped resources.
    #[must_use]
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl Subresource {
    /// As in the path and in managedFields; empty for the object itself.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Main => "",
            Self::Status => "status",
            Self::Scale => "scale",
            Self::Finalize => "finalize",
            Self::Other(name) => name,
        }
    }
}

impl Store {
    /// An empty cluster with the namespaces every cluster has.
    ///
    /// `history` is how many changes each resource remembers ([`HISTORY`]); `seed` decides uids and generated names.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, history: usize, seed: u64) -> Self {
        let state = State::new(history, seed);
        let store = Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                clock,
            }),
        };
        store.create_system_namespaces();
        store
    }

    /// The clock that timestamps come from.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    /// The newest revision.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.shared.state.lock().revision()
    }

    /// The resource of this id, when it is served.
    #[must_use]
    pub fn resource(&self, id: &ResourceId) -> Option<Arc<Resource>> {
        self.shared.state.lock().catalog().get(id).cloned()
    }

    /// The resource whose objects have this `apiVersion` and `kind`, and in which version.
    ///
    /// What an ownerReference or an object of a client names.
    #[must_use]
    pub fn resource_of(&self, api_version: &str, kind: &str) -> Option<Arc<Resource>> {
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        let state = self.shared.state.lock();
        state
            .catalog()
            .values()
            .find(|resource| {
                resource.id.group() == group
                    && resource.kind == kind
                    && resource.version(version).is_some()
            })
            .cloned()
    }

    /// All served resources by id.
    #[must_use]
    pub fn resources(&self) -> BTreeMap<ResourceId, Arc<Resource>> {
        self.shared.state.lock().catalog().clone()
    }

    /// One object.
    ///
    /// # Errors
    ///
    /// 404 when there is none, or when the resource is not served.
    pub fn get(&self, id: &ResourceId, namespace: &str, name: &str) -> Result<Arc<Value>, Status> {
        let state = self.shared.state.lock();
        let resource = state.served(id)?;
        state.live(&resource, &Key::new(namespace, name)).cloned()
    }

    /// The objects of a namespace, or of all (`None`), in the order of namespace and name.
    ///
    /// # Errors
    ///
    /// 404 for an unknown resource; 410 when `options` ask for a revision or a page behind the history.
    pub fn list(
        &self,
        id: &ResourceId,
        namespace: Option<&str>,
        options: &ListOptions,
    ) -> Result<Listing, Status> {
        let state = self.shared.state.lock();
        let resource = state.served(id)?;
        listing::list(&state, &resource, namespace, options)
    }

    /// All objects of a namespace (or of all) that pass `filter`; what controllers want of a list.
    ///
    /// # Errors
    ///
    /// 404 for an unknown resource.
    pub fn select(
        &self,
        id: &ResourceId,
        namespace: Option<&str>,
        filter: &Filter,
    ) -> Result<Vec<Arc<Value>>, Status> {
        let options = ListOptions {
            filter: filter.clone(),
            ..ListOptions::default()
        };
        Ok(self.list(id, namespace, &options)?.items)
    }

    /// Creates an object (of any served version; its `apiVersion` says which).
    ///
    /// The namespace of the object may be left out, its name too when there is a generateName.
    ///
    /// # Errors
    ///
    /// 404 for a missing namespace, 403 for one that is being deleted, 409 when it exists, 422 when invalid, 400 when malformed.
    pub fn create(
        &self,
        id: &ResourceId,
        namespace: &str,
        object: Value,
        write: &Write,
    ) -> Result<Written, Status> {
        self.write(id, |state, resource, now| {
            state.create(resource, namespace, object, write, now)
        })
    }

    /// Replaces an object. With a `metadata.resourceVersion` only that version is replaced.
    ///
    /// A write that changes nothing returns the present object and leaves its revision alone.
    ///
    /// # Errors
    ///
    /// 404, 409 when the resourceVersion or uid is another, 422 when invalid.
    pub fn update(
        &self,
        id: &ResourceId,
        namespace: &str,
        name: &str,
        object: Value,
        write: &Write,
    ) -> Result<Written, Status> {
        self.write(id, |state, resource, now| {
            state.update(resource, &Key::new(namespace, name), object, write, now)
        })
    }

    /// Reads, changes and replaces an object under one lock, so that nothing can come in between.
    ///
    /// `change` sees the object in `version` (the kept one when `None`). A change of resourceVersion is a precondition.
    ///
    /// # Errors
    ///
    /// 404, whatever `change` returns, 409, 422.
    pub fn modify(
        &self,
        id: &ResourceId,
        namespace: &str,
        name: &str,
        version: Option<&str>,
        write: &Write,
        change: impl FnOnce(&mut Value) -> Result<(), Status>,
    ) -> Result<Written, Status> {
        self.write(id, |state, resource, now| {
            let key = Key::new(namespace, name);
            let live = state.live(resource, &key)?;
            let version = version.unwrap_or(&resource.storage_version);
            let mut object = Value::clone(&*resource.present(version, live));
            change(&mut object)?;
            metadata::check_fixed(resource, &key, live, &object)?;
            state.update(resource, &key, object, write, now)
        })
    }

    /// Server-side apply of `config`, which may be partial; creates the object when there is none.
    ///
    /// # Errors
    ///
    /// 409 with one cause per conflicting field unless `force`, 422, 400.
    pub fn apply(
        &self,
        id: &ResourceId,
        namespace: &str,
        name: &str,
        config: Value,
        force: bool,
        write: &Write,
    ) -> Result<Written, Status> {
        self.write(id, |state, resource, now| {
            state.apply(
                resource,
                &Key::new(namespace, name),
                config,
                force,
                write,
                now,
            )
        })
    }

    /// Deletes an object, or marks it when finalizers or a grace period hold it.
    ///
    /// # Errors
    ///
    /// 404; 409 when a precondition fails.
    pub fn delete(
        &self,
        id: &ResourceId,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deleted, Status> {
        self.write(id, |state, resource, now| {
            state.delete(resource, &Key::new(namespace, name), options, now)
        })
    }

    /// Changes of one resource, or of all (`None`), after revision `from` (now when `None`).
    ///
    /// # Errors
    ///
    /// 404 for an unknown resource; 410 when `from` is behind the history.
    pub fn watch(&self, id: Option<&ResourceId>, from: Option<Revision>) -> Result<Watch, Status> {
        Watch::open(self, id, from)
    }

    /// Forgets the history, as compaction does: watches and pages from before now are answered 410.
    ///
    /// Running watches that have caught up go on.
    pub fn compact(&self) {
        self.shared.state.lock().compact();
    }

    fn write<T>(
        &self,
        id: &ResourceId,
        act: impl FnOnce(
            &mut State,
            &Arc<Resource>,
            oarlock_core::timestamp::Timestamp,
        ) -> Result<T, Status>,
    ) -> Result<T, Status> {
        let now = self.shared.clock.now();
        let mut state = self.shared.state.lock();
        let resource = state.served(id)?;
        act(&mut state, &resource, now)
    }

    fn create_system_namespaces(&self) {
        const NAMESPACES: ResourceId = ResourceId::of("", "namespaces");
        let write = Write::by("kube-apiserver");
        for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
            let object = serde_json::json!({
                "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}
            });
            if let Err(refusal) = self.create(&NAMESPACES, "", object, &write) {
                tracing::error!(namespace = name, %refusal, "system namespace refused");
            }
        }
    }
}
