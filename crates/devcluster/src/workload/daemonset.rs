//! The DaemonSet controller's decisions, on a cluster of one node.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetStatus};
use k8s_openapi::api::core::v1::Pod;
use oarlock_core::timestamp::Timestamp;

use super::action::{Action, Body, Decision, Kind};
use super::hash::template_hash;
use super::kubelet::node;
use super::readiness::{Availability, Phase, availability, is_active, is_ready, phase};
use super::template;

/// The label that tells pods of one template from those of another.
const REVISION: &str = "controller-revision-hash";

/// The next writes for this DaemonSet. `pods` are those it controls.
pub(crate) fn decide(set: &DaemonSet, pods: &[Arc<Pod>], now: Timestamp) -> Decision {
    let Some(spec) = &set.spec else {
        return Decision::idle();
    };
    let revision = template_hash(
        &spec.template,
        set.status
            .as_ref()
            .and_then(|status| status.collision_count),
    );
    let wanted = spec.template.spec.as_ref().is_none_or(|spec| {
        spec.node_name
            .as_deref()
            .is_none_or(|name| name == node::NAME)
            && spec
                .node_selector
                .iter()
                .flatten()
                .all(|(key, value)| node::has_label(key, value))
    });
    let is_current = |pod: &Pod| {
        pod.metadata
            .labels
            .as_ref()
            .and_then(|labels| labels.get(REVISION))
            == Some(&revision)
    };
    let mut active: Vec<&Arc<Pod>> = pods.iter().filter(|pod| is_active(pod)).collect();
    active.sort_by_key(|pod| pod.metadata.creation_timestamp.clone());
    let mut decision = Decision::idle();
    if set.metadata.deletion_timestamp.is_none() {
        let ended = pods.iter().filter(|pod| {
            phase(pod) >= Phase::Succeeded && pod.metadata.deletion_timestamp.is_none()
        });
        decision.actions.extend(ended.map(delete));
        let on_delete = spec
            .update_strategy
            .as_ref()
            .and_then(|strategy| strategy.type_.as_deref())
            == Some("OnDelete");
        let (keep, surplus) = active.split_at(active.len().min(usize::from(wanted)));
        decision
            .actions
            .extend(surplus.iter().map(|pod| delete(pod)));
        match keep.first() {
            Some(pod) if !is_current(pod) && !on_delete => decision.actions.push(delete(pod)),
            Some(_) => {}
            // One at a time: the old pod must be gone first.
            None if wanted && pods.iter().all(|pod| phase(pod) >= Phase::Succeeded) => {
                decision.actions.push(create(set, &revision));
            }
            None => {}
        }
    }

    let pod = active.first().filter(|_| wanted);
    let availability = pod.map(|pod| availability(pod, spec.min_ready_seconds.unwrap_or(0), now));
    if let Some(Availability::From(instant)) = availability {
        decision.wake_at(Some(instant));
    }
    let available = i32::from(availability == Some(Availability::Available));
    let desired = i32::from(wanted);
    let present = |count: i32| (count != 0).then_some(count);
    let status = DaemonSetStatus {
        desired_number_scheduled: desired,
        current_number_scheduled: i32::from(pod.is_some()),
        number_misscheduled: i32::from(!wanted && !active.is_empty()),
        number_ready: i32::from(pod.is_some_and(|pod| is_ready(pod))),
        number_available: present(available),
        number_unavailable: present(desired - available),
        updated_number_scheduled: present(i32::from(pod.is_some_and(|pod| is_current(pod)))),
        observed_generation: set.metadata.generation,
        collision_count: set
            .status
            .as_ref()
            .and_then(|status| status.collision_count),
        conditions: set
            .status
            .as_ref()
            .and_then(|status| status.conditions.clone()),
    };
    if set.status.as_ref() != Some(&status) {
        let mut set = set.clone();
        set.status = Some(status);
        decision
            .actions
            .push(Action::UpdateStatus(Body::DaemonSet(Box::new(set))));
    }
    decision
}

fn create(set: &DaemonSet, revision: &str) -> Action {
    let template = set
        .spec
        .as_ref()
        .map(|spec| spec.template.clone())
        .unwrap_or_default();
    let mut pod = template::pod(&template, Kind::DaemonSet, &set.metadata);
    let generation = set.metadata.generation.unwrap_or(1).to_string();
    pod.metadata.labels.get_or_insert_default().extend([
        (String::from(REVISION), String::from(revision)),
        (String::from("pod-template-generation"), generation),
    ]);
    Action::Create(Body::Pod(Box::new(pod)))
}

fn delete(pod: &Arc<Pod>) -> Action {
    Action::Delete(Body::Pod(Box::new(Pod::clone(pod))))
}
