//! Service bindings in workloads, as servicebinding.io v1 has them: the Secret of a provisioned service is mounted into a
//! workload's containers.

mod component;
pub mod projection;

pub use component::reconcile;
