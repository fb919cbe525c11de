//! The state machine of a rollout. A function of what was written down, what there is, and the time.

use oarlock_sdk::Timestamp;

use crate::fleet::Fleet;
use crate::plan::Plan;
use crate::split::{self, Size, Sizes};
use crate::status::{DeployerStatus, Phase as PhaseName, Progress, Release};

/// What is written down between two runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    /// The generation that began this rollout: tells one rollout's Events from the next one's.
    pub(crate) rollout: i64,
    /// What served before.
    pub(crate) from: Option<Release>,
    pub(crate) to: Release,
    pub(crate) phase: Phase,
    /// The last step that was reached, in words.
    pub(crate) progress: Option<Progress>,
}

/// Where a rollout is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    /// Nothing has ever served: all replicas at once.
    Installing,
    /// On the way to a step's size.
    Scaling(Mark),
    /// The step's Pods are available since then. After the last step this goes on until there is another.
    Waiting(Mark, Timestamp),
    /// Back to what served before: all replicas at once, without steps.
    Finishing,
    /// All replicas are of one version.
    Stable,
}

/// A step of the plan. Steps may be edited meanwhile: the percent is what was promised.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Mark {
    /// From 0.
    pub(crate) index: usize,
    pub(crate) percent: u8,
}

/// What a run is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) fleet: &'a Fleet,
    pub(crate) now: Timestamp,
    pub(crate) generation: i64,
}

/// What a run decides.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Turn {
    /// Writes down what comes next and touches nothing: killed after its effect, it could not be told from a step
    /// that was never entered.
    Enter { state: State },
    /// Brings the Deployments to these sizes, then writes the state down.
    Act {
        before: Option<Phase>,
        state: State,
        sizes: Sizes,
        wake: Option<Timestamp>,
    },
}

impl Turn {
    pub(crate) fn state(&self) -> &State {
        match self {
            Self::Enter { state } | Self::Act { state, .. } => state,
        }
    }
}

/// One turn.
pub(crate) fn step(known: Option<State>, at: &Situation<'_>) -> Turn {
    let Some(state) = known else {
        return match baseline(at) {
            // The first version: written down with its effect, for there is nothing that it could be confused with.
            None => act(None, install(at), at),
            Some(from) => Turn::Enter {
                state: begin(from, at),
            },
        };
    };
    if state.to.deployment != at.plan.release.deployment {
        return Turn::Enter {
            state: retarget(state, at),
        };
    }
    // The image of the same version may have changed: its own Deployment rolls that out.
    let state = State {
        to: at.plan.release.clone(),
        ..state
    };
    match due(&state, at) {
        Some(mark) => Turn::Enter {
            state: State {
                phase: Phase::Scaling(mark),
                ..state
            },
        },
        None => act(Some(state.phase), state, at),
    }
}

/// A first version, or one after another that never served.
fn install(at: &Situation<'_>) -> State {
    State {
        rollout: at.generation,
        from: None,
        to: at.plan.release.clone(),
        phase: Phase::Installing,
        progress: None,
    }
}

fn begin(from: Release, at: &Situation<'_>) -> State {
    let plan = at.plan;
    let there = at.fleet.target_size().wanted;
    // A version that is there already, because it was on its way before, does not lose Pods.
    let reached =
        |step: &crate::plan::PlannedStep| split::share(plan.replicas, step.percent) <= there;
    let index = if there == 0 {
        None
    } else {
        plan.steps.iter().rposition(reached)
    };
    let index = index.unwrap_or(0);
    let phase = Phase::Scaling(Mark {
        index,
        percent: plan.steps[index].percent,
    });
    State {
        from: Some(from),
        phase,
        ..install(at)
    }
}

/// Another version is wanted than the one that was written down.
fn retarget(state: State, at: &Situation<'_>) -> State {
    let back = |release: &Release| release.deployment == at.plan.release.deployment;
    match state.phase {
        Phase::Installing => install(at),
        Phase::Scaling(_) | Phase::Waiting(..) if state.from.as_ref().is_some_and(back) => State {
            phase: Phase::Finishing,
            ..install(at)
        },
        _ if at.fleet.others.is_empty() => install(at),
        Phase::Scaling(_) | Phase::Waiting(..) => match state.from {
            Some(from) => begin(from, at),
            None => install(at),
        },
        Phase::Finishing | Phase::Stable => begin(state.to, at),
    }
}

/// What serves now, where nothing was written down: the largest of the others.
fn baseline(at: &Situation<'_>) -> Option<Release> {
    let largest = at
        .fleet
        .others
        .iter()
        .max_by_key(|track| (track.size.available, track.size.wanted))?;
    let container = largest.spec.template.spec.containers.first()?;
    let version = largest
        .spec
        .template
        .metadata
        .labels
        .get(crate::deployment::VERSION);
    Some(Release {
        deployment: largest.name.clone(),
        version: version.cloned().unwrap_or_default(),
        image: container.image.clone(),
    })
}

/// The step to enter now, if one is due.
fn due(state: &State, at: &Situation<'_>) -> Option<Mark> {
    let enter = |index: usize| {
        let step = at.plan.steps.get(index)?;
        Some(Mark {
            index,
            percent: step.percent,
        })
    };
    let (mark, since) = match state.phase {
        Phase::Scaling(mark) => (mark, None),
        Phase::Waiting(mark, since) => (mark, Some(since)),
        Phase::Installing | Phase::Finishing | Phase::Stable => return None,
    };
    if mark.percent >= 100 || at.plan.replicas == 0 {
        return None;
    }
    match remap(mark, at.plan) {
        // All steps are further than what was promised.
        None => enter(0),
        Some(mark) => {
            let over = since? + at.plan.steps[mark.index].sleep <= at.now;
            if over && reached(state, mark, at) {
                enter(mark.index + 1)
            } else {
                None
            }
        }
    }
}

/// Where a mark stands in steps that may have been edited: at the last one that is not further. Nothing that was
/// promised is taken back.
fn remap(mark: Mark, plan: &Plan) -> Option<Mark> {
    if plan
        .steps
        .get(mark.index)
        .is_some_and(|step| step.percent == mark.percent)
    {
        return Some(mark);
    }
    let index = plan
        .steps
        .iter()
        .rposition(|step| step.percent <= mark.percent)?;
    Some(Mark { index, ..mark })
}

/// The sizes for a state, and whether the target is there.
fn sizes(state: &State, share: u32, at: &Situation<'_>) -> (Sizes, bool) {
    let plan = at.plan;
    let others: Vec<Size> = at
        .fleet
        .leaving(state)
        .into_iter()
        .map(|(_, size)| size)
        .collect();
    let sizes = split::resize(plan.replicas, share, at.fleet.target_size(), &others);
    let target = at.fleet.target_size();
    let there = at.fleet.target_settled() && target.wanted == share && target.available >= share;
    let rest = sizes.others.iter().sum::<u32>() <= plan.replicas - share;
    let there = there && rest && sizes.target == share;
    (sizes, there)
}

fn reached(state: &State, mark: Mark, at: &Situation<'_>) -> bool {
    sizes(state, split::share(at.plan.replicas, mark.percent), at).1
}

/// The effect of a state, and the state after it.
fn act(before: Option<Phase>, state: State, at: &Situation<'_>) -> Turn {
    let plan = at.plan;
    let mark = match state.phase {
        Phase::Scaling(mark) | Phase::Waiting(mark, _) if plan.replicas > 0 => {
            remap(mark, plan).or(Some(mark))
        }
        _ => None,
    };
    let percent = mark.map_or(100, |mark| mark.percent);
    let (sizes, there) = sizes(&state, split::share(plan.replicas, percent), at);
    let stay = |phase: Phase, progress: Option<Progress>, wake: Option<Timestamp>| Turn::Act {
        before,
        state: State {
            phase,
            progress,
            ..state.clone()
        },
        sizes: sizes.clone(),
        wake,
    };
    let finish = |progress: Option<Progress>| Turn::Act {
        before,
        state: State {
            phase: Phase::Stable,
            from: None,
            progress,
            ..state.clone()
        },
        sizes: Sizes {
            target: plan.replicas,
            others: Vec::new(),
        },
        wake: None,
    };
    match (state.phase, mark) {
        (Phase::Stable, _) => finish(state.progress.clone()),
        (_, None) if there => finish(None),
        (phase, None) => stay(phase, None, None),
        (Phase::Waiting(_, since), Some(mark)) => {
            let until = since + sleep(mark, plan);
            if mark.percent >= 100 && until <= at.now && there {
                return finish(Some(in_words(mark, plan)));
            }
            let last = mark.percent < 100 && mark.index + 1 == plan.steps.len();
            let wake = (!last && until > at.now).then_some(until);
            stay(
                Phase::Waiting(mark, since),
                Some(in_words(mark, plan)),
                wake,
            )
        }
        (_, Some(mark)) if there && mark.percent >= 100 && sleep(mark, plan).is_zero() => {
            finish(Some(in_words(mark, plan)))
        }
        (_, Some(mark)) if there => {
            let last = mark.percent < 100 && mark.index + 1 == plan.steps.len();
            let wake = (!last).then(|| at.now + sleep(mark, plan));
            stay(
                Phase::Waiting(mark, at.now),
                Some(in_words(mark, plan)),
                wake,
            )
        }
        (_, Some(mark)) => stay(Phase::Scaling(mark), state.progress.clone(), None),
    }
}

fn sleep(mark: Mark, plan: &Plan) -> std::time::Duration {
    plan.steps
        .get(mark.index)
        .map(|step| step.sleep)
        .unwrap_or_default()
}

fn in_words(mark: Mark, plan: &Plan) -> Progress {
    let held = mark.percent < 100 && mark.index + 1 == plan.steps.len();
    Progress {
        step: format!("no. {}", mark.index + 1),
        percentage: format!("{}% has been deployed", mark.percent),
        wait: if held {
            format!("held at {}%: no step to 100", mark.percent)
        } else {
            format!("{}s till next step", sleep(mark, plan).as_secs())
        },
    }
}

impl State {
    /// What a status says; none where it says nothing, or what does not fit together.
    pub(crate) fn read(status: &DeployerStatus) -> Option<Self> {
        let mark = || {
            let index = usize::try_from(status.step_index?).ok()?.checked_sub(1)?;
            Some(Mark {
                index,
                percent: status.step_percent?,
            })
        };
        let phase = match status.phase? {
            PhaseName::Installing => Phase::Installing,
            PhaseName::Scaling => Phase::Scaling(mark()?),
            PhaseName::Waiting => Phase::Waiting(mark()?, status.step_started_at?),
            PhaseName::Finishing => Phase::Finishing,
            PhaseName::Stable => Phase::Stable,
        };
        Some(Self {
            rollout: status.rollout?,
            from: status.from.clone(),
            to: status.to.clone()?,
            phase,
            progress: status.progress.clone(),
        })
    }

    /// The status that says it.
    pub(crate) fn write(&self, generation: i64, plan: &Plan) -> DeployerStatus {
        let (phase, mark, since) = match self.phase {
            Phase::Installing => (PhaseName::Installing, None, None),
            Phase::Scaling(mark) => (PhaseName::Scaling, Some(mark), None),
            Phase::Waiting(mark, since) => (PhaseName::Waiting, Some(mark), Some(since)),
            Phase::Finishing => (PhaseName::Finishing, None, None),
            Phase::Stable => (PhaseName::Stable, None, None),
        };
        let last = |mark: &Mark| mark.percent < 100 && mark.index + 1 == plan.steps.len();
        DeployerStatus {
            observed_generation: Some(generation),
            progress: self.progress.clone(),
            phase: Some(phase),
            rollout: Some(self.rollout),
            from: self.from.clone(),
            to: Some(self.to.clone()),
            step_index: mark.and_then(|mark| u32::try_from(mark.index + 1).ok()),
            step_percent: mark.map(|mark| mark.percent),
            step_started_at: since,
            next_step_at: mark
                .filter(|mark| !last(mark))
                .zip(since)
                .map(|(mark, since)| since + sleep(mark, plan)),
        }
    }
}
