//! The cluster room against the embedded API, under paused time.

mod bulky;
mod crds;
mod events;
mod kinds;
mod leases;
mod lists;
mod outages;
mod races;
mod rates;
mod rig;
mod version;
mod watching;
mod writing;
