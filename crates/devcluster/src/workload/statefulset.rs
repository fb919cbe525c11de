//! The StatefulSet controller's decisions: pods with ordinals, one after the other.
//!
//! Old templates are not kept as ControllerRevisions: a pod that is missing below `partition` comes back with the present
//! template.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec, StatefulSetStatus};
use k8s_openapi::api::core::v1::Pod;
use oarlock_core::timestamp::Timestamp;

use super::action::{Action, Body, Decision, Kind};
use super::hash::template_hash;
use super::ownership::name;
use super::readiness::{Availability, Phase, availability, is_active, is_ready, phase};
use super::template;

/// The label that names the revision a pod is of.
const REVISION: &str = "controller-revision-hash";

/// The next writes for this StatefulSet. `pods` are those it controls.
pub(crate) fn decide(set: &StatefulSet, pods: &[Arc<Pod>], now: Timestamp) -> Decision {
    let Some(spec) = &set.spec else {
        return Decision::idle();
    };
    let view = View::of(set, spec, pods, now);
    let mut decision = Decision::idle();
    if set.metadata.deletion_timestamp.is_none() {
        decision.actions = view.step();
    }
    let status = view.status(&mut decision);
    if set.status.as_ref() != Some(&status) {
        let mut set = set.clone();
        set.status = Some(status);
        decision
            .actions
            .push(Action::UpdateStatus(Body::StatefulSet(Box::new(set))));
    }
    decision
}

struct View<'a> {
    set: &'a StatefulSet,
    spec: &'a StatefulSetSpec,
    /// By ordinal.
    pods: BTreeMap<i64, &'a Arc<Pod>>,
    /// Ordinals that should exist.
    wanted: std::ops::Range<i64>,
    revision: String,
    now: Timestamp,
}

impl<'a> View<'a> {
    fn of(
        set: &'a StatefulSet,
        spec: &'a StatefulSetSpec,
        pods: &'a [Arc<Pod>],
        now: Timestamp,
    ) -> Self {
        let start = spec
            .ordinals
            .as_ref()
            .and_then(|ordinals| ordinals.start)
            .unwrap_or(0);
        let start = i64::from(start);
        let collisions = set
            .status
            .as_ref()
            .and_then(|status| status.collision_count)
            .filter(|count| *count > 0);
        let hash = template_hash(&spec.template, collisions);
        Self {
            set,
            spec,
            pods: pods
                .iter()
                .filter_map(|pod| Some((ordinal(set, pod)?, pod)))
                .collect(),
            wanted: start..start + i64::from(spec.replicas.unwrap_or(1)),
            revision: format!("{}-{hash}", name(&set.metadata)),
            now,
        }
    }

    fn step(&self) -> Vec<Action> {
        let ordered = self.spec.pod_management_policy.as_deref() != Some("Parallel");
        let mut actions = Vec::new();
        for ordinal in self.wanted.clone() {
            let settled = match self.pods.get(&ordinal) {
                None => {
                    actions.push(self.create(ordinal));
                    false
                }
                Some(pod) if pod.metadata.deletion_timestamp.is_some() => false,
                Some(pod) if phase(pod) >= Phase::Succeeded => {
                    actions.push(delete(pod));
                    false
                }
                Some(pod) => self.is_available(pod),
            };
            if ordered && !settled {
                // A broken pod of an old template would block its own replacement.
                actions.extend(self.replace_broken(ordinal));
                return actions;
            }
        }
        let condemned: Vec<&&Arc<Pod>> = self
            .pods
            .iter()
            .rev()
            .filter(|(ordinal, _)| !self.wanted.contains(ordinal))
            .map(|(_, pod)| pod)
            .collect();
        for pod in condemned {
            if pod.metadata.deletion_timestamp.is_none() {
                actions.push(delete(pod));
            }
            if ordered {
                return actions;
            }
        }
        if actions.is_empty() {
            actions.extend(self.update());
        }
        actions
    }

    /// The pod of this ordinal when it is neither of the present template nor running.
    fn replace_broken(&self, ordinal: i64) -> Option<Action> {
        let pod = self.pods.get(&ordinal)?;
        let broken = is_active(pod) && !is_ready(pod) && !self.is_current(pod);
        (broken && self.rolls() && ordinal >= self.partition()).then(|| delete(pod))
    }

    /// The highest pod that is not of the present template, once those above it are available.
    fn update(&self) -> Option<Action> {
        if !self.rolls() {
            return None;
        }
        for ordinal in (self.partition()..self.wanted.end).rev() {
            let pod = self.pods.get(&ordinal)?;
            if pod.metadata.deletion_timestamp.is_some() {
                return None;
            }
            if !self.is_current(pod) {
                return Some(delete(pod));
            }
            if !self.is_available(pod) {
                return None;
            }
        }
        None
    }

    fn rolls(&self) -> bool {
        let strategy = self.spec.update_strategy.as_ref();
        strategy.and_then(|strategy| strategy.type_.as_deref()) != Some("OnDelete")
    }

    fn partition(&self) -> i64 {
        let strategy = self.spec.update_strategy.as_ref();
        let partition = strategy
            .and_then(|strategy| strategy.rolling_update.as_ref()?.partition)
            .unwrap_or(0);
        self.wanted.start.max(i64::from(partition))
    }

    fn is_current(&self, pod: &Pod) -> bool {
        self.revision_of(pod) == Some(self.revision.as_str())
    }

    fn revision_of<'p>(&self, pod: &'p Pod) -> Option<&'p str> {
        pod.metadata
            .labels
            .as_ref()?
            .get(REVISION)
            .map(String::as_str)
    }

    fn availability(&self, pod: &Pod) -> Availability {
        availability(pod, self.spec.min_ready_seconds.unwrap_or(0), self.now)
    }

    fn is_available(&self, pod: &Pod) -> bool {
        self.availability(pod) == Availability::Available
    }

    fn create(&self, ordinal: i64) -> Action {
        let mut pod = template::pod(&self.spec.template, Kind::StatefulSet, &self.set.metadata);
        let name = format!("{}-{ordinal}", name(&self.set.metadata));
        pod.metadata.labels.get_or_insert_default().extend([
            (String::from(REVISION), self.revision.clone()),
            (
                String::from("statefulset.kubernetes.io/pod-name"),
                name.clone(),
            ),
            (
                String::from("apps.kubernetes.io/pod-index"),
                ordinal.to_string(),
            ),
        ]);
        let spec = pod.spec.get_or_insert_default();
        spec.hostname = Some(name.clone());
        spec.subdomain.clone_from(&self.spec.service_name);
        pod.metadata.name = Some(name);
        Action::Create(Body::Pod(Box::new(pod)))
    }

    fn status(&self, decision: &mut Decision) -> StatefulSetStatus {
        let before = self.set.status.clone().unwrap_or_default();
        let shown = before
            .current_revision
            .unwrap_or_else(|| self.revision.clone());
        let (mut all, mut ready, mut available, mut current, mut updated) = (0, 0, 0, 0, 0);
        for pod in self.pods.values() {
            all += 1;
            ready += i32::from(is_ready(pod));
            match self.availability(pod) {
                Availability::Available => available += 1,
                Availability::From(instant) => decision.wake_at(Some(instant)),
                Availability::No => {}
            }
            if is_active(pod) {
                updated += i32::from(self.is_current(pod));
                current += i32::from(self.revision_of(pod) == Some(shown.as_str()));
            }
        }
        let replicas = i32::try_from(self.wanted.end - self.wanted.start).unwrap_or(i32::MAX);
        let done = self.rolls() && updated == replicas && ready == replicas && all == replicas;
        let present = |count: i32| (count != 0).then_some(count);
        StatefulSetStatus {
            replicas: all,
            ready_replicas: present(ready),
            available_replicas: Some(available),
            current_replicas: present(if done { updated } else { current }),
            updated_replicas: present(updated),
            current_revision: Some(if done { self.revision.clone() } else { shown }),
            update_revision: Some(self.revision.clone()),
            observed_generation: self.set.metadata.generation,
            collision_count: Some(before.collision_count.unwrap_or(0)),
            conditions: before.conditions,
        }
    }
}

fn ordinal(set: &StatefulSet, pod: &Pod) -> Option<i64> {
    let rest = name(&pod.metadata).strip_prefix(name(&set.metadata))?;
    rest.strip_prefix('-')?.parse().ok()
}

fn delete(pod: &Arc<Pod>) -> Action {
    Action::Delete(Body::Pod(Box::new(Pod::clone(pod))))
}
