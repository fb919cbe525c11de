//! Step by step: Pods, checks, and what comes next.

use oarlock_sdk::Timestamp;
use rollout::control::Promotion;

use super::{Answer, Question, Said, Situation, Told, Turn, enter};
use crate::checks;
use crate::goal;
use crate::plan::{Course, Hold, Step};
use crate::state::{Checks, Mark, Progress, Stage, State};

impl Situation<'_> {
    pub(super) fn stepping(&self, state: State, mark: Mark, answer: Option<&Answer>) -> Turn {
        if state.direct {
            return self.onward(state, mark, "it is promoted without checks");
        }
        let goal = self.numbers.goal(&state, self.plan);
        let there = self.is_there(goal, state.broken) && self.routed;
        let number = mark.index + 1;
        if let Ok(Some(Promotion::Step(far))) = self.plan.control.promotes(&state.target)
            && usize::try_from(far).is_ok_and(|far| far >= number)
        {
            let state = State {
                failure: None,
                ..state
            };
            return self.onward(state, mark, "spec.control.promote names it");
        }
        if !there {
            return self.wait_for_pods(state, mark);
        }
        if !self.app.live.spec.paused && self.numbers.replicas > 0 {
            // Whoever is asked may take his time; until he answers nothing is written.
            let told = "the Deployment is held again before anybody is asked";
            return self.act(state, Told::quiet("Holding", told), None);
        }
        let mut state = State {
            progress: Progress::default(),
            ..state
        };
        if !state.pre_rollout_passed && checks::asks_before_the_first_step(self.plan) {
            return self.before_the_first_step(state, answer);
        }
        let Some(since) = mark.since else {
            let mark = Mark {
                since: Some(self.now),
                ..mark
            };
            state.stage = Stage::Stepping(mark);
            state.checks = Checks {
                tally: state.checks.tally.clone(),
                ..Checks::default()
            };
            let wake = self.next_look(&state, mark, self.step(mark));
            let told = format!("all Pods of step {number} ({}%) are available", mark.weight);
            return self.act(state, Told::new("StepAvailable", told), Some(wake));
        };
        if let Some(failure) = state.failure.clone() {
            return self.fail(state, &failure);
        }
        let step = self.step(mark);
        let due = self.next_look(&state, mark, step);
        if due > self.now {
            let told = format!("step {number} ({}%) is checked at {due}", mark.weight);
            return self.act(state, Told::quiet("WaitingForInterval", told), Some(due));
        }
        let Some(answer) = answer else {
            return Turn::Ask(Question::Checks {
                onward: self.next_step(mark).is_some(),
            });
        };
        state.checks.at = Some(self.now);
        state.checks.tally = answer.tally.clone();
        state.checks.next = answer.wake.filter(|wake| *wake > self.now);
        let again = |state: State, decision: &'static str, because: String| {
            let wake = self.next_look(&state, mark, step);
            self.act(state, Told::new(decision, because), Some(wake))
        };
        match answer.said {
            Said::RollBack => return self.give_up(state, &answer.because),
            Said::GiveUp => return self.fail(state, &answer.because),
            Said::Fail => return again(state, "CheckFailed", answer.because.clone()),
            Said::Hold if answer.young => {
                return again(state, "WaitingForData", answer.because.clone());
            }
            Said::Hold => return again(state, "Held", answer.because.clone()),
            Said::Pass => {}
        }
        if let Course::BlueGreen { iterations } = self.plan.course {
            state.checks.iterations += 1;
            if state.checks.iterations < iterations {
                let told = format!("{} of {iterations} checks passed", state.checks.iterations);
                return again(state, "ChecksPassed", told);
            }
            return self.onward(state, mark, &answer.because);
        }
        match step.hold {
            Hold::Checks => self.onward(state, mark, &answer.because),
            Hold::For(duration) if since + duration <= self.now => {
                self.onward(state, mark, &answer.because)
            }
            Hold::For(duration) => again(
                state,
                "ChecksPassed",
                format!("step {number} stays until {}", since + duration),
            ),
            Hold::Promotion => again(
                state,
                "WaitingForPromotion",
                format!(
                    "step {number} stays until somebody promotes it\nhint: spec.control.promote"
                ),
            ),
        }
    }

    /// Its Pods are there, and get no requests from a router before everybody agreed.
    pub(super) fn before_the_first_step(&self, state: State, answer: Option<&Answer>) -> Turn {
        let mut state = state;
        if let Some(failure) = state.failure.clone() {
            return self.fail(state, &failure);
        }
        let due = self.tick(&state, None);
        if due > self.now {
            let told = "the first step waits for what is asked before it";
            return self.act(state, Told::quiet("WaitingForPreRollout", told), Some(due));
        }
        let Some(answer) = answer else {
            return Turn::Ask(Question::PreRollout);
        };
        state.checks.tally = answer.tally.clone();
        let decision = match answer.said {
            Said::RollBack => return self.give_up(state, &answer.because),
            Said::GiveUp => return self.fail(state, &answer.because),
            Said::Pass => {
                state.pre_rollout_passed = true;
                state.checks.at = None;
                return enter(state, Told::new("PreRolloutPassed", answer.because.clone()));
            }
            Said::Fail => "CheckFailed",
            Said::Hold => "Held",
        };
        state.checks.at = Some(self.now);
        let wake = self.now + self.plan.interval;
        self.act(
            state,
            Told::new(decision, answer.because.clone()),
            Some(wake),
        )
    }

    pub(super) fn wait_for_pods(&self, state: State, mark: Mark) -> Turn {
        let numbers = &self.numbers;
        let goal = numbers.goal(&state, self.plan);
        let moved = numbers.app.available
            + numbers.app.wanted
            + numbers
                .replicas
                .saturating_sub(numbers.stable.running.min(numbers.replicas));
        let state = self.progressed(state, moved);
        let serves = numbers.app.available >= goal.canary && numbers.app.wanted == goal.canary;
        if self.is_late(&state) {
            if serves && !state.broken && numbers.stable.available < goal.stable {
                // It is not the new revision that is missing.
                let told = format!(
                    "{} of {} Pods of {} are available: the new revision goes on, checked as before, without them{}",
                    numbers.stable.available,
                    goal.stable,
                    self.plan.stable(),
                    self.trouble()
                );
                let state = State {
                    broken: true,
                    progress: Progress::default(),
                    ..state
                };
                return enter(state, Told::new("StableNotAvailable", told));
            }
            let because = self.late("Pods did not get available");
            return self.fail(state, &because);
        }
        let told = format!(
            "step {} ({}%): {} of {} Pods of {}, {} of {} of {} are available{}",
            mark.index + 1,
            mark.weight,
            numbers.app.available,
            goal.canary,
            self.plan.target,
            numbers.stable.available,
            goal.stable,
            self.plan.stable(),
            self.trouble(),
        );
        let wake = self.deadline(&state);
        self.act(state, Told::new("WaitingForPods", told), wake)
    }

    /// Past a step.
    pub(super) fn onward(&self, state: State, mark: Mark, because: &str) -> Turn {
        let mut state = State {
            progress: Progress::default(),
            ..state
        };
        state.checks = Checks {
            tally: state.checks.tally.clone(),
            ..Checks::default()
        };
        if !state.direct
            && let Some(next) = self.next_step(mark)
        {
            state.stage = Stage::Stepping(next);
            let told = format!("{}% to revision {}: {because}", next.weight, state.target);
            return enter(state, Told::new("StepEntered", told));
        }
        if state.direct || !self.asks_for_promotion() {
            state.stage = self.promotion(mark.weight, state.direct);
            return enter(
                state,
                Told::new("Promoting", format!("the last step passed: {because}")),
            );
        }
        state.stage = Stage::Asking(mark);
        enter(
            state,
            Told::new(
                "WaitingPromotion",
                "the last step passed; the promotion is to be confirmed",
            ),
        )
    }

    pub(super) fn asking(&self, state: State, mark: Mark, answer: Option<&Answer>) -> Turn {
        let promote = |state: State, because: &str| {
            let mut state = state;
            state.checks = Checks {
                tally: state.checks.tally.clone(),
                ..Checks::default()
            };
            state.stage = self.promotion(mark.weight, state.direct);
            enter(state, Told::new("Promoting", because))
        };
        if state.direct {
            return promote(state, "it is promoted without waiting");
        }
        let due = self.tick(&state, None);
        if due > self.now {
            let told = Told::quiet("WaitingPromotion", "the promotion was not confirmed yet");
            return self.act(state, told, Some(due));
        }
        let Some(answer) = answer else {
            return Turn::Ask(Question::ConfirmPromotion);
        };
        let mut state = state;
        state.checks.at = Some(self.now);
        state.checks.tally = answer.tally.clone();
        match answer.said {
            Said::Pass => promote(state, &answer.because),
            Said::RollBack => self.give_up(state, &answer.because),
            Said::GiveUp => self.fail(state, &answer.because),
            Said::Hold | Said::Fail => {
                let wake = self.now + self.plan.interval;
                let told = Told::new("WaitingPromotion", answer.because.clone());
                self.act(state, told, Some(wake))
            }
        }
    }

    /// The step of a mark, in steps that may have been edited: the last one that is not further.
    pub(super) fn step(&self, mark: Mark) -> Step {
        let steps = goal::steps(self.plan);
        let index = Self::place(&steps, mark);
        index
            .and_then(|index| steps.get(index).copied())
            .unwrap_or(Step {
                weight: mark.weight,
                hold: Hold::Checks,
            })
    }

    /// The step after a mark. Nothing that was promised is taken back.
    pub(super) fn next_step(&self, mark: Mark) -> Option<Mark> {
        let steps = goal::steps(self.plan);
        let after = Self::place(&steps, mark).map_or(0, |index| index + 1);
        let (index, step) = steps
            .iter()
            .enumerate()
            .skip(after)
            .find(|(_, step)| step.weight >= mark.weight)?;
        Some(Mark {
            index,
            weight: step.weight,
            since: None,
        })
    }

    pub(super) fn place(steps: &[Step], mark: Mark) -> Option<usize> {
        let same = |index: usize| {
            steps
                .get(index)
                .is_some_and(|step| step.weight == mark.weight)
        };
        match same(mark.index) {
            true => Some(mark.index),
            false => steps.iter().rposition(|step| step.weight <= mark.weight),
        }
    }

    pub(super) fn next_look(&self, state: &State, mark: Mark, step: Step) -> Timestamp {
        let tick = self.tick(state, mark.since);
        match (step.hold, mark.since) {
            (Hold::For(duration), Some(since)) if since + duration > self.now => {
                tick.min(since + duration)
            }
            _ => tick,
        }
    }
}
