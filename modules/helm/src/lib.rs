//! Helm releases: what Helm stores, in which order it works, and how a release gets from one revision to the next.
//!
//! Rendering is the engine's business (`engine/`, Helm's own code as a library component); this package knows releases.

pub mod automation;
mod component;
pub mod dialect;
pub mod difference;
pub mod hooks;
pub mod images;
pub mod machine;
pub mod manifest;
pub mod order;
pub mod ownership;
pub mod patch;
pub mod record;
pub mod run;
pub mod situation;
pub mod state;
pub mod status;
pub mod storage;
pub mod turn;
pub mod wish;

pub use component::reconcile;
