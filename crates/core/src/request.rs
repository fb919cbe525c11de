//! What a module is told: the checked form of `types.wit`'s `request` and `report`.

use crate::json::Json;
use crate::reference::{Digest, ObjectRef};
use crate::timestamp::Timestamp;

/// One run for one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The object, canonical, without managed fields.
    pub object: Json,
    /// `settings:` of the watch.
    pub settings: Json,
    /// The one instant of this run.
    pub now: Timestamp,
    /// The only randomness there is.
    pub seed: u64,
    /// Failed runs in a row.
    pub attempt: u32,
    /// The object is being deleted and still has the module's finalizer.
    pub deleting: bool,
    /// What became of the last outcome.
    pub last: Option<Report>,
}

/// What became of one outcome's writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The outcome's tag.
    pub tag: String,
    /// Generation of the object that it was for.
    pub generation: i64,
    /// Digest of the component that gave it.
    pub module: Digest,
    /// One per child, in order.
    pub writes: Vec<WriteResult>,
    /// One per removal, in order.
    pub removals: Vec<RemovalResult>,
}

/// What became of one child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteResult {
    /// The child.
    pub target: ObjectRef,
    /// What happened.
    pub status: WriteStatus,
}

/// What happened to a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteStatus {
    /// The API server took it.
    Applied,
    /// There was nothing to do.
    Unchanged,
    /// Compared only: the live object differs at these JSON pointers.
    Differs(Vec<String>),
    /// The API server, or a grant, said no.
    Refused(ApiError),
    /// Not sent; the text says why.
    NotTried(String),
}

/// What became of one removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovalResult {
    /// What was to be deleted.
    pub target: ObjectRef,
    /// What happened.
    pub status: RemovalStatus,
}

/// What happened to a removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemovalStatus {
    /// The API server took the deletion.
    Deleted,
    /// It was not there.
    Absent,
    /// The API server, or a grant, said no.
    Refused(ApiError),
    /// Not sent; the text says why.
    NotTried(String),
}

/// The Status of a refused API call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({reason}, {code})")]
pub struct ApiError {
    /// HTTP status code; 0 where the server could not be reached.
    pub code: u16,
    /// Machine-readable reason, such as `Conflict`.
    pub reason: String,
    /// For people.
    pub message: String,
}

impl ApiError {
    /// From its parts.
    pub fn new(code: u16, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
            message: message.into(),
        }
    }

    /// Whether the same call may go through later without anybody changing anything: the server was not reached, was
    /// busy, or failed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self.code, 0 | 429 | 500..=599)
    }
}
