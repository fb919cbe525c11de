//! Sources of charts, from real servers on loopback.
#![expect(clippy::unwrap_used, reason = "tests")]

mod archive;
mod dependencies;
mod git;
mod git_origin;
mod local;
mod oci;
mod repository;
mod server;
mod trust;
