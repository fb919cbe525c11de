//! The state machine of a rollout. A function of what was written down, what there is, and the time.
//!
//! `step` is the machine: first it looks whether something else is to come (`intent`), which is written down and touches
//! nothing; else it brings the Deployments to where the state says (`act`). `gate` decides when a step may be left, `goal` what a
//! rollout is to and from, `patience` how long Pods are awaited, `migrating` what becomes of a Job.

mod act;
mod gate;
mod goal;
mod migrating;
mod patience;
mod state;
mod told;

use oarlock_sdk::Timestamp;
use rollout::analysis::{Assessment, Check, Scope};
use rollout::track::Track;
use rollout::why::{Input, Verdict, Why};

use crate::fleet::{Fleet, Sized};
use crate::migration::Jobs;
use crate::plan::Plan;
use crate::services::Services;
use crate::status::MigrationStatus;

pub(crate) use self::act::share_of;
pub(crate) use self::state::{Mark, Phase, State};
pub(crate) use self::told::Told;

/// What a run is told.
#[derive(Clone, Copy)]
pub(crate) struct Situation<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) fleet: &'a Fleet,
    pub(crate) jobs: &'a Jobs,
    pub(crate) services: &'a Services,
    pub(crate) now: Timestamp,
    pub(crate) generation: i64,
    /// The versions as they were told last.
    pub(crate) tracks: &'a [Track],
    /// The last decision.
    pub(crate) why: Option<&'a Why>,
    /// Asks the checks of a step.
    pub(crate) ask: &'a dyn Fn(&[Check], &Scope) -> Assessment,
}

/// What a run decides.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Turn {
    pub(crate) state: State,
    pub(crate) deed: Deed,
    /// What happened.
    pub(crate) told: Vec<Told>,
    pub(crate) decision: Decision,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Deed {
    /// Writes down what comes next and touches nothing: killed after its effect, it could not be told from a step
    /// that was never entered.
    Write,
    /// Brings the Deployments to these sizes, then writes the state down.
    Act {
        sizes: Vec<Sized>,
        /// The Job to create.
        job: Option<MigrationStatus>,
    },
}

/// Why it decides so: `status.why`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Decision {
    /// One CamelCase word.
    pub(crate) word: String,
    pub(crate) because: String,
    pub(crate) inputs: Vec<Input>,
    pub(crate) wake: Option<Timestamp>,
}

impl Decision {
    pub(crate) fn new(word: &str, because: impl Into<String>) -> Self {
        Self {
            word: word.into(),
            because: because.into(),
            ..Self::default()
        }
    }

    fn input(mut self, name: &str, value: impl Into<String>, verdict: Verdict) -> Self {
        self.inputs.push(Input::new(name, value, verdict));
        self
    }

    fn wake(self, wake: impl Into<Option<Timestamp>>) -> Self {
        Self {
            wake: wake.into(),
            ..self
        }
    }
}

/// One turn.
pub(crate) fn step(known: Option<State>, at: &Situation<'_>) -> Turn {
    let Some(state) = known else {
        return unknown(at);
    };
    match intent(state, at) {
        Next::Write(turn) => *turn,
        Next::Act(state, held) => act::act(*state, held, at),
    }
}

/// Nothing was written down, or it was lost.
fn unknown(at: &Situation<'_>) -> Turn {
    if let Some(from) = goal::baseline(at) {
        return write(goal::begin(from, goal::memory(), at), Vec::new());
    }
    // The first version: written down with its effect, for there is nothing that it could be confused with.
    let state = goal::install(goal::memory(), at);
    if state.phase != Phase::Installing {
        return write(state, vec![Told::Installing]);
    }
    let mut turn = act::act(state, None, at);
    turn.told.insert(0, Told::Installing);
    turn
}

/// What comes next.
enum Next {
    /// Something else: it is written down first.
    Write(Box<Turn>),
    /// What the state says, and what it is held by.
    Act(Box<State>, Option<Decision>),
}

impl Next {
    fn write(state: State, told: Vec<Told>) -> Self {
        Self::Write(Box::new(write(state, told)))
    }

    /// A wish that is noted. Nothing is entered by it.
    fn note(state: State, told: Option<Told>) -> Self {
        let told: Vec<Told> = told.into_iter().collect();
        let decision = told::decision(&state, &told);
        Self::Write(Box::new(Turn {
            state,
            deed: Deed::Write,
            told,
            decision,
        }))
    }

    fn act(state: State, held: impl Into<Option<Decision>>) -> Self {
        Self::Act(Box::new(state), held.into())
    }
}

fn write(state: State, told: Vec<Told>) -> Turn {
    let entered = match state.phase {
        Phase::Scaling(_) => Some(Told::StepEntered),
        _ => None,
    };
    let told: Vec<Told> = told.into_iter().chain(entered).collect();
    let decision = told::decision(&state, &told);
    Turn {
        state,
        deed: Deed::Write,
        told,
        decision,
    }
}

fn intent(mut state: State, at: &Situation<'_>) -> Next {
    migrating::note(&mut state, at);
    // As the spec renders it: what was taken from a live Deployment has the API server's defaults in it.
    let wanted = &at.plan.release;
    for known in state.from.iter_mut().chain([&mut state.to]) {
        if known.revision == wanted.revision {
            known.clone_from(wanted);
        }
    }
    let state = match goal::wishes(state, at) {
        Ok(next) => return next,
        Err(state) => *state,
    };
    if goal::is_elsewhere(&state, at) {
        if let Some(waits) = migrating::waits(&state, at) {
            return Next::act(state, waits);
        }
        let back = goal::is_back(&state, at);
        if at.plan.wishes.paused && !back && state.phase != Phase::Installing {
            return Next::act(state, goal::paused(at));
        }
        return goal::retarget(state, at);
    }
    match state.phase {
        Phase::Scaling(mark) => gate::scaling(state, mark, at),
        Phase::Waiting(mark, since) => gate::waiting(state, mark, since, at),
        Phase::Draining => migrating::draining(state, at),
        Phase::Migrating => migrating::migrating(state, at),
        Phase::Starting => patience::check(state, at),
        Phase::Installing | Phase::Retiring(_) | Phase::Finishing | Phase::Stable => {
            Next::act(state, None)
        }
    }
}
