//! Where the requests shall go, stage by stage, and whether they have left what is to shrink.

use oarlock_sdk::Timestamp;

use crate::checks;
use crate::goal::{Numbers, steps};
use crate::plan::{Plan, Routing};
use crate::router::{Pods, Traffic};
use crate::state::{Mark, Stage, State};

/// Where the requests shall go. `hash`: of the Pods that the user's Deployment makes now.
pub(crate) fn of(state: &State, plan: &Plan, numbers: &Numbers, hash: Option<&str>) -> Traffic {
    let new = hash.map(|hash| Pods::Hash(String::from(hash)));
    let stable_only = Traffic {
        stable: Pods::Stable,
        canary: None,
        weight: 0,
    };
    match state.stage {
        Stage::Observing | Stage::Idle | Stage::Finalising => Traffic::idle(),
        _ if numbers.replicas == 0 => Traffic::idle(),
        Stage::Waiting | Stage::Aborting | Stage::Failed if state.is_home() => Traffic::idle(),
        Stage::Draining | Stage::Waiting if plan.routing == Routing::Replicas => Traffic::idle(),
        // Nobody is sent where there are too few Pods: until then all of them serve.
        Stage::Draining | Stage::Waiting | Stage::Rolling | Stage::Aborting | Stage::Failed
            if !takes_all(state, numbers) =>
        {
            Traffic::idle()
        }
        Stage::Draining | Stage::Waiting | Stage::Rolling => stable_only,
        Stage::Aborting | Stage::Failed => Traffic {
            canary: new,
            ..stable_only
        },
        Stage::Stepping(mark) | Stage::Asking(mark) | Stage::Promoting(mark) => Traffic {
            stable: Pods::Stable,
            canary: new,
            weight: weight(state, mark, plan, numbers),
        },
    }
}

/// Whether the stable Pods are enough for all requests. Where the others are old Pods, too, there is time to wait for all.
fn takes_all(state: &State, numbers: &Numbers) -> bool {
    let needed = match state.stage == Stage::Draining && state.is_home() && !state.broken {
        true => numbers.replicas,
        false => numbers.surge.floor(numbers.replicas).max(1),
    };
    numbers.stable.available >= needed || (state.broken && numbers.stable.available > 0)
}

/// The weight that a step is to have: none while what comes before the first step did not agree.
fn meant(state: &State, mark: Mark, plan: &Plan) -> u32 {
    let first = matches!(state.stage, Stage::Stepping(_)) && !state.pre_rollout_passed;
    match first && checks::asks_before_the_first_step(plan) {
        true => 0,
        false => mark.weight,
    }
}

/// The weight of a step as soon as there are Pods for it, that of the step before until then, and never more than there are
/// Pods for.
fn weight(state: &State, mark: Mark, plan: &Plan, numbers: &Numbers) -> u32 {
    let meant = meant(state, mark, plan);
    let goal = numbers.goal(state, plan);
    let enough = u64::from(numbers.app.available) * 100
        >= u64::from(goal.canary) * u64::from(plan.ready.canary);
    if enough || (mark.since.is_some() && mark.weight < 100) {
        return meant;
    }
    let steps = steps(plan);
    let before = match state.stage {
        Stage::Promoting(_) => steps.last(),
        _ => mark.index.checked_sub(1).and_then(|index| steps.get(index)),
    };
    let share = numbers.app.available.saturating_mul(100) / numbers.replicas.max(1);
    before.map_or(0, |step| step.weight).min(meant).min(share)
}

/// Whether `traffic` is where the stage wants to get, and not what has to do until there are Pods for it.
pub(crate) fn is_meant(state: &State, plan: &Plan, traffic: &Traffic) -> bool {
    match state.stage {
        Stage::Draining => traffic.stable == Pods::Stable,
        Stage::Aborting | Stage::Waiting if !state.is_home() => traffic.stable == Pods::Stable,
        Stage::Stepping(mark) | Stage::Asking(mark) | Stage::Promoting(mark) => {
            traffic.weight == meant(state, mark, plan)
        }
        _ => true,
    }
}

/// Whether the requests have left what is to shrink. `routed`: whether they go where the stage wants them.
pub(crate) fn is_away(state: &State, plan: &Plan, routed: bool, now: Timestamp) -> bool {
    if plan.routing == Routing::Replicas {
        return true;
    }
    let lingered =
        |since: Option<Timestamp>| since.is_some_and(|since| since + plan.strategy.linger <= now);
    match state.stage {
        Stage::Draining => routed,
        Stage::Aborting if !state.is_home() => routed && lingered(state.progress.at),
        Stage::Promoting(mark) if mark.weight >= 100 => routed && lingered(mark.since),
        _ => true,
    }
}

#[cfg(test)]
mod tests;
