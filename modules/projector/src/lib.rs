//! Service bindings in workloads, as servicebinding.io v1 has them: the Secret of a provisioned service is mounted into a
//! workload's containers.
//!
//! [`projection`] says what is put into a workload, as a function of it and the binding. `fields` says which of its fields that
//! takes, `run` reads what is there and answers the host.

mod component;
mod crd;
mod fields;
pub mod projection;
mod run;
mod spec;

pub use component::reconcile;
