//! The real engine, `target/oarlock/modules/helm-engine.wasm`, on charts of our own.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod bench;
mod calls;
mod functions;
mod hostile;
mod loading;
