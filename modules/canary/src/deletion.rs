//! The end of a Canary: the user's Deployment gets all its Pods back before the stable one goes, and then what was borrowed.
//!
//! The Deployment goes on to its own template, whatever a rollout was at: to go back, its user takes the template back first.

use oarlock_sdk::{Child, Condition, Outcome};

use crate::children;
use crate::deployment;
use crate::machine::{Effect, Hold, Situation};
use crate::state::{Mark, Stage, State};

/// What is left to do before it can go: nothing, or these children.
pub(crate) fn hand_back(known: Option<&State>, at: &Situation<'_>) -> Option<Vec<Child>> {
    let numbers = &at.numbers;
    let recovered;
    let state = match known {
        Some(state) => state,
        None => {
            recovered = at.recovered()?;
            &recovered
        }
    };
    let n = numbers.replicas;
    let all = State {
        stage: Stage::Promoting(Mark {
            index: 0,
            weight: 100,
            since: None,
        }),
        ..state.clone()
    };
    let mut numbers = *numbers;
    numbers.away = true;
    let goal = numbers.goal(&all, at.plan);
    let lent = at.app.assigned.is_none_or(|of| of == (n, n));
    let whole = numbers.is_at(goal)
        && numbers.stable.running == 0
        && (n == 0 || numbers.app.available >= numbers.surge.floor(n));
    let untouched =
        at.app.assigned.is_none() && numbers.stable.wanted == 0 && numbers.stable.running == 0;
    if untouched || (whole && lent && at.observed.is_current()) {
        return None;
    }
    let next = numbers.next(&all, goal, at.observed.is_current());
    let effect = Effect {
        hold: Hold::Sized {
            // Old Pods stay old until it is its own again: their number is what it gets back.
            paused: !deployment::is_pure(&at.app.live),
            replicas: next.canary,
        },
        stable: Some(next.stable),
        replaces: false,
    };
    Some(children::of(
        at.plan,
        at.observed,
        at.app,
        &state.stable,
        effect,
    ))
}

/// The outcome of a deletion.
pub(crate) fn outcome(left: Option<Vec<Child>>, at: &Situation<'_>) -> Outcome {
    let Some(children) = left else {
        return Outcome::new().children([]).finalized();
    };
    let numbers = &at.numbers;
    Outcome::new()
        .children(children)
        .patch_status(oarlock_sdk::json!({"phase": "Terminating"}))
        .condition(Condition::no(
            "Ready",
            "Terminating",
            format!(
                "{} of {} Pods of Deployment {} are available; what stands in for it goes when they are enough\n\
                 hint: if its template does not work, apply one that does",
                numbers.app.available, numbers.replicas, at.plan.target
            ),
        ))
}
