//! The canary module through the whole operator, with the users' own manifest.

mod changes;
mod killed;
mod kinds;
mod refused;
mod rollout;
pub(crate) mod site;
mod steering;
