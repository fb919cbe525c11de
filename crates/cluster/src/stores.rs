//! The caches of an operator that sees some namespaces only: one per namespace, and one for what has none.
//!
//! Where all namespaces are seen there is one cache. Otherwise each namespace has its own lists, watches and versions, so that
//! rights in these namespaces suffice; what has no namespace is listed and watched as a whole, for which there is no smaller
//! right.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use oarlock_core::cached::Cached;
use oarlock_core::cluster::{Change, Listener};
use oarlock_core::reference::{Gvk, KindInfo, ObjectRef, Uid};
use oarlock_core::selector::LabelSelector;
use parking_lot::Mutex;

use crate::bodies::Bodies;
use crate::store::Store;

/// What a cache is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Scope {
    /// Everything.
    All,
    /// What has no namespace.
    Cluster,
    /// One namespace.
    Namespace(String),
}

impl Scope {
    /// Whether it holds objects of a kind.
    pub(crate) const fn holds(&self, info: &KindInfo) -> bool {
        match self {
            Self::All => true,
            Self::Cluster => !info.namespaced,
            Self::Namespace(_) => info.namespaced,
        }
    }

    /// The namespace that is listed and watched; `None` for all of them.
    pub(crate) fn namespace(&self) -> Option<&str> {
        match self {
            Self::All | Self::Cluster => None,
            Self::Namespace(name) => Some(name),
        }
    }
}

/// All caches.
pub(crate) struct Stores {
    each: Vec<(Scope, Arc<Store>)>,
    /// What of them is cached without its data.
    bodies: Bodies,
}

impl Stores {
    /// Of these namespaces, or of all where none is named.
    pub(crate) fn new(namespaces: &BTreeSet<String>) -> Self {
        let scopes = if namespaces.is_empty() {
            vec![Scope::All]
        } else {
            // In the order of their names: what is listed over all of them is sorted.
            let named = namespaces.iter().cloned().map(Scope::Namespace);
            [Scope::Cluster].into_iter().chain(named).collect()
        };
        let store = |scope| (scope, Arc::new(Store::default()));
        Self {
            each: scopes.into_iter().map(store).collect(),
            bodies: Bodies::default(),
        }
    }

    pub(crate) fn scopes(&self) -> impl Iterator<Item = (&Scope, &Arc<Store>)> {
        self.each.iter().map(|(scope, store)| (scope, store))
    }

    /// The cache for objects of a namespace; `None` where nobody looks.
    pub(crate) fn of(&self, namespace: Option<&str>) -> Option<&Store> {
        self.each.iter().find_map(|(scope, store)| {
            let held = match (scope, namespace) {
                (Scope::All, _) | (Scope::Cluster, None) => true,
                (Scope::Namespace(own), Some(namespace)) => own == namespace,
                (Scope::Cluster, Some(_)) | (Scope::Namespace(_), None) => false,
            };
            held.then_some(&**store)
        })
    }

    pub(crate) fn get(&self, target: &ObjectRef) -> Option<Arc<Cached>> {
        self.of(target.namespace.as_deref())?.get(target)
    }

    pub(crate) fn list(&self, gvk: &Gvk, namespace: Option<&str>) -> Vec<Arc<Cached>> {
        match namespace {
            Some(_) => self
                .of(namespace)
                .map(|store| store.list(gvk, namespace))
                .unwrap_or_default(),
            None => self
                .each
                .iter()
                .flat_map(|(_, store)| store.list(gvk, None))
                .collect(),
        }
    }

    pub(crate) fn select(
        &self,
        gvk: &Gvk,
        namespace: Option<&str>,
        selector: &LabelSelector,
    ) -> Vec<Arc<Cached>> {
        let select = |store: &Store| store.select(gvk, namespace, selector);
        match namespace {
            Some(_) => self.of(namespace).map(select).unwrap_or_default(),
            None => self
                .each
                .iter()
                .flat_map(|(_, store)| select(store))
                .collect(),
        }
    }

    pub(crate) fn owned_by(&self, owner: &Uid) -> Vec<Arc<Cached>> {
        let mut owned: Vec<_> = self
            .each
            .iter()
            .flat_map(|(_, store)| store.owned_by(owner))
            .collect();
        if self.each.len() > 1 {
            owned.sort_by(|a, b| {
                let key = |c: &Arc<Cached>| (c.gvk().clone(), c.target());
                key(a).cmp(&key(b))
            });
        }
        owned
    }

    /// We wrote an object.
    pub(crate) fn wrote(&self, new: Arc<Cached>) {
        let abridged = new.abridged().map(Arc::new);
        if abridged.is_some() {
            self.bodies.keep(&new);
        }
        if let Some(store) = self.of(new.namespace()) {
            store.wrote(abridged.unwrap_or(new));
        }
    }

    /// An object with its data, where that is known.
    pub(crate) fn whole(&self, live: &Arc<Cached>) -> Option<Arc<Cached>> {
        match live.is_abridged() {
            true => self.bodies.of(live),
            false => Some(Arc::clone(live)),
        }
    }

    /// The data of an object that is cached without was read.
    pub(crate) fn read(&self, whole: &Arc<Cached>) {
        self.bodies.keep(whole);
    }

    /// We deleted an object, and it is gone.
    pub(crate) fn removed(&self, target: &ObjectRef, uid: Option<&Uid>) {
        if let Some(store) = self.of(target.namespace.as_deref()) {
            store.removed(target, uid);
        }
    }

    /// Tells everybody of what concerns no object.
    pub(crate) fn tell(&self, change: &Change) {
        if let Some((_, store)) = self.each.first() {
            store.tell(change);
        }
    }

    pub(crate) fn subscribe(&self, listener: Arc<dyn Listener>) {
        if let [(_, only)] = &*self.each {
            only.subscribe(listener);
            return;
        }
        let chorus = Arc::new(Chorus {
            listener,
            voices: self.each.len(),
            synced: Mutex::default(),
        });
        for (voice, (_, store)) in self.each.iter().enumerate() {
            let chorus = Arc::clone(&chorus);
            store.subscribe(Arc::new(Voice { chorus, voice }));
        }
    }
}

/// Several caches that are heard as one: a kind's first list is complete when that of every namespace is.
struct Chorus {
    listener: Arc<dyn Listener>,
    voices: usize,
    synced: Mutex<HashMap<Gvk, BTreeSet<usize>>>,
}

struct Voice {
    chorus: Arc<Chorus>,
    voice: usize,
}

impl Listener for Voice {
    fn changed(&self, change: Change) {
        let chorus = &self.chorus;
        if let Change::Synced(gvk) = &change {
            let mut synced = chorus.synced.lock();
            let heard = synced.entry(gvk.clone()).or_default();
            heard.insert(self.voice);
            if heard.len() < chorus.voices {
                return;
            }
            // The next time it is all of them again.
            synced.remove(gvk);
        }
        chorus.listener.changed(change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Ear(Mutex<Vec<String>>);

    impl Listener for Ear {
        fn changed(&self, change: Change) {
            self.0.lock().push(match change {
                Change::Synced(gvk) => gvk.kind.clone(),
                Change::Kinds => "kinds".to_owned(),
                Change::Applied { .. } | Change::Deleted(_) => "object".to_owned(),
            });
        }
    }

    #[test]
    fn a_kind_is_listed_when_it_is_everywhere() {
        let namespaces = ["b", "a"].map(str::to_owned).into();
        let stores = Stores::new(&namespaces);
        let ear = Arc::new(Ear::default());
        stores.subscribe(Arc::clone(&ear) as Arc<dyn Listener>);
        let gvk = Gvk::new("", "v1", "Secret");
        let all: Vec<_> = stores.scopes().map(|(_, store)| store).collect();
        assert_eq!(all.len(), 3);
        for again in 1..3 {
            all[0].synced(&gvk);
            all[1].synced(&gvk);
            all[1].synced(&gvk);
            assert_eq!(ear.0.lock().len(), again - 1);
            all[2].synced(&gvk);
            assert_eq!(ear.0.lock().len(), again);
        }
        stores.tell(&Change::Kinds);
        assert_eq!(*ear.0.lock(), ["Secret", "Secret", "kinds"]);
    }

    #[test]
    fn who_sees_all_has_one_cache() {
        let stores = Stores::new(&BTreeSet::new());
        assert_eq!(stores.scopes().count(), 1);
        assert!(stores.of(None).is_some() && stores.of(Some("any")).is_some());
        let some = Stores::new(&["a".to_owned()].into());
        assert!(some.of(None).is_some() && some.of(Some("a")).is_some());
        assert!(some.of(Some("b")).is_none());
    }
}
