//! The canary module through the whole operator, with the users' own manifest.

mod changes;
mod kinds;
mod killed;
mod refused;
mod rollout;
pub(crate) mod site;
mod steering;
