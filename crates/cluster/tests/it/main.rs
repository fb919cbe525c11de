//! The cluster room against the embedded API, under paused time.

mod crds;
mod events;
mod rig;
mod watching;
mod writing;
