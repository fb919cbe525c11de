//! Where charts come from: folders, archives, HTTP repositories, registries and git; found by version, fetched, checked, kept.
//!
//! Owns the sources, what a chart depends on, the proofs of origin, and a cache on disk that is
//! addressed by digest. Does not know modules, watches or grants: whether a source may be asked is decided before, and Secrets
//! are looked up before. Nothing of a chart is rendered here.
//!
//! What one caller's credentials opened is never given to another: what is known of a source is remembered under the
//! credentials that it was asked with, and bytes are only reached through that knowledge.

mod archive;
mod cache;
mod client;
mod dependencies;
mod depot;
mod fetched;
mod flight;
mod git;
mod local;
mod oci;
mod options;
mod package;
mod question;
mod repository;
mod verify;

pub use cache::CacheError;
pub use depot::{Depot, OpenDepot};
pub use oarlock_version::{Constraint, ParseConstraint, ParseVersion, Version};
pub use options::{Limits, Options, Timeouts};
