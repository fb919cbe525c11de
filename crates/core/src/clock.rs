//! The port to time.

use crate::future::BoxFuture;
use crate::timestamp::Timestamp;

/// Where time comes from: the system, or a virtual clock that several processes share.
///
/// No other source of time is used by the engine, so that hours of waiting pass in milliseconds under a virtual clock.
pub trait Clock: Send + Sync + 'static {
    /// The current instant.
    fn now(&self) -> Timestamp;

    /// Resolves once [`Self::now`] has reached `deadline`, at once when it is past.
    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'static, ()>;
}
