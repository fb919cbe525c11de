//! What a rollout is to and from.

use rollout::history::Outcome;

use super::act;
use super::state::{Mark, Memory, Phase, State};
use super::{Decision, Next, Situation, Told, migrating};
use crate::fleet::Track;
use crate::spec::Kind;
use crate::status::Release;

/// Nothing remembered.
pub(super) fn memory() -> Memory {
    Memory::default()
}

/// A first version, or one after another that never served.
pub(super) fn install(memory: Memory, at: &Situation<'_>) -> State {
    let phase = match at.plan.kind {
        Kind::Recreate if at.plan.migration.is_some() => Phase::Draining,
        _ => Phase::Installing,
    };
    State {
        rollout: at.generation,
        started_at: Some(at.now),
        kind: at.plan.kind,
        ..State::new(at.plan.release.clone(), phase, memory)
    }
}

/// From what serves to what the plan wants.
pub(super) fn begin(from: Release, memory: Memory, at: &Situation<'_>) -> State {
    let plan = at.plan;
    let to = &plan.release;
    let mut state = install(memory, at);
    let served = state
        .memory
        .kept
        .iter()
        .any(|one| one.revision == to.revision);
    state
        .memory
        .intermediate
        .retain(|one| one.revision != to.revision);
    state.memory.kept.retain(|one| one.revision != to.revision);
    state.phase = match plan.kind {
        // It served before, and its Deployment is still there.
        Kind::Canary | Kind::BlueGreen if served => Phase::Finishing,
        Kind::Canary => Phase::Scaling(reached(at)),
        Kind::BlueGreen => Phase::Scaling(Mark {
            index: 0,
            percent: 100,
        }),
        Kind::Recreate => Phase::Draining,
    };
    state.from = Some(from);
    state
}

/// The step that a version has reached already, because it was on its way before: it does not lose Pods.
fn reached(at: &Situation<'_>) -> Mark {
    let plan = at.plan;
    let there = at.fleet.count(&plan.release).wanted;
    let reached = plan
        .canary
        .iter()
        .rposition(|step| act::share(at, step.percent).canary <= there);
    let index = reached.filter(|_| there > 0).unwrap_or(0);
    Mark {
        index,
        percent: plan.canary.get(index).map_or(100, |step| step.percent),
    }
}

/// What serves now, where nothing was written down: the largest of the others.
pub(super) fn baseline(at: &Situation<'_>) -> Option<Release> {
    let target = [&at.plan.release];
    at.fleet
        .besides(&target)
        .filter(|track| track.live > 0 || track.count.running > 0)
        .max_by_key(|track| (track.count.available, track.count.wanted))
        .map(Track::release)
}

/// Wishes that are not for the goal: a retry, and an abort.
pub(super) fn wishes(mut state: State, at: &Situation<'_>) -> Result<Next, Box<State>> {
    let wanted = &at.plan.release.revision;
    if let Some(token) = &at.plan.wishes.retry {
        state.memory.handled_retry = Some(token.clone());
        let was = state.is_rejected(wanted);
        state.memory.rejected.retain(|known| known != wanted);
        let again = migrating::again(&mut state, at);
        let told = (was || again).then_some(Told::Retried);
        return Ok(Next::note(state, told));
    }
    let rolls = state.phase.is_rollout() && state.to.revision == *wanted;
    let serves = state
        .stable()
        .is_some_and(|stable| stable.revision == *wanted);
    let known = state.is_rejected(wanted);
    if !at.plan.wishes.abort || known || serves && !rolls {
        return Err(Box::new(state));
    }
    if rolls {
        return match migrating::waits(&state, at) {
            Some(waits) => Ok(Next::act(state, waits)),
            None if state.from.is_some() => Ok(abort(state, "spec.control.abort asks for it", at)),
            None => Err(Box::new(state)),
        };
    }
    if state.stable().is_none() {
        return Err(Box::new(state));
    }
    state.reject(wanted);
    Ok(Next::note(state, None))
}

/// Whether something else is wanted than what the state is about.
pub(super) fn is_elsewhere(state: &State, at: &Situation<'_>) -> bool {
    let wanted = &at.plan.release.revision;
    match state.is_rejected(wanted) {
        // It is not tried again: what served before serves.
        true => state.phase.is_rollout() && state.from.is_some(),
        false => state.to.revision != *wanted,
    }
}

/// Whether the way there is a way back.
pub(super) fn is_back(state: &State, at: &Situation<'_>) -> bool {
    let wanted = &at.plan.release.revision;
    let from = state.from.as_ref().filter(|_| state.phase.is_rollout());
    from.is_some_and(|from| from.revision == *wanted) || state.is_rejected(wanted)
}

pub(super) fn paused(at: &Situation<'_>) -> Decision {
    Decision::new(
        "Paused",
        format!(
            "{} is not rolled out while paused",
            at.plan.release.deployment
        ),
    )
}

/// Another revision is wanted than the one that was written down.
pub(super) fn retarget(mut state: State, at: &Situation<'_>) -> Next {
    let wanted = &at.plan.release;
    if state.phase == Phase::Installing {
        let mut memory = state.memory;
        leave(&mut memory, state.to);
        return Next::write(install(memory, at), vec![Told::Installing]);
    }
    if state.phase.is_rollout() && is_back(&state, at) {
        let outcome = match state.is_rejected(&state.to.revision) {
            true => Outcome::Aborted,
            false => Outcome::Reverted,
        };
        state.record(outcome, None, at.now);
        return back(state, vec![Told::RollingBack], at);
    }
    if state.phase.is_rollout() && !matches!(state.phase, Phase::Retiring(_)) {
        let reason = format!("{} was wanted instead", wanted.version);
        state.record(Outcome::Superseded, Some(reason), at.now);
    }
    let mut memory = state.memory;
    let serving = match state.phase {
        Phase::Finishing | Phase::Stable | Phase::Retiring(_) => {
            // It served: the way back to it has no steps, as long as it is there.
            if let Some(from) = state.from {
                memory.kept.insert(0, from);
            }
            Some(state.to)
        }
        _ => {
            leave(&mut memory, state.to);
            state.from
        }
    };
    let known = [wanted];
    let others = at
        .fleet
        .besides(&known)
        .any(|track| memory.kept.iter().all(|kept| kept.deployment != track.name));
    match serving {
        Some(serving) if others || at.plan.kind == Kind::Recreate => {
            Next::write(begin(serving, memory, at), Vec::new())
        }
        // Nothing is left that could serve meanwhile.
        _ => Next::write(install(memory, at), vec![Told::Installing]),
    }
}

/// Gives the revision up, and goes back to what served before.
pub(super) fn abort(mut state: State, reason: &str, at: &Situation<'_>) -> Next {
    let revision = state.to.revision.clone();
    state.reject(&revision);
    state.record(Outcome::Aborted, Some(String::from(reason)), at.now);
    let told = Told::Aborted {
        deployment: state.to.deployment.clone(),
        reason: String::from(reason),
    };
    back(state, vec![told], at)
}

/// Back to what served before, without steps.
fn back(state: State, mut told: Vec<Told>, at: &Situation<'_>) -> Next {
    let Some(from) = state.from else {
        return Next::act(state, None);
    };
    let mut memory = state.memory;
    leave(&mut memory, state.to);
    memory
        .intermediate
        .retain(|one| one.revision != from.revision);
    if !told.contains(&Told::RollingBack) {
        told.push(Told::RollingBack);
    }
    let next = State {
        rollout: at.generation,
        started_at: Some(at.now),
        kind: state.kind,
        ..State::new(from, Phase::Finishing, memory)
    };
    Next::write(next, told)
}

fn leave(memory: &mut Memory, release: Release) {
    memory.kept.retain(|one| one.revision != release.revision);
    memory
        .intermediate
        .retain(|one| one.revision != release.revision);
    memory.intermediate.push(release);
}
