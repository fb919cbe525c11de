//! Simulated workloads: the controllers of kube-controller-manager, the scheduler and one kubelet.
//!
//! This room decides apart from acting. One file per controller holds pure functions from what is observed to the next
//! writes; `driver` alone talks to the store and to time. Rooms outside know the settings handle [`Workloads`] and `run`
//! and nothing of how pods come about; this room knows the store's calls and nothing of HTTP.
//!
//! Differences from the real controllers, as far as a client could notice: no Events are recorded, no ControllerRevisions
//! are kept, no EndpointSlices are written, PersistentVolumeClaims of StatefulSets are not made, Jobs know the NonIndexed mode
//! only and put no tracking finalizer on their pods, and of several equally ready pods exactly the youngest is given up (the
//! real controller groups ages by orders of magnitude).

mod action;
mod cache;
mod daemonset;
mod deployment;
mod driver;
mod hash;
mod instant;
mod job;
mod kubelet;
mod ownership;
mod readiness;
mod replicaset;
mod settings;
mod statefulset;
mod template;

#[cfg(test)]
mod tests;

pub use self::settings::{
    Behaviour, FAILS, Pattern, READY_AFTER, Rule, RuleId, Settings, Workloads,
};

use crate::store::Store;

/// Runs all workload controllers; returns only when the store no longer serves what they need.
///
/// The caller owns the task: dropping the future stops the controllers between two writes.
pub(crate) async fn run(store: Store, workloads: Workloads) {
    let settings = workloads.settings();
    driver::Driver::new(store, settings).run(workloads).await;
}
