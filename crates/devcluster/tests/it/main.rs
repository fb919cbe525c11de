//! The embedded cluster as its clients see it.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod apply;
mod conversation;
mod definitions;
mod discovery;
mod kube_client;
mod kubectl;
mod listener;
mod lists;
mod objects;
mod watches;
