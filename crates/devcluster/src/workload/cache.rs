//! The controllers' picture of the cluster: typed objects, found by key and by who controls them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use k8s_openapi::Metadata;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use super::action::{Body, Kind};
use super::ownership::{Claim, claim, controller_of, matches, namespace};
use crate::store::{Key, Revision};

/// An object that has to be looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Work {
    pub(crate) kind: Kind,
    pub(crate) key: Key,
}

/// All objects the controllers work on.
#[derive(Default)]
pub(crate) struct Cache {
    pub(crate) pods: Table<Pod>,
    pub(crate) replica_sets: Table<ReplicaSet>,
    pub(crate) stateful_sets: Table<StatefulSet>,
    pub(crate) daemon_sets: Table<DaemonSet>,
    pub(crate) jobs: Table<Job>,
    pub(crate) deployments: Table<Deployment>,
}

/// Objects of one kind.
pub(crate) struct Table<T> {
    objects: BTreeMap<Key, (Revision, Arc<T>)>,
    controlled: HashMap<Controller, BTreeSet<Key>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Controller {
    Uid(String),
    /// Nobody, in this namespace: what may be adopted.
    Nobody(String),
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            objects: BTreeMap::new(),
            controlled: HashMap::new(),
        }
    }
}

impl<T: Metadata<Ty = ObjectMeta>> Table<T> {
    /// The object of this key.
    pub(crate) fn get(&self, key: &Key) -> Option<Arc<T>> {
        self.objects.get(key).map(|(_, object)| Arc::clone(object))
    }

    /// All keys.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.objects.keys()
    }

    /// Objects of one namespace.
    fn of_namespace<'a>(
        &'a self,
        namespace: &'a str,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<T>)> {
        self.objects
            .range(Key::new(namespace, "")..)
            .take_while(move |(key, _)| key.namespace == namespace)
            .map(|(key, (_, object))| (key, object))
    }

    /// What the controller has to decide on: objects it owns, and those it should adopt or release.
    pub(crate) fn claims(
        &self,
        owner: &ObjectMeta,
        selector: &LabelSelector,
    ) -> Vec<(Claim, Arc<T>)> {
        let owned = self.controlled_by(owner);
        let free = self.keys_of(&Controller::Nobody(String::from(namespace(owner))));
        owned
            .chain(free)
            .map(|object| {
                (
                    claim(owner, selector, object.metadata()),
                    Arc::clone(object),
                )
            })
            .filter(|(claim, _)| *claim != Claim::Foreign)
            .collect()
    }

    /// Objects whose controller this is.
    pub(crate) fn controlled_by<'a>(
        &'a self,
        owner: &ObjectMeta,
    ) -> impl Iterator<Item = &'a Arc<T>> + use<'a, T> {
        self.keys_of(&Controller::Uid(owner.uid.clone().unwrap_or_default()))
    }

    fn keys_of<'a>(
        &'a self,
        controller: &Controller,
    ) -> impl Iterator<Item = &'a Arc<T>> + use<'a, T> {
        let keys = self.controlled.get(controller).into_iter().flatten();
        keys.filter_map(|key| self.objects.get(key).map(|(_, object)| object))
    }

    /// Takes an object over unless a newer one is known; whether it was taken.
    fn put(&mut self, key: &Key, revision: Revision, object: T) -> bool {
        if self
            .objects
            .get(key)
            .is_some_and(|(known, _)| *known >= revision)
        {
            return false;
        }
        self.unlink(key);
        let controller = controller(object.metadata());
        self.controlled
            .entry(controller)
            .or_default()
            .insert(key.clone());
        self.objects
            .insert(key.clone(), (revision, Arc::new(object)));
        true
    }

    /// Forgets an object, unless one of the same name came after `revision`.
    fn remove(&mut self, key: &Key, revision: Revision) -> bool {
        if self
            .objects
            .get(key)
            .is_none_or(|(known, _)| *known > revision)
        {
            return false;
        }
        self.unlink(key);
        self.objects.remove(key);
        true
    }

    fn unlink(&mut self, key: &Key) {
        let Some((_, object)) = self.objects.get(key) else {
            return;
        };
        let controller = controller(object.metadata());
        if let Some(keys) = self.controlled.get_mut(&controller) {
            keys.remove(key);
            if keys.is_empty() {
                self.controlled.remove(&controller);
            }
        }
    }
}

impl Cache {
    /// Takes an object over unless a newer one is known; whether it was taken.
    pub(crate) fn put(&mut self, key: &Key, revision: Revision, body: Body) -> bool {
        match body {
            Body::Pod(object) => self.pods.put(key, revision, *object),
            Body::ReplicaSet(object) => self.replica_sets.put(key, revision, *object),
            Body::StatefulSet(object) => self.stateful_sets.put(key, revision, *object),
            Body::DaemonSet(object) => self.daemon_sets.put(key, revision, *object),
            Body::Job(object) => self.jobs.put(key, revision, *object),
            Body::Deployment(object) => self.deployments.put(key, revision, *object),
        }
    }

    /// Forgets an object.
    pub(crate) fn remove(&mut self, kind: Kind, key: &Key, revision: Revision) -> bool {
        match kind {
            Kind::Pod => self.pods.remove(key, revision),
            Kind::ReplicaSet => self.replica_sets.remove(key, revision),
            Kind::StatefulSet => self.stateful_sets.remove(key, revision),
            Kind::DaemonSet => self.daemon_sets.remove(key, revision),
            Kind::Job => self.jobs.remove(key, revision),
            Kind::Deployment => self.deployments.remove(key, revision),
        }
    }

    /// Metadata of an object.
    pub(crate) fn meta(&self, kind: Kind, key: &Key) -> Option<ObjectMeta> {
        match kind {
            Kind::Pod => self.pods.get(key).map(|object| object.metadata.clone()),
            Kind::ReplicaSet => self
                .replica_sets
                .get(key)
                .map(|object| object.metadata.clone()),
            Kind::StatefulSet => self
                .stateful_sets
                .get(key)
                .map(|object| object.metadata.clone()),
            Kind::DaemonSet => self
                .daemon_sets
                .get(key)
                .map(|object| object.metadata.clone()),
            Kind::Job => self.jobs.get(key).map(|object| object.metadata.clone()),
            Kind::Deployment => self
                .deployments
                .get(key)
                .map(|object| object.metadata.clone()),
        }
    }

    /// All objects, as work.
    pub(crate) fn everything(&self) -> BTreeSet<Work> {
        let of = |kind: Kind, keys: &mut dyn Iterator<Item = &Key>| -> Vec<Work> {
            keys.map(|key| Work {
                kind,
                key: key.clone(),
            })
            .collect()
        };
        let mut all = BTreeSet::new();
        all.extend(of(Kind::Pod, &mut self.pods.keys()));
        all.extend(of(Kind::ReplicaSet, &mut self.replica_sets.keys()));
        all.extend(of(Kind::StatefulSet, &mut self.stateful_sets.keys()));
        all.extend(of(Kind::DaemonSet, &mut self.daemon_sets.keys()));
        all.extend(of(Kind::Job, &mut self.jobs.keys()));
        all.extend(of(Kind::Deployment, &mut self.deployments.keys()));
        all
    }

    /// Who has to look when an object of this metadata appears, changes or vanishes: itself and its controller, or all that
    /// would adopt it.
    pub(crate) fn concerned(&self, kind: Kind, key: &Key, meta: &ObjectMeta) -> Vec<Work> {
        let mut works = vec![Work {
            kind,
            key: key.clone(),
        }];
        if !matches!(kind, Kind::Pod | Kind::ReplicaSet) {
            return works;
        }
        if let Some(reference) = controller_of(meta) {
            let owner = Kind::ALL
                .into_iter()
                .find(|kind| kind.name() == reference.kind);
            if let Some(kind) = owner {
                let key = Key::new(key.namespace.as_str(), reference.name.as_str());
                // A Deployment that recreates waits for the last pod of its old ReplicaSets.
                if kind == Kind::ReplicaSet
                    && let Some(set) = self.replica_sets.get(&key)
                    && let Some(reference) = controller_of(&set.metadata)
                {
                    let key = Key::new(key.namespace.as_str(), reference.name.as_str());
                    works.push(Work {
                        kind: Kind::Deployment,
                        key,
                    });
                }
                works.push(Work { kind, key });
            }
            return works;
        }
        works.extend(self.adopters(kind, &key.namespace, meta));
        works
    }

    fn adopters(&self, kind: Kind, namespace: &str, meta: &ObjectMeta) -> Vec<Work> {
        fn select<T: Metadata<Ty = ObjectMeta>>(
            table: &Table<T>,
            kind: Kind,
            namespace: &str,
            meta: &ObjectMeta,
            selector: impl Fn(&T) -> Option<&LabelSelector>,
        ) -> Vec<Work> {
            table
                .of_namespace(namespace)
                .filter(|(_, object)| {
                    selector(object).is_some_and(|selector| matches(selector, meta.labels.as_ref()))
                })
                .map(|(key, _)| Work {
                    kind,
                    key: key.clone(),
                })
                .collect()
        }
        if kind == Kind::ReplicaSet {
            return select(
                &self.deployments,
                Kind::Deployment,
                namespace,
                meta,
                |object| object.spec.as_ref().map(|spec| &spec.selector),
            );
        }
        let mut works = select(
            &self.replica_sets,
            Kind::ReplicaSet,
            namespace,
            meta,
            |object| object.spec.as_ref().map(|spec| &spec.selector),
        );
        works.extend(select(
            &self.stateful_sets,
            Kind::StatefulSet,
            namespace,
            meta,
            |object| object.spec.as_ref().map(|spec| &spec.selector),
        ));
        works.extend(select(
            &self.daemon_sets,
            Kind::DaemonSet,
            namespace,
            meta,
            |object| object.spec.as_ref().map(|spec| &spec.selector),
        ));
        works
    }
}

fn controller(meta: &ObjectMeta) -> Controller {
    match controller_of(meta) {
        Some(reference) => Controller::Uid(reference.uid.clone()),
        None => Controller::Nobody(String::from(namespace(meta))),
    }
}
