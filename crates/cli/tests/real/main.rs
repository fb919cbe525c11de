//! The binary against a real API server: that which `OARLOCK_REAL_KUBECONFIG` names, as `cargo xtask test --real` sets it.
//!
//! One control plane for all tests, a namespace, an identity and an operator for each. Nothing here waits for a time: what has to happen
//! is watched for. Data goes with the cluster, so tests leave theirs behind.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod abandon_policy;
mod abort;
mod audit;
mod canary;
mod canary_killed;
mod canary_quota;
mod children;
mod control;
mod definitions;
mod deletion;
mod gateway;
#[path = "../it/gateway.rs"]
mod gateways;
mod ground;
mod helm;
mod hpa;
mod killed;
mod leader;
mod least_rights;
mod offline;
#[expect(
    dead_code,
    reason = "what starts an embedded cluster, and what only its tests ask of a process"
)]
#[path = "../it/process.rs"]
mod process;
mod projector;
mod quiet;
mod release_policy;
mod releases;
mod reload;
#[path = "../it/rights.rs"]
mod rights;
mod rollout;
mod secrets_policy;
mod server;
#[path = "../it/service_fields.rs"]
mod service_fields;
#[path = "../it/service_objects.rs"]
mod service_objects;
mod services;
mod users;
#[expect(
    dead_code,
    reason = "what is for the one namespace of an embedded cluster"
)]
#[path = "../it/rollout.rs"]
mod watching;
#[expect(dead_code, reason = "what only tests on an embedded cluster ask")]
#[path = "../it/webhooks.rs"]
mod webhooks;
