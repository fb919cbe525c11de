//! The Deployment controller's decisions: ReplicaSets per template, rolling updates, revisions, status.
//!
//! Pure: one call looks at a Deployment and its ReplicaSets and says the next writes. A pass that creates or renumbers a
//! ReplicaSet does only that; its effects are looked at in the next pass. The rules are those of the controller in
//! kube-controller-manager.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentStatus, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use oarlock_core::timestamp::Timestamp;

use self::bounds::{Bounds, Strategy};
use self::condition::Progress;
use self::sizing::{Share, actual, available, wanted};
use self::status::Counted;
use super::action::{Action, Body, Decision};
use super::ownership::{controller_of, matches, name, uid};
use super::readiness::{Phase, phase};

pub(crate) mod bounds;
mod condition;
pub(crate) mod revision;
mod sizing;
mod status;

#[cfg(test)]
mod tests;

/// What a decision is made of.
pub(crate) struct Observed<'a> {
    /// The Deployment.
    pub(crate) deployment: &'a Deployment,
    /// The ReplicaSets it controls.
    pub(crate) sets: &'a [Arc<ReplicaSet>],
    /// Pods of those ReplicaSets; looked at by the Recreate strategy only.
    pub(crate) pods: &'a [Arc<Pod>],
    /// The present.
    pub(crate) now: Timestamp,
}

/// A Deployment with its ReplicaSets told apart.
struct Rollout<'a> {
    deployment: &'a Deployment,
    bounds: Bounds,
    /// Sorted by age.
    all: Vec<&'a ReplicaSet>,
    current: Option<&'a ReplicaSet>,
    /// All but the current one, sorted by age.
    old: Vec<&'a ReplicaSet>,
    pods: &'a [Arc<Pod>],
    now: Timestamp,
}

/// The next writes for this Deployment.
pub(crate) fn decide(observed: &Observed<'_>) -> Decision {
    let rollout = Rollout::of(observed);
    let deployment = observed.deployment;
    if deployment.metadata.deletion_timestamp.is_some() {
        return rollout.count(Vec::new());
    }
    if let Some(action) = rollout.pause_condition() {
        return Decision::act(action);
    }
    if let Some(decision) = rollout.sync_revision() {
        return decision;
    }
    if rollout.bounds.paused || rollout.is_scaling() {
        return rollout.scale();
    }
    match rollout.bounds.strategy {
        Strategy::Recreate => rollout.recreate(),
        Strategy::Rolling { .. } => rollout.roll(),
    }
}

/// The Deployment after its new ReplicaSet's name turned out to be taken by something else: the next hash is another one.
pub(crate) fn collided(deployment: &Deployment) -> Action {
    let mut deployment = deployment.clone();
    let status = deployment.status.get_or_insert_default();
    status.collision_count = Some(status.collision_count.unwrap_or(0) + 1);
    report(deployment)
}

impl<'a> Rollout<'a> {
    fn of(observed: &Observed<'a>) -> Self {
        let mut all: Vec<&ReplicaSet> = observed.sets.iter().map(AsRef::as_ref).collect();
        all.sort_by(|a, b| {
            let age = |set: &ReplicaSet| set.metadata.creation_timestamp.clone();
            age(a)
                .cmp(&age(b))
                .then_with(|| a.metadata.name.cmp(&b.metadata.name))
        });
        let current = revision::current(observed.deployment, &all);
        let is_current =
            |set: &ReplicaSet| current.is_some_and(|current| std::ptr::eq(current, set));
        let old = all.iter().copied().filter(|set| !is_current(set)).collect();
        Self {
            deployment: observed.deployment,
            bounds: Bounds::of(observed.deployment),
            all,
            current,
            old,
            pods: observed.pods,
            now: observed.now,
        }
    }

    /// Says in the Progressing condition that the Deployment was paused or goes on, so that the deadline counts anew.
    fn pause_condition(&self) -> Option<Action> {
        self.bounds.deadline?;
        let conditions = self
            .deployment
            .status
            .as_ref()
            .and_then(|status| status.conditions.as_deref());
        let shown = condition::find(conditions.unwrap_or_default(), condition::PROGRESSING);
        if condition::has_reason(shown, Progress::TimedOut) {
            return None;
        }
        let shows_pause = condition::has_reason(shown, Progress::Paused);
        match (self.bounds.paused, shows_pause) {
            (true, false) => Some(report(self.progress(Progress::Paused, None))),
            (false, true) => Some(report(self.progress(Progress::Resumed, None))),
            (true, true) | (false, false) => None,
        }
    }

    fn progress(&self, progress: Progress, set: Option<&str>) -> Deployment {
        let mut deployment = self.deployment.clone();
        let condition = progress.condition(name(&deployment.metadata), set, self.now);
        let status = deployment.status.get_or_insert_default();
        condition::set(status.conditions.get_or_insert_default(), condition);
        deployment
    }

    /// Brings the ReplicaSet of the present template into being and numbers it; `None` when all is well.
    fn sync_revision(&self) -> Option<Decision> {
        let number = revision::next_number(&self.old);
        let Some(current) = self.current else {
            return self.may_create().then(|| self.create(number));
        };
        if let Some(set) = revision::synced(self.deployment, &self.bounds, current, number) {
            return Some(Decision::act(Action::Update(Body::ReplicaSet(Box::new(
                set,
            )))));
        }
        let conditions = self
            .deployment
            .status
            .as_ref()
            .and_then(|status| status.conditions.as_deref());
        let shown = condition::find(conditions.unwrap_or_default(), condition::PROGRESSING);
        let mut deployment = if self.bounds.deadline.is_some() && shown.is_none() {
            self.progress(Progress::Found, Some(name(&current.metadata)))
        } else {
            self.deployment.clone()
        };
        renumber(&mut deployment, revision::number(&current.metadata));
        (deployment != *self.deployment).then(|| Decision::act(report(deployment)))
    }

    /// A paused Deployment makes no new revision; Recreate waits until the old pods have ended.
    fn may_create(&self) -> bool {
        if self.bounds.paused || self.is_scaling() {
            return false;
        }
        match self.bounds.strategy {
            Strategy::Rolling { .. } => true,
            Strategy::Recreate => {
                self.old.iter().all(|set| wanted(set) == 0) && !self.old_pods_run()
            }
        }
    }

    fn create(&self, number: i64) -> Decision {
        let asked = self.all.iter().map(|set| wanted(set)).sum();
        let replicas = sizing::grown(&self.bounds, 0, asked);
        let set = revision::new_set(self.deployment, &self.bounds, number, replicas);
        let mut deployment = if self.bounds.deadline.is_some() {
            self.progress(Progress::Created, set.metadata.name.as_deref())
        } else {
            self.deployment.clone()
        };
        renumber(&mut deployment, number);
        if let Some(status) = &mut deployment.status {
            // What was counted so far was of another template: the first pods of this one are progress.
            status.updated_replicas = None;
        }
        let actions = vec![
            Action::Create(Body::ReplicaSet(Box::new(set))),
            report(deployment),
        ];
        Decision {
            actions,
            wake: None,
        }
    }

    /// Whether `replicas` has changed since the ReplicaSets were sized.
    fn is_scaling(&self) -> bool {
        self.all.iter().filter(|set| wanted(set) > 0).any(|set| {
            revision::count(&set.metadata, revision::DESIRED)
                .is_some_and(|desired| desired != self.bounds.replicas)
        })
    }

    fn scale(&self) -> Decision {
        let mut shares: Vec<Share<'_>> = self.all.iter().map(|set| Share::of(set)).collect();
        let mut actions = if let Some(only) = self.only_active() {
            shares.retain(|share| std::ptr::eq(share.set, only));
            for share in &mut shares {
                share.replicas = self.bounds.replicas;
            }
            self.resize(&shares)
        } else if self
            .current
            .is_some_and(|current| self.is_saturated(current))
        {
            shares.retain(|share| !self.is_current(share.set));
            for share in &mut shares {
                share.replicas = 0;
            }
            self.resize(&shares)
        } else if matches!(self.bounds.strategy, Strategy::Rolling { .. }) {
            let total = self
                .deployment
                .status
                .as_ref()
                .and_then(|status| status.replicas);
            shares.retain(|share| share.replicas > 0);
            sizing::spread(&self.bounds, &mut shares, total.unwrap_or(0));
            self.note_sizes(&shares)
        } else {
            Vec::new()
        };
        if actions.is_empty() && self.bounds.paused {
            actions.extend(self.forget_old());
        }
        self.count(actions)
    }

    /// The one ReplicaSet that has replicas; when none has, the current or else the newest.
    fn only_active(&self) -> Option<&'a ReplicaSet> {
        let mut active = self.all.iter().copied().filter(|set| wanted(set) > 0);
        match (active.next(), active.next()) {
            (Some(one), None) => Some(one),
            (None, _) => self.current.or_else(|| self.old.last().copied()),
            (Some(_), Some(_)) => None,
        }
    }

    fn is_saturated(&self, set: &ReplicaSet) -> bool {
        let all = self.bounds.replicas;
        revision::count(&set.metadata, revision::DESIRED) == Some(all)
            && wanted(set) == all
            && available(set) == all
    }

    fn is_current(&self, set: &ReplicaSet) -> bool {
        self.current
            .is_some_and(|current| std::ptr::eq(current, set))
    }

    fn roll(&self) -> Decision {
        let Some(current) = self.current else {
            return self.report(Vec::new());
        };
        let mut share = Share::of(current);
        if share.replicas > self.bounds.replicas {
            share.replicas = self.bounds.replicas;
        } else {
            let asked = self.all.iter().map(|set| wanted(set)).sum();
            share.replicas = sizing::grown(&self.bounds, share.replicas, asked);
        }
        if share.replicas != wanted(current) {
            return self.report(self.resize(&[share]));
        }
        let mut old: Vec<Share<'_>> = self.old.iter().map(|set| Share::of(set)).collect();
        if sizing::shrink_old(&self.bounds, share, &mut old) {
            return self.report(self.resize(&old));
        }
        self.finish()
    }

    fn recreate(&self) -> Decision {
        let mut old: Vec<Share<'_>> = self.old.iter().map(|set| Share::of(set)).collect();
        if old.iter().any(|share| share.replicas > 0) {
            for share in &mut old {
                share.replicas = 0;
            }
            return self.report(self.resize(&old));
        }
        let Some(current) = self.current else {
            return self.report(Vec::new());
        };
        if self.old_pods_run() {
            return self.report(Vec::new());
        }
        let mut share = Share::of(current);
        share.replicas = self.bounds.replicas;
        let actions = self.resize(&[share]);
        if actions.is_empty() {
            self.finish()
        } else {
            self.report(actions)
        }
    }

    fn old_pods_run(&self) -> bool {
        if self.old.iter().any(|set| actual(set) > 0) {
            return true;
        }
        let current = self.current.map(|set| uid(&set.metadata));
        self.pods.iter().any(|pod| {
            let owner = controller_of(&pod.metadata).map(|owner| owner.uid.as_str());
            owner.is_some() && owner != current && phase(pod) < Phase::Succeeded
        })
    }

    /// The updates that give each set its share; those that have it already stay as they are.
    fn resize(&self, shares: &[Share<'_>]) -> Vec<Action> {
        let changed: Vec<Share<'_>> = shares
            .iter()
            .copied()
            .filter(|share| share.replicas != wanted(share.set))
            .collect();
        self.note_sizes(&changed)
    }

    /// The updates that give each set its share, with the annotations that remember what it was sized for.
    fn note_sizes(&self, shares: &[Share<'_>]) -> Vec<Action> {
        let sized = shares.iter().filter_map(|share| {
            let mut set = share.set.clone();
            set.metadata
                .annotations
                .get_or_insert_default()
                .extend(revision::sizes(&self.bounds));
            set.spec.get_or_insert_default().replicas = Some(share.replicas);
            (set != *share.set).then(|| Action::Update(Body::ReplicaSet(Box::new(set))))
        });
        sized.collect()
    }

    fn finish(&self) -> Decision {
        let status = status::counts(self.deployment, &self.bounds, &self.counted(), self.now);
        let actions = if status::is_complete(self.deployment, &self.bounds, &status) {
            self.forget_old()
        } else {
            Vec::new()
        };
        self.report(actions)
    }

    /// Deletes the oldest revisions beyond `revisionHistoryLimit`, those that have no pods.
    fn forget_old(&self) -> Vec<Action> {
        let Some(limit) = self.bounds.history else {
            return Vec::new();
        };
        let mut kept: Vec<&ReplicaSet> = self
            .old
            .iter()
            .copied()
            .filter(|set| set.metadata.deletion_timestamp.is_none())
            .collect();
        kept.sort_by_key(|set| revision::number(&set.metadata));
        let surplus = kept.len().saturating_sub(limit);
        let unused = |set: &&ReplicaSet| {
            let observed = set
                .status
                .as_ref()
                .and_then(|status| status.observed_generation);
            actual(set) == 0 && wanted(set) == 0 && set.metadata.generation <= observed
        };
        kept.into_iter()
            .take(surplus)
            .filter(unused)
            .map(|set| Action::Delete(Body::ReplicaSet(Box::new(set.clone()))))
            .collect()
    }

    fn counted(&self) -> Counted<'_> {
        Counted {
            all: &self.all,
            current: self.current,
        }
    }

    /// `actions`, then the status of a rollout.
    fn report(&self, actions: Vec<Action>) -> Decision {
        let status = status::rollout(self.deployment, &self.bounds, &self.counted(), self.now);
        let wake = status::stuck_at(self.deployment, &self.bounds, &status);
        Decision {
            actions: self.with_status(actions, status),
            wake,
        }
    }

    /// `actions`, then the status without a word on progress.
    fn count(&self, actions: Vec<Action>) -> Decision {
        let status = status::counts(self.deployment, &self.bounds, &self.counted(), self.now);
        Decision {
            actions: self.with_status(actions, status),
            wake: None,
        }
    }

    fn with_status(&self, mut actions: Vec<Action>, status: DeploymentStatus) -> Vec<Action> {
        if self.deployment.status.as_ref() != Some(&status) {
            let mut deployment = self.deployment.clone();
            deployment.status = Some(status);
            actions.push(report(deployment));
        }
        actions
    }
}

/// Notes the current revision. The status endpoint of Deployments lets annotations through, and the controller uses it.
fn renumber(deployment: &mut Deployment, number: i64) {
    deployment
        .metadata
        .annotations
        .get_or_insert_default()
        .insert(String::from(revision::REVISION), number.to_string());
}

fn report(deployment: Deployment) -> Action {
    Action::UpdateStatus(Body::Deployment(Box::new(deployment)))
}

/// Whether the Deployment selects anything at all; one that does not is left alone.
pub(crate) fn selects(deployment: &Deployment) -> bool {
    deployment.spec.as_ref().is_some_and(|spec| {
        let labels = spec
            .template
            .metadata
            .as_ref()
            .and_then(|meta| meta.labels.as_ref());
        matches(&spec.selector, labels)
    })
}
