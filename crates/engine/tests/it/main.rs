//! The engine on real parts: the embedded cluster, the Kubernetes client with its caches, paused time. Only the modules
//! are scripted.

mod children;
mod drift;
mod events;
mod finalizers;
mod isolation;
mod locks;
mod marks;
mod noop;
mod reads;
mod removals;
mod requeue;
mod rights;
mod share;
mod status;
mod swap;
mod triggers;
mod world;
