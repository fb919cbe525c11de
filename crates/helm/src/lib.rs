//! Helm's engine, typed: what `modules/helm/wit` says, as Rust calls it.
//!
//! The engine itself is a library component (`modules/helm/engine`); this room makes an instance of it and calls it. Knows
//! nothing of sources, clusters and releases: charts come by digest through the host that a call is given, values as they are
//! written, and what is rendered goes back as it is.

mod bindings;
mod engine;
mod failure;
mod offline;

pub use bindings::exports::oarlock::helm::engine::{
    Capabilities, Chart, Document, Hook, Release, Rendered, Request, ValueSource,
};
pub use engine::{Engine, LoadError, Options, RenderError};
pub use failure::Failure;
pub use offline::Offline;
