//! What people are told: conditions, Events, tracks, and why.

use oarlock_sdk::{Condition, Event, Timestamp, Value};
use rollout::track::{Role, Track};
use rollout::why::{Input, Verdict, Why};

use crate::machine::{Situation, Told};
use crate::state::{Stage, State};
use crate::status::CanaryStatus;

/// The status of a state, filled with what there is.
pub(crate) fn status(
    before: &CanaryStatus,
    state: &State,
    told: &Told,
    at: &Situation<'_>,
    generation: i64,
    wake: Option<Timestamp>,
) -> CanaryStatus {
    let app = at.numbers.app;
    let stable = at.numbers.stable;
    CanaryStatus {
        observed_generation: Some(generation),
        step_ends_at: match state.stage {
            Stage::Stepping(mark) | Stage::Promoting(mark) if mark.since.is_some() => wake,
            _ => None,
        },
        assigned_replicas: at.app.assigned.map(|(assigned, _)| assigned),
        replicas: app.running + stable.running,
        available_replicas: app.available + stable.available,
        desired_replicas: at.numbers.replicas,
        selector: selector(&at.app.live.spec.selector),
        tracks: tracks(state, at),
        why: Some(match &before.why {
            Some(last) if told.quiet && before.stage == Some(state.stage.name()) => Why {
                next_wake_up: wake,
                ..last.clone()
            },
            _ => why(state, told, at, wake),
        }),
        ..state.write(before, at.now)
    }
}

/// A label selector as text, as `/scale` has it.
fn selector(selector: &Value) -> Option<String> {
    let labels = selector["matchLabels"].as_object()?;
    let pairs = labels
        .iter()
        .filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)));
    Some(pairs.collect::<Vec<_>>().join(","))
}

fn tracks(state: &State, at: &Situation<'_>) -> Vec<Track> {
    let numbers = &at.numbers;
    let all = numbers.app.available + numbers.stable.available;
    let percent = |part: u32| match all {
        0 => 0,
        all => (part * 100 + all / 2) / all,
    };
    let role = match state.is_home() || state.is_back() {
        true => Role::Stable,
        false => Role::Canary,
    };
    let app = Track {
        name: at.plan.target.clone(),
        role,
        revision: state
            .running
            .clone()
            .unwrap_or_else(|| state.target.clone()),
        desired: numbers.app.wanted,
        ready: at.app.live.status.ready_replicas,
        available: numbers.app.available,
        weight: percent(numbers.app.available),
    };
    let stable = at.observed.stable.as_ref().map(|live| Track {
        name: at.plan.stable(),
        role: Role::Stable,
        revision: state.stable.revision.clone(),
        desired: numbers.stable.wanted,
        ready: live.status.ready_replicas,
        available: numbers.stable.available,
        weight: percent(numbers.stable.available),
    });
    std::iter::once(app).chain(stable).collect()
}

fn why(state: &State, told: &Told, at: &Situation<'_>, wake: Option<Timestamp>) -> Why {
    let goal = at.numbers.goal(state, at.plan);
    let pods = |name: &str, available: u32, wanted: u32| {
        let verdict = match available >= wanted {
            true => Verdict::Pass,
            false => Verdict::Hold,
        };
        Input::new(
            format!("pods of {name}"),
            format!("{available} of {wanted} available"),
            verdict,
        )
        .expected(format!("{wanted}"))
    };
    let mut inputs = Vec::new();
    if state.stage != Stage::Observing {
        inputs.push(pods(&at.plan.target, at.numbers.app.available, goal.canary));
        inputs.push(pods(
            &at.plan.stable(),
            at.numbers.stable.available,
            goal.stable,
        ));
    }
    if let Some(answer) = &told.answer {
        inputs.extend(answer.inputs.iter().cloned());
    }
    if state.stage.is_under_way() {
        let verdict = match state.checks.tally.failed_checks < at.plan.threshold {
            true => Verdict::Pass,
            false => Verdict::Fail,
        };
        inputs.push(
            Input::new(
                "failed checks",
                format!("{}", state.checks.tally.failed_checks),
                verdict,
            )
            .expected(format!("< {}", at.plan.threshold)),
        );
    }
    Why {
        decision: String::from(told.decision),
        because: told.because.clone(),
        inputs,
        next_wake_up: wake,
    }
}

/// The conditions.
/// `warned`: the object has the condition of warnings already.
pub(crate) fn conditions(
    state: &State,
    why: &Why,
    at: &Situation<'_>,
    warned: bool,
) -> Vec<Condition> {
    let numbers = &at.numbers;
    let floor = numbers.surge.floor(numbers.replicas);
    let available = at.observed.available();
    let counts = format!(
        "{available} of {} Pods are available, {floor} are needed",
        numbers.replicas
    );
    let settled = state.stage == Stage::Idle;
    let ready = match (settled, available >= floor) {
        (true, true) => Condition::yes("Ready", why.decision.clone(), why.because.clone()),
        (true, false) => Condition::no("Ready", "WaitingForPods", counts.clone()),
        (false, _) => Condition::no("Ready", why.decision.clone(), why.because.clone()),
    };
    let paused = at.plan.suspend
        || at.plan.paused
        || (state.stage.is_under_way() && at.plan.control.pauses(&state.target));
    let mut conditions = vec![
        ready,
        flag(
            "Progressing",
            state.stage.is_under_way() && !paused,
            &why.decision,
            &why.because,
        ),
        match available >= floor {
            true => Condition::yes("Available", "Available", counts),
            false => Condition::no("Available", "WaitingForPods", counts),
        },
        flag(
            "Paused",
            paused,
            if paused { "Held" } else { "Running" },
            if paused {
                "its user holds it where it is"
            } else {
                ""
            },
        ),
        match &state.failure {
            Some(failure) => Condition::yes("Degraded", "RolloutFailed", failure.clone()),
            None => Condition::no("Degraded", "AsExpected", ""),
        },
        promoted(state),
    ];
    match at.plan.warnings.as_slice() {
        [] if warned => conditions.push(Condition::no("Warnings", "None", "")),
        [] => {}
        warnings => conditions.push(Condition::yes(
            "Warnings",
            "FieldsNotUsed",
            warnings.join("\n"),
        )),
    }
    conditions
}

/// Flagger's condition.
fn promoted(state: &State) -> Condition {
    let phase = format!("{:?}", state.phase());
    match state.stage {
        Stage::Idle => Condition::yes("Promoted", phase, "all Pods are of one revision"),
        Stage::Aborting | Stage::Failed => {
            Condition::no("Promoted", phase, state.failure.clone().unwrap_or_default())
        }
        _ => Condition::unknown("Promoted", phase, ""),
    }
}

fn flag(kind: &str, yes: bool, reason: &str, message: &str) -> Condition {
    match yes {
        true => Condition::yes(kind, reason, message),
        false => Condition::no(kind, reason, message),
    }
}

/// One Event per transition. The keys name it, so that no restart repeats one.
pub(crate) fn events(
    before: Option<&State>,
    state: &State,
    told: &Told,
    at: &Situation<'_>,
) -> Vec<Event> {
    let mut events = Vec::new();
    let moved = before.is_none_or(|before| before.stage.name() != state.stage.name());
    let step = state.stage.mark().map_or(0, |mark| mark.index + 1);
    let news = match told.decision {
        "StepAvailable" | "StepEntered" | "Aborted" | "RetryHeard" | "NewRevision"
        | "Promoting" | "Promoted" | "StableNotAvailable" | "PreRolloutPassed" => true,
        "Held" if before.is_some_and(|before| before.failure != state.failure) => true,
        "CheckFailed" | "Held" => told.answer.is_some(),
        _ => moved,
    };
    if news && state.stage != Stage::Observing {
        let key = format!(
            "rollout-{}-{}-{step}-{}",
            state.rollout, told.decision, state.checks.tally.failed_checks
        );
        let warning = matches!(
            told.decision,
            "Aborted" | "CheckFailed" | "Failed" | "StableNotAvailable" | "Held" | "StillRejected"
        );
        events.push(match warning {
            true => Event::warning(key, told.decision, told.because.clone()),
            false => Event::normal(key, told.decision, told.because.clone()),
        });
    }
    if at.app.live.spec.recreates() && moved && state.stage == Stage::Draining {
        events.push(Event::warning(
            format!("rollout-{}-recreate", state.rollout),
            "RecreateNotKept",
            format!(
                "spec.strategy.type of Deployment {} is Recreate, but while a revision is rolled out both run side by side\n\
                 hint: leave the Canary out where two revisions must not run at once",
                at.plan.target
            ),
        ));
    }
    if before.is_none() {
        // Said once, when it begins; the condition says it as long as it holds.
        for (index, warning) in at.plan.warnings.iter().enumerate() {
            events.push(Event::warning(
                format!("warning-{index}"),
                "FieldsNotUsed",
                warning.clone(),
            ));
        }
    }
    if let Some(answer) = &told.answer {
        for (index, warning) in answer.warnings.iter().enumerate() {
            events.push(Event::warning(
                format!(
                    "rollout-{}-check-{step}-{}-{index}",
                    state.rollout, state.checks.tally.failed_checks
                ),
                "CheckWarning",
                warning.clone(),
            ));
        }
    }
    events
}
