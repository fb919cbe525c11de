//! The binary, driven from outside: its commands, its messages, and its death.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod broken_modules;
mod broken_watches;
mod chart_watches;
mod commands;
mod demo;
mod explain;
mod gateway;
mod gateway_canary;
#[expect(dead_code, reason = "the tests of the git client use all of it")]
#[path = "../../../artifacts/tests/it/git_origin.rs"]
mod git_origin;
mod guarded;
mod helm;
mod helm_corpus;
mod helm_hub;
mod helm_images;
#[path = "../../src/helm/manifest.rs"]
mod helm_manifest;
mod helm_room;
mod kill;
mod kubectl;
mod leader;
mod least_rights;
mod least_rights_canary;
mod libraries;
mod metrics;
mod objects;

mod packages;
mod probes;
mod process;
mod prometheus;
mod prometheus_canary;
mod prometheus_deployer;
#[expect(dead_code, reason = "the tests of the registry's client use all of it")]
#[path = "../../../artifacts/tests/it/oci/server.rs"]
mod registry;
mod release;
mod reload;
mod rights;
mod rollout;
mod secrets;
mod service_account;
mod service_brokers;
mod service_definitions;
mod service_example;
mod service_fields;
mod service_killed;
mod service_objects;
mod service_readme;
mod service_secrets;
mod service_site;
mod service_wire;
mod sharding;
mod sight;
mod signals;
mod simulate;
mod site;
mod steer;
mod steered;
mod steered_examples;
mod tap;
mod webhook_receiver;
mod webhooks;
mod webhooks_canary;
mod webhooks_killed;
mod webhooks_podinfo;
mod wire;
