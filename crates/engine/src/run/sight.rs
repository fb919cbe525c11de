//! What a run sees of the cluster before it plans, and whose changes call it again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use oarlock_core::cached::Cached;
use oarlock_core::cluster::ServiceAccount;
use oarlock_core::object::Object;
use oarlock_core::outcome::{Child, Owner, Removal, Write};
use oarlock_core::reconciler::ReadError;
use oarlock_core::reference::{Gvk, KindInfo, ObjectRef, Uid};
use oarlock_core::request::WriteResult;
use serde_json::Value;

use super::{Run, Stop, is_in_place};
use crate::dependencies::Reads;
use crate::finalizer;
use crate::plan::{self, PlannedWrite, Scene, Step};
use crate::verdict::{Again, Problem, Reason};

/// What was seen of the cluster before a plan.
#[derive(Default)]
pub(super) struct Seen {
    kinds: BTreeMap<Gvk, KindInfo>,
    live: BTreeMap<ObjectRef, Arc<Cached>>,
    marked: Vec<Arc<Cached>>,
    ancestors: BTreeSet<Uid>,
}

impl Seen {
    /// What discovery says of a kind that was seen.
    pub(super) fn kind(&self, gvk: &Gvk) -> Option<&KindInfo> {
        self.kinds.get(gvk)
    }

    /// Whether the object is there.
    pub(super) fn is_live(&self, target: &ObjectRef) -> bool {
        self.live.contains_key(target)
    }

    pub(super) fn scene<'a>(
        &'a self,
        run: &'a Run<'_>,
        manager: &'a str,
        account: Option<&'a ServiceAccount>,
    ) -> Scene<'a> {
        Scene {
            owner: &run.live,
            manager,
            grants: &run.entry.grants,
            kinds: &self.kinds,
            live: &self.live,
            marked: &self.marked,
            memory: run.memory,
            account,
            ancestors: &self.ancestors,
            now: run.now,
        }
    }
}

impl Run<'_> {
    /// What a plan needs to see. Every kind that occurs is watched from now on.
    pub(super) async fn gather(
        &mut self,
        children: &[Child],
        removals: &[Removal],
        seen: &mut Seen,
    ) -> Result<(), Stop> {
        let targets = || {
            children
                .iter()
                .map(|child| child.object.target())
                .chain(removals.iter().map(|removal| &removal.target))
        };
        let mut unreachable = Vec::new();
        for target in targets() {
            match self.ports.cluster.kind(&target.gvk) {
                // What is not granted is refused by the plan, and no reason to watch a whole kind.
                Some(kind) if !self.reaches(&kind, target) => unreachable.push(kind),
                _ => self.see_kind(&target.gvk, seen).await?,
            }
        }
        for kind in unreachable {
            seen.kinds.entry(kind.gvk.clone()).or_insert(kind);
        }
        self.follow_unmarked(children);
        for target in targets() {
            if let Some(live) = self.ports.cluster.cached(target) {
                seen.live.insert(target.clone(), live);
            }
        }
        seen.ancestors = self.ancestors();
        seen.marked = self.ports.cluster.owned_by(&self.live.uid());
        let marked: Vec<Gvk> = seen
            .marked
            .iter()
            .map(|live| live.target().gvk.clone())
            .collect();
        for gvk in marked {
            self.see_kind(&gvk, seen).await?;
        }
        Ok(())
    }

    /// The owners of the object, and theirs, as far as they are in the cache.
    fn ancestors(&self) -> BTreeSet<Uid> {
        let mut found = BTreeSet::new();
        let mut objects = self.owners(&self.object, &mut found);
        while let Some(object) = objects.pop() {
            objects.extend(self.owners(&object, &mut found));
        }
        found
    }

    /// Those owners of `object` that are not in `found` yet; they are then.
    fn owners(&self, object: &Object, found: &mut BTreeSet<Uid>) -> Vec<Object> {
        let references = object
            .pointer("/metadata/ownerReferences")
            .and_then(Value::as_array);
        let mut owners = Vec::new();
        for reference in references.into_iter().flatten() {
            let text = |field: &str| reference.get(field).and_then(Value::as_str);
            let (Some(uid), Some(version), Some(kind), Some(name)) =
                (text("uid"), text("apiVersion"), text("kind"), text("name"))
            else {
                continue;
            };
            if !found.insert(Uid(uid.to_owned())) {
                continue;
            }
            let gvk = Gvk::from_api_version(version, kind);
            let namespaces = [object.target().namespace.as_deref(), None];
            owners.extend(namespaces.into_iter().find_map(|namespace| {
                let target = ObjectRef::new(gvk.clone(), namespace, name);
                let live = self.ports.cluster.cached(&target)?;
                (live.uid().0 == uid).then(|| live.object().ok()).flatten()
            }));
        }
        owners
    }

    fn reaches(&self, kind: &KindInfo, target: &ObjectRef) -> bool {
        plan::reaches(&self.entry.grants, kind, target, self.live.namespace())
    }

    /// Sees every kind that children may be of, and those that the object is held for: a cache that is not filled yet must not
    /// look like an empty cluster.
    pub(super) async fn see_children(&mut self, seen: &mut Seen) -> Result<(), Stop> {
        for gvk in self.entry.child_kinds(&*self.ports.cluster).iter() {
            self.see_kind(gvk, seen).await?;
        }
        for gvk in &finalizer::held_kinds(&self.object) {
            self.see_kind(gvk, seen).await?;
        }
        Ok(())
    }

    /// Kinds of children that nothing but the object itself tells of after a restart: the file and the manifest do not name
    /// them, such as where everything is granted.
    pub(super) fn untold(&self, children: &[Child], writes: &[PlannedWrite]) -> BTreeSet<Gvk> {
        let told = self.entry.child_kinds(&*self.ports.cluster);
        let is_told = |gvk: &Gvk| {
            told.iter()
                .any(|told| (&told.group, &told.kind) == (&gvk.group, &gvk.kind))
        };
        children
            .iter()
            .zip(writes)
            .filter(|(child, write)| {
                child.owner == Owner::Owned
                    && child.write != Write::Compare
                    && !matches!(write.step, Step::Refuse(_) | Step::Wait(_))
            })
            .map(|(child, _)| &child.object.target().gvk)
            .filter(|gvk| !is_told(gvk))
            .cloned()
            .collect()
    }

    /// Changes of children without a mark of this object are found by no owner: they are followed one by one. Before they are
    /// looked at, so that no change is missed.
    fn follow_unmarked(&self, children: &[Child]) {
        let uid = self.live.uid();
        let marked = |target: &ObjectRef| {
            let live = self.ports.cluster.cached(target);
            live.is_some_and(|live| live.is_marked_by(&uid))
        };
        let objects = children
            .iter()
            .map(|child| child.object.target())
            .filter(|target| self.entry.follows(&self.live.target(), target) && !marked(target))
            .cloned()
            .collect();
        let reads = Reads {
            objects,
            ..Reads::default()
        };
        self.follow(reads);
    }

    /// What is to be followed one by one until the next run: the unowned, and what could not be made a child.
    pub(super) fn unmarked(&self, children: &[Child], writes: &[WriteResult]) -> Vec<ObjectRef> {
        children
            .iter()
            .zip(writes)
            .filter(|(child, result)| child.owner == Owner::Unowned || !is_in_place(&result.status))
            .map(|(_, result)| result.target.clone())
            .filter(|target| self.entry.follows(&self.live.target(), target))
            .collect()
    }

    fn follow(&self, reads: Reads) {
        let mut dependencies = self.ports.dependencies.lock();
        dependencies.add(&self.live.target(), reads);
    }

    async fn see_kind(&mut self, gvk: &Gvk, seen: &mut Seen) -> Result<(), Stop> {
        if seen.kinds.contains_key(gvk) {
            return Ok(());
        }
        let mut watched = self.kinds.watch(gvk).await;
        if matches!(watched, Err(ReadError::UnknownKind(_))) {
            let unserved = Reads::unserved(gvk.clone());
            self.reads.merge(unserved.clone());
            self.follow(unserved);
            // It may have been listed before that was noted.
            watched = self.kinds.watch(gvk).await;
        }
        match watched {
            Ok(()) => {}
            // Shows as a child that waits; its first list wakes it.
            Err(ReadError::UnknownKind(_)) => return Ok(()),
            Err(error) => {
                return Err(Stop::Problem(Problem {
                    reason: Reason::ApiUnavailable,
                    message: format!("{gvk} cannot be watched: {error}"),
                    again: Again::Backoff,
                }));
            }
        }
        if let Some(kind) = self.ports.cluster.kind(gvk) {
            seen.kinds.insert(gvk.clone(), kind);
        }
        Ok(())
    }
}
