//! What the rollouts of this project share: the arithmetic of two versions, the checks between two steps, and the shapes in
//! which a rollout is steered and told.
//!
//! `arithmetic` knows numbers only. `analysis` asks Prometheus and webhooks, and gives verdicts. `control` is how people
//! steer (`spec.control`), `why`, `track` and `history` what they are told (`status`). No part of it knows which kind of
//! object it serves; `modules/deployer` and `modules/canary` do.

pub mod analysis;
pub mod arithmetic;
pub mod control;
pub mod deployment;
pub mod history;
pub mod revision;
#[cfg(feature = "schema")]
pub mod schema;
pub mod track;
pub mod why;
