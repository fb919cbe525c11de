//! What became of the last outcome.

use crate::ObjectRef;

/// What became of one outcome's writes. [`Context::last`](crate::Context::last) has it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// [`Outcome::tag`](crate::Outcome::tag) of that outcome.
    pub tag: String,
    /// `metadata.generation` of the object that the outcome was for.
    pub generation: i64,
    /// Digest (`sha256:…`) of the component that gave the outcome.
    pub module: String,
    /// One per child, in the outcome's order; empty where it kept its children.
    pub writes: Vec<WriteResult>,
    /// One per removal, in the outcome's order.
    pub removals: Vec<RemovalResult>,
}

/// What became of one child.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WriteResult {
    /// The child.
    pub target: ObjectRef,
    /// What became of it.
    pub status: WriteStatus,
}

/// What became of a write.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WriteStatus {
    /// The API server took it.
    Applied,
    /// There was nothing to do.
    Unchanged,
    /// With [`Child::compare`](crate::Child::compare): the live object differs at these JSON pointers; `""` when it is
    /// absent.
    Differs(Vec<String>),
    /// The API server, or a grant, said no.
    Refused(ApiError),
    /// Not sent, and why.
    NotTried(String),
}

/// What became of one removal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RemovalResult {
    /// The object.
    pub target: ObjectRef,
    /// What became of it.
    pub status: RemovalStatus,
}

/// What became of a removal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RemovalStatus {
    /// The API server took the deletion. Finalizers may still hold the object.
    Deleted,
    /// It was not there, or another object stands under the name.
    Absent,
    /// The API server, or a grant, said no.
    Refused(ApiError),
    /// Not sent, and why.
    NotTried(String),
}

/// The Status that an API server answers a refused call with.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ApiError {
    /// HTTP status code, such as 409.
    pub code: u16,
    /// Machine-readable, such as `Conflict`.
    pub reason: String,
    /// For people.
    pub message: String,
}

impl Report {
    /// The first child that was refused.
    pub fn refused(&self) -> Option<(&ObjectRef, &ApiError)> {
        self.writes.iter().find_map(|write| match &write.status {
            WriteStatus::Refused(error) => Some((&write.target, error)),
            _ => None,
        })
    }
}
