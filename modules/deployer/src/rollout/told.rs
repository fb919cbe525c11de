//! What happened, for people.

use rollout::why::Verdict;

use super::state::{Phase, State};
use super::{Decision, Situation};

/// What happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Told {
    /// A first version comes, all at once.
    Installing,
    Installed,
    StepEntered,
    StepAvailable,
    Promoted,
    /// Blue/green: the old version left.
    Retired,
    /// Given up.
    Aborted {
        deployment: String,
        reason: String,
    },
    RollingBack,
    RolledBack,
    Retried,
    Migrating,
    Migrated,
}

/// Why something is written down and not done yet.
pub(super) fn decision(state: &State, told: &[Told]) -> Decision {
    let name = &state.to.deployment;
    for one in told {
        match one {
            Told::Aborted { deployment, reason } => {
                return Decision::new("Aborted", format!("{deployment} is given up: {reason}"))
                    .input("failure", reason.clone(), Verdict::Fail);
            }
            Told::RollingBack => {
                return Decision::new("RollingBack", format!("back to {name}, without steps"));
            }
            Told::Retried => return Decision::new("Retried", format!("{name} is tried again")),
            _ => {}
        }
    }
    match state.phase {
        Phase::Scaling(mark) => Decision::new(
            "StepEntered",
            format!("{}% of the replicas go to {name}", mark.percent),
        ),
        Phase::Retiring(_) => Decision::new("Promoted", format!("{name} serves")),
        Phase::Draining => {
            Decision::new("Draining", format!("{name} starts when nothing else runs"))
        }
        Phase::Migrating => Decision::new("Migrating", format!("the Job before {name}")),
        Phase::Starting => Decision::new("Starting", format!("nothing else runs, {name} starts")),
        Phase::Finishing => Decision::new("RollingBack", format!("back to {name}, without steps")),
        Phase::Installing => Decision::new("Installing", format!("nothing served before {name}")),
        Phase::Waiting(..) | Phase::Stable => Decision::new("Noted", "a wish was carried out"),
    }
}

/// Why nothing is done.
pub(super) fn rest(state: &State, at: &Situation<'_>) -> Decision {
    let name = &state.to.deployment;
    let wanted = &at.plan.release;
    if state.is_rejected(&wanted.revision) && state.to.revision != wanted.revision {
        let reason = state
            .memory
            .history
            .iter()
            .find(|entry| entry.revision == wanted.revision)
            .and_then(|entry| entry.reason.clone());
        let reason = reason
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default();
        return Decision::new(
            "Rejected",
            format!(
                "{} ({}) was given up{reason}\n\
                 hint: change it, or try it again with spec.control.retry",
                wanted.version, wanted.revision
            ),
        );
    }
    Decision::new("Stable", format!("all replicas are of {name}"))
}
