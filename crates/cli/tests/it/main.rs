//! The binary, driven from outside: its commands, its messages, and its death.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod commands;
mod kill;
mod process;
mod rollout;
