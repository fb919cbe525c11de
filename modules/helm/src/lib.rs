//! Helm releases: what Helm stores, in which order it works, and how a release gets from one revision to the next.
//!
//! Rendering is the engine's business (`engine/`, Helm's own code as a library component); this package knows releases.

pub mod order;
pub mod record;
pub mod storage;
