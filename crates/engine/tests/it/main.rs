//! The engine on real parts: the embedded cluster, the Kubernetes client with its caches, paused time. Only the modules
//! are scripted.

mod accounts;
mod children;
mod contests;
mod drift;
mod events;
mod finalizers;
mod gone;
mod inventory;
mod isolation;
mod least_rights;
mod locks;
mod marks;
mod mortality;
mod noop;
mod normalised;
mod packages;
mod reads;
mod release;
mod removals;
mod requeue;
mod rights;
mod secrets;
mod sharding;
mod share;
mod sight;
mod sizes;
mod status;
mod stopping;
mod storms;
mod succession;
mod swap;
mod triggers;
mod watches;
mod wishes;
mod world;
