//! What a Deployment reports about itself.

use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet, ReplicaSetCondition,
};
use oarlock_core::timestamp::Timestamp;

use super::bounds::Bounds;
use super::condition::{self, Progress};
use super::sizing::{actual, available, wanted};
use crate::workload::instant::{instant, seconds};
use crate::workload::ownership::name;

/// The ReplicaSets a status counts.
pub(crate) struct Counted<'a> {
    /// All of the Deployment.
    pub(crate) all: &'a [&'a ReplicaSet],
    /// The one of the present template.
    pub(crate) current: Option<&'a ReplicaSet>,
}

/// Counts and the Available condition; what is reported while paused or scaling.
pub(crate) fn counts(
    deployment: &Deployment,
    bounds: &Bounds,
    sets: &Counted<'_>,
    now: Timestamp,
) -> DeploymentStatus {
    let before = deployment.status.clone().unwrap_or_default();
    let sum = |number: fn(&ReplicaSet) -> i32| sets.all.iter().map(|set| number(set)).sum::<i32>();
    let available = sum(available);
    let mut conditions = before.conditions.unwrap_or_default();
    let condition = if available >= bounds.least_available() {
        condition::condition(
            condition::AVAILABLE,
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
            now,
        )
    } else {
        condition::condition(
            condition::AVAILABLE,
            "False",
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.",
            now,
        )
    };
    condition::set(&mut conditions, condition);
    DeploymentStatus {
        observed_generation: deployment.metadata.generation,
        replicas: present(sum(actual)),
        updated_replicas: present(sets.current.map_or(0, actual)),
        ready_replicas: present(sum(ready)),
        available_replicas: present(available),
        unavailable_replicas: present((sum(wanted) - available).max(0)),
        terminating_replicas: None,
        collision_count: before.collision_count,
        conditions: Some(conditions),
    }
}

/// Counts and all conditions; what is reported while rolling.
pub(crate) fn rollout(
    deployment: &Deployment,
    bounds: &Bounds,
    sets: &Counted<'_>,
    now: Timestamp,
) -> DeploymentStatus {
    let mut status = counts(deployment, bounds, sets, now);
    let default = DeploymentStatus::default();
    let before = deployment.status.as_ref().unwrap_or(&default);
    let mut conditions = status.conditions.take().unwrap_or_default();
    if let Some(deadline) = bounds.deadline {
        let shown = condition::find(
            before.conditions.as_deref().unwrap_or_default(),
            condition::PROGRESSING,
        );
        // A finished rollout stays finished when pods come and go.
        let finished = status.replicas == status.updated_replicas
            && condition::has_reason(shown, Progress::Done);
        if !finished {
            let set = sets.current.map(|set| name(&set.metadata));
            let new = |progress: Progress| progress.condition(name(&deployment.metadata), set, now);
            if is_complete(deployment, bounds, &status) {
                condition::set(&mut conditions, new(Progress::Done));
            } else if moved(before, &status) {
                condition::refresh(&mut conditions, new(Progress::Updated));
            } else if deadline_of(&conditions, deadline).is_some_and(|at| at < now) {
                condition::set(&mut conditions, new(Progress::TimedOut));
            }
        }
    } else {
        condition::remove(&mut conditions, condition::PROGRESSING);
    }
    match replica_failure(sets) {
        Some(failure) => condition::set(&mut conditions, failure),
        None => condition::remove(&mut conditions, condition::REPLICA_FAILURE),
    }
    status.conditions = Some(conditions);
    status
}

/// When to look whether the rollout is stuck: a second after its deadline, since conditions count whole seconds.
pub(crate) fn stuck_at(
    deployment: &Deployment,
    bounds: &Bounds,
    status: &DeploymentStatus,
) -> Option<Timestamp> {
    let deadline = bounds.deadline?;
    if is_complete(deployment, bounds, status) {
        return None;
    }
    let at = deadline_of(status.conditions.as_deref().unwrap_or_default(), deadline)?;
    Some(at.after(seconds(1)))
}

/// Whether all pods are of the present template, available, and none too many.
pub(crate) fn is_complete(
    deployment: &Deployment,
    bounds: &Bounds,
    status: &DeploymentStatus,
) -> bool {
    let all = Some(bounds.replicas);
    let number = |count: Option<i32>| Some(count.unwrap_or(0));
    number(status.updated_replicas) == all
        && number(status.replicas) == all
        && number(status.available_replicas) == all
        && status.observed_generation >= deployment.metadata.generation
}

/// Whether the rollout came nearer to its end between two statuses.
fn moved(before: &DeploymentStatus, after: &DeploymentStatus) -> bool {
    let number = |count: Option<i32>| count.unwrap_or(0);
    let old = |status: &DeploymentStatus| number(status.replicas) - number(status.updated_replicas);
    number(after.updated_replicas) > number(before.updated_replicas)
        || old(after) < old(before)
        || number(after.ready_replicas) > number(before.ready_replicas)
        || number(after.available_replicas) > number(before.available_replicas)
}

/// The instant at which a rollout that stands still is given up; `None` when it has ended or is given up already.
fn deadline_of(
    conditions: &[DeploymentCondition],
    deadline: std::time::Duration,
) -> Option<Timestamp> {
    let shown = condition::find(conditions, condition::PROGRESSING);
    if condition::has_reason(shown, Progress::Done)
        || condition::has_reason(shown, Progress::TimedOut)
    {
        return None;
    }
    Some(instant(shown?.last_update_time.as_ref()?).after(deadline))
}

fn replica_failure(sets: &Counted<'_>) -> Option<DeploymentCondition> {
    let failure = |set: &ReplicaSet| -> Option<ReplicaSetCondition> {
        let conditions = set.status.as_ref()?.conditions.as_ref()?;
        conditions
            .iter()
            .find(|condition| condition.type_ == condition::REPLICA_FAILURE)
            .cloned()
    };
    let found = sets
        .current
        .and_then(failure)
        .or_else(|| sets.all.iter().find_map(|set| failure(set)))?;
    Some(DeploymentCondition {
        type_: found.type_,
        status: found.status,
        reason: found.reason,
        message: found.message,
        last_transition_time: found.last_transition_time.clone(),
        last_update_time: found.last_transition_time,
    })
}

fn ready(set: &ReplicaSet) -> i32 {
    set.status
        .as_ref()
        .and_then(|status| status.ready_replicas)
        .unwrap_or(0)
}

/// Counts of zero are not written.
fn present(count: i32) -> Option<i32> {
    (count != 0).then_some(count)
}
