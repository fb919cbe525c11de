//! The cache: canonical bytes by kind, namespace and name, and by owner.
//!
//! Three writers change it: a list (the truth as of its version), a watch (one change after the other, in the order of
//! their versions), and our own writes, which are shown as soon as the API server has taken them. The last two race. The rule
//! that settles every race: a table knows up to which version its watch has told everything. An answer that is not newer
//! than that adds nothing and is dropped; it may even be of an object that is gone by now. An answer that is newer is shown, and
//! watch events that are older than what is shown are dropped. What we deleted ourselves leaves a grave, so that
//! late events do not bring it back.

mod entry;
mod rows;
mod table;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use oarlock_core::cached::Cached;
use oarlock_core::cluster::{Change, Listener};
use oarlock_core::reference::{Gvk, ObjectRef, ResourceVersion, Uid};
use oarlock_core::selector::LabelSelector;
use parking_lot::{Mutex, RwLock};

use entry::Owned;
use table::Table;

/// The cache of all kinds that are watched.
#[derive(Default)]
pub(crate) struct Store {
    content: RwLock<Content>,
    listeners: RwLock<Arc<[Arc<dyn Listener>]>>,
}

#[derive(Default)]
struct Content {
    tables: BTreeMap<Gvk, Slot>,
    owners: HashMap<Uid, BTreeSet<Owned>>,
}

#[derive(Default)]
struct Slot {
    table: Table,
    /// Held while a change is made and told, so that changes of a kind are told in the order in which they are made. Not
    /// the lock of the content: listeners read it.
    order: Arc<Mutex<()>>,
}

impl Store {
    pub(crate) fn subscribe(&self, listener: Arc<dyn Listener>) {
        let mut listeners = self.listeners.write();
        *listeners = listeners.iter().cloned().chain([listener]).collect();
    }

    pub(crate) fn tell(&self, change: &Change) {
        let listeners = Arc::clone(&self.listeners.read());
        for listener in listeners.iter() {
            listener.changed(change.clone());
        }
    }

    pub(crate) fn get(&self, target: &ObjectRef) -> Option<Arc<Cached>> {
        let content = self.content.read();
        let slot = content.tables.get(&target.gvk)?;
        slot.table
            .get(target.namespace.as_deref(), &target.name)
            .cloned()
    }

    pub(crate) fn list(&self, gvk: &Gvk, namespace: Option<&str>) -> Vec<Arc<Cached>> {
        let content = self.content.read();
        content
            .tables
            .get(gvk)
            .map(|slot| slot.table.list(namespace))
            .unwrap_or_default()
    }

    pub(crate) fn select(
        &self,
        gvk: &Gvk,
        namespace: Option<&str>,
        selector: &LabelSelector,
    ) -> Vec<Arc<Cached>> {
        if let Some(slot) = self.content.read().tables.get(gvk)
            && let Some(found) = slot.table.select(namespace, selector)
        {
            return found;
        }
        let mut content = self.content.write();
        let Some(slot) = content.tables.get_mut(gvk) else {
            return Vec::new();
        };
        slot.table.index(selector);
        slot.table.select(namespace, selector).unwrap_or_default()
    }

    pub(crate) fn owned_by(&self, owner: &Uid) -> Vec<Arc<Cached>> {
        let content = self.content.read();
        let owned = content.owners.get(owner);
        owned
            .into_iter()
            .flatten()
            .map(|Owned(cached)| Arc::clone(cached))
            .collect()
    }

    /// Makes room for a kind. Until then its objects are not cached.
    pub(crate) fn open(&self, gvk: &Gvk) {
        self.content.write().tables.entry(gvk.clone()).or_default();
    }

    /// Forgets a kind, without a word to anybody.
    pub(crate) fn close(&self, gvk: &Gvk) {
        let mut content = self.content.write();
        let Content { tables, owners } = &mut *content;
        let Some(slot) = tables.remove(gvk) else {
            return;
        };
        for old in slot.table.list(None) {
            forget_owners(owners, &old);
        }
    }

    /// A list begins: what is written from now on may be newer than what it shows. The newest version that was seen so far:
    /// no server that is up to date answers with an older list.
    pub(crate) fn begin_list(&self, gvk: &Gvk) -> Option<ResourceVersion> {
        let mut content = self.content.write();
        content.tables.get_mut(gvk)?.table.begin_list()
    }

    /// A list is complete: it replaces what is cached in one step, and the differences are told.
    pub(crate) fn finish_list(
        &self,
        gvk: &Gvk,
        objects: Vec<Arc<Cached>>,
        version: &ResourceVersion,
    ) {
        self.change(gvk, |table| table.finish_list(objects, version));
    }

    /// The first list is cached.
    pub(crate) fn synced(&self, gvk: &Gvk) {
        self.tell(&Change::Synced(gvk.clone()));
    }

    /// The watch tells of an object.
    pub(crate) fn applied(&self, new: Arc<Cached>) {
        let gvk = new.gvk().clone();
        self.change(&gvk, |table| table.applied(new));
    }

    /// The watch tells that an object is gone.
    pub(crate) fn deleted(&self, last: &Cached) {
        self.change(last.gvk(), |table| {
            table.deleted(last).into_iter().collect()
        });
    }

    /// The watch has told everything up to `version`.
    pub(crate) fn bookmark(&self, gvk: &Gvk, version: &ResourceVersion) {
        if let Some(slot) = self.content.write().tables.get_mut(gvk) {
            slot.table.observed(version);
        }
    }

    /// We wrote an object.
    pub(crate) fn wrote(&self, new: Arc<Cached>) {
        let gvk = new.gvk().clone();
        self.change(&gvk, |table| table.wrote(new));
    }

    /// We deleted an object, and it is gone.
    pub(crate) fn removed(&self, target: &ObjectRef, uid: Option<&Uid>) {
        self.change(&target.gvk, |table| {
            table.removed(target, uid).into_iter().collect()
        });
    }

    /// The kind is no longer served: its objects are gone.
    pub(crate) fn clear(&self, gvk: &Gvk) {
        self.change(gvk, Table::clear);
    }

    fn change(&self, gvk: &Gvk, change: impl FnOnce(&mut Table) -> Vec<Change>) {
        loop {
            let order = match self.content.read().tables.get(gvk) {
                Some(slot) => Arc::clone(&slot.order),
                None => return,
            };
            let _told_in_order = order.lock();
            let changes = {
                let mut content = self.content.write();
                let Content { tables, owners } = &mut *content;
                let Some(slot) = tables.get_mut(gvk) else {
                    return;
                };
                if !Arc::ptr_eq(&slot.order, &order) {
                    // Closed and opened meanwhile.
                    continue;
                }
                let changes = change(&mut slot.table);
                for change in &changes {
                    index(owners, change);
                }
                changes
            };
            for change in &changes {
                self.tell(change);
            }
            return;
        }
    }
}

fn index(owners: &mut HashMap<Uid, BTreeSet<Owned>>, change: &Change) {
    let (old, new) = match change {
        Change::Applied { old, new } => (old.as_ref(), Some(new)),
        Change::Deleted(old) => (Some(old), None),
        Change::Synced(_) | Change::Kinds => return,
    };
    if let Some(old) = old {
        forget_owners(owners, old);
    }
    if let Some(new) = new {
        for uid in new.owners() {
            let owned = owners.entry(Uid(uid.to_owned())).or_default();
            owned.replace(Owned(Arc::clone(new)));
        }
    }
}

fn forget_owners(owners: &mut HashMap<Uid, BTreeSet<Owned>>, old: &Arc<Cached>) {
    for uid in old.owners() {
        if let Some(owned) = owners.get_mut(uid) {
            owned.remove(&Owned(Arc::clone(old)));
            if owned.is_empty() {
                owners.remove(uid);
            }
        }
    }
}

#[cfg(test)]
mod races;
#[cfg(test)]
mod tests;
