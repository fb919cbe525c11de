//! What pods tell their controllers: active, ready, available.

use k8s_openapi::api::core::v1::{Pod, PodCondition};
use oarlock_core::timestamp::Timestamp;

use super::instant::{instant, seconds};

/// Where a pod stands as `status.phase` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Accepted, not yet running.
    Pending,
    /// Not known; nothing in the embedded cluster writes it.
    Unknown,
    /// At least one container runs.
    Running,
    /// All containers ended well.
    Succeeded,
    /// All containers ended, one of them badly.
    Failed,
}

/// Whether a pod counts as available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Availability {
    /// Ready for long enough.
    Available,
    /// Ready, and available at that instant if nothing happens.
    From(Timestamp),
    /// Not ready.
    No,
}

/// The pod's phase; Pending while none is written.
pub(crate) fn phase(pod: &Pod) -> Phase {
    match pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref())
    {
        Some("Running") => Phase::Running,
        Some("Succeeded") => Phase::Succeeded,
        Some("Failed") => Phase::Failed,
        Some("Unknown") => Phase::Unknown,
        _ => Phase::Pending,
    }
}

/// Whether the pod has neither ended nor been told to end.
pub(crate) fn is_active(pod: &Pod) -> bool {
    phase(pod) < Phase::Succeeded && pod.metadata.deletion_timestamp.is_none()
}

/// The condition of this type.
pub(crate) fn condition<'a>(pod: &'a Pod, kind: &str) -> Option<&'a PodCondition> {
    pod.status
        .as_ref()?
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == kind)
}

/// Whether the pod is Ready.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    condition(pod, "Ready").is_some_and(|condition| condition.status == "True")
}

/// Since when the pod is Ready.
pub(crate) fn ready_since(pod: &Pod) -> Option<Timestamp> {
    condition(pod, "Ready")
        .filter(|condition| condition.status == "True")
        .and_then(|condition| condition.last_transition_time.as_ref())
        .map(instant)
}

/// Whether the pod has been Ready for `min_ready_seconds`.
pub(crate) fn availability(pod: &Pod, min_ready_seconds: i32, now: Timestamp) -> Availability {
    if !is_ready(pod) {
        return Availability::No;
    }
    if min_ready_seconds <= 0 {
        return Availability::Available;
    }
    let Some(since) = ready_since(pod) else {
        return Availability::No;
    };
    let from = since.after(seconds(min_ready_seconds));
    if from <= now {
        Availability::Available
    } else {
        Availability::From(from)
    }
}

/// How often the pod's containers were restarted.
pub(crate) fn restarts(pod: &Pod) -> i32 {
    pod.status
        .iter()
        .flat_map(|status| status.container_statuses.iter().flatten())
        .map(|container| container.restart_count)
        .sum()
}
