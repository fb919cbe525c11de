//! Instants between the clock's milliseconds and `metav1.Time`, which counts whole seconds.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use oarlock_core::timestamp::Timestamp;

/// As written into objects: cut to the second, so that a value read back compares equal.
pub(crate) fn time(instant: Timestamp) -> Time {
    let seconds = i64::try_from(instant.as_millis() / 1_000).unwrap_or(i64::MAX);
    Time(jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX))
}

/// As read from objects; instants before the epoch count as the epoch.
pub(crate) fn instant(time: &Time) -> Timestamp {
    Timestamp::from_millis(u64::try_from(time.0.as_millisecond()).unwrap_or(0))
}

/// A field in seconds; negative counts as zero.
pub(crate) fn seconds(value: impl Into<i64>) -> Duration {
    Duration::from_secs(u64::try_from(value.into()).unwrap_or(0))
}

/// The earlier of two instants to wake at.
pub(crate) fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}
