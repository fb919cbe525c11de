//! The host against real components: those of `tests/hostile-guests`, and one module in four languages.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod behaves;
mod cache;
mod concurrency;
mod deterministic;
mod guests;
mod host;
mod hostile;
mod languages;
mod libraries;
mod loading;
mod logs;
