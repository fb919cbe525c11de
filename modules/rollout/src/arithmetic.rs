//! The arithmetic of a rollout: how many Pods of each version, and how many of them may move now.
//!
//! Numbers in, numbers out: nothing here knows of Deployments, status or time. The rules are Argo Rollouts' for its
//! canaries (`utils/replicaset/canary.go`): [`split`] rounds, [`routed`] does it where a router weighs the requests,
//! [`Surge`] reads `maxSurge` and `maxUnavailable`, [`resize`] moves.
//!
//! # What holds
//!
//! Between 1 and 99 percent neither version is without a Pod. At every instant no more than `replicas` and the surge
//! run, and no available Pod is taken away where that would leave fewer than `replicas` less the unavailable ones. Each
//! version moves towards its goal only, so that the new one never has more than the greater of its goal and what it had.
//! ReplicaSets delete Pods that are not ready before those that are; the rules count on that.
//!
//! # Exceptions
//!
//! - No replicas are no Pods of either version, at any weight.
//! - One replica without surge is one Pod of one version: of the stable one below 50 percent, of the new one from there on.
//! - Where half a Pod is rounded up to all of them and there is no surge (2 replicas at 75 percent, 5 at 90, 10 at 95,
//!   25 at 98, 50 at 99), one stays with the stable version. Argo Rollouts finds no candidate there, and gives the new
//!   version none.
//! - A smaller number of replicas, and Pods that somebody else added, leave more than the ceiling for as long as
//!   the floor does not let them go. Pods that fail by themselves can leave fewer than the floor; then nothing that
//!   is available is taken away.
//! - A version that never gets available takes no available Pods of the other: the rollout stays there, as far as the
//!   surge goes. The same holds for versions that were on their way before: while the stable one is broken, and so cannot
//!   stand in for them, those that serve stay. At 100 percent the new one replaces both.
//! - A router ([`routed`]) may ask for more Pods than `replicas` and the surge; then its goal is the ceiling.

mod movement;
mod rounding;
mod routing;
mod surge;

pub use movement::{Count, Sizes, resize};
pub use rounding::{Split, split};
pub use routing::{Routing, Weights, routed};
pub use surge::{IntOrPercent, NotIntOrPercent, Surge};

#[cfg(test)]
mod tests;
