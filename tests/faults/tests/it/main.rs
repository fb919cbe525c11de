//! Deterministic fault tests: an operator, the real client code under it, and an embedded cluster, all in one thread under
//! virtual time, where a seed decides what goes wrong and when.
//!
//! One run of one seed is a *play*: users do what its story says while faults are injected between the operator and the API
//! server, into the watches, into the module and into the world outside. Then the faults stop, and what is left must be what a
//! run of the same story without faults leaves; what must never be is checked over every single state on the way.
//!
//! A failing seed prints what it did to whom, shrunk to the faults that are needed. `OARLOCK_FAULT_SEED=7` replays one seed,
//! `OARLOCK_FAULT_SEEDS=10000` says how many there are of all plays together.
//!
//! Every fault is drawn from the seed and the place where it may happen (the third `PATCH` of this path), never from a stream
//! that all share: leaving one out leaves the others where they are.

#![expect(clippy::unwrap_used, reason = "tests")]

mod chance;
mod chronicle;
mod component;
mod determinism;
mod faults;
mod gate;
mod operator;
mod oracle;
mod outside;
mod play;
mod run;
mod stream;
mod sweep;
mod unreliable;

mod berth;
mod canary;
mod deployer;
mod releases;
