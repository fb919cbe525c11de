//! Whole rollouts, on a model of the Deployment controller.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod analysis;
mod changes;
mod chaos;
mod config;
mod controller;
mod rollouts;
mod routed;
mod site;
