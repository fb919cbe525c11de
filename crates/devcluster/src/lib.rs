//! The embedded cluster: a Kubernetes API in the process, with the controllers that make its workloads move.
//!
//! [`DevCluster`] is for first steps without a cluster, for tests and for simulation; never for production. It serves what a
//! controller or kubectl can observe, to clients in the same process ([`DevCluster::client`]) and on loopback
//! ([`DevCluster::serve`]), under a virtual clock.
//!
//! The rooms inside, each knowing only those before it: [`schema`], [`fields`] and [`patch`] (pure rules of types,
//! ownership and patches), [`resource`], [`store`] (objects and what happens on a write), the API over HTTP messages,
//! the built-in controllers, and the cluster that wires them. Differences from a real cluster are listed in the
//! documentation of the room that has them.

pub mod clock;
pub mod cluster;
pub mod fields;
pub mod patch;
pub mod resource;
pub mod schema;
pub mod selector;
pub mod status;
pub mod store;
pub mod workload;

mod api;
mod crd;
mod gc;
mod namespaces;
mod server;

pub use self::api::Body;
pub use self::clock::VirtualClock;
pub use self::cluster::{Builder, DevCluster, Service};
pub use self::status::Status;
pub use self::store::Store;
