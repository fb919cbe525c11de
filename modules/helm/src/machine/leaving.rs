//! How a release goes: hooks, objects, hooks, records; and only then the finalizer.

use crate::machine::stages::Next;
use crate::machine::{AGAIN, Run, ending, words};
use crate::ownership::{RELEASE_NAME, RELEASE_NAMESPACE};
use crate::record::Status;
use crate::situation::Readiness;
use crate::state::{Action, Is, Leaving, Note, Place, Snapshot, Stage, Verb};
use crate::status::{self, Say};
use crate::turn::{Content, Effect, Requeue, Turn};

/// What the API server says of an object that is to be created in a namespace that goes.
const TERMINATING: &str = "because it is being terminated";

impl Run<'_> {
    /// The object is being deleted and nothing is under way.
    pub(super) fn leave(mut self) -> Turn {
        let at = self.at;
        let made = at.is_release_of(&self.state) && at.antecedent.is_none();
        match at
            .last()
            .filter(|newest| made && newest.status != Status::Uninstalled)
        {
            None => {
                self.tell_left();
                self.finalized()
            }
            Some(newest) => {
                if let Some(until) = self.left_at() {
                    return self.turn(Requeue::At(until));
                }
                let (revision, inputs) = (newest.version, self.inputs_of(newest.version));
                let leaving = Leaving::Deleted;
                self.begin(
                    Verb::Uninstall { leaving },
                    revision,
                    inputs,
                    "the object is deleted",
                )
            }
        }
    }

    /// When a failed uninstallation is tried again. Other pauses hold nothing up that goes.
    pub(super) fn left_at(&self) -> Option<u64> {
        let failed = |note: &&Note| note.is == Is::False && note.reason == "UninstallFailed";
        self.state.released.as_ref().filter(failed)?;
        self.state.retry_at.filter(|until| *until > self.at.now)
    }

    /// What stays in the cluster though its object or its wish goes is told.
    pub(super) fn tell_left(&mut self) {
        let at = self.at;
        let Place {
            name, namespace, ..
        } = self.place();
        let lives = |known: &&Snapshot| known.status != Status::Uninstalled;
        let known = self.state.history.first().filter(lives);
        let (title, message) = match (at.last(), known) {
            (None, Some(known)) => (
                known.title(),
                format!(
                    "the records of release {namespace}/{name} are gone, {} was the last of them: nothing of it can be uninstalled\n\
                     hint: unless it was uninstalled by hand, its objects (annotations {RELEASE_NAME}: {name} and \
                     {RELEASE_NAMESPACE}: {namespace}) are left",
                    known.title()
                ),
            ),
            (Some(newest), _)
                if newest.status != Status::Uninstalled
                    && at.antecedent.is_none()
                    && !at.is_release_of(&self.state) =>
            {
                let title = format!("{namespace}/{name}.v{}", newest.version);
                let message = format!(
                    "release {namespace}/{name} stays: revision {} is not of this object\n\
                     hint: helm uninstall {name} --namespace {namespace}, if nobody needs it",
                    newest.version
                );
                (title, message)
            }
            _ => return,
        };
        self.event(format!("left-{title}"), true, "ReleaseLeft", &message);
    }

    pub(super) fn finalized(self) -> Turn {
        let mut turn = self.turn(Requeue::OnChange);
        turn.finalized = true;
        turn
    }

    pub(super) fn uninstall(mut self, mut action: Action, leaving: Leaving) -> Turn {
        let written = action.stage.clone();
        loop {
            match action.stage.clone() {
                Stage::Begin => {
                    let entry = self.at.entry(action.revision);
                    if entry.is_some_and(|entry| entry.status == Status::Uninstalling) {
                        action.stage = Stage::Before;
                        continue;
                    }
                    return self.mark(action);
                }
                Stage::Before => match self.hooks(&action, &written) {
                    None => action.stage = Stage::Objects,
                    // Nothing new can be made there: what no hook can prevent goes without them.
                    Some(Next::Fail(why)) if why.contains(TERMINATING) => {
                        self.warn(
                            &action,
                            &format!("{why}\nit goes on without its pre-delete hooks"),
                        );
                        action.stage = Stage::Objects;
                    }
                    Some(next) => return self.with(next, action),
                },
                Stage::Objects => {
                    let of = self.recorded(&action);
                    self.effects.push(Effect::Remove { of });
                    return self.enter(action, Stage::Ready);
                }
                Stage::Ready => match &self.at.readiness {
                    Readiness::Waiting(what) if status::rules(action.verb, self.at.wish).wait => {
                        return self.going(action, what);
                    }
                    // Whatever is said of objects on their way: they are gone or not.
                    Readiness::Waiting(_) | Readiness::Failed(_) | Readiness::Reached => {
                        action.stage = Stage::After;
                    }
                },
                Stage::After => match self.hooks(&action, &written) {
                    None => action.stage = Stage::End,
                    // The objects are gone: a hook that fails now holds nothing up any more.
                    Some(Next::Fail(why)) => {
                        self.warn(&action, &why);
                        action.stage = Stage::End;
                    }
                    Some(next) => return self.with(next, action),
                },
                Stage::End => return self.gone(action, leaving),
                Stage::Failing { why, .. } => return self.stays(action, &why),
            }
        }
    }

    /// Revisions of the action whose records are there, oldest first: of others nobody knows what they made.
    pub(super) fn recorded(&self, action: &Action) -> Vec<u32> {
        let all = action.against.iter().chain([&action.revision]);
        all.copied()
            .filter(|version| self.at.entry(*version).is_some())
            .collect()
    }

    /// The record says what is going on before anything is.
    fn mark(mut self, mut action: Action) -> Turn {
        if let Some(entry) = self.at.entry(action.revision) {
            action.former = Some(entry.status.clone());
            let description = String::from("Deletion in progress (or silently failed)");
            self.update(
                entry,
                Status::Uninstalling,
                Some(description),
                Content::Kept,
            );
        }
        self.enter(action, Stage::Before)
    }

    /// Objects that are on their way; the finalizer of the object waits for them as long as it takes.
    fn going(mut self, action: Action, what: &str) -> Turn {
        if !self.is_late(&action) {
            return self.wait(&action, what.to_owned());
        }
        self.warn(&action, what);
        self.state.failures += 1;
        self.say = Say::Progress(what.to_owned());
        // What came back meanwhile, or was another object than the one that was to go, goes now.
        self.enter(action, Stage::Objects)
    }

    fn warn(&mut self, action: &Action, why: &str) {
        let message = words::failed(action, &self.place(), why);
        let reason = words::failed_reason(action.verb);
        self.state.released = Some(Note::new(Is::False, reason, message.clone()));
        let key = format!("{}-{}", ending::key(action, "failed"), self.state.failures);
        self.event(key, true, reason, &message);
    }

    /// Nothing was removed yet: the record is again what it was.
    fn stays(mut self, action: Action, why: &str) -> Turn {
        let at = self.at;
        let former = action.former.clone().unwrap_or(Status::Deployed);
        if let Some(entry) = at
            .entry(action.revision)
            .filter(|entry| entry.status == Status::Uninstalling)
        {
            let description = words::failure(action.verb, &self.place().name, why);
            self.update(entry, former, Some(description), Content::Kept);
        }
        self.state.action = None;
        self.state.failures += 1;
        if matches!(
            action.verb,
            Verb::Uninstall {
                leaving: Leaving::Remediation
            }
        ) {
            self.state.remediation_failures += 1;
            let message = words::failed(&action, &self.place(), why);
            self.state.remediated = Some(Note::new(Is::False, "UninstallFailed", message));
        }
        let hint = "hint: nothing was removed, and it is tried again. spec.uninstall.disableHooks passes its hooks over, where the \
                    kind has it; of an object that is suspended the release stays";
        self.warn(&action, &format!("{why}\n{hint}"));
        self.postpone();
        self.turn(Requeue::OnceWritten)
    }

    fn gone(mut self, action: Action, leaving: Leaving) -> Turn {
        let at = self.at;
        if at.wish.policy.keep_history {
            for entry in at.history {
                let newest = entry.version == action.revision;
                match entry.status {
                    Status::Uninstalling if newest => {
                        let description = Some(String::from("Uninstallation complete"));
                        self.update(entry, Status::Uninstalled, description, Content::Kept);
                    }
                    Status::Deployed => self.update(entry, Status::Superseded, None, Content::Kept),
                    _ => {}
                }
            }
        } else {
            // The newest last: as long as there is one, it says what is going on.
            let all = at.history.iter().map(|entry| Effect::Forget {
                revision: entry.version,
            });
            self.effects.extend(all);
        }
        let message = words::succeeded(&action, &self.place());
        self.event(
            ending::key(&action, "done"),
            false,
            "UninstallSucceeded",
            &message,
        );
        self.state.action = None;
        self.state.served = false;
        self.state.retry_at = None;
        self.state.held = None;
        self.supersede_all();
        match leaving {
            Leaving::Remediation => {
                self.state.remediated = Some(Note::new(Is::True, "UninstallSucceeded", message));
                self.state.remediation_failures = 0;
                self.state.retry_at = Some(at.now + AGAIN);
            }
            Leaving::Deleted | Leaving::Moved => {
                self.state.released = Some(Note::new(Is::False, "UninstallSucceeded", message));
            }
        }
        self.turn(Requeue::OnceWritten)
    }

    fn supersede_all(&mut self) {
        for known in &mut self.state.history {
            known.status = Status::Uninstalled;
        }
    }
}
