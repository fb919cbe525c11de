//! How actions end, what is remembered of them, and what of the history goes.

use crate::machine::{Run, words};
use crate::record::Status;
use crate::state::{Action, Is, Note, Snapshot, State, Tests, Verb, rfc3339};
use crate::status::{OVER, ignores_tests, rules};
use crate::storage::Entry;
use crate::turn::{Content, Effect, Expect, RecordWrite, Requeue, Turn};

/// How many revisions are remembered in the status.
const REMEMBERED: usize = 5;

impl Run<'_> {
    /// The revision is in the cluster: first its record says so, then those before.
    pub(super) fn complete(mut self, action: Action) -> Turn {
        let at = self.at;
        if let Some(entry) = at
            .entry(action.revision)
            .filter(|entry| entry.status.is_pending())
        {
            let description = Some(words::complete(&action));
            self.update(entry, Status::Deployed, description, Content::Kept);
        }
        let others = at
            .history
            .iter()
            .filter(|entry| entry.version != action.revision && entry.status == Status::Deployed);
        for entry in others {
            self.update(entry, Status::Superseded, None, Content::Kept);
        }
        let rolled = matches!(action.verb, Verb::Rollback { .. });
        let untested = at.wish.policy.test.is_some() && !rolled;
        let before = untested.then(|| self.last_good(action.revision)).flatten();
        self.prune(action.revision, before);
        self.supersede();
        self.remember(&action, Status::Deployed);
        self.state.action = None;
        let message = words::succeeded(&action, &self.place());
        let reason = words::succeeded_reason(action.verb);
        let note = Note::new(Is::True, reason, message.clone());
        if rolled {
            self.state.remediated = Some(note);
            self.state.remediation_failures = 0;
            self.postpone();
        } else {
            self.state.released = Some(note);
            withdraw(&mut self.state.remediated);
            if at.wish.policy.test.is_some() {
                let (title, chart) = (words::title(&action, &self.place()), action.inputs.chart());
                self.state.tested = Some(Note::new(
                    Is::Unknown,
                    "AwaitingTests",
                    format!("Helm release {title} with chart {chart} is awaiting tests"),
                ));
            } else {
                self.serves();
            }
        }
        withdraw(&mut self.state.drifted);
        self.event(key(&action, "done"), false, reason, &message);
        self.turn(Requeue::OnceWritten)
    }

    /// The release is what was wished for.
    fn serves(&mut self) {
        self.state.served = true;
        self.state.forgive();
    }

    /// The record is marked as failed.
    pub(super) fn give_up(mut self, action: Action, why: &str, canceled: bool) -> Turn {
        let at = self.at;
        let description = words::failure(action.verb, &self.place().name, why);
        if let Some(entry) = at
            .entry(action.revision)
            .filter(|entry| entry.status.is_pending())
        {
            self.update(entry, Status::Failed, Some(description), Content::Kept);
        }
        if self.cleans(&action) {
            let served = |version: &&u32| {
                let entry = at.entry(**version);
                entry.is_some_and(|entry| entry.status == Status::Deployed)
            };
            self.effects.push(Effect::Clean {
                of: action.revision,
                besides: action.against.iter().filter(served).copied().collect(),
            });
        }
        let before = self.last_good(action.revision);
        self.prune(action.revision, before);
        self.remember(&action, Status::Failed);
        self.state.action = None;
        if !canceled {
            self.state.failures += 1;
            match action.verb {
                Verb::Install => self.state.install_failures += 1,
                Verb::Rollback { .. } => self.state.remediation_failures += 1,
                _ => self.state.upgrade_failures += 1,
            }
            if matches!(action.verb, Verb::Rollback { .. }) || self.only_retries() {
                self.postpone();
            }
        }
        self.told_failed(&action, why);
        self.turn(Requeue::OnceWritten)
    }

    /// Whether what the action created goes. Where that is refused the failure is told in any case: whoever remedies it has to.
    fn cleans(&self, action: &Action) -> bool {
        let wished = matches!(action.verb, Verb::Upgrade | Verb::Rollback { .. });
        wished && rules(action.verb, self.at.wish).cleanup && self.refusal().is_none()
    }

    /// Condition and Event of a failure.
    pub(super) fn told_failed(&mut self, action: &Action, why: &str) {
        let message = words::failed(action, &self.place(), why);
        let reason = words::failed_reason(action.verb);
        let note = Note::new(Is::False, reason, message.clone());
        match action.verb {
            Verb::Rollback { .. } => self.state.remediated = Some(note),
            _ => {
                self.state.released = Some(note);
                withdraw(&mut self.state.remediated);
            }
        }
        self.event(key(action, "failed"), true, reason, &message);
    }

    /// The tests are through: so many passed, or one did not.
    pub(super) fn tested(mut self, action: Action, verdict: Result<(), String>) -> Turn {
        let at = self.at;
        let count = at.tests;
        if count > 0
            && let Some(entry) = at.entry(action.revision)
        {
            self.update(entry, entry.status.clone(), None, Content::Kept);
        }
        let tests = verdict.as_ref().map_or(Tests::Failed, |_| Tests::Passed);
        let known = |known: &&mut Snapshot| known.version == action.revision;
        if let Some(snapshot) = self.state.history.iter_mut().find(known) {
            snapshot.tests = Some(tests);
        }
        self.state.action = None;
        let ignored = ignores_tests(&self.state, at.wish);
        let (is, reason, message) = match verdict {
            Ok(()) => {
                let what = match count {
                    0 => String::from("no test hooks"),
                    1 => String::from("1 test hook completed successfully"),
                    more => format!("{more} test hooks completed successfully"),
                };
                (
                    Is::True,
                    "TestSucceeded",
                    format!("{}: {what}", words::succeeded(&action, &self.place())),
                )
            }
            Err(why) => (
                Is::False,
                "TestFailed",
                words::failed(&action, &self.place(), &why),
            ),
        };
        if is == Is::True || ignored {
            self.prune(action.revision, None);
        }
        if is == Is::False {
            self.state.failures += 1;
            if !ignored {
                match self
                    .state
                    .attempted
                    .as_ref()
                    .is_some_and(|last| last.install)
                {
                    true => self.state.install_failures += 1,
                    false => self.state.upgrade_failures += 1,
                }
                if self.only_retries() {
                    self.postpone();
                }
            }
        }
        if is == Is::True {
            self.serves();
        } else if ignored {
            self.state.served = true;
        }
        self.state.tested = Some(Note::new(is, reason, message.clone()));
        self.event(key(&action, "tested"), is == Is::False, reason, &message);
        self.turn(Requeue::OnceWritten)
    }

    /// Brings back what differs.
    pub(super) fn correct(mut self, action: Action) -> Turn {
        self.effects.push(Effect::Objects {
            of: action.revision,
            against: Vec::new(),
        });
        let message = words::succeeded(&action, &self.place());
        self.state.action = None;
        self.state.corrected_at = Some(self.at.now);
        self.state.drifted = Some(Note::new(Is::False, "DriftCorrected", message.clone()));
        self.event(key(&action, "corrected"), false, "DriftCorrected", &message);
        self.turn(Requeue::OnceWritten)
    }

    pub(super) fn uncorrected(mut self, action: &Action, why: &str) -> Turn {
        let message = words::failed(action, &self.place(), why);
        let reason = words::failed_reason(action.verb);
        self.state.action = None;
        self.state.corrected_at = Some(self.at.now);
        self.state.drifted = Some(Note::new(Is::True, reason, message.clone()));
        self.event(key(action, "uncorrected"), true, reason, &message);
        self.turn(Requeue::OnceWritten)
    }

    /// Nobody works at the record any more.
    pub(super) fn unlock(mut self, action: Action) -> Turn {
        let at = self.at;
        let Some(entry) = at.entry(action.revision) else {
            self.state.action = None;
            return self.turn(Requeue::OnceWritten);
        };
        let state = entry.status.as_str();
        let description = format!("Release unlocked from stale '{state}' state");
        self.update(entry, Status::Failed, Some(description), Content::Kept);
        let (title, chart) = (words::title(&action, &self.place()), action.inputs.chart());
        let message = format!("Unlocked Helm release {title} with chart {chart} in {state} state");
        self.state.action = None;
        self.state.released = Some(Note::new(Is::False, "PendingRelease", message.clone()));
        self.event(key(&action, "unlocked"), false, "PendingRelease", &message);
        self.turn(Requeue::OnceWritten)
    }

    pub(super) fn update(
        &mut self,
        entry: &Entry,
        status: Status,
        description: Option<String>,
        content: Content,
    ) {
        self.effects.push(Effect::Record(RecordWrite {
            revision: entry.version,
            expect: Expect::Version(entry.resource_version.clone()),
            content,
            status,
            description,
            token: None,
        }));
    }

    /// The newest revision before one that served, or does.
    pub(super) fn last_good(&self, before: u32) -> Option<u32> {
        last_good(&self.state, self.at.history, before)
    }

    /// Forgets the oldest revisions beyond what the wish keeps; never the newest, one that is in the cluster, or `also`.
    fn prune(&mut self, newest: u32, also: Option<u32>) {
        let Some(most) = self.at.wish.policy.max_history else {
            return;
        };
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let superseded_now = |entry: &&Entry| {
            self.effects.iter().any(|effect| match effect {
                Effect::Record(write) => {
                    write.revision == entry.version && write.status == Status::Superseded
                }
                _ => false,
            })
        };
        let stays = |entry: &&Entry| {
            entry.version == newest
                || Some(entry.version) == also
                || (entry.status == Status::Deployed && !superseded_now(entry))
        };
        let beyond = self.at.history.len().saturating_sub(most);
        let gone: Vec<u32> = self
            .at
            .history
            .iter()
            .filter(|entry| !stays(entry))
            .take(beyond)
            .map(|entry| entry.version)
            .collect();
        self.effects
            .extend(gone.into_iter().map(|revision| Effect::Forget { revision }));
    }

    fn supersede(&mut self) {
        for known in &mut self.state.history {
            if known.status == Status::Deployed {
                known.status = Status::Superseded;
            }
        }
    }

    pub(super) fn remember(&mut self, action: &Action, status: Status) {
        let (at, place) = (self.at, self.place());
        let snapshot = Snapshot {
            name: place.name,
            namespace: place.namespace,
            version: action.revision,
            status,
            inputs: action.inputs.clone(),
            action: action.verb.as_str().to_owned(),
            last_deployed: rfc3339(at.now),
            tests: None,
            record: None,
        };
        remember(&mut self.state, snapshot);
    }
}

/// The newest revision before one that served, or does, of this installation.
pub(crate) fn last_good(state: &State, history: &[Entry], before: u32) -> Option<u32> {
    let failed_tests = |version| {
        let tests = state.snapshot(version).and_then(|known| known.tests);
        tests == Some(Tests::Failed)
    };
    let good = |entry: &&Entry| {
        entry.version < before
            && matches!(entry.status, Status::Deployed | Status::Superseded)
            && !failed_tests(entry.version)
            && !is_replaced(state, entry)
    };
    history.iter().rev().find(good).map(|entry| entry.version)
}

/// Records of an installation before the last uninstallation say nothing about what is in the cluster.
pub(super) fn is_replaced(state: &State, entry: &Entry) -> bool {
    let known = state.snapshot(entry.version);
    known.is_some_and(|known| known.status == Status::Uninstalled)
        || state.installed.is_some_and(|first| entry.version < first)
}

/// Puts a revision first; old ones go, but for the one that is in the cluster.
pub(super) fn remember(state: &mut State, snapshot: Snapshot) {
    state
        .history
        .retain(|known| known.version != snapshot.version);
    state.history.insert(0, snapshot);
    let mut left = REMEMBERED;
    state.history.retain(|known| {
        let room = left > 0;
        left = left.saturating_sub(1);
        room || known.status == Status::Deployed
    });
}

/// What was said is over; a condition cannot be taken back.
pub(super) fn withdraw(note: &mut Option<Note>) {
    if let Some(note) = note {
        *note = Note::new(Is::False, OVER, "Nothing of the kind any more");
    }
}

/// Key of an Event about an action.
pub(super) fn key(action: &Action, what: &str) -> String {
    format!(
        "{}-{}-{what}",
        action.verb.as_str().replace(' ', "-"),
        action.number
    )
}
