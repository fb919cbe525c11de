//! The nouns of Oarlock and the ports between its rooms.
//!
//! This crate knows what a reconcile is. It does not know Kubernetes clients, WebAssembly engines or async runtimes, and it
//! performs no input or output.
//!
//! The ports: [`reconciler::Reconciler`] (a loaded module), [`reconciler::Host`] (what a running module may ask for),
//! [`cluster::Cluster`] (Kubernetes), [`clock::Clock`] (time).

pub mod address;
pub mod artifact;
pub mod cached;
pub mod clock;
pub mod cluster;
pub mod egress;
pub mod escalation;
pub mod future;
pub mod health;
pub mod json;
pub mod limits;
pub mod manifest;
pub mod marks;
pub mod object;
pub mod origin;
pub mod outcome;
pub mod projection;
pub mod reconciler;
pub mod reference;
pub mod request;
pub mod selector;
pub mod shard;
pub mod timestamp;
