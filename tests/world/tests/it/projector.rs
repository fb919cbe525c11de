//! The projector through the whole operator: workloads of the cluster's own kinds and of others, their users, and their Pods.

mod custom;
mod example;
mod killed;
mod life;
mod site;
mod told;
