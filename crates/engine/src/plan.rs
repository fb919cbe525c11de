//! What to do for one outcome: decided here, done elsewhere.
//!
//! A plan is plain data: it can be printed, tested, stored and compared. Making one needs no cluster and has no effect; the
//! same plan is shown by a dry run and carried out in production.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use oarlock_core::cached::Cached;
use oarlock_core::cluster::{Call, ServiceAccount};
use oarlock_core::manifest::{Access, Grants, ResourceGrant, Sight, missing_grant};
use oarlock_core::outcome::{Child, Removal};
use oarlock_core::reference::{Gvk, KindInfo, ObjectRef, Uid};
use oarlock_core::request::ApiError;
use oarlock_core::timestamp::Timestamp;

use crate::contest::Contested;
use crate::memory::{Memory, Synced};
use crate::redaction::is_secret;

mod child;
mod leave;
mod mark;
mod removal;
mod shrink;

/// Everything that a plan is made from.
pub(crate) struct Scene<'a> {
    /// The reconciled object.
    pub(crate) owner: &'a Cached,
    /// The module's field manager.
    pub(crate) manager: &'a str,
    /// What the watch grants.
    pub(crate) grants: &'a Grants,
    /// Discovery's word on every kind that occurs; absent when it is not served.
    pub(crate) kinds: &'a BTreeMap<Gvk, KindInfo>,
    /// The live objects among those that occur.
    pub(crate) live: &'a BTreeMap<ObjectRef, Arc<Cached>>,
    /// All objects that carry the owner's mark.
    pub(crate) marked: &'a [Arc<Cached>],
    /// What is known to be in sync.
    pub(crate) memory: &'a Memory,
    /// ServiceAccount to act as.
    pub(crate) account: Option<&'a ServiceAccount>,
    /// The owners of the reconciled object, and theirs.
    pub(crate) ancestors: &'a BTreeSet<Uid>,
    /// The time of the run.
    pub(crate) now: Timestamp,
}

impl Scene<'_> {
    /// The owner's namespace.
    fn namespace(&self) -> Option<&str> {
        self.owner.namespace()
    }

    /// What refuses a write before it is sent, if anything does.
    fn grant(&self, kind: &KindInfo, target: &ObjectRef, verb: &str) -> Result<(), ApiError> {
        let access = access(kind, target, verb);
        if covered(&self.grants.write, &access, self.namespace()) {
            Ok(())
        } else {
            Err(ApiError::new(
                403,
                "GrantMissing",
                missing_grant("write", &access),
            ))
        }
    }

    /// What refuses to tell of an object, if anything does: a wish alone is no right to learn whether and as what it exists.
    fn may_know(
        &self,
        kind: &KindInfo,
        target: &ObjectRef,
        live: Option<&Cached>,
    ) -> Result<(), ApiError> {
        let own = live.is_some_and(|live| live.is_owned_by(&self.owner.uid()));
        if own
            || writes(self.grants, kind, target, self.namespace())
            || self.sees(kind, target, live)
        {
            return Ok(());
        }
        // The same words whether it is there or not.
        self.grant(kind, target, "create")
    }

    /// What refuses to compare with an object, if anything does: the right to write a Secret does not say what is in it.
    fn may_compare(
        &self,
        kind: &KindInfo,
        target: &ObjectRef,
        live: Option<&Cached>,
    ) -> Result<(), ApiError> {
        let own = live.is_some_and(|live| live.is_owned_by(&self.owner.uid()));
        if own || !is_secret(&kind.gvk) || self.sees(kind, target, live) {
            return Ok(());
        }
        Err(ApiError::new(
            403,
            "GrantMissing",
            missing_grant("read", &access(kind, target, "get")),
        ))
    }

    /// Whether the module may get an object. Where labels decide, one that is not there is not seen either.
    fn sees(&self, kind: &KindInfo, target: &ObjectRef, live: Option<&Cached>) -> bool {
        let access = access(kind, target, "get");
        match self.grants.sight(&access, self.namespace()) {
            Sight::Nothing => false,
            Sight::Everything => true,
            sight @ Sight::Selected(_) => live.is_some_and(|live| shows(&sight, live)),
        }
    }
}

/// Whether labels let an object be seen.
pub(crate) fn shows(sight: &Sight<'_>, live: &Cached) -> bool {
    if *sight == Sight::Everything {
        return true;
    }
    let object = live.object().ok();
    let labels = object
        .as_ref()
        .and_then(|object| object.pointer("/metadata/labels"));
    sight.shows(|key| labels?.get(key)?.as_str())
}

/// Whether a watch that grants this may write or get `target`, as far as its name tells.
pub(crate) fn reaches(
    grants: &Grants,
    kind: &KindInfo,
    target: &ObjectRef,
    namespace: Option<&str>,
) -> bool {
    writes(grants, kind, target, namespace)
        || grants.sight(&access(kind, target, "get"), namespace) != Sight::Nothing
}

fn writes(grants: &Grants, kind: &KindInfo, target: &ObjectRef, namespace: Option<&str>) -> bool {
    ["create", "patch", "delete"]
        .into_iter()
        .any(|verb| covered(&grants.write, &access(kind, target, verb), namespace))
}

fn access<'a>(kind: &'a KindInfo, target: &'a ObjectRef, verb: &'a str) -> Access<'a> {
    Access {
        verb,
        group: &kind.gvk.group,
        resource: &kind.plural,
        namespace: target.namespace.as_deref(),
        name: Some(&target.name),
        all_namespaces: false,
    }
}

fn covered(side: &[ResourceGrant], access: &Access<'_>, namespace: Option<&str>) -> bool {
    side.iter().any(|grant| grant.covers(access, namespace))
}

/// What will be done, in this order: writes, removals, leaves.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    /// One per child.
    pub(crate) writes: Vec<PlannedWrite>,
    /// One per removal.
    pub(crate) removals: Vec<PlannedRemoval>,
    /// For children that are no longer listed.
    pub(crate) leaves: Leaves,
    /// Kinds of children that no garbage collector finds: where there are any, the owner needs the host's finalizer before
    /// anything is written.
    pub(crate) hidden: BTreeSet<Gvk>,
}

/// What will be done for one child.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlannedWrite {
    /// The child.
    pub(crate) target: ObjectRef,
    /// The field manager.
    pub(crate) manager: String,
    /// Made before a step that sends something, in order, each safe to repeat: takes over what a module of another name wrote of
    /// this child; gives back what a share no longer lists.
    pub(crate) first: Vec<Call>,
    /// The same was there before, by the same wish: somebody else has undone it.
    pub(crate) repairs: bool,
    /// Whether the step tells of the live object by the cache alone: no API server is asked on behalf of anybody.
    pub(crate) tells: bool,
    /// What is done.
    pub(crate) step: Step,
}

/// What is done for one child.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Nothing. What was learned spares the comparison next time.
    Nothing(Option<Synced>),
    /// This call. `wanted` identifies the wanted fields, for the memory.
    Send { call: Box<Call>, wanted: u64 },
    /// Apply; where that is refused as immutable, delete and create.
    Recreate {
        apply: Box<Call>,
        delete: Box<Call>,
        /// As `apply`, without preconditions: the object that they are about is gone then.
        create: Box<Call>,
        wanted: u64,
    },
    /// Nothing: the module only asked where the live object differs.
    Tell(Vec<String>),
    /// Nothing: it must not be.
    Refuse(ApiError),
    /// Nothing: somebody else keeps changing it back, and it is left alone for a while.
    Rest(Contested),
    /// Nothing: it cannot be yet.
    Wait(String),
}

/// What will be done for one removal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlannedRemoval {
    /// The object.
    pub(crate) target: ObjectRef,
    /// What is done.
    pub(crate) step: RemovalStep,
}

/// What is done for one removal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RemovalStep {
    /// This call.
    Send(Call),
    /// Nothing: it is not there.
    Absent,
    /// Nothing: it is being deleted.
    Deleted,
    /// Nothing: it must not be.
    Refuse(ApiError),
    /// Nothing: it cannot be yet.
    Wait(String),
}

/// What is done for a child that is no longer listed: calls in order, each safe to repeat.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Leave {
    /// The object.
    pub(crate) target: ObjectRef,
    /// The calls.
    pub(crate) calls: Vec<Call>,
}

/// What will be done for children that are no longer listed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Leaves {
    /// What is done.
    pub(crate) calls: Vec<Leave>,
    /// What is left where it is.
    pub(crate) skipped: Vec<Skipped>,
}

/// An object with the owner's mark that is left where it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Skipped {
    /// The object.
    pub(crate) target: ObjectRef,
    /// What forbids to let it go.
    pub(crate) error: ApiError,
}

/// The plan for `children` (`None`: they are kept, and nothing leaves) and `removals`.
pub(crate) fn plan(
    scene: &Scene<'_>,
    children: &[Child],
    leaving: Leaving,
    removals: &[Removal],
) -> Plan {
    let writes: Vec<PlannedWrite> = children.iter().map(|c| child::plan(scene, c)).collect();
    Plan {
        hidden: children
            .iter()
            .zip(&writes)
            .filter(|(_, write)| !matches!(write.step, Step::Refuse(_) | Step::Wait(_)))
            .filter(|(child, _)| mark::needs_finalizer(scene, child))
            .map(|(child, _)| child.object.target().gvk.clone())
            .collect(),
        leaves: match leaving {
            Leaving::Nobody => Leaves::default(),
            Leaving::Unlisted => leave::unlisted(scene, children),
        },
        removals: removals.iter().map(|r| removal::plan(scene, r)).collect(),
        writes,
    }
}

/// Which marked objects leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// The module has no opinion.
    Nobody,
    /// All that are not listed.
    Unlisted,
}

pub(crate) use leave::on_deletion;

#[cfg(test)]
mod tests;
