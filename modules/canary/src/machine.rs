//! The state machine of a rollout. A function of what was written down, what there is, the time, and what checks said.
//!
//! The user's Deployment is held (paused) and its Pods are the canary; the stable Deployment beside it stands in for it.
//! A rollout drains the one into the other, lets the user's Deployment replace what is left in it, and then moves Pods back,
//! step by step. What comes next is written down before it is done: killed in between, it is done then.

mod clock;
mod ending;
mod rollout;
mod steps;
mod ticks;

use ::rollout::arithmetic::Split;
use ::rollout::control::Promotion;
use ::rollout::history::Outcome;
use ::rollout::why::Input;
use oarlock_sdk::{Timestamp, Value};

use crate::goal::{self, Numbers};
use crate::observed::{App, Observed};
use crate::plan::{OnFailure, Plan};
use crate::state::{Mark, Progress, Release, Stage, State};

pub(crate) use crate::machine::ticks::{Answer, Question, Said};

/// What a run is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) observed: &'a Observed,
    pub(crate) app: &'a App,
    pub(crate) numbers: Numbers,
    /// What people call the revision that is wanted.
    pub(crate) version: &'a str,
    pub(crate) now: Timestamp,
    /// Whether the requests go where the stage wants them, as far as there is a router.
    pub(crate) routed: bool,
    /// What is missing for that.
    pub(crate) waits: &'a [Input],
}

/// What a run decides.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Turn {
    /// Asks first, and decides then.
    Ask(Question),
    /// Writes down what comes next and touches nothing.
    Enter { state: Box<State>, told: Told },
    /// Brings the Deployments to these sizes, then writes the state down.
    Act(Box<Act>),
}

/// Effects, and the state after them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Act {
    pub(crate) state: State,
    pub(crate) effect: Effect,
    pub(crate) told: Told,
    /// When it is decided again at the latest.
    pub(crate) wake: Option<Timestamp>,
}

/// What is done to the Deployments.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Effect {
    /// What is borrowed of the user's Deployment.
    pub(crate) hold: Hold,
    /// Replicas of the stable Deployment; none where there shall be none at all.
    pub(crate) stable: Option<u32>,
    /// Whether the Pods of the user's Deployment are replaced now.
    pub(crate) replaces: bool,
}

/// What is borrowed of the user's Deployment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Hold {
    /// Nothing.
    Free,
    /// `spec.paused`.
    Paused,
    /// `spec.paused` and `spec.replicas`.
    Sized { paused: bool, replicas: u32 },
}

/// What is said of a decision.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Told {
    /// One CamelCase word.
    pub(crate) decision: &'static str,
    /// A sentence.
    pub(crate) because: String,
    /// What checks said.
    pub(crate) answer: Option<Answer>,
    /// Nothing was decided: what was told before still holds.
    pub(crate) quiet: bool,
}

impl Told {
    pub(crate) fn new(decision: &'static str, because: impl Into<String>) -> Self {
        Self {
            decision,
            because: because.into(),
            answer: None,
            quiet: false,
        }
    }

    /// Nothing is decided yet.
    pub(crate) fn quiet(decision: &'static str, because: impl Into<String>) -> Self {
        Self {
            quiet: true,
            ..Self::new(decision, because)
        }
    }
}

/// One turn.
pub(crate) fn step(known: Option<State>, at: &Situation<'_>, answer: Option<&Answer>) -> Turn {
    let turn = match known {
        None => at.first(),
        Some(state) => match at.wishes(&state) {
            Some(turn) => turn,
            None => at.stage(state, answer),
        },
    };
    match (turn, answer) {
        (Turn::Enter { state, told }, Some(answer)) => Turn::Enter {
            state,
            told: Told {
                answer: Some(answer.clone()),
                ..told
            },
        },
        (Turn::Act(act), Some(answer)) => Turn::Act(Box::new(Act {
            told: Told {
                answer: Some(answer.clone()),
                ..act.told
            },
            ..*act
        })),
        (turn, _) => turn,
    }
}

fn enter(state: State, told: Told) -> Turn {
    Turn::Enter {
        state: Box::new(state),
        told,
    }
}

impl Situation<'_> {
    fn template(&self) -> Value {
        self.app.template.clone()
    }

    /// What the stable Deployment tells where the status was lost.
    pub(crate) fn recovered(&self) -> Option<State> {
        let stable = self.observed.stable.as_ref()?;
        let template = crate::observed::plain(&stable.spec.template);
        // Its ConfigMaps are those that there are: what they were is lost.
        let configs = self.app.configs.clone();
        let revision = crate::config::revision(&template, &configs);
        let pure = crate::deployment::is_pure(&self.app.live);
        Some(State {
            stage: Stage::Idle,
            version: Some(String::from(self.version)),
            target: revision.clone(),
            running: pure.then(|| self.app.revision.clone()),
            stable: Release {
                revision,
                template,
                configs,
            },
            ..State::new()
        })
    }

    /// Where nothing was written down.
    fn first(&self) -> Turn {
        if let Some(state) = self.recovered() {
            let pure = state.running.is_some();
            if self.app.revision == state.target && pure && self.numbers.stable.wanted == 0 {
                return enter(
                    state,
                    Told::new("Recovered", "the status was lost; nothing is rolled out"),
                );
            }
            return self.begin(
                state,
                "the status was lost; the stable Deployment tells what served",
            );
        }
        if !crate::deployment::is_settled(&self.app.live) {
            let because = match self.app.live.spec.paused {
                true => String::from(
                    "the Deployment is paused by its user and has Pods of an older template; it is held when they are replaced\n\
                     hint: set spec.paused of the Deployment to false",
                ),
                false => {
                    String::from("the Deployment rolls out by itself; it is held when that ends")
                }
            };
            return self.act(State::new(), Told::new("Observing", because), None);
        }
        enter(
            State {
                stage: Stage::Idle,
                version: Some(String::from(self.version)),
                target: self.app.revision.clone(),
                running: Some(self.app.revision.clone()),
                stable: Release {
                    revision: self.app.revision.clone(),
                    template: self.template(),
                    configs: self.app.configs.clone(),
                },
                ..State::new()
            },
            Told::new(
                "Initialized",
                "all Pods are of one revision; what comes next is rolled out step by step",
            ),
        )
    }

    /// What people want that was not wanted before.
    fn wishes(&self, state: &State) -> Option<Turn> {
        let control = &self.plan.control;
        let frozen = self.is_frozen(state);
        // Giving up, and going back to what serves, are never held.
        if state.stage.is_under_way() && !state.is_back() {
            if self.app.revision == state.stable.revision {
                return Some(self.retarget(state.clone()));
            }
            if self.app.revision == state.target && control.aborts(&state.target) {
                return Some(self.give_up(state.clone(), "spec.control.abort names it"));
            }
        }
        if frozen {
            return None;
        }
        if let Some(token) = control.retries(state.handled_retry.as_deref()) {
            let mut state = State {
                handled_retry: Some(String::from(token)),
                failure: None,
                ..state.clone()
            };
            if matches!(state.stage, Stage::Failed | Stage::Aborting) {
                let target = state.target.clone();
                state.rejected.retain(|revision| *revision != target);
                return Some(self.begin(state, "its retry was asked for"));
            }
            state.checks.tally = ::rollout::analysis::Tally::default();
            state.progress = Progress::default();
            return Some(enter(
                state,
                Told::new("RetryHeard", "what failed so far does not count any more"),
            ));
        }
        if self.app.revision != state.target {
            return Some(self.retarget(state.clone()));
        }
        if state.stage.is_under_way() && !state.is_back() {
            let full = control.promotes(&state.target) == Ok(Some(Promotion::Full));
            if (full || self.plan.skip_analysis) && !state.direct {
                let because = match full {
                    true => "spec.control.promote names it",
                    false => "spec.skipAnalysis",
                };
                let state = State {
                    direct: true,
                    failure: None,
                    ..state.clone()
                };
                return Some(enter(
                    state,
                    Told::new("Promoted", format!("without waiting and checks: {because}")),
                ));
            }
        }
        None
    }

    /// Whether people hold it where it is. Giving up is never held.
    fn is_frozen(&self, state: &State) -> bool {
        self.plan.suspend
            || self.plan.paused
            || (state.stage.is_under_way()
                && self.plan.control.pauses(&state.target)
                && !matches!(self.plan.control.promotes(&state.target), Ok(Some(_))))
    }

    /// Another revision is wanted than the one that was.
    fn retarget(&self, mut state: State) -> Turn {
        let revision = &self.app.revision;
        if state.stage.is_under_way() {
            let outcome = match *revision == state.stable.revision {
                true => Outcome::Reverted,
                false => Outcome::Superseded,
            };
            if !state.is_back() {
                state.ended(outcome, None, self.now, self.plan.strategy.history);
            }
        }
        if state.is_rejected(revision) {
            state.target.clone_from(revision);
            state.version = Some(String::from(self.version));
            state.stage = Stage::Aborting;
            state.failure = Some(format!(
                "revision {revision} was given up before\nhint: change the Deployment, or set spec.control.retry to another text"
            ));
            return enter(
                state,
                Told::new(
                    "StillRejected",
                    format!("revision {revision} was given up before"),
                ),
            );
        }
        self.begin(state, "the Pod template of the Deployment changed")
    }

    /// A rollout of what the Deployment wants now.
    fn begin(&self, state: State, because: &str) -> Turn {
        let was_running = match self.app.held {
            true => state.running.clone(),
            // Until it was held, it may have begun by itself.
            false => None,
        };
        let mut next = State {
            rollout: state.rollout + 1,
            target: self.app.revision.clone(),
            version: Some(String::from(self.version)),
            running: was_running,
            direct: false,
            broken: false,
            pre_rollout_passed: false,
            started_at: Some(self.now),
            progress: Progress::default(),
            checks: crate::state::Checks::default(),
            failure: None,
            ..state
        };
        next.stage = match next.is_back() {
            true => Stage::Draining,
            false => Stage::Waiting,
        };
        let decision = match next.is_back() {
            true => "Reverting",
            false => "NewRevision",
        };
        let because = format!("{because}: revision {}", next.target);
        enter(next, Told::new(decision, because))
    }

    /// Gives the current revision up.
    pub(super) fn give_up(&self, mut state: State, because: &str) -> Turn {
        state.reject();
        state.ended(
            Outcome::Aborted,
            Some(String::from(because)),
            self.now,
            self.plan.strategy.history,
        );
        state.failure = Some(String::from(because));
        state.stage = Stage::Aborting;
        state.progress = Progress::default();
        let told = format!("revision {} is given up: {because}", state.target);
        enter(state, Told::new("Aborted", told))
    }

    /// Checks or a deadline failed it: given up, or held where it is.
    pub(super) fn fail(&self, state: State, because: &str) -> Turn {
        match self.plan.strategy.on_failure {
            OnFailure::Abort => self.give_up(state, because),
            OnFailure::Hold if state.failure.is_some() => {
                let told = Told::new(
                    "Held",
                    format!("{because}; spec.strategy.onFailure holds it"),
                );
                self.act(state, told, None)
            }
            OnFailure::Hold => {
                let state = State {
                    failure: Some(String::from(because)),
                    ..state
                };
                let told = format!(
                    "{because}; spec.strategy.onFailure holds it\nhint: spec.control has abort, promote and retry"
                );
                enter(state, Told::new("Held", told))
            }
        }
    }

    /// Works on towards the goal of the stage.
    pub(super) fn act(&self, state: State, told: Told, wake: Option<Timestamp>) -> Turn {
        let goal = self.numbers.goal(&state, self.plan);
        let next = self.numbers.next(&state, goal, self.observed.is_current());
        let effect = self.effect(&state, next);
        Turn::Act(Box::new(Act {
            state,
            effect,
            told,
            wake,
        }))
    }

    fn effect(&self, state: &State, next: Split) -> Effect {
        let n = self.numbers.replicas;
        let settled = crate::deployment::is_settled(&self.app.live);
        let lent = match state.stage {
            Stage::Observing => Hold::Free,
            // Without Pods there is nothing to hold, and its controller makes no ReplicaSet while it is held.
            _ if n == 0 && (state.is_home() || state.is_back()) => Hold::Free,
            Stage::Idle if !self.app.held && !settled => Hold::Free,
            // Where the Canary has replicas of its own, they are what the Deployment gets.
            Stage::Idle | Stage::Finalising if self.plan.replicas.is_none() => Hold::Paused,
            stage => Hold::Sized {
                paused: stage != Stage::Rolling && !self.is_bare(),
                replicas: next.canary,
            },
        };
        // Replicas are given back when they are what they shall be, and what would be restored is, too.
        let hold = match lent {
            Hold::Free | Hold::Paused if self.app.assigned.is_some_and(|of| of != (n, n)) => {
                Hold::Sized {
                    paused: n > 0,
                    replicas: n,
                }
            }
            lent => lent,
        };
        let stable = (state.stage != Stage::Observing).then_some(next.stable);
        Effect {
            hold,
            stable,
            replaces: state.stage == Stage::Rolling,
        }
    }

    /// All as it is, of what is the Canary's to say. A number of replicas that somebody else set is not taken back.
    pub(crate) fn still(&self, known: &State) -> Effect {
        let hold = match (self.app.assigned, self.app.held) {
            (Some(_), _) => Hold::Sized {
                paused: known.stage != Stage::Rolling && !self.is_bare(),
                replicas: self.numbers.app.wanted,
            },
            (None, true) => Hold::Paused,
            (None, false) => Hold::Free,
        };
        Effect {
            hold,
            stable: self
                .observed
                .stable
                .as_ref()
                .map(|_| self.numbers.stable.wanted),
            replaces: false,
        }
    }

    /// Whether the Deployment was just made: while it is paused, its controller makes it no ReplicaSet.
    fn is_bare(&self) -> bool {
        !self.app.live.spec.paused && self.numbers.app.running == 0 && self.numbers.app.wanted > 0
    }

    /// Whether what `goal` says is there, and serves.
    pub(super) fn is_there(&self, goal: Split, broken: bool) -> bool {
        let enough = |goal: u32, percent: u32, available: u32| {
            u64::from(available) * 100 >= u64::from(goal) * u64::from(percent)
        };
        let numbers = &self.numbers;
        self.observed.is_current()
            && numbers.is_at(goal)
            && numbers.app.running <= goal.canary
            && numbers.stable.running <= goal.stable
            && enough(goal.canary, self.plan.ready.canary, numbers.app.available)
            && (broken
                || enough(
                    goal.stable,
                    self.plan.ready.stable,
                    numbers.stable.available,
                ))
    }

    /// The first step of the course.
    pub(super) fn first_mark(&self) -> Option<Mark> {
        let step = *goal::steps(self.plan).first()?;
        Some(Mark {
            index: 0,
            weight: step.weight,
            since: None,
        })
    }
}
