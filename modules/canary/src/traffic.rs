//! Where the requests shall go, stage by stage, and whether they have left what is to shrink.

use oarlock_sdk::Timestamp;

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
    let serves = numbers.stable.available >= numbers.replicas && numbers.replicas > 0;
    let floor = numbers.surge.floor(numbers.replicas).max(1);
    match state.stage {
        Stage::Observing | Stage::Idle | Stage::Finalising => Traffic::idle(),
        _ if numbers.replicas == 0 => Traffic::idle(),
        Stage::Waiting | Stage::Aborting | Stage::Failed if state.is_home() => Traffic::idle(),
        // Old Pods in both: all of them serve until the stable ones are enough.
        Stage::Draining if state.is_home() && !serves => Traffic::idle(),
        // A revision that was on its way has Pods as well: they get requests only where the stable ones are too few.
        Stage::Draining if numbers.stable.available < floor => Traffic::idle(),
        Stage::Draining | Stage::Waiting => match plan.routing {
            Routing::Replicas => Traffic::idle(),
            Routing::Gateway | Routing::Services => stable_only,
        },
        Stage::Rolling => stable_only,
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

/// The weight of a step as soon as there are Pods for it, that of the step before until then.
fn weight(state: &State, mark: Mark, plan: &Plan, numbers: &Numbers) -> u32 {
    let goal = numbers.goal(state, plan);
    if mark.since.is_some() || numbers.app.available >= goal.canary {
        return mark.weight;
    }
    let before = |mark: Mark| {
        let index = mark.index.checked_sub(1)?;
        Some(steps(plan).get(index)?.weight.min(mark.weight))
    };
    match state.stage {
        Stage::Promoting(_) => steps(plan)
            .last()
            .map_or(0, |step| step.weight.min(mark.weight)),
        _ => before(mark).unwrap_or(0),
    }
}

/// Whether the requests have left what is to shrink. `routed`: whether they go where they shall.
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
