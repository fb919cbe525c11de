//! The broker, asked as a platform asks: first without a wire, then over one.
#![expect(clippy::unwrap_used, reason = "tests")]

mod asking;
mod behaviours;
mod controlled;
mod lives;
mod openbrokerapi;
mod strictness;
mod wired;
