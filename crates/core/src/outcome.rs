//! What a module answers: the checked form of `types.wit`'s `outcome` and `failure`.

use std::time::Duration;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::object::Object;
use crate::reference::{ObjectRef, ResourceVersion, Uid};
use crate::timestamp::Timestamp;

/// What a module wants written, and when it wants to be called again.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Free text that comes back with the report.
    pub tag: String,
    /// What shall exist beside the object.
    pub children: Children,
    /// Deletions by name, after all children were written.
    pub removals: Vec<Removal>,
    /// JSON Merge Patch (RFC 7386) of `.status`.
    pub status: Option<Map<String, Value>>,
    /// Conditions to set.
    pub conditions: Vec<Condition>,
    /// Events to record, after the status.
    pub events: Vec<Event>,
    /// Fire-and-forget calls, after all writes.
    pub notices: Vec<Notice>,
    /// When to call again.
    pub requeue: Requeue,
    /// With a deletion: the finalizer goes when the writes are done.
    pub finalized: bool,
    /// ServiceAccount of the object's namespace to write as.
    pub act_as: Option<String>,
}

impl Outcome {
    /// An outcome that wants nothing: children kept, nothing written, next call on a change.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            tag: String::new(),
            children: Children::Keep,
            removals: Vec::new(),
            status: None,
            conditions: Vec::new(),
            events: Vec::new(),
            notices: Vec::new(),
            requeue: Requeue::OnChange,
            finalized: false,
            act_as: None,
        }
    }
}

/// The module's opinion on its children.
#[derive(Clone, Debug, PartialEq)]
pub enum Children {
    /// None: what was there stays.
    Keep,
    /// Exactly these, in this order.
    Exactly(Vec<Child>),
}

/// One wanted child.
#[derive(Clone, Debug, PartialEq)]
pub struct Child {
    /// The fields that are wanted.
    pub object: Object,
    /// Whether it carries the object's mark.
    pub owner: Owner,
    /// How it is written.
    pub write: Write,
    /// What must be true of the live object.
    pub expect: Expect,
    /// Take fields that another manager holds.
    pub force: bool,
    /// Field manager; `None` for the module's own.
    pub manager: Option<String>,
    /// JSON pointers that are neither compared nor written.
    pub ignore: Vec<String>,
    /// What happens when a later outcome no longer lists it.
    pub on_leave: OnLeave,
}

impl Child {
    /// An owned child, applied without force, deleted when it leaves.
    #[must_use]
    pub const fn owned(object: Object) -> Self {
        Self {
            object,
            owner: Owner::Owned,
            write: Write::Apply,
            expect: Expect::Any,
            force: false,
            manager: None,
            ignore: Vec::new(),
            on_leave: OnLeave::Delete,
        }
    }
}

/// Whether a child carries its owner's mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Marked, and pruned.
    Owned,
    /// Neither.
    Unowned,
}

/// How a child is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// Server-side apply.
    Apply,
    /// Created when absent, never changed.
    Create,
    /// Applied; deleted and created again where a change is refused as immutable.
    Recreate,
    /// Some fields of somebody else's object; never creates it.
    Share,
    /// Compared only.
    Compare,
}

/// Precondition on the live object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// None.
    Any,
    /// There is no such object.
    Absent,
    /// It is this very object.
    Uid(Uid),
    /// Nobody wrote since this version.
    Version(ResourceVersion),
}

/// What happens to a child that is no longer listed.
#[derive(Clone, Debug, PartialEq)]
pub enum OnLeave {
    /// Deleted in the background.
    Delete,
    /// Left alone, without the mark.
    Keep,
    /// A JSON Merge Patch with these values is written, then the fields are given up.
    Restore(Map<String, Value>),
}

/// A deletion by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// What to delete.
    pub target: ObjectRef,
    /// Only this very object.
    pub uid: Option<Uid>,
    /// What happens to its dependents.
    pub propagation: Propagation,
}

/// Kubernetes' deletion propagation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// Dependents go later.
    Background,
    /// Dependents go first.
    Foreground,
    /// Dependents stay.
    Orphan,
}

/// One entry for `.status.conditions`, without what the host adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Its type, such as `Ready`.
    pub kind: String,
    /// Its status.
    pub status: ConditionStatus,
    /// One CamelCase word.
    pub reason: String,
    /// For people.
    pub message: String,
}

/// `True`, `False` or `Unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionStatus {
    /// `True`.
    True,
    /// `False`.
    False,
    /// `Unknown`.
    Unknown,
}

impl ConditionStatus {
    /// The word in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// A Kubernetes Event that a module wants recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Unique per occurrence.
    pub key: String,
    /// Warning rather than Normal.
    pub warning: bool,
    /// One CamelCase word.
    pub reason: String,
    /// For people.
    pub message: String,
    /// What it is about; `None` for the object itself.
    pub about: Option<ObjectRef>,
}

/// An HTTP POST whose answer nobody waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// At most once per key.
    pub key: String,
    /// Absolute URL.
    pub url: String,
    /// Request headers.
    pub headers: Vec<(String, String)>,
    /// Request body.
    pub body: String,
}

/// When a module is called again, changes and the period aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requeue {
    /// Only then.
    OnChange,
    /// At once, after the writes are stored and visible.
    OnceWritten,
    /// After so long.
    After(Duration),
    /// At this instant.
    At(Timestamp),
}

/// A run that has no outcome, in the module's own words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// Again, with backoff.
    #[error("{0}")]
    Retry(String),
    /// Again after so long.
    #[error("{1}")]
    RetryAfter(Duration, String),
    /// Not again until something changes.
    #[error("{0}")]
    Terminal(String),
    /// The object's own content is wrong.
    #[error("{}", field_errors(.0))]
    Invalid(Vec<FieldError>),
}

/// One wrong field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Path as Kubernetes writes it, such as `spec.steps[2].percent`.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

fn field_errors(errors: &[FieldError]) -> String {
    let lines: Vec<String> = errors
        .iter()
        .map(|error| format!("{}: {}", error.path, error.message))
        .collect();
    lines.join("; ")
}
