//! What is said to a broker, and what its answers mean: Open Service Broker API 2.17.
//!
//! Owns the requests ([`request`]), the answers ([`answer`], [`catalog`]), the identifiers ([`id`]) and the decisions that
//! follow from an answer ([`table`]). Knows neither objects of a cluster nor time: when something is tried again is decided
//! by whoever remembers what was tried.

pub mod answer;
pub mod catalog;
pub mod fetch;
pub mod id;
pub mod moment;
pub mod request;
pub mod table;

mod fields;
#[cfg(test)]
mod report;

pub use answer::{Answer, Fault, Heard};
pub use id::{BindingId, InstanceId, Uuid};
pub use request::{Caller, Context, Identity, Method, Request};
pub use table::{Verdict, expired, verdict};

use serde::{Deserialize, Serialize};

/// The version that is spoken: `X-Broker-API-Version`.
pub const VERSION: &str = "2.17";

/// Name of the header with the version.
pub const VERSION_HEADER: &str = "X-Broker-API-Version";

/// Name of the header that says on whose behalf something is asked.
pub const ORIGINATING_IDENTITY_HEADER: &str = "X-Broker-API-Originating-Identity";

/// Name of the header that tells a request from others.
pub const REQUEST_IDENTITY_HEADER: &str = "X-Broker-API-Request-Identity";

/// How much of an answer is read, in bytes. What does not fit into a Secret (1 MiB) fits here, so that it can be said.
pub const LARGEST_ANSWER: usize = 4 << 20;

/// How much of a catalog is read, in bytes.
pub const LARGEST_CATALOG: usize = 16 << 20;

/// How long the token of an operation may be, in characters; by the specification.
pub const LONGEST_OPERATION: usize = 10_000;

/// How much of what a broker tells people is kept, in characters.
pub const LONGEST_DESCRIPTION: usize = 1_024;

/// What a broker does for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// Makes an instance.
    Provision,
    /// Changes an instance.
    Update,
    /// Removes an instance.
    Deprovision,
    /// Makes a binding; with a predecessor it is a rotation.
    Bind,
    /// Removes a binding.
    Unbind,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Provision,
        Self::Bind,
        Self::Update,
        Self::Deprovision,
        Self::Unbind,
    ];

    /// In one word, for headers and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provision => "provision",
            Self::Update => "update",
            Self::Deprovision => "deprovision",
            Self::Bind => "bind",
            Self::Unbind => "unbind",
        }
    }

    /// What is left at the broker where it goes wrong.
    #[must_use]
    pub const fn orphan(self) -> Option<Orphan> {
        match self {
            Self::Provision | Self::Deprovision => Some(Orphan::Instance),
            Self::Bind | Self::Unbind => Some(Orphan::Binding),
            Self::Update => None,
        }
    }

    /// Whether it takes something away.
    #[must_use]
    pub const fn removes(self) -> bool {
        matches!(self, Self::Deprovision | Self::Unbind)
    }
}

/// What may be at the broker without anybody knowing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Orphan {
    /// An instance: it is deprovisioned.
    Instance,
    /// A binding: it is unbound.
    Binding,
}
