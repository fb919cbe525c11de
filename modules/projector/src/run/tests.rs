#![expect(clippy::unwrap_used, reason = "tests")]

mod custom;
mod ends;
mod services;
mod site;
mod workloads;
mod wrong;
