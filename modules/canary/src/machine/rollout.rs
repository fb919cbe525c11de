//! Stage by stage: from a new revision to Pods of it.

use super::{Answer, Question, Said, Situation, Told, Turn, enter};
use crate::checks;
use crate::deployment;
use crate::state::{Checks, Progress, Stage, State};

impl Situation<'_> {
    /// The turn of a stage, when nobody wants anything else.
    pub(super) fn stage(&self, state: State, answer: Option<&Answer>) -> Turn {
        if self.is_frozen(&state) && state.stage.is_under_way() {
            let state = State {
                progress: Progress::default(),
                ..state
            };
            return self.act(
                state,
                Told::new("Paused", "its user holds it where it is"),
                None,
            );
        }
        if self.numbers.replicas == 0 && state.stage.is_under_way() {
            // Nothing serves, and nothing can be checked.
            return self.finalise(state, "there are no replicas: nothing to wait for");
        }
        match state.stage {
            Stage::Observing => self.first(),
            Stage::Idle => self.idle(state),
            Stage::Waiting => self.waiting(state, answer),
            Stage::Draining => self.draining(state),
            Stage::Rolling => self.rolling(state),
            Stage::Stepping(mark) => self.stepping(state, mark, answer),
            Stage::Asking(mark) => self.asking(state, mark, answer),
            Stage::Promoting(mark) => self.promoting(state, mark),
            Stage::Finalising => self.finalising(state, answer),
            Stage::Aborting => self.aborting(state, answer),
            Stage::Failed => {
                let told = Told::new("Failed", state.failure.clone().unwrap_or_default());
                self.act(state, told, None)
            }
        }
    }

    pub(super) fn idle(&self, state: State) -> Turn {
        // A person may have let it go and rolled it out: what is there now is what serves.
        let told = Told::quiet("NothingToDo", format!("revision {} serves", state.target));
        self.act(state, told, None)
    }

    pub(super) fn waiting(&self, state: State, answer: Option<&Answer>) -> Turn {
        if let Some(obstacle) = &self.plan.obstacle {
            return self.act(state, Told::new("WaitingForAutoscaler", obstacle), None);
        }
        let next = self.tick(&state, None);
        let asks = !state.direct && checks::asks_before(self.plan);
        if asks && next <= self.now {
            let Some(answer) = answer else {
                return Turn::Ask(Question::ConfirmRollout);
            };
            if answer.said != Said::Pass {
                let mut state = state;
                state.checks.at = Some(self.now);
                let wake = self.now + self.plan.interval;
                let told = Told::new("WaitingForConfirmation", answer.because.clone());
                return self.act(state, told, Some(wake));
            }
        } else if asks {
            let told = Told::quiet(
                "WaitingForConfirmation",
                "the rollout was not confirmed yet",
            );
            return self.act(state, told, Some(next));
        }
        let mut state = state;
        state.checks = Checks {
            tally: state.checks.tally.clone(),
            ..Checks::default()
        };
        state.stage = Stage::Draining;
        let told = "the stable Deployment takes over what is replaced";
        enter(state, Told::new("Draining", told))
    }

    pub(super) fn draining(&self, state: State) -> Turn {
        let goal = self.numbers.goal(&state, self.plan);
        let numbers = &self.numbers;
        let drained = self.observed.is_current()
            && numbers.is_at(goal)
            && numbers.app.running <= goal.canary + numbers.spare(&state);
        let enough = u64::from(numbers.stable.available) * 100
            >= u64::from(goal.stable) * u64::from(self.plan.ready.stable);
        if drained && numbers.away && (enough || state.broken) && self.routed {
            let state = State {
                stage: Stage::Rolling,
                // From here on it may have Pods of more than one revision.
                running: None,
                progress: Progress::default(),
                ..state
            };
            let told = "the user's Deployment replaces what is left in it";
            return enter(state, Told::new("Rolling", told));
        }
        let moved = numbers.stable.available + numbers.replicas.saturating_sub(numbers.app.running);
        let state = self.progressed(state, moved);
        let floor = numbers.surge.floor(numbers.replicas);
        if self.is_late(&state) && !state.broken && self.observed.available() < floor {
            // What serves is broken by itself: the new one takes the places of Pods that serve nobody.
            let state = State {
                broken: true,
                progress: Progress::default(),
                ..state
            };
            let told = format!(
                "only {} of {} Pods of the stable revision are available: the new one does not wait for them{}",
                self.observed.available(),
                numbers.replicas,
                self.trouble()
            );
            return enter(state, Told::new("StableNotAvailable", told));
        }
        let late = self.is_late(&state);
        let told = format!(
            "{} of {} Pods of {} are available; {} has {} of {} to keep{}",
            numbers.stable.available.min(goal.stable),
            goal.stable,
            self.plan.stable(),
            self.plan.target,
            numbers.app.running,
            goal.canary,
            self.trouble(),
        );
        // Nothing new has begun: it is held for as long as it takes, and said why.
        let decision = match late {
            true => "WaitingForStablePods",
            false => "WaitingForPods",
        };
        let wake = self.deadline(&state).filter(|wake| *wake > self.now);
        self.act(state, Told::new(decision, told), wake)
    }

    pub(super) fn rolling(&self, state: State) -> Turn {
        let live = &self.app.live;
        let numbers = &self.numbers;
        let rolled = deployment::is_pure(live)
            && !live.spec.paused
            && live.status.updated_replicas > 0
            && live.status.updated_replicas >= numbers.app.wanted;
        if rolled {
            let mut state = State {
                running: Some(state.target.clone()),
                progress: Progress::default(),
                ..state
            };
            state.stage = match self.first_mark() {
                Some(mark) if !state.is_back() && !state.direct => Stage::Stepping(mark),
                _ => self.promotion(0, state.direct || state.is_back()),
            };
            let told = format!(
                "all Pods of {} are of revision {}",
                self.plan.target, state.target
            );
            return enter(state, Told::new("Rolled", told));
        }
        let mut state = self.progressed(
            state,
            live.status.updated_replicas + live.status.available_replicas,
        );
        // From here on it has Pods of more than one revision.
        state.running = None;
        if self.is_late(&state) {
            let because = self.late("Pods of the new revision did not get available");
            return self.fail(state, &because);
        }
        let told = format!(
            "{} of {} Pods of {} are replaced{}",
            live.status.updated_replicas,
            numbers.app.wanted,
            self.plan.target,
            self.trouble()
        );
        let wake = self.deadline(&state);
        self.act(state, Told::new("WaitingForPods", told), wake)
    }
}
