//! What an object says of its release: the fields and conditions that users of its API know, and what the lifecycle remembers.
//!
//! Functions of what a run knows. Owns `.status` but for what others have there; decides nothing. A field is written when what it
//! says changed: no time of a run goes into any, so that a run in which nothing happened has nothing to write.

mod change;
mod flux1;
mod flux2;
#[cfg(test)]
mod tests;
mod whole;

use serde::Deserialize as _;
use serde_json::Value;
use thiserror::Error;

use super::part::Part;
use crate::machine;
use crate::record::{Record, Status};
use crate::state::{Handled, Is, Note, Snapshot, Stage, State, Verb};
use crate::status::OVER;
use crate::turn::{Condition, Turn};
use crate::wish::Wish;

#[cfg(test)]
pub(crate) use change::apply;

/// Where in `.status` the lifecycle has its memory.
pub const LIFECYCLE: &str = "lifecycle";

/// Condition: what the object says and nobody heeds.
const WARNINGS: &str = "Warnings";

/// What a run knows.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The object as the run saw it.
    pub object: &'a Value,
    /// What is wished for.
    pub wish: &'a Wish,
    /// What was remembered: [`state`] of the object.
    pub before: &'a State,
    /// What the run decided.
    pub turn: &'a Turn,
    /// Records that this run read, or is about to write, as they are then. What is said of others stays.
    pub records: &'a [&'a Record],
    /// What the source calls the chart that was fetched: a commit, or a digest; none where none was.
    pub revision: Option<&'a str>,
}

/// Why there is no telling what was remembered: somebody else wrote it.
#[derive(Debug, Error)]
#[error("status.{LIFECYCLE}: {source}")]
pub struct ReadState {
    /// What is wrong.
    source: serde_json::Error,
}

/// What an object remembers of its release. Of one that a controller of Flux had before, which of its annotations were heard.
///
/// # Errors
/// When it cannot be read. As good as lost, which the lifecycle survives.
pub fn state(object: &Value) -> Result<State, ReadState> {
    let status = Part(object).at("status");
    let remembered = status.at(LIFECYCLE);
    if remembered.is_given() {
        return State::deserialize(remembered.0).map_err(|source| ReadState { source });
    }
    let token = |name: &str| status.at(name).owned();
    Ok(State {
        handled: Handled {
            reconcile: token("lastHandledReconcileAt"),
            force: token("lastHandledForceAt"),
            reset: token("lastHandledResetAt"),
        },
        ..State::default()
    })
}

/// Whether what is remembered does not stay in the object: it was written, the run after that failed, and nothing is there. Said of
/// every other failure in a row only, so that whoever failed for another reason goes on. `last` is the last turn's tag.
#[must_use]
pub fn is_dropped(object: &Value, failures: u32, last: Option<&str>) -> bool {
    let lost = !Part(object).at("status").at(LIFECYCLE).is_given();
    lost && failures % 2 == 1 && last == Some(machine::IDLE)
}

/// What is said then.
pub const DROPPED: &str = "status.lifecycle does not stay: the definition of the kind drops it, and without it nothing can be carried \
    to its end\nhint: apply the definition that comes with this module (crds/), or let the kind's status have \
    x-kubernetes-preserve-unknown-fields: true";

/// Whose words are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// `helm.fluxcd.io/v1`.
    Flux1,
    /// `flux.weave.works/v1beta1`.
    Oldest,
    /// `helm.toolkit.fluxcd.io/v2`.
    Flux2,
    /// `samplecontroller.k8s.io/v1alpha1`, which never said anything.
    Sample,
    /// A kind whose whole `spec` is the values.
    Whole,
}

impl Dialect {
    fn of(object: &Value) -> Self {
        let part = Part(object);
        let kind = part.at("kind").text() == Some("HelmRelease");
        match part.at("apiVersion").text().filter(|_| kind) {
            Some("helm.fluxcd.io/v1") => Self::Flux1,
            Some("flux.weave.works/v1beta1") => Self::Oldest,
            Some("helm.toolkit.fluxcd.io/v2") => Self::Flux2,
            Some("samplecontroller.k8s.io/v1alpha1") => Self::Sample,
            _ => Self::Whole,
        }
    }
}

/// A field of `.status` and what it shall be; none for a field that shall not be there. What is not named stays.
type Field = (&'static str, Option<Value>);

impl Told<'_> {
    /// A JSON Merge Patch of `.status`; none where all is said already.
    #[must_use]
    pub fn status(&self) -> Option<Value> {
        let mut fields = match Dialect::of(self.object) {
            Dialect::Flux1 => flux1::fields(self),
            Dialect::Oldest => flux1::oldest_fields(self),
            Dialect::Flux2 => flux2::fields(self),
            Dialect::Sample => Vec::new(),
            Dialect::Whole => whole::fields(self),
        };
        // Data that was read from JSON, or is about to be: there is nothing in it that JSON has not.
        fields.push((LIFECYCLE, serde_json::to_value(&self.turn.state).ok()));
        change::of(&self.object["status"], fields)
    }

    /// The conditions that the object's API has, in its words; `Ready` is always among them.
    #[must_use]
    pub fn conditions(&self) -> Vec<Condition> {
        let mut all = match Dialect::of(self.object) {
            Dialect::Flux1 => flux1::conditions(self),
            Dialect::Oldest => flux1::oldest_conditions(self),
            Dialect::Flux2 | Dialect::Sample => self.turn.conditions.clone(),
            Dialect::Whole => whole::conditions(self),
        };
        all.extend(self.warnings());
        all
    }

    fn warnings(&self) -> Option<Condition> {
        let warnings = &self.wish.warnings;
        match warnings.is_empty() {
            false => Some(condition(
                WARNINGS,
                Is::True,
                "FieldsNotUsed",
                warnings.join("\n"),
            )),
            true => self.over(WARNINGS),
        }
    }

    /// A condition that says nothing any more: conditions cannot be taken back.
    fn over(&self, kind: &'static str) -> Option<Condition> {
        let note = Note::new(Is::False, OVER, "Nothing of the kind any more");
        self.has(kind).then_some(Condition { kind, note })
    }

    /// A condition of the object as it is.
    fn present(&self, kind: &str) -> Option<Part<'_>> {
        let mut all = Part(self.object).at("status.conditions").list();
        all.find(|condition| condition.at("type").text() == Some(kind))
    }

    fn has(&self, kind: &str) -> bool {
        self.present(kind).is_some()
    }

    /// A condition of the turn.
    fn said(&self, kind: &str) -> Option<&Note> {
        let all = &self.turn.conditions;
        let found = all.iter().find(|condition| condition.kind == kind)?;
        Some(&found.note)
    }

    /// `Ready`, and what kstatus asks for where it says something.
    fn summary(&self) -> Vec<Condition> {
        let says = |condition: &&Condition| match condition.kind {
            "Ready" => true,
            "Stalled" | "Reconciling" => condition.note.is == Is::True || self.has(condition.kind),
            _ => false,
        };
        self.turn.conditions.iter().filter(says).cloned().collect()
    }

    /// What the run could not get past, where that is nothing that is remembered.
    fn obstacle(&self) -> Option<&Note> {
        let ready = self.said("Ready").filter(|note| note.is == Is::False)?;
        let state = &self.turn.state;
        let remembered = [&state.remediated, &state.tested, &state.released];
        let same = |note: &Note| note.reason == ready.reason && note.message == ready.message;
        let stalled = self.said("Stalled").filter(|note| note.is == Is::True);
        let known = remembered.into_iter().flatten().chain(stalled).any(same);
        (!known).then_some(ready)
    }

    fn generation(&self) -> Option<i64> {
        Part(self.object).at("metadata.generation").whole()
    }

    /// A field of the object's status as it is.
    fn present_field(&self, name: &str) -> Part<'_> {
        Part(self.object).at("status").at(name)
    }

    fn record(&self, version: u32) -> Option<&Record> {
        let mut records = self.records.iter().copied();
        records.find(|record| record.version == version)
    }

    /// The revision that is in the cluster, as far as it is remembered.
    fn deployed(&self) -> Option<&Snapshot> {
        let mut history = self.turn.state.history.iter();
        history.find(|known| known.status == Status::Deployed)
    }

    /// State of the newest revision, in Helm's word.
    fn newest_status(&self) -> Option<&str> {
        let state = &self.turn.state;
        let begun = state
            .action
            .as_ref()
            .filter(|action| action.stage != Stage::Begin);
        let running = begun.and_then(|action| match action.verb {
            Verb::Install => Some(Status::PendingInstall.as_str()),
            Verb::Upgrade => Some(Status::PendingUpgrade.as_str()),
            Verb::Rollback { .. } => Some(Status::PendingRollback.as_str()),
            Verb::Uninstall { .. } => Some(Status::Uninstalling.as_str()),
            Verb::Test | Verb::Correct | Verb::Unlock => None,
        });
        running.or_else(|| state.history.first().map(|known| known.status.as_str()))
    }

    /// Name of the release: of the one that is there, while that is another than the wished for.
    fn release_name(&self) -> &str {
        let made = self.turn.state.release.as_ref();
        made.map_or(&self.wish.name, |place| &place.name)
    }
}

/// A note that still says something.
fn standing(note: Option<&Note>) -> Option<&Note> {
    note.filter(|note| note.reason != OVER)
}

fn condition(kind: &'static str, is: Is, reason: &str, message: impl Into<String>) -> Condition {
    Condition {
        kind,
        note: Note::new(is, reason, message),
    }
}

/// The text, where there is one: fields of these APIs are left out where they say nothing.
fn text(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| Value::from(text))
}

/// The number, where it is not 0.
fn count(count: u32) -> Option<Value> {
    (count > 0).then(|| Value::from(count))
}
