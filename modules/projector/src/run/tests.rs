#![expect(clippy::unwrap_used, reason = "tests")]

mod custom;
mod ends;
mod refused;
mod services;
mod site;
mod workloads;
mod wrong;
