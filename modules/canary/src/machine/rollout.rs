//! Stage by stage.

use std::time::Duration;

use oarlock_sdk::Timestamp;
use rollout::control::Promotion;
use rollout::history::Outcome;

use super::{Answer, Question, Said, Situation, Told, Turn, enter};
use crate::checks;
use crate::deployment;
use crate::goal;
use crate::plan::{Course, Hold, Step};
use crate::state::{Checks, Mark, Progress, Release, Stage, State};

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

    fn idle(&self, state: State) -> Turn {
        // A person may have let it go and rolled it out: what is there now is what serves.
        let told = Told::quiet("NothingToDo", format!("revision {} serves", state.target));
        self.act(state, told, None)
    }

    fn waiting(&self, state: State, answer: Option<&Answer>) -> Turn {
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

    fn draining(&self, state: State) -> Turn {
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

    fn rolling(&self, state: State) -> Turn {
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

    fn stepping(&self, state: State, mark: Mark, answer: Option<&Answer>) -> Turn {
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
    fn before_the_first_step(&self, state: State, answer: Option<&Answer>) -> Turn {
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

    fn wait_for_pods(&self, state: State, mark: Mark) -> Turn {
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
    fn onward(&self, state: State, mark: Mark, because: &str) -> Turn {
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

    fn asking(&self, state: State, mark: Mark, answer: Option<&Answer>) -> Turn {
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

    fn promoting(&self, state: State, mark: Mark) -> Turn {
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
    fn promotion(&self, weight: u32, direct: bool) -> Stage {
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
    fn finalise(&self, state: State, because: &str) -> Turn {
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

    fn finalising(&self, state: State, answer: Option<&Answer>) -> Turn {
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

    fn aborting(&self, state: State, answer: Option<&Answer>) -> Turn {
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

    /// The step of a mark, in steps that may have been edited: the last one that is not further.
    fn step(&self, mark: Mark) -> Step {
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
    fn next_step(&self, mark: Mark) -> Option<Mark> {
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

    fn place(steps: &[Step], mark: Mark) -> Option<usize> {
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

    /// When it is asked next.
    fn tick(&self, state: &State, since: Option<Timestamp>) -> Timestamp {
        let regular = match state.checks.at.or(since) {
            Some(last) => last + self.plan.interval,
            None => self.now,
        };
        state.checks.next.map_or(regular, |next| next.min(regular))
    }

    fn next_look(&self, state: &State, mark: Mark, step: Step) -> Timestamp {
        let tick = self.tick(state, mark.since);
        match (step.hold, mark.since) {
            (Hold::For(duration), Some(since)) if since + duration > self.now => {
                tick.min(since + duration)
            }
            _ => tick,
        }
    }

    fn progressed(&self, state: State, pods: u32) -> State {
        let progress = match state.progress.at {
            Some(_) if pods <= state.progress.pods => state.progress,
            _ => Progress {
                at: Some(self.now),
                pods,
            },
        };
        State { progress, ..state }
    }

    fn deadline(&self, state: &State) -> Option<Timestamp> {
        let since = state.progress.at.filter(|_| !state.is_back())?;
        Some(since + self.plan.deadline)
    }

    /// Nothing but what serves can be the way back: it has no deadline.
    fn is_late(&self, state: &State) -> bool {
        self.deadline(state)
            .is_some_and(|deadline| deadline <= self.now)
    }

    /// With what the controllers say of it.
    fn late(&self, what: &str) -> String {
        let deadline = Duration::as_secs(&self.plan.deadline);
        format!("{what} within {deadline}s{}", self.trouble())
    }

    /// What keeps Pods from coming, in the words of their controllers.
    fn trouble(&self) -> String {
        let stable = self.observed.stable.as_ref();
        deployment::trouble(&self.app.live)
            .or_else(|| stable.and_then(deployment::trouble))
            .map(|trouble| format!(": {trouble}"))
            .or_else(|| {
                let missing = self.waits.first()?;
                let expected = missing.expected.as_deref().unwrap_or_default();
                Some(format!(
                    "; {} {}, expected {expected}",
                    missing.name, missing.value
                ))
            })
            .unwrap_or_default()
    }

    /// Whether somebody is asked before the promotion.
    fn asks_for_promotion(&self) -> bool {
        checks::asks_for_promotion(self.plan)
    }

    fn asks_afterwards(&self) -> bool {
        checks::asks_afterwards(self.plan)
    }
}
