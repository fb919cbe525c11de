//! What is begun where nothing is under way.

use crate::machine::stages::is_open;
use crate::machine::{Run, ending, milliseconds};
use crate::record::Status;
use crate::situation::{self, Header, Obstacle, wished};
use crate::state::{
    Attempt, Inputs, Is, Leaving, Note, Place, Snapshot, State, Tests, Verb, rfc3339,
};
use crate::status::{Say, ignores_tests};
use crate::storage::Entry;
use crate::turn::{Requeue, Turn};
use crate::wish::DriftMode;

/// What the `helm` command gives an action where it is told nothing.
const HELM_TIMEOUT: u64 = 300_000;

/// Milliseconds between two corrections: somebody else who writes the same fields is not fought more often.
const CORRECTION: u64 = 30_000;

/// What made a revision that this object only took as its own.
const ADOPTED: &str = "adopt";

/// Milliseconds after which releases that this one depends on are looked at again.
const DEPENDENCY: u64 = 30_000;

impl Run<'_> {
    pub(super) fn decide(mut self) -> Turn {
        let at = self.at;
        if let Some(antecedent) = at.antecedent.filter(|_| !at.deleting) {
            return self.not_ours(antecedent);
        }
        if at.wish.suspended {
            return self.suspended();
        }
        let moved = self
            .state
            .release
            .as_ref()
            .is_some_and(|place| *place != wished(at.wish));
        if !at.deleting
            && !moved
            && let Some(elsewhere) = self.elsewhere()
        {
            return self.obstacle(&elsewhere);
        }
        // Who only goes waits for nobody else's.
        let passes = at.deleting && !at.is_release_of(&self.state);
        if at.antecedent.is_none()
            && !passes
            && let Some(open) = at.last().filter(|newest| is_open(&newest.status))
        {
            return self.locked(open);
        }
        if at.deleting {
            return self.leave();
        }
        if moved {
            return self.moved();
        }
        if let [first, ..] = at.dependencies {
            return self.dependent(first);
        }
        let inputs = match &at.inputs {
            Ok(inputs) => inputs.clone(),
            Err(obstacle) => return self.obstacle(obstacle),
        };
        let fresh = self
            .state
            .attempted
            .as_ref()
            .is_none_or(|last| last.inputs != inputs);
        if fresh {
            self.state.forgive();
        }
        let forced = self.is_forced();
        if let Some(until) = self
            .state
            .retry_at
            .filter(|until| *until > at.now && !forced)
        {
            return self.turn(Requeue::At(until));
        }
        match at.last() {
            None => self.absent(inputs),
            Some(newest) if newest.status == Status::Uninstalled => self.absent(inputs),
            Some(newest) => self.present_release(newest, inputs, fresh),
        }
    }

    fn present_release(mut self, newest: &Entry, inputs: Inputs, fresh: bool) -> Turn {
        let known = match situation::known(&self.state, self.at.uid, newest).cloned() {
            Some(known) => known,
            None => match self.stranger(newest, &inputs, fresh) {
                Ok(known) => known,
                Err(verdict) => return self.after(verdict, newest, inputs),
            },
        };
        if newest.status != Status::Deployed {
            return self.failed(newest, inputs);
        }
        if self.is_forced() {
            return self.upgrade(inputs, "forced by annotation");
        }
        if known.inputs != inputs {
            return self.out_of_sync(inputs);
        }
        if self.at.wish.policy.test.is_some() {
            let ignored = ignores_tests(&self.state, self.at.wish);
            match known.tests {
                None => return self.begin(Verb::Test, newest.version, inputs, ""),
                Some(Tests::Failed) if !ignored => return self.failed(newest, inputs),
                Some(Tests::Failed | Tests::Passed) => {}
            }
        }
        self.restored(&known);
        self.drift(newest, inputs)
    }

    fn after(self, verdict: Stranger, newest: &Entry, inputs: Inputs) -> Turn {
        match verdict {
            Stranger::Replaced => self.upgrade(inputs, "the newest revision is not of this object"),
            Stranger::Held => self.held(newest),
        }
    }

    /// A revision that this object did not make, or does not know any more.
    fn stranger(
        &mut self,
        newest: &Entry,
        inputs: &Inputs,
        fresh: bool,
    ) -> Result<Snapshot, Stranger> {
        let at = self.at;
        if newest.status != Status::Deployed {
            return Err(Stranger::Replaced);
        }
        if at
            .newest
            .as_ref()
            .is_some_and(|header| self.is_wished(header, inputs))
            && !self.is_forced()
        {
            let snapshot = Snapshot {
                name: at.wish.name.clone(),
                namespace: at.wish.namespace.clone(),
                version: newest.version,
                status: Status::Deployed,
                inputs: inputs.clone(),
                action: String::from(ADOPTED),
                last_deployed: rfc3339(
                    at.newest
                        .as_ref()
                        .and_then(|header| header.last_deployed)
                        .unwrap_or(at.now),
                ),
                tests: None,
                record: Some(newest.uid.clone()),
            };
            self.adopt(snapshot.clone());
            return Ok(snapshot);
        }
        let unknown = self.state.history.is_empty();
        let corrects = at.wish.policy.drift.mode == DriftMode::Enabled;
        match unknown || corrects || fresh || self.is_forced() {
            true => Err(Stranger::Replaced),
            false => Err(Stranger::Held),
        }
    }

    /// Whether a revision that somebody else made is of these inputs. What came back from a known revision is of that one's, which
    /// tells more than the record does.
    fn is_wished(&self, header: &Header, inputs: &Inputs) -> bool {
        let again = header.description.strip_prefix("Rollback to ");
        let again = again.and_then(|rest| rest.split(':').next()?.parse().ok());
        match again.and_then(|version| self.state.snapshot(version)) {
            Some(known) => known.inputs == *inputs,
            None => header.is_of(inputs),
        }
    }

    /// The revision is what is wished for, whoever made it.
    fn adopt(&mut self, snapshot: Snapshot) {
        let message = format!(
            "Adopted release {} with chart {}: it is what is wished for",
            snapshot.title(),
            snapshot.inputs.chart()
        );
        let key = format!("adopted-{}-{}", snapshot.title(), self.state.actions);
        self.event(key, false, "ReleaseAdopted", &message);
        self.state.attempted = Some(Attempt {
            install: false,
            generation: self.at.generation,
            inputs: snapshot.inputs.clone(),
        });
        self.state.release = Some(wished(self.at.wish));
        self.state.held = None;
        self.state.served = true;
        self.state.released = Some(Note::new(Is::True, "ReleaseAdopted", message));
        ending::withdraw(&mut self.state.remediated);
        ending::withdraw(&mut self.state.tested);
        for known in &mut self.state.history {
            if known.status == Status::Deployed {
                known.status = Status::Superseded;
            }
        }
        ending::remember(&mut self.state, snapshot);
    }

    /// Somebody made a revision by hand: it is left alone, and told.
    fn held(mut self, newest: &Entry) -> Turn {
        if self.state.held == Some(newest.version) {
            return self.rest();
        }
        let at = self.at;
        let said = at.newest.as_ref().map_or("", |header| &header.description);
        let message = format!(
            "revision {} ({said:?}) was made by somebody else and is left alone: it is not what is wished for\n\
             hint: change the wish, force it (annotations reconcile.fluxcd.io/requestedAt and forceAt), or let drift be corrected",
            newest.version
        );
        self.state.held = Some(newest.version);
        ending::withdraw(&mut self.state.remediated);
        ending::withdraw(&mut self.state.tested);
        self.state.released = Some(Note::new(Is::False, "ReleasedByHand", message.clone()));
        let key = format!("held-{}-{}", newest.version, newest.resource_version);
        self.event(key, true, "ReleasedByHand", &message);
        self.rest()
    }

    fn absent(mut self, inputs: Inputs) -> Turn {
        let remedy = &self.at.wish.policy.install_remediation;
        let exhausted = remedy
            .retries
            .is_some_and(|most| self.state.install_failures > most);
        if exhausted && !self.is_forced() {
            return self.exhausted();
        }
        let revision = self.at.last().map_or(1, |newest| newest.version + 1);
        self.attempt(true, &inputs);
        self.begin(Verb::Install, revision, inputs, "")
    }

    fn out_of_sync(self, inputs: Inputs) -> Turn {
        let remedy = &self.at.wish.policy.upgrade_remediation;
        let exhausted = remedy
            .retries
            .is_some_and(|most| self.state.upgrade_failures > most);
        if exhausted {
            return self.exhausted();
        }
        self.upgrade(inputs, "the wish changed")
    }

    pub(super) fn upgrade(mut self, inputs: Inputs, because: &str) -> Turn {
        let revision = self.at.last().map_or(1, |newest| newest.version + 1);
        self.attempt(false, &inputs);
        self.begin(Verb::Upgrade, revision, inputs, because)
    }

    fn attempt(&mut self, install: bool, inputs: &Inputs) {
        ending::withdraw(&mut self.state.remediated);
        ending::withdraw(&mut self.state.tested);
        self.state.attempted = Some(Attempt {
            install,
            generation: self.at.generation,
            inputs: inputs.clone(),
        });
    }

    /// What came back with a rollback is what is wished for now.
    fn restored(&mut self, known: &Snapshot) {
        let remediated = self.state.remediated.as_ref();
        if remediated.is_some_and(|note| note.is == Is::True) {
            let message = super::words::released(known);
            self.state.released = Some(Note::new(Is::True, "UpgradeSucceeded", message));
            ending::withdraw(&mut self.state.remediated);
        }
    }

    fn drift(mut self, newest: &Entry, inputs: Inputs) -> Turn {
        let at = self.at;
        let mode = at.wish.policy.drift.mode;
        let differing = match (mode, at.drift) {
            (DriftMode::Disabled, _) => {
                ending::withdraw(&mut self.state.drifted);
                return self.rest();
            }
            (_, None) => return self.rest(),
            (_, Some([])) => {
                if self
                    .state
                    .drifted
                    .as_ref()
                    .is_some_and(|note| note.is == Is::True)
                {
                    let message = "The cluster is as the release has it";
                    self.state.drifted = Some(Note::new(Is::False, "NoDrift", message));
                }
                return self.rest();
            }
            (_, Some(differing)) => differing,
        };
        let message = format!(
            "Cluster state of release {}/{}.v{} has drifted from the desired state:\n{}",
            at.wish.namespace,
            at.wish.name,
            newest.version,
            differing.join("\n")
        );
        let note = Note::new(Is::True, "DriftDetected", message.clone());
        if self.state.drifted.as_ref() != Some(&note) {
            let key = format!("drift-{}-{}", newest.version, at.now);
            self.event(key, true, "DriftDetected", &message);
            self.state.drifted = Some(note);
        }
        if mode == DriftMode::Warn {
            return self.rest();
        }
        let next = self.state.corrected_at.map_or(0, |last| last + CORRECTION);
        if next > at.now {
            return self.turn(Requeue::At(next));
        }
        self.begin(Verb::Correct, newest.version, inputs, "")
    }

    /// Somebody is at it, or died.
    fn locked(self, open: &Entry) -> Turn {
        let at = self.at;
        let timeout = milliseconds(at.wish.policy.timeout);
        let deployed = at.newest.as_ref().and_then(|header| header.last_deployed);
        let since = deployed.max(open.touched);
        let stale = since.map_or(0, |since| since.saturating_add(timeout.max(HELM_TIMEOUT)));
        // Who uninstalls a revision leaves our label on it.
        let left_behind = at.is_ours(open) && open.status.is_pending();
        if !left_behind && stale > at.now {
            return self.obstacle(&Obstacle {
                reason: "PendingRelease",
                message: format!(
                    "another operation (install/upgrade/rollback) is in progress: revision {} is {}, and not by this object\n\
                     hint: it is waited for; nobody who is at it that long is believed to be alive",
                    open.version,
                    open.status.as_str()
                ),
                retry: Some(stale - at.now),
            });
        }
        let inputs = at
            .newest
            .as_ref()
            .map_or_else(Inputs::default, |header| Inputs {
                chart_name: header.chart_name.clone(),
                chart_version: header.chart_version.clone(),
                ..Inputs::default()
            });
        let revision = open.version;
        self.begin(Verb::Unlock, revision, inputs, "")
    }

    fn not_ours(mut self, antecedent: &str) -> Turn {
        let message = format!(
            "release {}/{} appears to be managed by {antecedent}; nothing of it is touched\n\
             hint: give this one another releaseName, or delete the other",
            self.at.wish.namespace, self.at.wish.name
        );
        let note = Note::new(Is::False, "ReleaseOwned", message.clone());
        if self.state.released.as_ref() != Some(&note) {
            self.event(
                format!("owned-by-{antecedent}"),
                true,
                "ReleaseOwned",
                &message,
            );
            self.state.released = Some(note);
        }
        self.stall("ReleaseOwned", message)
    }

    fn suspended(mut self) -> Turn {
        if self.at.deleting {
            return self.finalized();
        }
        self.say = Say::Nothing;
        self.turn(Requeue::OnChange)
    }

    fn dependent(self, missing: &str) -> Turn {
        self.obstacle(&Obstacle {
            reason: "DependencyNotReady",
            message: format!("dependencies do not meet ready condition: {missing}"),
            retry: Some(DEPENDENCY),
        })
    }

    /// Records in one namespace, releases in two: of one name there can be only one.
    fn elsewhere(&self) -> Option<Obstacle> {
        let (at, newest) = (self.at, self.at.last()?);
        let namespace = &at.newest.as_ref()?.namespace;
        let Place { name, storage, .. } = wished(at.wish);
        let other = !namespace.is_empty() && *namespace != at.wish.namespace;
        let known = at.is_ours(newest) || self.state.adopted(newest).is_some();
        (other && !known).then(|| Obstacle {
            reason: "InvalidOwnership",
            message: format!(
                "release {name:?} with its records in namespace {storage:?} is in namespace {namespace:?}, not in {:?}; nothing of it is touched\n\
                 hint: give this one another releaseName or storageNamespace, or name the namespace where that one is",
                at.wish.namespace
            ),
            retry: None,
        })
    }

    fn moved(mut self) -> Turn {
        match self
            .at
            .last()
            .filter(|_| self.at.is_release_of(&self.state))
        {
            Some(newest) if newest.status != Status::Uninstalled => {
                // What is there goes only for something that can come.
                if let [first, ..] = self.at.dependencies {
                    return self.dependent(first);
                }
                if let Err(obstacle) = &self.at.inputs {
                    return self.obstacle(obstacle);
                }
                if let Some(until) = self.left_at() {
                    return self.turn(Requeue::At(until));
                }
                let (revision, inputs) = (newest.version, self.inputs_of(newest.version));
                let leaving = Leaving::Moved;
                self.begin(
                    Verb::Uninstall { leaving },
                    revision,
                    inputs,
                    "the wish names another",
                )
            }
            _ => {
                self.tell_left();
                let (handled, actions) = (self.state.handled.clone(), self.state.actions);
                self.state = State {
                    handled,
                    actions,
                    ..State::default()
                };
                self.turn(Requeue::OnceWritten)
            }
        }
    }

    pub(super) fn inputs_of(&self, version: u32) -> Inputs {
        self.state
            .snapshot(version)
            .map(|known| known.inputs.clone())
            .or_else(|| Some(self.state.attempted.as_ref()?.inputs.clone()))
            .unwrap_or_default()
    }
}

/// What is done about a revision that this object did not make.
enum Stranger {
    /// A further revision is made.
    Replaced,
    /// It is left alone.
    Held,
}
