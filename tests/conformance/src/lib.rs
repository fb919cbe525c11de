//! Whether the embedded cluster answers as Kubernetes does: stories are told to both, and their answers compared.
//!
//! A *story* (`stories/*.yaml`) is data: requests, watches and kubectl commands in a namespace of its own. Told to a
//! [`Backend`], it makes a *transcript*, in which whatever differs from run to run has been replaced by names
//! ([`normal`]). Transcripts of the real server are in `transcripts/`. What the embedded cluster answers otherwise is in
//! `differences.yaml`, each with a reason, or the test fails.
//!
//! This room knows HTTP and kubectl. It does not know which backend it talks to.

pub mod backend;
pub mod comparison;
pub mod difference;
mod filling;
mod kubectl;
pub mod normal;
mod part;
pub mod pointer;
pub mod report;
pub mod run;
pub mod story;
pub mod suite;
pub mod transcript;

pub use self::backend::Backend;
pub use self::suite::Suite;
