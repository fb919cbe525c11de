//! How a rollout ends: promoted in place, or given up.

use rollout::history::Outcome;

use super::{Answer, Question, Situation, Told, Turn, enter};
use crate::checks;
use crate::goal;
use crate::state::{Checks, Mark, Progress, Release, Stage, State};

impl Situation<'_> {
    pub(super) fn promoting(&self, state: State, mark: Mark) -> Turn {
        if state.direct && mark.weight < 100 {
            let state = State {
                stage: self.promotion(mark.weight, true),
                ..state
            };
            return enter(state, Told::new("Promoting", "without waiting"));
        }
        let goal = self.numbers.goal(&state, self.plan);
        if !self.is_there(goal, state.broken) || !self.routed {
            return self.wait_for_pods(state, mark);
        }
        if mark.weight >= 100 && !self.numbers.away {
            // All requests go to the new revision: the stable one stays for those that are under way.
            let since = mark.since.unwrap_or(self.now);
            let wake = since + self.plan.strategy.linger;
            let stage = Stage::Promoting(Mark {
                since: Some(since),
                ..mark
            });
            let told =
                format!("all requests go to the new revision; the stable one leaves at {wake}");
            return self.act(
                State { stage, ..state },
                Told::new("Lingering", told),
                Some(wake),
            );
        }
        if mark.weight >= 100 {
            return self.finalise(state, "all Pods are of the new revision");
        }
        let mut state = State {
            progress: Progress::default(),
            ..state
        };
        let since = mark.since.unwrap_or(self.now);
        let due = since + self.plan.interval;
        if due > self.now {
            state.stage = Stage::Promoting(Mark {
                since: Some(since),
                ..mark
            });
            let told = format!("{}% until {due}", mark.weight);
            return self.act(state, Told::quiet("WaitingForInterval", told), Some(due));
        }
        state.stage = self.promotion(mark.weight, false);
        enter(state, Told::new("Promoting", "on with the promotion"))
    }

    /// The promotion's next weight after one.
    pub(super) fn promotion(&self, weight: u32, direct: bool) -> Stage {
        let weights = goal::promotion(self.plan);
        let last = weights.len() - 1;
        let index = match direct {
            true => last,
            false => weights
                .iter()
                .position(|next| *next > weight)
                .unwrap_or(last),
        };
        Stage::Promoting(Mark {
            index,
            weight: weights[index],
            since: None,
        })
    }

    /// What was the new revision is the stable one from now on.
    pub(super) fn finalise(&self, state: State, because: &str) -> Turn {
        let mut state = state;
        let back = state.is_back();
        state.stable = Release {
            revision: state.target.clone(),
            template: self.template(),
            configs: self.app.configs.clone(),
        };
        state.running = Some(state.target.clone());
        if !back {
            state.ended(
                Outcome::Promoted,
                None,
                self.now,
                self.plan.strategy.history,
            );
            state.promoted = true;
        }
        state.stage = Stage::Finalising;
        state.progress = Progress::default();
        state.checks = Checks {
            tally: state.checks.tally.clone(),
            ..Checks::default()
        };
        enter(state, Told::new("Finalising", because))
    }

    pub(super) fn finalising(&self, state: State, answer: Option<&Answer>) -> Turn {
        if answer.is_none() && self.asks_afterwards() && !state.direct {
            return Turn::Ask(Question::PostRollout);
        }
        let mut state = state;
        state.stage = Stage::Idle;
        state.direct = false;
        state.broken = false;
        state.failure = None;
        let told = format!("revision {} serves with all replicas", state.target);
        self.act(state, Told::new("Succeeded", told), None)
    }

    pub(super) fn aborting(&self, state: State, answer: Option<&Answer>) -> Turn {
        let goal = self.numbers.goal(&state, self.plan);
        let numbers = &self.numbers;
        let there = self.observed.is_current()
            && numbers.is_at(goal)
            && numbers.app.running <= goal.canary + numbers.spare(&state);
        let because = state.failure.clone().unwrap_or_default();
        let mut state = state;
        if !numbers.away {
            if self.routed && state.progress.at.is_none() {
                state.progress.at = Some(self.now);
            }
            let wake = state
                .progress
                .at
                .map(|since| since + self.plan.strategy.linger)
                .filter(|wake| *wake > self.now);
            return self.act(state, Told::new("Aborting", because), wake);
        }
        if there {
            if answer.is_none() && self.asks_afterwards() {
                return Turn::Ask(Question::PostRollout);
            }
            state.stage = Stage::Failed;
            return self.act(state, Told::new("Failed", because), None);
        }
        self.act(state, Told::new("Aborting", because), None)
    }

    /// Whether somebody is asked before the promotion.
    pub(super) fn asks_for_promotion(&self) -> bool {
        checks::asks_for_promotion(self.plan)
    }

    pub(super) fn asks_afterwards(&self) -> bool {
        checks::asks_afterwards(self.plan)
    }
}
