//! The course of what makes a revision, of tests and of corrections; and what may come in between.

use crate::hooks::Event;
use crate::hooks::course::Course;
use crate::machine::{CANCELED, Fate, Run, moment, words};
use crate::record::Status;
use crate::situation::{self, Hooks, Readiness, wished};
use crate::state::{Action, Stage, Verb};
use crate::status;
use crate::turn::{Content, Effect, Expect, RecordWrite, Requeue, Turn};

impl Run<'_> {
    pub(super) fn fate(&self, action: &Action) -> Fate {
        match action.verb {
            Verb::Install | Verb::Upgrade | Verb::Rollback { .. } => self.fate_of_revision(action),
            // Nothing was touched yet, and by this record nothing can be.
            Verb::Uninstall { .. }
                if action.stage == Stage::Begin && self.at.entry(action.revision).is_none() =>
            {
                Fate::Dropped
            }
            // Nor can it be once all records are gone: what goes by them was not sent away yet.
            Verb::Uninstall { .. }
                if matches!(action.stage, Stage::Before | Stage::Objects)
                    && self.recorded(action).is_empty() =>
            {
                Fate::Dropped
            }
            Verb::Uninstall { .. } => Fate::GoesOn,
            Verb::Test | Verb::Correct => {
                let newest = self.at.last();
                let stands = newest.is_some_and(|newest| {
                    newest.version == action.revision && newest.status == Status::Deployed
                });
                let told = matches!(action.stage, Stage::Failing { .. });
                match stands && (told || !self.is_called_off(action)) {
                    true => Fate::GoesOn,
                    false => Fate::Dropped,
                }
            }
            Verb::Unlock => match self.at.entry(action.revision) {
                Some(entry) if is_open(&entry.status) => Fate::GoesOn,
                _ => Fate::Dropped,
            },
        }
    }

    fn fate_of_revision(&self, action: &Action) -> Fate {
        let at = self.at;
        let own = at
            .entry(action.revision)
            .filter(|entry| entry.labels.get(situation::TOKEN_LABEL) == Some(&at.token(action)));
        let other = at.last().filter(|newest| {
            newest.version > action.revision || (newest.version == action.revision && own.is_none())
        });
        let begins = action.stage == Stage::Begin;
        let Some(own) = own else {
            let free = begins && other.is_none() && !self.is_called_off(action);
            return match free && at.antecedent.is_none() && !at.wish.suspended {
                true => Fate::GoesOn,
                false => Fate::Dropped,
            };
        };
        if matches!(action.stage, Stage::Failing { .. }) {
            return Fate::GoesOn;
        }
        if let Some(other) = other {
            let why = format!(
                "revision {} was made meanwhile by somebody else",
                other.version
            );
            return match own.status.is_pending() {
                true => Fate::CalledOff(why),
                false => Fate::Dropped,
            };
        }
        match &own.status {
            Status::Deployed => Fate::GoesOn,
            status if !status.is_pending() => Fate::Dropped,
            _ if self.is_called_off(action) => Fate::CalledOff(CANCELED.to_owned()),
            _ => Fate::GoesOn,
        }
    }

    /// Something else is wished for meanwhile.
    fn is_called_off(&self, action: &Action) -> bool {
        let wanted = match (action.verb, &self.state.attempted) {
            (Verb::Rollback { .. } | Verb::Test, Some(attempt)) => &attempt.inputs,
            _ => &action.inputs,
        };
        let changed = self.at.inputs.as_ref().is_ok_and(|inputs| inputs != wanted);
        let moved = self
            .state
            .release
            .as_ref()
            .is_some_and(|place| *place != wished(self.at.wish));
        self.at.deleting || changed || moved
    }

    pub(super) fn release(mut self, mut action: Action) -> Turn {
        let written = action.stage.clone();
        loop {
            match action.stage.clone() {
                Stage::Begin if self.at.entry(action.revision).is_none() => {
                    return self.lock(action);
                }
                Stage::Begin => action.stage = Stage::Before,
                Stage::Before => match self.hooks(&action, &written) {
                    None => action.stage = Stage::Objects,
                    Some(next) => return self.with(next, action),
                },
                Stage::Objects => {
                    self.effects.push(Effect::Objects {
                        of: action.revision,
                        against: action.against.clone(),
                    });
                    return self.enter(action, Stage::Ready);
                }
                Stage::Ready => match &self.at.readiness {
                    Readiness::Waiting(what) if status::rules(action.verb, self.at.wish).wait => {
                        if self.is_late(&action) {
                            return self.fail(action, format!("{what}\ncontext deadline exceeded"));
                        }
                        return self.wait(&action, what.clone());
                    }
                    Readiness::Failed(what) if status::rules(action.verb, self.at.wish).wait => {
                        return self.fail(action, what.clone());
                    }
                    Readiness::Waiting(_) | Readiness::Failed(_) | Readiness::Reached => {
                        action.stage = Stage::After;
                    }
                },
                Stage::After => match self.hooks(&action, &written) {
                    None => action.stage = Stage::End,
                    Some(next) => return self.with(next, action),
                },
                Stage::End => return self.complete(action),
                Stage::Failing { why, canceled } => return self.give_up(action, &why, canceled),
            }
        }
    }

    /// Creates the record: whoever else wants the revision does not get it any more.
    fn lock(mut self, action: Action) -> Turn {
        let rolls = match action.verb {
            Verb::Rollback { to } => Some(to),
            _ => None,
        };
        if let (Err(obstacle), None) = (&self.at.inputs, rolls) {
            return self.obstacle(obstacle);
        }
        if let Some(gone) = self
            .at
            .last()
            .filter(|entry| entry.status == Status::Uninstalled)
        {
            self.effects.push(Effect::Record(RecordWrite {
                revision: gone.version,
                expect: Expect::Version(gone.resource_version.clone()),
                content: Content::Kept,
                status: Status::Superseded,
                description: Some(String::from("superseded by new release")),
                token: None,
            }));
        }
        if rolls.is_none() {
            self.effects.push(Effect::Ground);
        }
        self.tell_unserved(&action);
        self.effects.push(Effect::Record(RecordWrite {
            revision: action.revision,
            expect: Expect::Absent,
            content: rolls.map_or(Content::Rendered, Content::Of),
            status: match action.verb {
                Verb::Install => Status::PendingInstall,
                Verb::Rollback { .. } => Status::PendingRollback,
                _ => Status::PendingUpgrade,
            },
            description: Some(words::pending(&action)),
            token: Some(self.at.token(&action)),
        }));
        self.enter(action, Stage::Before)
    }

    /// Objects of kinds that are gone are gone with them: they are passed over, and told.
    fn tell_unserved(&mut self, action: &Action) {
        let gone: Vec<&str> = self
            .at
            .unserved
            .iter()
            .filter(|object| action.against.contains(&object.revision))
            .map(|object| object.object.as_str())
            .collect();
        if gone.is_empty() {
            return;
        }
        let message = format!(
            "the stored manifest has objects of kinds that the API server does not serve any more; they are passed over: {}",
            gone.join(", ")
        );
        let key = super::ending::key(action, "unserved");
        self.event(key, true, "RemovedApi", &message);
    }

    /// What the hooks of the action's stage want; none where none is left.
    pub(super) fn hooks(&self, action: &Action, written: &Stage) -> Option<Next> {
        let tests = action.verb == Verb::Test;
        if self.at.hooks == Hooks::Over
            || (!status::rules(action.verb, self.at.wish).hooks && !tests)
        {
            return None;
        }
        if action.stage != *written {
            return Some(Next::Enter);
        }
        Some(match &self.at.hooks {
            Hooks::Moved(course) => Next::Store((**course).clone()),
            Hooks::Failed(why) => {
                Next::Fail(moment(action).map_or_else(|| why.clone(), |event| event.failed(why)))
            }
            Hooks::Due(act) => Next::Do(Effect::Hook {
                of: action.revision,
                act: act.clone(),
                run: moment(action).map_or_else(
                    || self.at.token(action),
                    |event| situation::run(self.at.uid, action, event),
                ),
            }),
            Hooks::Waiting(_) | Hooks::Over => {
                let event = moment(action).map_or("", Event::as_str);
                Next::Wait(format!("waiting for {event} hooks"))
            }
        })
    }

    pub(super) fn with(mut self, next: Next, mut action: Action) -> Turn {
        match next {
            Next::Enter => {
                let stage = action.stage.clone();
                self.enter(action, stage)
            }
            Next::Store(course) => {
                action.courses.retain(|known| known.event != course.event);
                action.courses.push(course);
                action.moves += 1;
                let stage = action.stage.clone();
                self.enter(action, stage)
            }
            Next::Fail(why) => self.fail(action, why),
            Next::Wait(what) => self.wait(&action, what),
            Next::Do(effect) => {
                self.effects.push(effect);
                let until = self.deadline(&action);
                self.turn(Requeue::At(until))
            }
        }
    }

    pub(super) fn test(self, action: Action) -> Turn {
        if let Stage::Failing { why, .. } = action.stage.clone() {
            return self.tested(action, Err(why));
        }
        match self.hooks(&action, &action.stage) {
            None => self.tested(action, Ok(())),
            Some(next) => self.with(next, action),
        }
    }
}

/// Whether somebody is at it, or was.
pub(super) fn is_open(status: &Status) -> bool {
    status.is_pending() || matches!(status, Status::Uninstalling)
}

/// How an action goes on.
pub(super) enum Next {
    /// Its stage is written down.
    Enter,
    /// How far its hooks are is.
    Store(Course),
    Fail(String),
    Wait(String),
    Do(Effect),
}
