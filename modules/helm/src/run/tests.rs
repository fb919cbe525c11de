//! Whole runs, in a world of plain values: what is read, decided and written fits together.

#![expect(clippy::unwrap_used, reason = "tests")]

mod crashes;
mod drift;
mod hooks;
mod lifecycle;
mod site;
