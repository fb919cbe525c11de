//! The part of the status that was seen.

use rollout::track::{Role, Track};
use rollout::why::Why;

use crate::deployment::DEPLOYER;
use crate::naming;
use crate::rollout::{Phase, Situation, Turn};
use crate::spec::Kind;
use crate::status::{DeployerStatus, Release};

/// The whole status.
pub(crate) fn observed(turn: &Turn, at: &Situation<'_>) -> DeployerStatus {
    let state = &turn.state;
    let ends = match (state.phase, state.phase.mark()) {
        (Phase::Waiting(_, since), Some(mark)) => {
            let step = at.plan.steps(state.kind).get(mark.index);
            step.filter(|step| !step.pause)
                .map(|step| since + step.sleep)
        }
        (Phase::Retiring(since), _) => Some(since + at.plan.scale_down_delay),
        _ => None,
    };
    let decision = &turn.decision;
    let sum = |of: fn(&crate::fleet::Track) -> u32| at.fleet.tracks().map(of).sum();
    DeployerStatus {
        observed_generation: Some(at.generation),
        current_revision: Some(at.plan.release.revision.clone()),
        step_ends_at: ends,
        tracks: tracks(turn, at),
        why: Some(Why {
            decision: decision.word.clone(),
            because: decision.because.clone(),
            inputs: decision.inputs.clone(),
            next_wake_up: decision.wake,
        }),
        replicas: Some(sum(|track| track.count.running)),
        available_replicas: Some(sum(|track| track.count.available)),
        selector: Some(format!("{DEPLOYER}={}", naming::label(&at.plan.deployer))),
        ..state.write()
    }
}

/// The versions side by side, what serves first.
fn tracks(turn: &Turn, at: &Situation<'_>) -> Vec<Track> {
    let state = &turn.state;
    let settled = !state.phase.is_rollout() || matches!(state.phase, Phase::Retiring(_));
    let to = (&state.to, if settled { Role::Stable } else { Role::Canary });
    let from = state.from.iter().map(|from| match settled {
        true => (from, Role::Intermediate),
        false => (from, Role::Stable),
    });
    let leaving = state.memory.intermediate.iter();
    let leaving = leaving.map(|release| (release, Role::Intermediate));
    let mut all: Vec<(&Release, Role)> = from.chain([to]).chain(leaving).collect();
    all.sort_by_key(|(_, role)| match role {
        Role::Stable => 0,
        Role::Canary => 1,
        Role::Intermediate => 2,
    });
    let available: u32 = at.fleet.tracks().map(|track| track.count.available).sum();
    let routed = at
        .services
        .active()
        .filter(|_| state.kind == Kind::BlueGreen);
    all.into_iter()
        .filter_map(|(release, role)| {
            let track = at.fleet.track(release)?;
            let share = u64::from(track.count.available) * 100;
            let share = share.checked_div(u64::from(available)).unwrap_or(0);
            let weight = match routed {
                Some(active) => 100 * u32::from(active == release.revision),
                None => u32::try_from(share).unwrap_or(100),
            };
            Some(Track {
                name: release.deployment.clone(),
                role,
                revision: release.revision.clone(),
                desired: track.count.wanted,
                ready: track.ready,
                available: track.count.available,
                weight,
            })
        })
        .collect()
}
