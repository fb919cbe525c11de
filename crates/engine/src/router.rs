//! Whom a change concerns.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use oarlock_core::cached::Cached;
use oarlock_core::cluster::Change;
use oarlock_core::reference::{Gvk, ObjectRef, Uid};
use parking_lot::Mutex;

use crate::dependencies::Dependencies;
use crate::entry::Entry;
use crate::queue::{Cause, Priority, Queue};

/// From changes of the cache to requests in the queue. Keeps what it needs to know of the reconciled objects.
#[derive(Debug, Default)]
pub(crate) struct Router {
    /// Where the reconciled objects are, by uid: owners are named by it.
    objects: HashMap<Uid, ObjectRef>,
    /// Kinds whose first list is complete: from then on every change is live.
    synced: HashSet<Gvk>,
    /// Who read what; runs add to it while they read.
    pub(crate) dependencies: Arc<Mutex<Dependencies>>,
}

impl Router {
    /// Puts into `queue` whom `change` concerns.
    pub(crate) fn route(
        &mut self,
        change: &Change,
        entries: &std::collections::BTreeMap<Gvk, Arc<Entry>>,
        queue: &mut Queue,
    ) {
        let (old, new) = match change {
            Change::Applied { old, new } => (old.as_deref(), Some(&**new)),
            Change::Deleted(old) => (Some(&**old), None),
            Change::Synced(gvk) => {
                self.synced.insert(gvk.clone());
                for key in self.dependencies.lock().on_synced(gvk) {
                    queue.add(&key, Priority::Live, None);
                }
                return;
            }
            Change::Kinds => {
                for entry in entries.values() {
                    entry.kinds_changed();
                }
                for key in self.dependencies.lock().on_kinds() {
                    queue.add(&key, Priority::Live, None);
                }
                return;
            }
        };
        let Some(target) = new.or(old).map(Cached::target) else {
            return;
        };
        let cause = new.map(|new| (new.target(), new.resource_version()));
        if entries.contains_key(&target.gvk) {
            self.follow(old, new);
            let priority = if self.synced.contains(&target.gvk) {
                Priority::Live
            } else {
                Priority::Resync
            };
            queue.add(&target, priority, cause.clone());
        }
        let live = |queue: &mut Queue, key: &ObjectRef, cause: Option<Cause>| {
            queue.add(key, Priority::Live, cause);
        };
        for uid in old.into_iter().chain(new).flat_map(Cached::owners) {
            if let Some(key) = self.objects.get(uid)
                && entries
                    .get(&key.gvk)
                    .is_some_and(|entry| entry.follows(&target.gvk))
            {
                live(queue, key, cause.clone());
            }
        }
        for key in self.dependencies.lock().on_change(old, new) {
            live(queue, &key, cause.clone());
        }
    }

    /// Learns where a reconciled object is.
    pub(crate) fn follow(&mut self, old: Option<&Cached>, new: Option<&Cached>) {
        if let Some(old) = old {
            self.objects.remove(&old.uid());
        }
        if let Some(new) = new {
            self.objects.insert(new.uid(), new.target());
        }
    }

    /// Forgets all objects of a kind that is no longer reconciled.
    pub(crate) fn forget_kind(&mut self, gvk: &Gvk) -> Vec<ObjectRef> {
        let gone: Vec<ObjectRef> = self
            .objects
            .values()
            .filter(|target| target.gvk == *gvk)
            .cloned()
            .collect();
        self.objects.retain(|_, target| target.gvk != *gvk);
        let mut dependencies = self.dependencies.lock();
        for key in &gone {
            dependencies.forget(key);
        }
        drop(dependencies);
        gone
    }
}
