//! Whom a change concerns.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use oarlock_core::cached::Cached;
use oarlock_core::cluster::{Change, Cluster};
use oarlock_core::object::Object;
use oarlock_core::reference::{Gvk, ObjectRef, Uid};
use parking_lot::Mutex;

use crate::annotations;
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
                // What they could not go on without has come.
                for key in self.dependencies.lock().on_synced(gvk) {
                    queue.press(&key, Priority::Live, None);
                }
                return;
            }
            Change::Kinds => {
                for entry in entries.values() {
                    entry.kinds_changed();
                }
                for key in self.dependencies.lock().on_kinds() {
                    queue.press(&key, Priority::Live, None);
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
            if queue.holds(&target) && by_its_user(old, new) {
                queue.press(&target, priority, cause.clone());
            } else {
                queue.add(&target, priority, cause.clone());
            }
        }
        let live = |queue: &mut Queue, key: &ObjectRef, cause: Option<Cause>| {
            queue.add(key, Priority::Live, cause);
        };
        for uid in old.into_iter().chain(new).flat_map(Cached::owners) {
            if let Some(key) = self.objects.get(uid)
                && entries
                    .get(&key.gvk)
                    .is_some_and(|entry| entry.follows(key, &target))
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

    /// Whether a kind is looked at or has children of reconciled objects, watched for whatever reason.
    pub(crate) fn needs(&self, gvk: &Gvk, cluster: &dyn Cluster) -> bool {
        let has_owner = |object: &Arc<Cached>| {
            let mut owners = object.owners();
            owners.any(|uid| self.objects.contains_key(uid))
        };
        self.dependencies.lock().need(gvk) || cluster.list(gvk, None).iter().any(has_owner)
    }

    /// A kind is no longer watched: when it is again, its first list is no news.
    pub(crate) fn unwatched(&mut self, gvk: &Gvk) {
        self.synced.remove(gvk);
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

/// Whether a change of a reconciled object is its user's, who waits for what comes of it: it came or went, it is to be
/// deleted, or what it asks for differs. A status or an annotation that some controller keeps writing is not.
fn by_its_user(old: Option<&Cached>, new: Option<&Cached>) -> bool {
    let (Some(old), Some(new)) = (old, new) else {
        return true;
    };
    if old.generation() != new.generation() || old.deleting() != new.deleting() {
        return true;
    }
    let (Ok(before), Ok(after)) = (old.object(), new.object()) else {
        return true;
    };
    // Kinds without generation: all that is neither status nor metadata.
    let content = |object: &Object| {
        let mut content = object.content().clone();
        content.remove("status");
        content.remove("metadata");
        content
    };
    annotations::differ(&before, &after)
        || new.generation() == 0 && content(&before) != content(&after)
}
