//! When a step may be left.

use std::time::Duration;

use oarlock_sdk::Timestamp;
use rollout::analysis::{Decision as Verdict, Scope};
use rollout::control::Promotion;
use rollout::history::Outcome;
use rollout::why;

use super::state::{Mark, Phase, State};
use super::{Decision, Next, Situation, Told, act, patience};
use crate::plan::{Plan, PlannedStep};
use crate::spec::Kind;
use crate::status::Checks;

/// How soon checks that did not pass are asked again.
const ASK_AGAIN: Duration = Duration::from_secs(30);

/// On the way to a step's size.
pub(super) fn scaling(state: State, mark: Mark, at: &Situation<'_>) -> Next {
    if at.plan.replicas == 0 {
        return Next::act(state, None);
    }
    let steps = at.plan.steps(state.kind);
    match further(mark, at.plan, steps) {
        Some(next) => enter(state, next, at),
        None => patience::check(state, at),
    }
}

/// The step's Pods are available since then.
pub(super) fn waiting(mut state: State, mark: Mark, since: Timestamp, at: &Situation<'_>) -> Next {
    if at.plan.replicas == 0 {
        return Next::act(state, None);
    }
    let steps = at.plan.steps(state.kind);
    if let Some(next) = further(mark, at.plan, steps) {
        return enter(state, next, at);
    }
    let mark = remap(mark, steps).unwrap_or(mark);
    let Some(step) = steps.get(mark.index) else {
        return Next::act(state, None);
    };
    if !act::is_there(&state, at) {
        return patience::check(state, at);
    }
    if at.plan.wishes.paused {
        return Next::act(state, paused(mark));
    }
    if !is_promoted(mark, at.plan) {
        let until = since + step.sleep;
        if until > at.now {
            return Next::act(state, sleeping(mark, until));
        }
        if !step.checks.is_empty() {
            state = match asked(state, mark, since, step, at) {
                Ok(state) => *state,
                Err(next) => return next,
            };
        }
        if step.pause {
            let told = format!(
                "held at {}% until it is promoted\n\
                 hint: spec.control.promote: {}/{}",
                mark.percent,
                state.to.revision,
                mark.index + 1
            );
            return Next::act(state, Decision::new("WaitingForPromotion", told));
        }
    }
    match steps.get(mark.index + 1).filter(|_| mark.percent < 100) {
        Some(step) => {
            let next = Mark {
                index: mark.index + 1,
                percent: step.percent,
            };
            enter(state, next, at)
        }
        None if state.kind == Kind::BlueGreen => take_over(state, at),
        None => Next::act(state, None),
    }
}

/// What a step waits for that was just reached. What more there is, the run after the sleep decides.
pub(super) fn reached(mark: Mark, step: Option<&PlannedStep>, at: &Situation<'_>) -> Decision {
    let until = at.now + step.map(|step| step.sleep).unwrap_or_default();
    match (at.plan.wishes.paused, until > at.now) {
        (true, _) => paused(mark),
        (false, true) => sleeping(mark, until),
        (false, false) => {
            Decision::new("StepAvailable", format!("{}% is available", mark.percent)).wake(until)
        }
    }
}

fn paused(mark: Mark) -> Decision {
    Decision::new("Paused", format!("held at {}% while paused", mark.percent))
}

fn sleeping(mark: Mark, until: Timestamp) -> Decision {
    let told = format!("{}% is available, next step at {until}", mark.percent);
    Decision::new("Sleeping", told).wake(until)
}

fn enter(state: State, mark: Mark, _: &Situation<'_>) -> Next {
    Next::write(state.enter(Phase::Scaling(mark)), Vec::new())
}

/// Blue/green: the new version serves from now on.
fn take_over(mut state: State, at: &Situation<'_>) -> Next {
    if let Some(problem) = at.services.problem() {
        return Next::act(state, Decision::new("ServiceMissing", problem));
    }
    state.record(Outcome::Promoted, None, at.now);
    let told = vec![Told::Promoted];
    Next::write(state.enter(Phase::Retiring(at.now)), told)
}

/// Whether people want to go on without waiting at this step.
fn is_promoted(mark: Mark, plan: &Plan) -> bool {
    match plan.wishes.promote {
        Some(Promotion::Full) => true,
        Some(Promotion::Step(number)) => {
            u32::try_from(mark.index + 1).is_ok_and(|here| here <= number)
        }
        None => false,
    }
}

/// The step to be at now, where it is further, whatever becomes of this one.
fn further(mark: Mark, plan: &Plan, steps: &[PlannedStep]) -> Option<Mark> {
    match plan.wishes.paused {
        true => None,
        false => promoted(mark, plan, steps).or_else(|| moved(mark, steps)),
    }
}

/// The step that people want to be at, where it is further.
fn promoted(mark: Mark, plan: &Plan, steps: &[PlannedStep]) -> Option<Mark> {
    let last = steps.len().checked_sub(1)?;
    let index = match plan.wishes.promote? {
        Promotion::Full => last,
        Promotion::Step(number) => usize::try_from(number).map_or(last, |number| number.min(last)),
    };
    let percent = steps.get(index)?.percent;
    (percent > mark.percent).then_some(Mark { index, percent })
}

/// Where all steps are further than what was promised: the first of them.
fn moved(mark: Mark, steps: &[PlannedStep]) -> Option<Mark> {
    let first = steps.first()?;
    remap(mark, steps).is_none().then_some(Mark {
        index: 0,
        percent: first.percent,
    })
}

/// Where a mark stands in steps that may have been edited: at the last one that is not further. Nothing that was
/// promised is taken back.
pub(super) fn remap(mark: Mark, steps: &[PlannedStep]) -> Option<Mark> {
    if steps
        .get(mark.index)
        .is_some_and(|step| step.percent == mark.percent)
    {
        return Some(mark);
    }
    let index = steps
        .iter()
        .rposition(|step| step.percent <= mark.percent)?;
    Some(Mark { index, ..mark })
}

/// Asks the checks of a step, once per interval, until they have passed.
fn asked(
    mut state: State,
    mark: Mark,
    since: Timestamp,
    step: &PlannedStep,
    at: &Situation<'_>,
) -> Result<Box<State>, Next> {
    let known = state.checks.clone().unwrap_or_default();
    if known.passed {
        return Ok(Box::new(state));
    }
    if let Some(next) = known.next_at.filter(|next| *next > at.now) {
        return Err(Next::act(state, remembered(at).wake(next)));
    }
    let scope = Scope {
        namespace: at.plan.namespace.clone(),
        name: at.plan.deployer.clone(),
        uid: at.plan.uid.clone(),
        target: state.to.deployment.clone(),
        pods: state.to.deployment.clone(),
        service: at
            .plan
            .service
            .as_ref()
            .map(|one| one.name.clone())
            .unwrap_or_default(),
        ingress: String::new(),
        revision: state.to.revision.clone(),
        phase: String::from("Waiting"),
        step: u32::try_from(mark.index + 1).unwrap_or(u32::MAX),
        began: state.started_at.unwrap_or(since),
        since,
        tick: known.asked_at.unwrap_or(since),
    };
    let assessment = (at.ask)(&step.checks, &scope);
    let (tally, ruling) = known
        .tally
        .unwrap_or_default()
        .count(&assessment, at.plan.threshold);
    let passed = ruling.decision == Verdict::Advance;
    let next_at = ruling.wake.filter(|wake| *wake > at.now);
    let next_at = next_at.unwrap_or(at.now + ASK_AGAIN);
    state.checks = Some(Checks {
        passed,
        asked_at: Some(at.now),
        next_at: (!passed).then_some(next_at),
        tally: Some(tally),
    });
    let decision = |word: &'static str| Decision {
        inputs: ruling.inputs.clone(),
        ..Decision::new(word, ruling.because.clone()).wake(next_at)
    };
    Err(match ruling.decision {
        Verdict::Advance => return Ok(Box::new(state)),
        Verdict::Hold => Next::act(state, decision("ChecksHold")),
        Verdict::Failed => Next::act(state, decision("CheckFailed")),
        Verdict::GiveUp => match patience::give_up(state, ruling.because.clone(), at) {
            Next::Act(state, Some(_)) => Next::Act(state, Some(decision("CheckFailed"))),
            Next::Write(mut turn) => {
                turn.decision.inputs = ruling.inputs.clone();
                Next::Write(turn)
            }
            other @ Next::Act(..) => other,
        },
    })
}

/// What was found when the checks were asked last.
fn remembered(at: &Situation<'_>) -> Decision {
    match at.why.filter(|why| why.decision.starts_with("Check")) {
        Some(why::Why {
            decision,
            because,
            inputs,
            ..
        }) => Decision {
            word: decision.clone(),
            because: because.clone(),
            inputs: inputs.clone(),
            wake: None,
        },
        None => Decision::new("ChecksHold", "the checks are asked again"),
    }
}
