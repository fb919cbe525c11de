//! The whole operator in one process: the embedded cluster, the Kubernetes client, the engine, and real components, under
//! virtual time. What is tested here needs all of them at once; what one room can show alone is tested there.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod canary;
mod chronicle;
mod components;
mod determinism;
mod gate;
mod helm;
mod hostile;
mod languages;
mod podinfo;
mod projector;
mod service_catalog;
mod swap;
mod witness;
mod world;
