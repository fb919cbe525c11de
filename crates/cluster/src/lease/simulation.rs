//! Processes with clocks of their own, a network that delays, loses and repeats nothing, and a server that takes one write at a
//! time: what election and membership have to stand.

pub(super) mod chance;
mod elections;
mod memberships;
pub(super) mod network;
