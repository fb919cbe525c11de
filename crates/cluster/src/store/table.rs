//! The objects of one kind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use oarlock_core::cached::Cached;
use oarlock_core::cluster::Change;
use oarlock_core::reference::{ObjectRef, ResourceVersion, Uid};
use oarlock_core::selector::LabelSelector;

use super::entry::Entry;
use super::rows::Rows;

/// One kind's objects, and what is needed to keep late news from undoing newer ones.
#[derive(Default)]
pub(super) struct Table {
    objects: Rows,
    /// Up to here list and watch have told everything.
    observed: Option<ResourceVersion>,
    /// The newest version that was told, or that an own write made.
    newest: Option<ResourceVersion>,
    graves: BTreeMap<OwnKey, Grave>,
    /// Some while a list is under way: keys that were written since it began.
    fresh: Option<BTreeSet<OwnKey>>,
}

/// An object that we deleted, until the watch has told so.
struct Grave {
    uid: Uid,
    version: ResourceVersion,
    during_list: bool,
}

impl Grave {
    fn covers(&self, object: &Cached) -> bool {
        object.uid() == self.uid || !object.resource_version().newer_than(&self.version)
    }
}

type OwnKey = (Option<String>, String);

fn own_key(object: &Cached) -> OwnKey {
    (
        object.namespace().map(str::to_owned),
        object.name().to_owned(),
    )
}

impl Table {
    pub(super) fn get(&self, namespace: Option<&str>, name: &str) -> Option<&Arc<Cached>> {
        self.objects.get(namespace, name)
    }

    fn like(&self, object: &Cached) -> Option<&Arc<Cached>> {
        self.get(object.namespace(), object.name())
    }

    pub(super) fn list(&self, namespace: Option<&str>) -> Vec<Arc<Cached>> {
        self.objects.list(namespace)
    }

    /// As [`Rows::select`].
    pub(super) fn select(
        &self,
        namespace: Option<&str>,
        selector: &LabelSelector,
    ) -> Option<Vec<Arc<Cached>>> {
        self.objects.select(namespace, selector)
    }

    /// Makes an index for a selector.
    pub(super) fn index(&mut self, selector: &LabelSelector) {
        self.objects.index(selector);
    }

    pub(super) fn begin_list(&mut self) -> Option<ResourceVersion> {
        self.fresh = Some(BTreeSet::new());
        for grave in self.graves.values_mut() {
            grave.during_list = false;
        }
        self.newest.clone()
    }

    /// The list wins, even where its versions are older than what is cached (etcd may have been restored), but for what
    /// was written while it was under way.
    pub(super) fn finish_list(
        &mut self,
        objects: Vec<Arc<Cached>>,
        version: &ResourceVersion,
    ) -> Vec<Change> {
        let fresh = self.fresh.take().unwrap_or_default();
        self.graves.retain(|_, grave| grave.during_list);
        let mut before = self.objects.drain();
        let mut changes = Vec::new();
        for new in objects {
            let key = own_key(&new);
            let old = before.take(&Entry(Arc::clone(&new)));
            if self
                .graves
                .get(&key)
                .is_some_and(|grave| grave.covers(&new))
            {
                changes.extend(old.map(|Entry(old)| Change::Deleted(old)));
                continue;
            }
            match old {
                Some(Entry(old))
                    if fresh.contains(&key)
                        && old.resource_version().newer_than(&new.resource_version()) =>
                {
                    self.objects.put(old);
                }
                Some(Entry(old)) if same(&old, &new) => {
                    self.objects.put(old);
                }
                old => {
                    self.objects.put(Arc::clone(&new));
                    changes.extend(replaced(old.map(|Entry(old)| old), new));
                }
            }
        }
        for Entry(old) in before {
            let newer = old.resource_version().newer_than(version);
            if newer && fresh.contains(&own_key(&old)) {
                self.objects.put(old);
            } else {
                changes.push(Change::Deleted(old));
            }
        }
        self.observed = Some(version.clone());
        self.newest = Some(version.clone());
        for (namespace, name) in &fresh {
            let own = self.get(namespace.as_deref(), name);
            if let Some(version) = own.map(|own| own.resource_version()) {
                raise(&mut self.newest, &version);
            }
        }
        changes
    }

    pub(super) fn observed(&mut self, version: &ResourceVersion) {
        raise(&mut self.observed, version);
        raise(&mut self.newest, version);
    }

    pub(super) fn applied(&mut self, new: Arc<Cached>) -> Vec<Change> {
        self.observed(&new.resource_version());
        let grave = self.graves.get(&own_key(&new));
        if grave.is_some_and(|grave| grave.covers(&new)) {
            return Vec::new();
        }
        self.put(new)
    }

    /// Puts what is newer than what is there.
    fn put(&mut self, new: Arc<Cached>) -> Vec<Change> {
        let old = self.like(&new).cloned();
        if let Some(old) = &old
            && !new.resource_version().newer_than(&old.resource_version())
        {
            return Vec::new();
        }
        self.objects.put(Arc::clone(&new));
        replaced(old, new)
    }

    pub(super) fn deleted(&mut self, last: &Cached) -> Option<Change> {
        self.observed(&last.resource_version());
        let key = own_key(last);
        if let Some(grave) = self.graves.get(&key)
            && grave.covers(last)
        {
            if grave.uid == last.uid() {
                self.graves.remove(&key);
            }
            return None;
        }
        let old = Arc::clone(self.like(last)?);
        // One of the same name that we created since is not meant.
        let other = !old.is_same_object(last)
            && old.resource_version().newer_than(&last.resource_version());
        if other {
            return None;
        }
        self.objects.remove(&old);
        Some(Change::Deleted(old))
    }

    pub(super) fn wrote(&mut self, new: Arc<Cached>) -> Vec<Change> {
        let told = self
            .observed
            .as_ref()
            .is_some_and(|observed| !new.resource_version().newer_than(observed));
        if told && self.fresh.is_none() {
            return Vec::new();
        }
        let key = own_key(&new);
        if self
            .graves
            .get(&key)
            .is_some_and(|grave| grave.covers(&new))
        {
            return self.outlived(&new).into_iter().collect();
        }
        if let Some(fresh) = &mut self.fresh {
            fresh.insert(key);
        }
        raise(&mut self.newest, &new.resource_version());
        self.put(new)
    }

    /// The answer of a write to an object that we have deleted since: what is older than it is gone as well.
    fn outlived(&mut self, buried: &Cached) -> Option<Change> {
        let old = Arc::clone(self.like(buried)?);
        let older = buried
            .resource_version()
            .newer_than(&old.resource_version());
        if !older || old.is_same_object(buried) {
            return None;
        }
        self.objects.remove(&old);
        Some(Change::Deleted(old))
    }

    pub(super) fn removed(&mut self, target: &ObjectRef, uid: Option<&Uid>) -> Option<Change> {
        let old = self.get(target.namespace.as_deref(), &target.name).cloned();
        if let Some(old) = old
            && uid.is_none_or(|uid| *uid == old.uid())
        {
            self.objects.remove(&old);
            self.bury(target, old.uid(), old.resource_version());
            return Some(Change::Deleted(old));
        }
        if let (Some(uid), true) = (uid, self.fresh.is_some()) {
            // The list that is under way may still show it.
            self.bury(target, uid.clone(), ResourceVersion("0".to_owned()));
        }
        None
    }

    fn bury(&mut self, target: &ObjectRef, uid: Uid, version: ResourceVersion) {
        let grave = Grave {
            uid,
            version,
            during_list: self.fresh.is_some(),
        };
        let key = (target.namespace.clone(), target.name.clone());
        self.graves.insert(key, grave);
    }

    pub(super) fn clear(&mut self) -> Vec<Change> {
        self.observed = None;
        self.newest = None;
        self.graves.clear();
        self.fresh = None;
        self.objects
            .drain()
            .into_iter()
            .map(|Entry(old)| Change::Deleted(old))
            .collect()
    }
}

fn raise(bound: &mut Option<ResourceVersion>, version: &ResourceVersion) {
    if bound.as_ref().is_none_or(|bound| version.newer_than(bound)) {
        *bound = Some(version.clone());
    }
}

/// One of the same name with another uid is another object: the old one is gone.
fn replaced(old: Option<Arc<Cached>>, new: Arc<Cached>) -> Vec<Change> {
    match old {
        Some(old) if !old.is_same_object(&new) => {
            vec![Change::Deleted(old), Change::Applied { old: None, new }]
        }
        old => vec![Change::Applied { old, new }],
    }
}

fn same(old: &Cached, new: &Cached) -> bool {
    old.is_same_object(new) && old.resource_version() == new.resource_version()
}
