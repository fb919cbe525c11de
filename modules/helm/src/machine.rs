//! The life of a release: what is done next, given what was written down and what there is.
//!
//! A function. An action is written down before its first effect; its record, which only one can create, is written before
//! its first object; and all that an effect needs again after a crash is in the status or in that record. So whoever is
//! killed in between does the same again, and the same again changes nothing. Nothing waits: what is not ready yet is looked
//! at again when it changes. `LIFECYCLE.md` has the states and the table of transitions.

mod decide;
pub(crate) mod ending;
mod leaving;
mod remedy;
mod stages;
#[cfg(test)]
mod tests;
mod words;

use std::time::Duration;

use crate::hooks::Event;
use crate::situation::{self, Hooks, Obstacle, Refusal, Situation, wished};
use crate::state::{Action, Inputs, Is, Note, Place, Stage, State, Verb};
use crate::status::{self, Say};
use crate::storage::Entry;
use crate::turn::{self, Effect, Requeue, Turn};

/// Milliseconds after which a refused write is sent again.
const AGAIN: u64 = 5_000;

/// Helm's word for an action that was called off.
const CANCELED: &str = "context canceled";

/// One turn.
#[must_use]
pub fn step(state: &State, at: &Situation<'_>) -> Turn {
    let mut run = Run {
        state: state.clone(),
        at,
        tag: tag(state),
        effects: Vec::new(),
        events: Vec::new(),
        say: Say::Nothing,
    };
    run.hear();
    match run.state.action.clone() {
        Some(action) => run.carry_on(action),
        None => run.decide(),
    }
}

/// Which hooks an action is at; none where it has none.
#[must_use]
pub const fn moment(action: &Action) -> Option<Event> {
    let after = match &action.stage {
        Stage::Begin | Stage::Before | Stage::Objects => false,
        Stage::Ready | Stage::After => true,
        Stage::End | Stage::Failing { .. } => return None,
    };
    Some(match (action.verb, after) {
        (Verb::Install, false) => Event::PreInstall,
        (Verb::Install, true) => Event::PostInstall,
        (Verb::Upgrade, false) => Event::PreUpgrade,
        (Verb::Upgrade, true) => Event::PostUpgrade,
        (Verb::Rollback { .. }, false) => Event::PreRollback,
        (Verb::Rollback { .. }, true) => Event::PostRollback,
        (Verb::Uninstall { .. }, false) => Event::PreDelete,
        (Verb::Uninstall { .. }, true) => Event::PostDelete,
        (Verb::Test, _) => Event::Test,
        (Verb::Correct | Verb::Unlock, _) => return None,
    })
}

/// Tag of a turn before which nothing is under way.
pub(crate) const IDLE: &str = "idle";

/// Names what a state does next: a report of another one is of no interest any more.
pub(crate) fn tag(state: &State) -> String {
    state.action.as_ref().map_or_else(
        || IDLE.to_owned(),
        |action| format!("{}/{:?}/{}", action.number, action.stage, action.moves),
    )
}

struct Run<'a> {
    state: State,
    at: &'a Situation<'a>,
    tag: String,
    effects: Vec<Effect>,
    events: Vec<turn::Event>,
    say: Say,
}

/// What becomes of an action before it goes on.
enum Fate {
    GoesOn,
    /// It has touched nothing, or there is nothing left of it.
    Dropped,
    /// Its record is marked as failed; it is no failure.
    CalledOff(String),
}

impl<'a> Run<'a> {
    fn turn(self, requeue: Requeue) -> Turn {
        Turn {
            tag: self.tag,
            conditions: status::conditions(&self.state, self.at.wish, &self.say),
            effects: self.effects,
            state: self.state,
            events: self.events,
            requeue,
            finalized: false,
        }
    }

    fn event(&mut self, key: String, warning: bool, reason: &str, message: &str) {
        self.events.push(turn::Event {
            key,
            warning,
            reason: reason.to_owned(),
            message: message.to_owned(),
        });
    }

    /// The release that it is about; another than the one that is wished for while that moves.
    fn place(&self) -> Place {
        situation::place(&self.state, self.at.wish)
    }

    /// Annotations that need nothing else.
    fn hear(&mut self) {
        let asked = &self.at.wish.requests;
        if asked.reconcile.is_none() {
            return;
        }
        self.state.handled.reconcile.clone_from(&asked.reconcile);
        if asked.reset == asked.reconcile && self.state.handled.reset != asked.reset {
            self.state.handled.reset.clone_from(&asked.reset);
            self.state.forgive();
        }
    }

    /// Whether the annotation that forces an action waits to be heard.
    fn is_forced(&self) -> bool {
        let asked = &self.at.wish.requests;
        asked.force.is_some()
            && asked.force == asked.reconcile
            && self.state.handled.force != asked.force
    }

    /// Writes down what comes next.
    fn begin(mut self, verb: Verb, revision: u32, inputs: Inputs, because: &str) -> Turn {
        if self.is_forced() && matches!(verb, Verb::Install | Verb::Upgrade) {
            self.state
                .handled
                .force
                .clone_from(&self.at.wish.requests.force);
        }
        self.state.actions += 1;
        let stage = match verb {
            Verb::Test => Stage::After,
            Verb::Install
            | Verb::Upgrade
            | Verb::Rollback { .. }
            | Verb::Uninstall { .. }
            | Verb::Correct
            | Verb::Unlock => Stage::Begin,
        };
        if verb.makes() || matches!(verb, Verb::Uninstall { .. }) {
            self.state
                .release
                .get_or_insert_with(|| wished(self.at.wish));
            self.state.retry_at = None;
            self.state.held = None;
        }
        match verb {
            Verb::Install => self.state.installed = Some(revision),
            // Somebody uninstalled and installed it meanwhile, and counts anew.
            _ if verb.makes() => {
                self.state.installed = self.state.installed.filter(|first| *first < revision)
            }
            _ => {}
        }
        self.state.action = Some(Action {
            verb,
            revision,
            number: self.state.actions,
            stage,
            since: self.at.now,
            inputs,
            against: self.present(revision),
            because: because.to_owned(),
            courses: Vec::new(),
            moves: 0,
            former: None,
        });
        self.turn(Requeue::OnceWritten)
    }

    /// Revisions whose objects may be there: the last deployed one, whatever failed since, and what of ours failed before it, since
    /// ours last served: somebody else's revision takes none of that away.
    fn present(&self, revision: u32) -> Vec<u32> {
        use crate::record::Status;
        let earlier = || {
            self.at
                .history
                .iter()
                .filter(|entry| entry.version < revision && entry.status != Status::Uninstalled)
        };
        let version = |entry: &Entry| entry.version;
        let is_ours = |entry: &Entry| self.at.is_ours(entry);
        let deployed = earlier()
            .rev()
            .find(|entry| entry.status == Status::Deployed)
            .map_or(0, version);
        let served = earlier()
            .rev()
            .find(|entry| entry.status != Status::Failed && is_ours(entry))
            .map_or(0, version);
        let failed = |entry: &Entry| entry.status == Status::Failed && is_ours(entry);
        earlier()
            .filter(|entry| entry.version >= deployed || (entry.version > served && failed(entry)))
            .map(version)
            .collect()
    }

    fn enter(mut self, mut action: Action, stage: Stage) -> Turn {
        action.stage = stage;
        action.since = self.at.now;
        self.state.action = Some(action);
        self.turn(Requeue::OnceWritten)
    }

    fn fail(self, action: Action, why: impl Into<String>) -> Turn {
        let why = why.into();
        self.enter(
            action,
            Stage::Failing {
                why,
                canceled: false,
            },
        )
    }

    fn deadline(&self, action: &Action) -> u64 {
        let timeout = milliseconds(status::timeout(action.verb, self.at.wish));
        action.since.saturating_add(timeout)
    }

    fn is_late(&self, action: &Action) -> bool {
        self.at.now >= self.deadline(action)
    }

    fn wait(mut self, action: &Action, what: String) -> Turn {
        let until = self.deadline(action);
        self.say = Say::Progress(what);
        self.turn(Requeue::At(until))
    }

    fn obstacle(mut self, obstacle: &Obstacle) -> Turn {
        self.say = Say::Obstacle(Note::new(
            Is::False,
            obstacle.reason,
            obstacle.message.clone(),
        ));
        let requeue = obstacle
            .retry
            .map_or(Requeue::OnChange, |after| Requeue::At(self.at.now + after));
        self.turn(requeue)
    }

    fn stall(mut self, reason: &str, message: String) -> Turn {
        self.say = Say::Stalled(Note::new(Is::True, reason, message));
        self.turn(Requeue::OnChange)
    }

    fn refusal(&self) -> Option<&'a Refusal> {
        let report = self
            .at
            .report
            .as_ref()
            .filter(|report| report.tag == self.tag)?;
        report.refused.as_ref()
    }

    fn carry_on(mut self, mut action: Action) -> Turn {
        match self.fate(&action) {
            Fate::GoesOn => {}
            Fate::Dropped => {
                self.state.action = None;
                return self.turn(Requeue::OnceWritten);
            }
            Fate::CalledOff(why) => {
                return self.enter(
                    action,
                    Stage::Failing {
                        why,
                        canceled: true,
                    },
                );
            }
        }
        // What was refused of a hook is the course's own to judge.
        let judged = matches!(self.at.hooks, Hooks::Moved(_))
            && matches!(action.stage, Stage::Before | Stage::After);
        if let Some(refusal) = self.refusal().filter(|_| !judged) {
            if refusal.passes() && !self.is_late(&action) {
                let at = self.at.now + AGAIN;
                self.say = Say::Progress(words::refused(refusal));
                return self.turn(Requeue::At(at));
            }
            return self.refused(action, refusal);
        }
        match action.verb {
            Verb::Install | Verb::Upgrade | Verb::Rollback { .. } => {
                if self.is_made(&action) {
                    action.stage = Stage::End;
                }
                self.release(action)
            }
            Verb::Uninstall { leaving } => self.uninstall(action, leaving),
            Verb::Test => self.test(action),
            Verb::Correct => self.correct(action),
            Verb::Unlock => self.unlock(action),
        }
    }

    /// The record says so, and the status does not yet.
    fn is_made(&self, action: &Action) -> bool {
        action.stage != Stage::Begin
            && self
                .at
                .entry(action.revision)
                .is_some_and(|entry| entry.status == crate::record::Status::Deployed)
    }

    fn is_marked_failed(&self, action: &Action) -> bool {
        let entry = self.at.entry(action.revision);
        entry.is_some_and(|entry| entry.status == crate::record::Status::Failed)
    }

    /// A write that will not be taken.
    fn refused(mut self, action: Action, refusal: &Refusal) -> Turn {
        let why = words::refused(refusal);
        match (action.verb, &action.stage) {
            (Verb::Correct, _) => self.uncorrected(&action, &why),
            (Verb::Unlock | Verb::Uninstall { .. } | Verb::Test, _) | (_, Stage::End) => {
                self.unwritten(&action, &why)
            }
            // The record says so already: what is refused is that what it created goes.
            (Verb::Upgrade | Verb::Rollback { .. }, Stage::Failing { why: of, canceled })
                if self.is_marked_failed(&action) =>
            {
                let of = format!("{of}\nand what it created is left: {why}");
                let canceled = *canceled;
                self.give_up(action, &of, canceled)
            }
            (_, Stage::Failing { .. }) => self.unwritten(&action, &why),
            (Verb::Install | Verb::Upgrade | Verb::Rollback { .. }, Stage::Begin) => {
                self.state.action = None;
                self.state.failures += 1;
                self.postpone();
                self.told_failed(&action, &why);
                self.turn(Requeue::OnceWritten)
            }
            (Verb::Install | Verb::Upgrade | Verb::Rollback { .. }, _) => self.fail(action, why),
        }
    }

    /// Nothing goes on before a write is taken; it is sent again and again.
    fn unwritten(mut self, action: &Action, why: &str) -> Turn {
        let (reason, message) = (
            words::failed_reason(action.verb),
            words::failed(action, &self.place(), why),
        );
        self.event(format!("refused-{}", self.tag), true, reason, &message);
        self.say = Say::Obstacle(Note::new(Is::False, reason, message));
        let at = self.at.now + 30_000;
        self.turn(Requeue::At(at))
    }

    /// Nothing is tried for a while: as long as the wish says, or twice as long after each failure, at most five minutes.
    fn postpone(&mut self) {
        let doubled = AGAIN << self.state.failures.saturating_sub(1).min(6);
        let pause = self
            .remedy()
            .interval
            .map_or(doubled.min(300_000), milliseconds);
        self.state.retry_at = Some(self.at.now.saturating_add(pause));
    }

    /// Nothing is to be done.
    fn rest(self) -> Turn {
        let requeue = self.at.wish.interval.map_or(Requeue::OnChange, |interval| {
            Requeue::At(self.at.now.saturating_add(milliseconds(interval)))
        });
        self.turn(requeue)
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
