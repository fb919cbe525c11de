//! Where modules and watches come from: a directory of `.wasm` files and a watches file, followed while they change.
//!
//! This crate owns the question "which bytes are wanted now". It publishes [`Snapshot`]s: digests of everything, and the
//! means to load it. It does not know what the bytes mean: it neither parses watches.yaml nor compiles components, and what
//! is done about a broken file is for its users, who keep the last good one.
//!
//! Changes are noticed by `notify`, but never believed: an event only says that it is time to look again, and what is
//! published depends on digests alone. So nothing hinges on which events a file system sends for an edit, a rename, or the
//! swap of the `..data` symlink that updates a mounted ConfigMap.

mod directory;
mod scan;
mod sentry;
mod snapshot;

pub use directory::{Directory, Pace};
pub use snapshot::{LoadModule, ModuleEntry, ModuleFile, Snapshot, WatchesFile};
