//! Conditions of a Deployment: types, reasons and how they change.

use k8s_openapi::api::apps::v1::DeploymentCondition;
use oarlock_core::timestamp::Timestamp;

use crate::workload::instant::time;

/// Enough pods are available.
pub(crate) const AVAILABLE: &str = "Available";
/// The rollout moves, or has ended.
pub(crate) const PROGRESSING: &str = "Progressing";
/// Pods cannot be created.
pub(crate) const REPLICA_FAILURE: &str = "ReplicaFailure";

/// Why the rollout is, or is not, progressing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// A ReplicaSet was made for the template.
    Created,
    /// A ReplicaSet of the template exists already.
    Found,
    /// Replicas changed for the better.
    Updated,
    /// All pods are of the template and available.
    Done,
    /// Nothing moved for `progressDeadlineSeconds`.
    TimedOut,
    /// `spec.paused` was set.
    Paused,
    /// `spec.paused` was taken away.
    Resumed,
}

impl Progress {
    /// As in the condition.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Created => "NewReplicaSetCreated",
            Self::Found => "FoundNewReplicaSet",
            Self::Updated => "ReplicaSetUpdated",
            Self::Done => "NewReplicaSetAvailable",
            Self::TimedOut => "ProgressDeadlineExceeded",
            Self::Paused => "DeploymentPaused",
            Self::Resumed => "DeploymentResumed",
        }
    }

    const fn status(self) -> &'static str {
        match self {
            Self::Created | Self::Found | Self::Updated | Self::Done => "True",
            Self::TimedOut => "False",
            Self::Paused | Self::Resumed => "Unknown",
        }
    }

    /// The condition; `set` names the current ReplicaSet when there is one.
    pub(crate) fn condition(
        self,
        deployment: &str,
        set: Option<&str>,
        now: Timestamp,
    ) -> DeploymentCondition {
        let subject = match set {
            Some(set) => format!("ReplicaSet {set:?}"),
            None => format!("Deployment {deployment:?}"),
        };
        let set = set.unwrap_or_default();
        let message = match self {
            Self::Created => format!("Created new replica set {set:?}"),
            Self::Found => format!("Found new replica set {set:?}"),
            Self::Updated => format!("{subject} is progressing."),
            Self::Done => format!("{subject} has successfully progressed."),
            Self::TimedOut => format!("{subject} has timed out progressing."),
            Self::Paused => String::from("Deployment is paused"),
            Self::Resumed => String::from("Deployment is resumed"),
        };
        condition(PROGRESSING, self.status(), self.reason(), message, now)
    }
}

/// A condition that begins now.
pub(crate) fn condition(
    kind: &str,
    status: &str,
    reason: &str,
    message: impl Into<String>,
    now: Timestamp,
) -> DeploymentCondition {
    DeploymentCondition {
        type_: String::from(kind),
        status: String::from(status),
        reason: Some(String::from(reason)),
        message: Some(message.into()),
        last_update_time: Some(time(now)),
        last_transition_time: Some(time(now)),
    }
}

/// The condition of this type.
pub(crate) fn find<'a>(
    conditions: &'a [DeploymentCondition],
    kind: &str,
) -> Option<&'a DeploymentCondition> {
    conditions.iter().find(|condition| condition.type_ == kind)
}

/// Whether this is the condition's reason.
pub(crate) fn has_reason(condition: Option<&DeploymentCondition>, progress: Progress) -> bool {
    condition.and_then(|condition| condition.reason.as_deref()) == Some(progress.reason())
}

/// Takes a condition over unless one of the same status and reason is there; the time of transition stays with the status.
pub(crate) fn set(conditions: &mut Vec<DeploymentCondition>, mut new: DeploymentCondition) {
    if let Some(old) = find(conditions, &new.type_) {
        if old.status == new.status && old.reason == new.reason {
            return;
        }
        if old.status == new.status {
            new.last_transition_time
                .clone_from(&old.last_transition_time);
        }
    }
    remove(conditions, &new.type_);
    conditions.push(new);
}

/// Takes it over in any case: `lastUpdateTime` tells when the rollout last moved.
pub(crate) fn refresh(conditions: &mut Vec<DeploymentCondition>, mut new: DeploymentCondition) {
    if let Some(old) = find(conditions, &new.type_)
        && old.status == new.status
    {
        new.last_transition_time
            .clone_from(&old.last_transition_time);
    }
    remove(conditions, &new.type_);
    conditions.push(new);
}

/// Drops the condition of this type.
pub(crate) fn remove(conditions: &mut Vec<DeploymentCondition>, kind: &str) {
    conditions.retain(|condition| condition.type_ != kind);
}
