//! What a module can import: one file per interface.

pub(crate) mod artifacts;
pub(crate) mod cluster;
pub(crate) mod http;
pub(crate) mod log;
pub(crate) mod wasi;
