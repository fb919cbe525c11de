//! The embedded cluster: a Kubernetes API in the process, with the controllers that make its workloads move.
//!
//! [`DevCluster`] is for first steps without a cluster, for tests and for simulation; never for production. It serves what a
//! controller or kubectl can observe, to clients in the same process ([`DevCluster::client`]) and on loopback
//! ([`DevCluster::serve`]), under a virtual clock.
//!
//! The rooms inside, each knowing only those before it: [`schema`], [`fields`] and [`patch`] (pure rules of types,
//! ownership and patches), [`resource`], [`store`] (objects and what happens on a write), the API over HTTP messages,
//! the built-in controllers, and the cluster that wires them.
//!
//! # Differences from a real cluster
//!
//! The same requests are sent to a real API server, and the answers compared: `tests/conformance`. What is answered otherwise there
//! is in its `differences.yaml`. Beyond that, and beyond what [`workload`] lists:
//!
//! - One user who may do everything: no authentication, RBAC objects are kept and not enforced, unless [`Builder::rbac`] asks
//!   for it. No admission webhooks or
//!   policies, no quotas, no limit ranges, no ServiceAccount tokens, no API aggregation, no priority and fairness.
//! - A CustomResourceDefinition is established at once after the write that creates it. Conversion webhooks are refused.
//! - Built-in kinds are checked by their schema, by the rules of metadata and by a few rules of workloads (selectors, immutable
//!   fields); the real server checks more.
//! - One resourceVersion sequence without gaps. Each resource remembers as many changes as the builder says, and only
//!   these; a list of the past reaches as far as a watch.
//! - Answers are JSON, never YAML, protobuf or CBOR; requests may be protobuf for built-in kinds other than definitions. Fields given
//!   twice are noticed in JSON.
//! - A watch without `timeoutSeconds` has no end. `/openapi/v2` says next to nothing, OpenAPI has no descriptions of built-in
//!   kinds. `exec`, `attach`, `portforward` and `proxy` are not served; `log` is empty.
//! - Cluster IPs are drawn, not allocated: they can repeat. Nothing listens on them.

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
mod authorization;
mod cel;
mod condition;
mod crd;
mod gc;
mod namespaces;
mod server;

pub use self::api::Body;
pub use self::authorization::{Rbac, User};
pub use self::clock::VirtualClock;
pub use self::cluster::{Builder, DevCluster, Service};
pub use self::status::Status;
pub use self::store::Store;
