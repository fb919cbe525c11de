//! How a run ended, in the words that users see: reasons of conditions and Events, and labels of metrics.

use std::time::Duration;

use oarlock_core::outcome::{Condition, ConditionStatus, Failure};
use oarlock_core::reconciler::{Fault, LibraryFault, RunError};
use oarlock_core::request::ApiError;

use crate::status::Wanted;

/// The condition that every object has.
pub(crate) const READY: &str = "Ready";

/// The condition that an object has while nobody will try again by itself (kstatus).
pub(crate) const STALLED: &str = "Stalled";

/// The condition that an object has while its module is not the one that its watch names.
pub(crate) const MODULE_CURRENT: &str = "ModuleCurrent";

/// The condition that an object has while its user has it paused.
pub(crate) const PAUSED: &str = "Paused";

/// Why a run did not bring the object to where it should be. The set is closed: it labels metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    /// The module asked to be called again.
    Retrying,
    /// The module gave up.
    Failed,
    /// The module rejects the object's content.
    InvalidSpec,
    /// The module trapped.
    ModuleTrapped,
    /// The module computed for too long.
    CpuLimitExceeded,
    /// The module answered too late.
    DeadlineExceeded,
    /// The module asked for too much memory.
    MemoryLimitExceeded,
    /// The module's answer is too large.
    OutputLimitExceeded,
    /// The module's answer is not what the contract says.
    BadOutcome,
    /// The host could not make an instance.
    HostBusy,
    /// The module is not there, or cannot be loaded.
    ModuleNotLoaded,
    /// A write is not granted.
    GrantMissing,
    /// The API server refused a write.
    WriteRefused,
    /// A child's kind is not served.
    KindNotServed,
    /// The module asked to go on once its writes are stored, but wrote nothing.
    NoProgress,
    /// The API server could not be reached, or failed.
    ApiUnavailable,
    /// The host itself failed: a bug.
    HostFailed,
    /// Somebody else keeps changing back what the module wants.
    Contested,
    /// What is to be stored is too large for the API server.
    TooLarge,
    /// The object is being deleted, and nobody is there to bring that to an end.
    FinalizerBlocked,
}

impl Reason {
    /// Every one of them.
    const ALL: [Self; 20] = [
        Self::Retrying,
        Self::Failed,
        Self::InvalidSpec,
        Self::ModuleTrapped,
        Self::CpuLimitExceeded,
        Self::DeadlineExceeded,
        Self::MemoryLimitExceeded,
        Self::OutputLimitExceeded,
        Self::BadOutcome,
        Self::HostBusy,
        Self::ModuleNotLoaded,
        Self::GrantMissing,
        Self::WriteRefused,
        Self::KindNotServed,
        Self::NoProgress,
        Self::ApiUnavailable,
        Self::HostFailed,
        Self::Contested,
        Self::TooLarge,
        Self::FinalizerBlocked,
    ];

    /// The word in conditions and Events.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Retrying => "Retrying",
            Self::Failed => "Failed",
            Self::InvalidSpec => "InvalidSpec",
            Self::ModuleTrapped => "ModuleTrapped",
            Self::CpuLimitExceeded => "CpuLimitExceeded",
            Self::DeadlineExceeded => "DeadlineExceeded",
            Self::MemoryLimitExceeded => "MemoryLimitExceeded",
            Self::OutputLimitExceeded => "OutputLimitExceeded",
            Self::BadOutcome => "BadOutcome",
            Self::HostBusy => "HostBusy",
            Self::ModuleNotLoaded => "ModuleNotLoaded",
            Self::GrantMissing => "GrantMissing",
            Self::WriteRefused => "WriteRefused",
            Self::KindNotServed => "KindNotServed",
            Self::NoProgress => "NoProgress",
            Self::ApiUnavailable => "ApiUnavailable",
            Self::HostFailed => "HostFailed",
            Self::Contested => "Contested",
            Self::TooLarge => "TooLarge",
            Self::FinalizerBlocked => "FinalizerBlocked",
        }
    }
}

/// Whether `reason` is one that the host gives to `Ready=False` where a run did not bring an object to where it should be: then
/// what the module said of the object is older than that.
#[must_use]
pub fn is_problem(reason: &str) -> bool {
    Reason::ALL.iter().any(|known| known.as_str() == reason)
}

/// When a failed run is repeated, changes aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// With the object's backoff.
    Backoff,
    /// After so long.
    After(Duration),
    /// Not by itself: somebody has to do something.
    OnChange,
    /// As soon as what is missing appears.
    Woken,
}

/// A problem that the object's conditions show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Which.
    pub(crate) reason: Reason,
    /// For people.
    pub(crate) message: String,
    /// When it is tried again.
    pub(crate) again: Again,
}

impl Problem {
    /// Of a run without an outcome.
    pub(crate) fn of_run(error: &RunError) -> Self {
        let (reason, again) = match error {
            RunError::Failure(Failure::Retry(_)) => (Reason::Retrying, Again::Backoff),
            RunError::Failure(Failure::RetryAfter(after, _)) => {
                (Reason::Retrying, Again::After(*after))
            }
            RunError::Failure(Failure::Terminal(_)) => (Reason::Failed, Again::OnChange),
            RunError::Failure(Failure::Invalid(_)) => (Reason::InvalidSpec, Again::OnChange),
            RunError::Fault(fault) => (of_fault(fault), Again::Backoff),
        };
        Self {
            reason,
            message: error.to_string(),
            again,
        }
    }

    /// Of a write that was refused.
    pub(crate) fn of_refusal(what: &str, error: &ApiError) -> Self {
        if is_too_large(error) {
            return Self {
                reason: Reason::TooLarge,
                message: format!(
                    "{what}: {error}; hint: an API server takes about 1.5 MiB per object, 256 KiB of them annotations: keep less in it"
                ),
                again: Again::OnChange,
            };
        }
        let reason = if error.reason == "GrantMissing" {
            Reason::GrantMissing
        } else if error.reason == "Contested" {
            Reason::Contested
        } else if error.is_transient() && !is_of_schema(error) {
            Reason::ApiUnavailable
        } else {
            Reason::WriteRefused
        };
        Self {
            reason,
            message: format!("{what}: {error}"),
            again: Again::Backoff,
        }
    }

    /// The host's part of the status: `Ready` is False, `Stalled` tells whether anybody will try again.
    pub(crate) fn conditions(&self, wanted: &mut Wanted) {
        let reason = self.reason.as_str().to_owned();
        wanted.set.push(Condition {
            kind: READY.to_owned(),
            status: ConditionStatus::False,
            reason: reason.clone(),
            message: self.message.clone(),
        });
        if self.again == Again::OnChange {
            wanted.set.push(Condition {
                kind: STALLED.to_owned(),
                status: ConditionStatus::True,
                reason,
                message: self.message.clone(),
            });
        } else {
            wanted.clear.push(STALLED);
        }
    }
}

/// Server-side apply says with 500 that an object does not fit its schema, such as for a field that is not declared.
fn is_of_schema(error: &ApiError) -> bool {
    error
        .message
        .contains("failed to create typed patch object")
}

/// The same will be as large the next time. The API server says so itself (413), or hands on what etcd and its client say.
fn is_too_large(error: &ApiError) -> bool {
    error.code == 413
        || [
            "request is too large",
            "message larger than max",
            "metadata.annotations: Too long",
        ]
        .iter()
        .any(|words| error.message.contains(words))
}

const fn of_fault(fault: &Fault) -> Reason {
    match fault {
        Fault::Trapped { .. } => Reason::ModuleTrapped,
        Fault::CpuExceeded { .. } => Reason::CpuLimitExceeded,
        Fault::DeadlineExceeded { .. } => Reason::DeadlineExceeded,
        Fault::MemoryExceeded { .. } => Reason::MemoryLimitExceeded,
        Fault::OutputExceeded { .. } => Reason::OutputLimitExceeded,
        Fault::BadOutcome { .. } => Reason::BadOutcome,
        Fault::NoInstance { .. } => Reason::HostBusy,
        Fault::Library { fault, .. } => match fault {
            LibraryFault::Trapped { .. } => Reason::ModuleTrapped,
            LibraryFault::CpuExceeded { .. } => Reason::CpuLimitExceeded,
            LibraryFault::DeadlineExceeded { .. } => Reason::DeadlineExceeded,
            LibraryFault::MemoryExceeded { .. } => Reason::MemoryLimitExceeded,
            LibraryFault::OutputExceeded { .. } => Reason::OutputLimitExceeded,
            LibraryFault::NoInstance { .. } => Reason::HostBusy,
        },
    }
}

/// The host's part of the status after a good run: `Ready` is True where the module does not say otherwise.
pub(crate) fn good(wanted: &mut Wanted) {
    wanted.clear.push(STALLED);
    if !wanted.set.iter().any(|condition| condition.kind == READY) {
        wanted.set.push(Condition {
            kind: READY.to_owned(),
            status: ConditionStatus::True,
            reason: "Reconciled".to_owned(),
            message: "everything that the module asked for is in place".to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use oarlock_core::outcome::FieldError;

    use super::*;

    fn shown(problem: &Problem) -> String {
        let mut wanted = Wanted::default();
        problem.conditions(&mut wanted);
        let set = wanted.set.iter().map(|c| {
            format!(
                "{}={} {}: {}",
                c.kind,
                c.status.as_str(),
                c.reason,
                c.message
            )
        });
        set.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_users_see() {
        let invalid = Failure::Invalid(vec![
            FieldError {
                path: "spec.steps[2].percent".to_owned(),
                message: "must be at most 100".to_owned(),
            },
            FieldError {
                path: "spec.version".to_owned(),
                message: "must not be empty".to_owned(),
            },
        ]);
        insta::assert_snapshot!(shown(&Problem::of_run(&RunError::Failure(invalid))), @r"
        Ready=False InvalidSpec: spec.steps[2].percent: must be at most 100; spec.version: must not be empty
        Stalled=True InvalidSpec: spec.steps[2].percent: must be at most 100; spec.version: must not be empty
        ");
        let fault = Fault::CpuExceeded {
            limit: Duration::from_secs(1),
        };
        insta::assert_snapshot!(shown(&Problem::of_run(&RunError::Fault(fault))), @"Ready=False CpuLimitExceeded: the module used more than 1s of CPU time; hint: raise limits.cpu of the watch, or fix an endless loop");
        let conflict = ApiError::new(409, "Conflict", "conflict with \"helm\": .spec.replicas");
        insta::assert_snapshot!(
            shown(&Problem::of_refusal("Deployment web/nginx was not applied", &conflict)),
            @r#"Ready=False WriteRefused: Deployment web/nginx was not applied: conflict with "helm": .spec.replicas (Conflict, 409)"#
        );
    }
}
