//! What is behind the store's lock: the tables, the history and the catalog of resources.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::history::{Change, History};
use super::identity::Identity;
use super::{Key, Revision};
use crate::resource::{Resource, ResourceId, builtin};
use crate::status::Status;

pub(super) struct State {
    revision: Revision,
    capacity: usize,
    catalog: BTreeMap<ResourceId, Arc<Resource>>,
    tables: BTreeMap<ResourceId, Table>,
    /// Histories of resources that are no longer served, for watches that have not read to their end.
    retired: BTreeMap<ResourceId, History>,
    all: History,
    pub(super) identity: Identity,
}

struct Table {
    objects: BTreeMap<Key, Arc<Value>>,
    history: History,
}

impl State {
    pub(super) fn new(capacity: usize, seed: u64) -> Self {
        let mut state = Self {
            revision: 1,
            capacity,
            catalog: BTreeMap::new(),
            tables: BTreeMap::new(),
            retired: BTreeMap::new(),
            all: History::new(capacity.saturating_mul(8), 0),
            identity: Identity::new(seed),
        };
        for resource in builtin::catalog() {
            state.serve(Arc::new(resource));
        }
        state
    }

    pub(super) fn revision(&self) -> Revision {
        self.revision
    }

    pub(super) fn catalog(&self) -> &BTreeMap<ResourceId, Arc<Resource>> {
        &self.catalog
    }

    /// Starts serving a resource, or serves it in another form.
    pub(super) fn serve(&mut self, resource: Arc<Resource>) {
        let (capacity, revision) = (self.capacity, self.revision);
        self.retired.remove(&resource.storage);
        self.tables
            .entry(resource.storage.clone())
            .or_insert_with(|| Table {
                objects: BTreeMap::new(),
                history: History::new(capacity, revision.saturating_sub(1)),
            });
        self.catalog.insert(resource.id.clone(), resource);
    }

    /// Stops serving a custom resource and ends its watches. Its objects must be gone.
    pub(super) fn withdraw(&mut self, id: &ResourceId) {
        self.catalog.remove(id);
        if let Some(mut table) = self.tables.remove(id) {
            table.history.close();
            self.retired.insert(id.clone(), table.history);
        }
    }

    pub(super) fn served(&self, id: &ResourceId) -> Result<Arc<Resource>, Status> {
        self.catalog
            .get(id)
            .cloned()
            .ok_or_else(Status::no_such_path)
    }

    pub(super) fn history(&self, table: Option<&ResourceId>) -> Option<&History> {
        match table {
            Some(id) => {
                let served = self.tables.get(id).map(|table| &table.history);
                served.or_else(|| self.retired.get(id))
            }
            None => Some(&self.all),
        }
    }

    /// Objects of a served resource.
    pub(super) fn objects(&self, resource: &Resource) -> &BTreeMap<Key, Arc<Value>> {
        static NONE: BTreeMap<Key, Arc<Value>> = BTreeMap::new();
        self.tables
            .get(&resource.storage)
            .map_or(&NONE, |table| &table.objects)
    }

    pub(super) fn live(&self, resource: &Resource, key: &Key) -> Result<&Arc<Value>, Status> {
        self.objects(resource)
            .get(key)
            .ok_or_else(|| Status::not_found(resource.id.group(), resource.id.plural(), &key.name))
    }

    /// Writes an object at a new revision.
    pub(super) fn put(&mut self, resource: &Resource, key: Key, mut object: Value) -> Arc<Value> {
        self.revision += 1;
        stamp(&mut object, self.revision);
        let object = Arc::new(object);
        if let Some(table) = self.tables.get_mut(&resource.storage) {
            let previous = table.objects.insert(key.clone(), Arc::clone(&object));
            self.record(resource, key, Arc::clone(&object), previous, false);
        }
        object
    }

    /// Removes an object; `last` is the state its watchers see last.
    pub(super) fn remove(&mut self, resource: &Resource, key: Key, mut last: Value) -> Arc<Value> {
        self.revision += 1;
        stamp(&mut last, self.revision);
        let last = Arc::new(last);
        if let Some(table) = self.tables.get_mut(&resource.storage) {
            let previous = table.objects.remove(&key);
            self.record(resource, key, Arc::clone(&last), previous, true);
        }
        last
    }

    pub(super) fn compact(&mut self) {
        let revision = self.revision;
        self.all.compact(revision);
        for table in self.tables.values_mut() {
            table.history.compact(revision);
        }
    }

    fn record(
        &mut self,
        resource: &Resource,
        key: Key,
        object: Arc<Value>,
        previous: Option<Arc<Value>>,
        removed: bool,
    ) {
        let change = Arc::new(Change {
            revision: self.revision,
            resource: resource.storage.clone(),
            key,
            object,
            previous,
            removed,
        });
        if let Some(table) = self.tables.get_mut(&resource.storage) {
            table.history.record(Arc::clone(&change));
        }
        self.all.record(change);
    }
}

fn stamp(object: &mut Value, revision: Revision) {
    object["metadata"]["resourceVersion"] = Value::String(revision.to_string());
}
