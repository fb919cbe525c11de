//! The engine: decides what to reconcile, asks the module, plans what its outcome means, and has the cluster carry it out.
//!
//! It knows modules and the cluster by their ports only (`oarlock-core`), so that the same code runs in production, in a
//! simulation and in tests. It never talks to an API server, a file or a clock of its own.
//!
//! One reconcile, file by file: a change is routed to objects (`router`), they wait in the `queue`, one `run` opens a
//! `session` for the module, plans (`plan`) the outcome, acts (`act`), and writes the `status`.

mod act;
mod annotations;
mod backoff;
mod contest;
mod dependencies;
mod difference;
mod engine;
mod entry;
mod finalizer;
mod kept;
mod kinds;
mod memory;
mod metrics;
mod notices;
mod pace;
mod plan;
mod ports;
mod queue;
mod redaction;
mod router;
mod run;
mod session;
mod shard;
mod status;
mod verdict;
mod waits;

pub use engine::{Engine, Options};
pub use entry::Module;
pub use verdict::is_problem;
