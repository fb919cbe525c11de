//! Leases (`coordination.k8s.io/v1`): which process is at work.
//!
//! Owned here: the election of one leader as client-go does it ([`Post::elect`]), the splitting of objects over members
//! ([`Post::join`]), and with both the [`Fence`](crate::fence::Fence) that ends the permission to write. What is decided is
//! pure (`election`, `membership`: told the time, never waiting), what is done is beside it (`elector`, `member`).
//! Not known here: what the process does with what it is assigned.
//!
//! **Time** here is neither the port's clock nor the wall's: processes that compete are real ones, so neither a virtual clock
//! that jumps nor somebody who sets the system's clock may end a lease. It is [`Moment`], which no one can set and which goes
//! on while the machine is suspended. The times in a Lease are for people; how old it is counts from when *this* process saw it
//! change. So clocks may differ by any amount, as long as their speeds differ by less than the ratio of lease
//! duration and renew deadline.
//!
//! **Budget**: the calls have a client, a connection and a thread of their own. Neither a limit on the rate of other
//! calls nor a busy engine delays a renewal.

mod api;
mod election;
mod elector;
mod identity;
mod member;
mod membership;
mod moment;
mod post;
mod record;
mod roster;
mod timing;

pub use api::Access;
pub use identity::identity;
pub use moment::Moment;
pub use post::{Post, StartLease};
pub use roster::{Assignment, Duty};
pub use timing::{InvalidTiming, Timing};

/// Where the Leases are, and under which name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Namespace; `None` for that of the kubeconfig's context or of the Pod.
    pub namespace: Option<String>,
    /// Name of the one Lease of an election; the prefix and the group of those of members.
    pub id: String,
}

#[cfg(test)]
mod simulation;
