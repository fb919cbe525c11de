//! Canaries through the whole operator: podinfo with the users' own manifest, as it was written for Flagger.

mod clocks;
mod faults;
mod fleet;
mod killed;
mod outside;
mod rollout;
mod routed;
mod scaled;
mod site;
mod takeover;
