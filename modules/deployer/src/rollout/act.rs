//! Brings the Deployments to where the state says, and notices when they are there.

use rollout::arithmetic::{Count, Split, Surge, resize, split};
use rollout::history::Outcome;
use rollout::why::Verdict;

use super::state::{Mark, Phase, State};
use super::{Decision, Deed, Situation, Told, Turn, gate, patience};
use crate::fleet::Sized;
use crate::plan::PlannedStep;
use crate::spec::Kind;
use crate::status::{MigrationStatus, Progress, Release, Stage};

/// The next sizes.
struct Movement {
    sizes: Vec<Sized>,
    /// What the target shall have in the end of this phase.
    goal: u32,
    /// Whether the target's Pods are available.
    is_available: bool,
    /// Whether the others have left, too.
    is_there: bool,
}

/// How the replicas are split at a percentage. Exactly so many as there are: what the demo's users know.
pub(super) fn share(at: &Situation<'_>, percent: u8) -> Split {
    let exact = Surge {
        max_surge: 0,
        max_unavailable: 0,
    };
    split(at.plan.replicas, u32::from(percent), exact)
}

pub(super) fn is_there(state: &State, at: &Situation<'_>) -> bool {
    movement(state, at).is_there
}

/// How many Pods the target of a step shall have.
pub(crate) fn share_of(state: &State, at: &Situation<'_>) -> u32 {
    match (mark(state, at), state.kind) {
        (Some(mark), Kind::Canary) => share(at, mark.percent).canary,
        _ => at.plan.replicas,
    }
}

/// The sizes at rest.
fn at_rest(state: &State, at: &Situation<'_>) -> Vec<Sized> {
    let mut sizes = vec![sized(&state.to, at.plan.replicas)];
    let kept = state.memory.kept.iter();
    sizes.extend(
        kept.filter(|release| at.fleet.track(release).is_some())
            .map(|release| sized(release, 0)),
    );
    sizes
}

fn sized(release: &Release, replicas: u32) -> Sized {
    Sized {
        release: release.clone(),
        replicas,
    }
}

/// Those that are neither target nor baseline.
fn older(state: &State, at: &Situation<'_>) -> Vec<Release> {
    let known: Vec<&Release> = state.from.iter().chain([&state.to]).collect();
    let memory = || state.memory.intermediate.iter().chain(&state.memory.kept);
    at.fleet
        .besides(&known)
        .map(|track| {
            let remembered = memory().find(|release| release.deployment == track.name);
            remembered.cloned().unwrap_or_else(|| track.release())
        })
        .collect()
}

/// The mark of a state in the plan's steps, where there is anything to split.
fn mark(state: &State, at: &Situation<'_>) -> Option<Mark> {
    let mark = state.phase.mark().filter(|_| at.plan.replicas > 0)?;
    Some(gate::remap(mark, at.plan.steps(state.kind)).unwrap_or(mark))
}

fn movement(state: &State, at: &Situation<'_>) -> Movement {
    let plan = at.plan;
    let all = Split {
        canary: plan.replicas,
        stable: 0,
    };
    let switched = plan.service.is_none() || at.services.active() == Some(&state.to.revision);
    let retired =
        |since| switched && (since + plan.scale_down_delay <= at.now || plan.replicas == 0);
    match (state.phase, state.kind) {
        (Phase::Draining | Phase::Migrating, _) => replaced(state, 0, at),
        (Phase::Starting, _) | (Phase::Finishing, Kind::Recreate) => {
            replaced(state, plan.replicas, at)
        }
        (Phase::Scaling(_) | Phase::Waiting(..), Kind::BlueGreen) if plan.replicas > 0 => {
            side_by_side(state, at)
        }
        (Phase::Retiring(since), _) if !retired(since) => side_by_side(state, at),
        (Phase::Finishing, Kind::BlueGreen) if !switched => until_switched(state, at),
        (Phase::Finishing | Phase::Installing | Phase::Stable, _) => {
            // The target is what stays: the others leave, and what it replaces is one of them.
            let mut others = older(state, at);
            others.extend(state.from.clone());
            let others = counted(others, at);
            let counts: Vec<Count> = others.iter().map(|(_, count)| *count).collect();
            let target = at.fleet.count(&state.to);
            let goal = Split {
                canary: 0,
                stable: plan.replicas,
            };
            let next = resize(
                plan.replicas,
                goal,
                plan.surge,
                Count::default(),
                target,
                &counts,
            );
            let others = others.into_iter().zip(next.older);
            let others = others.map(|((release, _), replicas)| (release, replicas));
            arranged(state, next.stable, others.collect(), plan.replicas, at)
        }
        _ => {
            let percent = mark(state, at).map_or(100, |mark| mark.percent);
            let goal = match mark(state, at) {
                Some(_) => share(at, percent),
                None => all,
            };
            moved(state, goal, at)
        }
    }
}

fn counted(releases: Vec<Release>, at: &Situation<'_>) -> Vec<(Release, Count)> {
    let count = |release: Release| {
        let count = at.fleet.count(&release);
        (release, count)
    };
    releases.into_iter().map(count).collect()
}

/// Within surge and availability towards a split.
fn moved(state: &State, goal: Split, at: &Situation<'_>) -> Movement {
    let older = counted(older(state, at), at);
    let counts: Vec<Count> = older.iter().map(|(_, count)| *count).collect();
    let target = at.fleet.count(&state.to);
    let baseline = state
        .from
        .as_ref()
        .map(|from| at.fleet.count(from))
        .unwrap_or_default();
    let next = resize(
        at.plan.replicas,
        goal,
        at.plan.surge,
        target,
        baseline,
        &counts,
    );
    let mut others: Vec<(Release, u32)> = older
        .into_iter()
        .zip(next.older)
        .map(|((release, _), replicas)| (release, replicas))
        .collect();
    others.extend(state.from.clone().map(|from| (from, next.stable)));
    arranged(state, next.canary, others, goal.canary, at)
}

/// Blue/green: both with all their Pods.
fn side_by_side(state: &State, at: &Situation<'_>) -> Movement {
    let goal = Split {
        canary: at.plan.replicas,
        stable: at.plan.replicas,
    };
    let mut movement = moved(state, goal, at);
    movement.is_there = movement.is_available;
    movement
}

/// Blue/green: what has the traffic keeps its Pods until the other one has all of its own.
fn until_switched(state: &State, at: &Situation<'_>) -> Movement {
    let mut others = older(state, at);
    others.extend(state.from.clone());
    let others = counted(others, at);
    let others = others
        .into_iter()
        .map(|(release, count)| (release, count.wanted));
    arranged(
        state,
        at.plan.replicas,
        others.collect(),
        at.plan.replicas,
        at,
    )
}

/// Recreate: never two of them at the same time.
fn replaced(state: &State, replicas: u32, at: &Situation<'_>) -> Movement {
    let mut others = older(state, at);
    others.extend(state.from.clone());
    let gone = others
        .iter()
        .filter_map(|release| at.fleet.track(release))
        .all(|track| at.fleet.is_gone(track));
    let now = if gone { replicas } else { 0 };
    let others = others.into_iter().map(|release| (release, 0)).collect();
    let mut movement = arranged(state, now, others, replicas, at);
    let mut itself = at.fleet.track(&state.to);
    movement.is_there = match replicas {
        0 => gone && itself.take().is_none_or(|track| at.fleet.is_gone(track)),
        _ => gone && movement.is_available,
    };
    movement
}

fn arranged(
    state: &State,
    next: u32,
    others: Vec<(Release, u32)>,
    goal: u32,
    at: &Situation<'_>,
) -> Movement {
    let target = at.fleet.count(&state.to);
    let live = at.fleet.track(&state.to).map(|track| track.live);
    let is_available = at.fleet.is_settled(&state.to)
        && live == Some(goal)
        && target.wanted == goal
        && target.available >= goal
        && next == goal;
    let rest: u32 = others.iter().map(|(_, replicas)| replicas).sum();
    let is_there = is_available && rest <= at.plan.replicas.saturating_sub(goal);
    let recreates = matches!(state.phase, Phase::Draining | Phase::Migrating);
    let there = |release: &Release| at.fleet.track(release).is_some();
    let mut sizes = Vec::new();
    if !recreates || there(&state.to) {
        sizes.push(sized(&state.to, next));
    }
    // What left already does not come back to have no Pods.
    sizes.extend(
        others
            .iter()
            .filter(|(release, replicas)| *replicas > 0 || there(release))
            .map(|(release, replicas)| sized(release, *replicas)),
    );
    Movement {
        sizes,
        goal,
        is_available,
        is_there,
    }
}

/// The effect of a state, and the state after it. `held` says what the state waits for, if not for Pods.
pub(super) fn act(mut state: State, held: Option<Decision>, at: &Situation<'_>) -> Turn {
    let movement = movement(&state, at);
    let target = at.fleet.count(&state.to);
    let awaited = state.phase.is_rollout()
        && !matches!(
            state.phase,
            Phase::Draining | Phase::Migrating | Phase::Retiring(_)
        )
        && !movement.is_available
        && !at.plan.wishes.paused;
    let counts = state.phase.is_rollout() && at.plan.replicas > 0;
    if counts {
        let available = target.available.min(movement.goal);
        state.lateness = patience::tick(state.lateness, available, awaited, at.now);
    }
    let steps = at.plan.steps(state.kind);
    let here = mark(&state, at);
    let plain = here
        .and_then(|mark| steps.get(mark.index))
        .is_none_or(PlannedStep::is_plain);
    let last = here.is_none_or(|mark| mark.percent >= 100);
    let ends = movement.is_there
        && match state.phase {
            Phase::Stable => true,
            Phase::Installing | Phase::Finishing | Phase::Starting | Phase::Retiring(_) => true,
            _ if at.plan.replicas == 0 => {
                !matches!(state.phase, Phase::Draining | Phase::Migrating)
            }
            Phase::Scaling(_) => last && plain && state.kind == Kind::Canary,
            Phase::Waiting(..) => last && held.is_none() && state.kind == Kind::Canary,
            Phase::Draining | Phase::Migrating => false,
        };
    let retiring = match state.phase {
        Phase::Retiring(since) => {
            Some(since + at.plan.scale_down_delay).filter(|end| *end > at.now)
        }
        _ => None,
    };
    if state.phase == Phase::Stable || ends && retiring.is_none() {
        return finish(state, here, held, at);
    }
    let mut told = Vec::new();
    let mut job = None;
    let held = match (state.phase, here) {
        (Phase::Scaling(_), Some(mark)) if movement.is_there => {
            state.phase = Phase::Waiting(mark, at.now);
            state.progress = Some(in_words(mark, steps));
            told.push(Told::StepAvailable);
            Some(gate::reached(mark, steps.get(mark.index), at))
        }
        (Phase::Waiting(_, since), Some(mark)) => {
            state.phase = Phase::Waiting(mark, since);
            state.progress = Some(in_words(mark, steps));
            held
        }
        (Phase::Migrating, _) => {
            job = intended(&mut state);
            held
        }
        (Phase::Retiring(_), _) => retiring.map(|end| {
            let name = state.from.as_ref().map(|from| from.deployment.as_str());
            let name = name.unwrap_or_default();
            Decision::new("Retiring", format!("{name} stays until {end}")).wake(end)
        }),
        _ => held,
    };
    let mut decision = held.unwrap_or_else(|| waiting_for_pods(&state, &movement, at));
    let patience =
        patience::end(state.lateness, at).filter(|end| *end > at.now && state.from.is_some());
    decision.wake = decision.wake.into_iter().chain(patience).min();
    Turn {
        state,
        deed: Deed::Act {
            sizes: movement.sizes,
            job,
        },
        told,
        decision,
    }
}

/// The Job to create now: that it was is written down with it.
fn intended(state: &mut State) -> Option<MigrationStatus> {
    let migration = state.migration.as_mut()?;
    if migration.stage != Stage::Intended {
        return None;
    }
    migration.stage = Stage::Created;
    Some(migration.clone())
}

fn waiting_for_pods(state: &State, movement: &Movement, at: &Situation<'_>) -> Decision {
    let name = &state.to.deployment;
    let available = at.fleet.count(&state.to).available.min(movement.goal);
    let goal = movement.goal;
    let found = format!("{available} of {goal} available");
    let verdict = match movement.is_available {
        true => Verdict::Pass,
        false => Verdict::Hold,
    };
    let decision = match (state.phase, movement.is_available) {
        (Phase::Draining, _) => {
            Decision::new("Draining", format!("{name} starts when nothing else runs"))
        }
        (_, false) => Decision::new(
            "WaitingForPods",
            format!("{available} of {goal} Pods of {name} are available"),
        ),
        (_, true) => Decision::new("Shrinking", format!("{name} is available, others leave")),
    };
    let decision = decision.input(&format!("pods of {name}"), found, verdict);
    match at
        .fleet
        .track(&state.to)
        .and_then(|track| track.failure.clone())
    {
        Some(failure) => decision.input(&format!("Deployment {name}"), failure, Verdict::Hold),
        None => decision,
    }
}

/// All replicas are of one version.
fn finish(
    mut state: State,
    here: Option<Mark>,
    held: Option<Decision>,
    at: &Situation<'_>,
) -> Turn {
    let mut told = Vec::new();
    let before = state.phase;
    match before {
        Phase::Stable => {}
        Phase::Installing => told.push(Told::Installed),
        Phase::Finishing => told.push(Told::RolledBack),
        Phase::Retiring(_) => told.push(Told::Retired),
        _ => told.push(Told::Promoted),
    }
    let records = match before {
        Phase::Stable | Phase::Retiring(_) => false,
        // A way back that began because the version was given up or taken back stands there already.
        Phase::Finishing => state.from.is_some(),
        _ => true,
    };
    if records {
        state.record(Outcome::Promoted, None, at.now);
    }
    if before != Phase::Stable {
        state.progress = match before {
            Phase::Scaling(_) | Phase::Waiting(..) => {
                here.map(|mark| in_words(mark, at.plan.steps(state.kind)))
            }
            Phase::Retiring(_) => state.progress,
            _ => None,
        };
        state = State {
            progress: state.progress.clone(),
            ..state.enter(Phase::Stable)
        };
        if let Some(from) = state.from.take() {
            state.memory.kept.insert(0, from);
        }
        state.memory.intermediate.clear();
    }
    let to = state.to.revision.clone();
    state.memory.kept.retain(|release| release.revision != to);
    state.memory.kept.truncate(at.plan.keeps);
    let decision = held.unwrap_or_else(|| super::told::rest(&state, at));
    Turn {
        deed: Deed::Act {
            sizes: at_rest(&state, at),
            job: None,
        },
        state,
        told,
        decision,
    }
}

fn in_words(mark: Mark, steps: &[PlannedStep]) -> Progress {
    let step = steps.get(mark.index);
    let wait = match step {
        Some(step) if step.pause => String::from("paused till promoted"),
        _ => {
            let sleep = step.map(|step| step.sleep).unwrap_or_default();
            format!("{}s till next step", sleep.as_secs())
        }
    };
    Progress {
        step: format!("no. {}", mark.index + 1),
        percentage: format!("{}% has been deployed", mark.percent),
        wait,
    }
}
