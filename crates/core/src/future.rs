//! The one future type of the ports.

use std::pin::Pin;

/// A boxed future that may move between threads: what makes a port object-safe.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
