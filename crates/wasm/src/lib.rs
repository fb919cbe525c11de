//! The component host: runs reconcile modules.
//!
//! Owns the WebAssembly engine, the compile cache, one fresh instance per run, the limits of a run, and the translation
//! between the contract (`wit/`) and [`oarlock_core`]. Whatever a module does wrong is a value
//! ([`oarlock_core::reconciler::Fault`], [`LoadError`]), never a panic of the host.
//!
//! Does not know Kubernetes, watches, queues or where modules come from: bytes in, a
//! [`Reconciler`](oarlock_core::reconciler::Reconciler) out. What a module may read, and whether it may, is the business
//! of the [`Host`](oarlock_core::reconciler::Host) that a run is given.

mod binary;
mod bindings;
mod cache;
mod capability;
mod convert;
mod engine;
mod inspect;
mod library;
mod loader;
mod module;
mod run;
mod store;

pub use cache::CacheError;
pub use engine::{EngineError, EngineOptions};
pub use inspect::{Inspection, World};
pub use library::answers::AnswerFigures;
pub use library::bridge::LibraryImport;
pub use library::{Library, LibraryLimits};
pub use loader::{LoadError, Loader};
pub use module::WasmModule;
pub use store::RunState;
