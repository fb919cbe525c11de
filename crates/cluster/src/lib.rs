//! Kubernetes, as the port [`oarlock_core::cluster::Cluster`] wants it: [`Kubernetes`].
//!
//! Owned here: discovery, one watch per kind with a byte store behind it, every write, Events, access reviews, the
//! installation of CRDs, and the guests' outgoing HTTP ([`http::Egress`]).
//!
//! Not known here: modules, watches.yaml, grants of resources, plans, queues. Nothing is decided here: a call either is
//! carried out or its refusal is handed back.
//!
//! Two sources of time: whatever *waits* (backoff, polls, lifetimes of cache entries) asks the port
//! [`oarlock_core::clock::Clock`], so that it passes in an instant under a virtual clock. What *limits input and output* (a
//! call without an answer, a connection that went dead) uses the runtime's timer, since a network does not get faster
//! when a virtual clock jumps.

mod access;
mod backoff;
mod bodies;
pub mod client;
pub mod crd;
mod discovery;
mod events;
pub mod fence;
pub mod http;
mod kubernetes;
pub mod lease;
mod path;
mod rate;
mod requests;
mod server_clock;
mod server_version;
mod store;
mod stores;
mod transport;
mod watch;
mod write;

pub use kubernetes::{Kubernetes, Options};
pub use rate::Rate;
pub use server_clock::ServerClock;
