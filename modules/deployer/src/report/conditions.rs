//! Conditions: `Ready`, `Progressing`, `Available`, `Paused`, `Degraded`, and `Running` as the demo's operator has it.

use oarlock_sdk::Condition;

use crate::rollout::{Phase, Situation, Turn};

/// Words that mean that somebody has to do something.
const BROKEN: [&str; 6] = [
    "Held",
    "CheckFailed",
    "MigrationFailed",
    "MigrationJobMissing",
    "Rejected",
    "ServiceMissing",
];

/// All of them.
pub(crate) fn conditions(turn: &Turn, at: &Situation<'_>) -> Vec<Condition> {
    vec![
        ready(turn, at),
        progressing(turn, at),
        available(at),
        paused(turn, at),
        degraded(turn, at),
        running(turn, at),
    ]
}

fn word(turn: &Turn) -> &str {
    &turn.decision.word
}

/// Why Pods of the version do not come, as the Deployment controller says it.
fn failure<'a>(turn: &Turn, at: &'a Situation<'_>) -> Option<&'a str> {
    at.fleet.track(&turn.state.to)?.failure.as_deref()
}

/// Whether the goal's Pods are all there.
fn is_complete(turn: &Turn, at: &Situation<'_>) -> bool {
    let to = &turn.state.to;
    at.fleet.is_settled(to) && at.fleet.count(to).available >= at.plan.replicas
}

/// True only when the revision that the spec wants has all replicas, and they are available.
fn ready(turn: &Turn, at: &Situation<'_>) -> Condition {
    let state = &turn.state;
    let name = &state.to.deployment;
    let no = |reason: &str, message: String| Condition::no("Ready", reason, message);
    if let Some(failure) = failure(turn, at) {
        return no("DeploymentFailed", format!("Deployment {name}: {failure}"));
    }
    let because = || turn.decision.because.clone();
    if BROKEN.contains(&word(turn)) {
        return no(word(turn), because());
    }
    let replicas = at.plan.replicas;
    let available = at.fleet.count(&state.to).available;
    let steps = at.plan.steps(state.kind);
    let place = |mark: crate::rollout::Mark| {
        format!(
            "step {} of {} ({}%): ",
            mark.index + 1,
            steps.len(),
            mark.percent
        )
    };
    let pods = |share: u32| {
        format!(
            "{} of {share} Pods of {name} are available",
            available.min(share)
        )
    };
    match (state.phase, state.phase.mark()) {
        (Phase::Stable, _) if state.to.revision != at.plan.release.revision => {
            no(word(turn), because())
        }
        (Phase::Stable, _) if is_complete(turn, at) => Condition::yes(
            "Ready",
            "Available",
            format!("all {replicas} Pods of {name} are available"),
        ),
        (Phase::Waiting(_, since), Some(mark)) => match word(turn) {
            "StepAvailable" | "Sleeping" => {
                let sleep = steps
                    .get(mark.index)
                    .map(|step| step.sleep)
                    .unwrap_or_default();
                let next = format!("{}next step at {}", place(mark), since + sleep);
                no("Progressing", next)
            }
            "WaitingForPods" | "Shrinking" => {
                no("WaitingForPods", format!("{}{}", place(mark), because()))
            }
            word => no(word, format!("{}{}", place(mark), because())),
        },
        (Phase::Scaling(_), Some(mark)) => {
            let share = crate::rollout::share_of(state, at);
            let reason = match available < share {
                true => "WaitingForPods",
                false => "Progressing",
            };
            no(reason, format!("{}{}", place(mark), pods(share)))
        }
        (Phase::Draining | Phase::Migrating | Phase::Retiring(_), _) => no(word(turn), because()),
        _ if word(turn) == "Paused" => no("Paused", because()),
        _ => no("WaitingForPods", pods(replicas)),
    }
}

/// Whether the module is on its way to another revision.
fn progressing(turn: &Turn, _: &Situation<'_>) -> Condition {
    let because = turn.decision.because.clone();
    match (turn.state.phase, word(turn)) {
        (Phase::Stable, word) => Condition::no("Progressing", word, because),
        (_, word @ ("Paused" | "WaitingForPromotion")) => {
            Condition::no("Progressing", word, because)
        }
        (_, word) if BROKEN.contains(&word) => Condition::no("Progressing", word, because),
        (phase, _) => {
            let reason = match phase {
                Phase::Installing => "Installing",
                Phase::Finishing => "RollingBack",
                _ => "RollingOut",
            };
            let name = &turn.state.to.deployment;
            Condition::yes("Progressing", reason, format!("on the way to {name}"))
        }
    }
}

/// Whether as many Pods serve as are promised, of whichever revision.
fn available(at: &Situation<'_>) -> Condition {
    let floor = at.plan.surge.floor(at.plan.replicas);
    let all: u32 = at.fleet.tracks().map(|track| track.count.available).sum();
    match all >= floor {
        true => Condition::yes(
            "Available",
            "MinimumReplicasAvailable",
            format!("at least {floor} Pods are available"),
        ),
        false => Condition::no(
            "Available",
            "MinimumReplicasUnavailable",
            format!("{all} Pods are available, at least {floor} should be"),
        ),
    }
}

fn paused(turn: &Turn, at: &Situation<'_>) -> Condition {
    if at.plan.wishes.paused {
        let message = "no step is taken and no rollout begins";
        return Condition::yes("Paused", "Paused", message);
    }
    match word(turn) {
        "WaitingForPromotion" => Condition::yes(
            "Paused",
            "WaitingForPromotion",
            turn.decision.because.clone(),
        ),
        _ => Condition::no("Paused", "NotPaused", "nobody holds it"),
    }
}

/// Whether something is wrong that does not go away by itself.
fn degraded(turn: &Turn, at: &Situation<'_>) -> Condition {
    if BROKEN.contains(&word(turn)) {
        return Condition::yes("Degraded", word(turn), turn.decision.because.clone());
    }
    let rejected = &at.plan.release;
    if turn.state.is_rejected(&rejected.revision) {
        let told = format!("{} ({}) was given up", rejected.version, rejected.revision);
        return Condition::yes("Degraded", "Rejected", told);
    }
    match failure(turn, at) {
        Some(failure) => {
            let name = &turn.state.to.deployment;
            Condition::yes(
                "Degraded",
                "DeploymentFailed",
                format!("Deployment {name}: {failure}"),
            )
        }
        None => Condition::no("Degraded", "AsExpected", "nothing is wrong"),
    }
}

/// `Running`, in the words that users of the demo's operator know.
fn running(turn: &Turn, at: &Situation<'_>) -> Condition {
    let done = turn.state.phase == Phase::Stable && at.fleet.is_settled(&turn.state.to);
    match done {
        true => Condition::yes("Running", "Successful", "Awaiting next reconciliation"),
        false => Condition::yes("Running", "Running", "Running reconciliation"),
    }
}
