//! A cluster and packages of plain values, and a small world that carries outcomes out: for unit tests on any machine.
//!
//! Neither is an API server: schemas, conflicts and rights are not checked. What depends on those belongs into a test
//! against the embedded cluster.

mod fake_cluster;
mod labels;
mod packages;
mod world;

pub use fake_cluster::FakeCluster;
pub use packages::Packages;
pub use world::{Ran, Refusal, World};
