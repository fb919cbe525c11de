//! What a run decides: plain data that can be printed, compared and replayed.

use crate::hooks::course::Act;
use crate::record::Status;
use crate::state::{Note, State};

/// What a run decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Comes back in the next run's report.
    pub tag: String,
    /// In this order; the first that is refused ends it, and the state is not written then.
    pub effects: Vec<Effect>,
    /// Written after all effects.
    pub state: State,
    /// What conditions say now; others stay.
    pub conditions: Vec<Condition>,
    /// What happened.
    pub events: Vec<Event>,
    /// When it is decided again at the latest.
    pub requeue: Requeue,
    /// The object may go.
    pub finalized: bool,
}

/// What is done to the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Writes the Secrets of a record.
    Record(RecordWrite),
    /// Deletes the Secret of a revision, and its parts.
    Forget {
        /// The revision.
        revision: u32,
    },
    /// Creates the namespace of the release where the wish wants that, and writes `crds/` of the chart by its policy: before the
    /// record, as Helm does it. Hooks may need them, and records may be in that namespace.
    Ground,
    /// Writes the objects of a revision's manifest in Helm's order, then removes those that only the others have, but for
    /// what is to be kept. Objects whose kinds are not served any more are passed over.
    Objects {
        /// The revision.
        of: u32,
        /// What may be there.
        against: Vec<u32>,
    },
    /// Removes the objects of revisions in Helm's order, but for what is to be kept.
    Remove {
        /// The revisions.
        of: Vec<u32>,
    },
    /// Removes what a failed revision created: objects of its manifest that are of this release and not older than the
    /// revision's own record, but for those that the others have too. Nothing that is to be kept.
    Clean {
        /// The revision.
        of: u32,
        /// Revisions whose objects stay.
        besides: Vec<u32>,
    },
    /// Creates or deletes the objects of a hook.
    Hook {
        /// The revision that it is of.
        of: u32,
        /// What is done.
        act: Act,
        /// Marks its objects: [`mark`](crate::hooks::sight::mark).
        run: String,
    },
}

/// A record to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordWrite {
    /// The revision.
    pub revision: u32,
    /// What must be true of its Secret.
    pub expect: Expect,
    /// What is in it.
    pub content: Content,
    /// Its state.
    pub status: Status,
    /// Its description; none to leave it as it is.
    pub description: Option<String>,
    /// Value of [`TOKEN_LABEL`](crate::situation::TOKEN_LABEL); none to leave it as it is.
    pub token: Option<String>,
}

/// What must be true of a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// It is not there: of two who want the same revision one gets it.
    Absent,
    /// Nobody wrote it since: its resource version.
    Version(String),
}

/// What is in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// What was rendered for this run.
    Rendered,
    /// Chart, values, manifest and hooks of another revision.
    Of(u32),
    /// What is in it; of the action's own record with how its hooks went.
    Kept,
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Its type, such as `Ready`.
    pub kind: &'static str,
    /// What it says.
    pub note: Note,
}

/// One Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Unique per occurrence and object.
    pub key: String,
    /// Whether it is a warning.
    pub warning: bool,
    /// One CamelCase word.
    pub reason: String,
    /// For people.
    pub message: String,
}

/// When it is decided again at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requeue {
    /// When something that was read changes.
    OnChange,
    /// At once, when effects and state are written.
    OnceWritten,
    /// At this instant: milliseconds since 1970.
    At(u64),
}
