//! The ReplicaSet controller's decisions: as many pods as asked for, and which ones to give up.

use std::cmp::Reverse;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition, ReplicaSetStatus};
use k8s_openapi::api::core::v1::Pod;
use oarlock_core::timestamp::Timestamp;

use super::action::{Action, Body, Decision, Kind};
use super::instant::{earlier, time};
use super::ownership::matches;
use super::readiness::{self, Availability, Phase, is_active, is_ready};
use super::template;

#[cfg(test)]
mod tests;

/// Annotation of a pod: pods of lower cost are given up first.
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// A pod count that could not be brought about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// `FailedCreate` or `FailedDelete`.
    pub(crate) reason: &'static str,
    /// The refusal.
    pub(crate) message: String,
}

/// Which pods to create and to delete. `pods` are those the ReplicaSet controls.
pub(crate) fn scale(set: &ReplicaSet, pods: &[Arc<Pod>]) -> Vec<Action> {
    if set.metadata.deletion_timestamp.is_some() {
        return Vec::new();
    }
    let Some(spec) = &set.spec else {
        return Vec::new();
    };
    let wanted = usize::try_from(spec.replicas.unwrap_or(1)).unwrap_or(0);
    let mut active: Vec<&Arc<Pod>> = pods.iter().filter(|pod| is_active(pod)).collect();
    if active.len() < wanted {
        let template = spec.template.clone().unwrap_or_default();
        let pod = template::pod(&template, Kind::ReplicaSet, &set.metadata);
        let create = Action::Create(Body::Pod(Box::new(pod)));
        return vec![create; wanted - active.len()];
    }
    active.sort_by_cached_key(|pod| worth(pod));
    let surplus = active.len() - wanted;
    active
        .into_iter()
        .take(surplus)
        .map(|pod| Action::Delete(Body::Pod(Box::new(Pod::clone(pod)))))
        .collect()
}

/// What the ReplicaSet reports, when that is not what it shows already; `failure` is what the last scaling ran into.
pub(crate) fn report(
    set: &ReplicaSet,
    pods: &[Arc<Pod>],
    failure: Option<&Failure>,
    now: Timestamp,
) -> Decision {
    let default = k8s_openapi::api::apps::v1::ReplicaSetSpec::default();
    let spec = set.spec.as_ref().unwrap_or(&default);
    let labels = spec.template.as_ref().and_then(|template| {
        let labels = template.metadata.as_ref()?.labels.clone()?;
        Some(
            k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector {
                match_labels: Some(labels),
                match_expressions: None,
            },
        )
    });
    let mut counts = Counts::default();
    let mut wake = None;
    for pod in pods.iter().filter(|pod| is_active(pod)) {
        counts.all += 1;
        if labels
            .as_ref()
            .is_none_or(|labels| matches(labels, pod.metadata.labels.as_ref()))
        {
            counts.labelled += 1;
        }
        if is_ready(pod) {
            counts.ready += 1;
        }
        match readiness::availability(pod, spec.min_ready_seconds.unwrap_or(0), now) {
            Availability::Available => counts.available += 1,
            Availability::From(instant) => wake = earlier(wake, Some(instant)),
            Availability::No => {}
        }
    }
    let status = ReplicaSetStatus {
        replicas: counts.all,
        fully_labeled_replicas: present(counts.labelled),
        ready_replicas: present(counts.ready),
        available_replicas: present(counts.available),
        terminating_replicas: None,
        observed_generation: set.metadata.generation,
        conditions: conditions(set, failure, now),
    };
    let mut actions = Vec::new();
    if set.status.as_ref() != Some(&status) {
        let mut set = set.clone();
        set.status = Some(status);
        actions.push(Action::UpdateStatus(Body::ReplicaSet(Box::new(set))));
    }
    Decision { actions, wake }
}

#[derive(Default)]
struct Counts {
    all: i32,
    labelled: i32,
    ready: i32,
    available: i32,
}

fn conditions(
    set: &ReplicaSet,
    failure: Option<&Failure>,
    now: Timestamp,
) -> Option<Vec<ReplicaSetCondition>> {
    const KIND: &str = "ReplicaFailure";
    let shown = set
        .status
        .as_ref()
        .and_then(|status| status.conditions.clone());
    let mut conditions = shown.unwrap_or_default();
    let old = conditions
        .iter()
        .position(|condition| condition.type_ == KIND);
    let old = old.map(|at| conditions.remove(at));
    if let Some(failure) = failure {
        conditions.push(match old {
            Some(old) if old.reason.as_deref() == Some(failure.reason) => old,
            _ => ReplicaSetCondition {
                type_: String::from(KIND),
                status: String::from("True"),
                reason: Some(String::from(failure.reason)),
                message: Some(failure.message.clone()),
                last_transition_time: Some(time(now)),
            },
        });
    }
    (!conditions.is_empty()).then_some(conditions)
}

/// Pods in the order in which they are given up: the least worth first.
///
/// Not on a node, then not running, not ready, of low deletion cost, ready for a short time, often restarted, young.
fn worth(pod: &Pod) -> impl Ord + use<> {
    let assigned = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.node_name.as_deref())
        .is_some_and(|node| !node.is_empty());
    let phase: Phase = readiness::phase(pod);
    let cost: i32 = pod
        .metadata
        .annotations
        .as_ref()
        .and_then(|annotations| annotations.get(DELETION_COST))
        .and_then(|cost| cost.parse().ok())
        .unwrap_or(0);
    (
        assigned,
        phase,
        is_ready(pod),
        cost,
        Reverse(readiness::ready_since(pod)),
        Reverse(readiness::restarts(pod)),
        Reverse(pod.metadata.creation_timestamp.clone()),
        Reverse(pod.metadata.name.clone()),
    )
}

/// Counts of zero are not written.
fn present(count: i32) -> Option<i32> {
    (count != 0).then_some(count)
}
