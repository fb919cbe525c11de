//! What people are told: conditions and Events.

use oarlock_sdk::{Condition, Event};

use crate::rollout::{Phase, Situation, Turn};
use crate::split;

/// `Ready`: true only when one version has all replicas, and they are available.
pub(crate) fn ready(turn: &Turn, at: &Situation<'_>) -> Condition {
    let name = &at.plan.release.deployment;
    if let Some(failure) = at
        .fleet
        .target
        .as_ref()
        .and_then(|track| track.failure.as_deref())
    {
        return Condition::no(
            "Ready",
            "DeploymentFailed",
            format!("Deployment {name}: {failure}"),
        );
    }
    let replicas = at.plan.replicas;
    let available = at.fleet.target_size().available;
    let state = turn.state();
    let place = match state.phase {
        Phase::Scaling(mark) | Phase::Waiting(mark, _) => {
            format!(
                "step {} of {} ({}%): ",
                mark.index + 1,
                at.plan.steps.len(),
                mark.percent
            )
        }
        Phase::Installing | Phase::Finishing | Phase::Stable => String::new(),
    };
    match state.phase {
        Phase::Stable if at.fleet.target_settled() && available >= replicas => Condition::yes(
            "Ready",
            "Available",
            format!("all {replicas} Pods of {name} are available"),
        ),
        Phase::Waiting(mark, since) => {
            let sleep = at
                .plan
                .steps
                .get(mark.index)
                .map(|step| step.sleep)
                .unwrap_or_default();
            let next = if mark.percent < 100 && mark.index + 1 == at.plan.steps.len() {
                String::from("held\nhint: add a step of 100 percent to finish the rollout")
            } else {
                format!("next step at {}", since + sleep)
            };
            Condition::no("Ready", "Progressing", format!("{place}{next}"))
        }
        Phase::Scaling(mark) => {
            let share = split::share(replicas, mark.percent);
            let message = format!(
                "{place}{} of {share} Pods of {name} are available",
                available.min(share)
            );
            let reason = if available < share {
                "WaitingForPods"
            } else {
                "Progressing"
            };
            Condition::no("Ready", reason, message)
        }
        Phase::Installing | Phase::Finishing | Phase::Stable => Condition::no(
            "Ready",
            "WaitingForPods",
            format!(
                "{} of {replicas} Pods of {name} are available",
                available.min(replicas)
            ),
        ),
    }
}

/// `Running`, in the words that users of the demo's operator know.
pub(crate) fn running(turn: &Turn, at: &Situation<'_>) -> Condition {
    let done = turn.state().phase == Phase::Stable && at.fleet.target_settled();
    match done {
        true => Condition::yes("Running", "Successful", "Awaiting next reconciliation"),
        false => Condition::yes("Running", "Running", "Running reconciliation"),
    }
}

/// One Event per transition. The keys name it, so that no restart repeats one.
pub(crate) fn events(turn: &Turn, at: &Situation<'_>) -> Vec<Event> {
    let state = turn.state();
    let name = &state.to.deployment;
    let key = |what: &str| format!("rollout-{}-{what}", state.rollout);
    let mut events = Vec::new();
    match turn {
        Turn::Enter { .. } => match state.phase {
            Phase::Scaling(mark) => events.push(Event::normal(
                key(&format!("step-{}-entered", mark.index + 1)),
                "StepEntered",
                format!(
                    "step {} of {}: {}% to {name}",
                    mark.index + 1,
                    at.plan.steps.len(),
                    mark.percent
                ),
            )),
            Phase::Finishing => {
                events.push(Event::normal(
                    key("back"),
                    "RollingBack",
                    format!("back to {name}, without steps"),
                ));
            }
            Phase::Installing | Phase::Waiting(..) | Phase::Stable => {}
        },
        Turn::Act { before, .. } => match (before, state.phase) {
            (None, Phase::Installing) => {
                events.push(Event::normal(
                    key("installing"),
                    "Installing",
                    format!("{} Pods of {name}", at.plan.replicas),
                ));
            }
            (Some(Phase::Scaling(_)), Phase::Waiting(mark, _)) => {
                events.push(reached(&key, mark.index, mark.percent, at))
            }
            (Some(Phase::Installing), Phase::Stable) => {
                events.push(Event::normal(
                    key("installed"),
                    "Installed",
                    format!("{name} is available"),
                ));
            }
            (Some(Phase::Finishing), Phase::Stable) => {
                events.push(Event::normal(
                    key("rolled-back"),
                    "RolledBack",
                    format!("all Pods are of {name} again"),
                ));
            }
            (Some(Phase::Scaling(_) | Phase::Waiting(..)), Phase::Stable) => {
                events.push(Event::normal(
                    key("promoted"),
                    "Promoted",
                    format!("all Pods are of {name}"),
                ));
            }
            _ => {}
        },
    }
    if let Some(failure) = at
        .fleet
        .target
        .as_ref()
        .and_then(|track| track.failure.as_deref())
    {
        events.push(Event::warning(
            key(&format!("failed-{name}")),
            "DeploymentFailed",
            failure,
        ));
    }
    events
}

fn reached(key: &dyn Fn(&str) -> String, index: usize, percent: u8, at: &Situation<'_>) -> Event {
    let number = index + 1;
    if percent < 100 && number == at.plan.steps.len() {
        return Event::warning(
            key("held"),
            "Held",
            format!(
                "held at {percent}%: the last step is not 100\nhint: add a step of 100 percent"
            ),
        );
    }
    Event::normal(
        key(&format!("step-{number}-available")),
        "StepAvailable",
        format!("{percent}% is available"),
    )
}
