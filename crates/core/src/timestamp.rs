//! Instants, as the contract counts them.

use std::fmt;
use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;
use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// From milliseconds since the epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This instant plus `duration`, saturating.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// Time from `earlier` to this instant; zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// RFC 3339 in UTC with whole seconds: the form of `metav1.Time`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        self.format("%Y-%m-%dT%H:%M:%SZ")
    }

    /// RFC 3339 in UTC with microseconds: the form of `metav1.MicroTime`.
    #[must_use]
    pub fn rfc3339_micro(self) -> String {
        self.format("%Y-%m-%dT%H:%M:%S.%6fZ")
    }

    /// Reads RFC 3339; `None` for anything else and for instants before the epoch.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let instant: jiff::Timestamp = text.parse().ok()?;
        u64::try_from(instant.as_millisecond()).ok().map(Self)
    }

    /// The date of HTTP (RFC 9110, section 5.6.7): `Mon, 02 Nov 2026 09:00:00 GMT`. Seconds are as exact as it gets.
    #[must_use]
    pub fn http_date(self) -> String {
        self.format("%a, %d %b %Y %H:%M:%S GMT")
    }

    /// Reads the date of HTTP in the form that is sent today; `None` for anything else.
    #[must_use]
    pub fn parse_http_date(text: &str) -> Option<Self> {
        let instant = DateTimeParser::new().parse_timestamp(text).ok()?;
        u64::try_from(instant.as_millisecond()).ok().map(Self)
    }

    fn format(self, pattern: &str) -> String {
        // Clamped to the year 9999: a module may ask to be called at u64::MAX.
        let millis = i64::try_from(self.0).unwrap_or(i64::MAX);
        jiff::Timestamp::from_millisecond(millis)
            .unwrap_or(jiff::Timestamp::MAX)
            .strftime(pattern)
            .to_string()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubernetes_time_forms() {
        let t = Timestamp::from_millis(1_700_000_000_123);
        assert_eq!(t.rfc3339(), "2023-11-14T22:13:20Z");
        assert_eq!(t.rfc3339_micro(), "2023-11-14T22:13:20.123000Z");
        assert_eq!(
            Timestamp::parse_rfc3339("2023-11-14T22:13:20.123Z"),
            Some(t)
        );
        assert_eq!(Timestamp::parse_rfc3339("yesterday"), None);
        assert_eq!(
            Timestamp::from_millis(u64::MAX).rfc3339(),
            "9999-12-30T22:00:00Z"
        );
    }

    #[test]
    fn arithmetic_saturates() {
        let t = Timestamp::from_millis(5);
        assert_eq!(t.after(Duration::MAX).as_millis(), u64::MAX);
        assert_eq!(t.since(Timestamp::from_millis(9)), Duration::ZERO);
    }

    #[test]
    fn the_date_of_http_goes_both_ways() {
        let date = "Mon, 02 Nov 2026 09:00:00 GMT";
        let instant = Timestamp::parse_http_date(date);
        assert_eq!(instant, Timestamp::parse_rfc3339("2026-11-02T09:00:00Z"));
        assert_eq!(instant.map(Timestamp::http_date).as_deref(), Some(date));
        assert_eq!(Timestamp::parse_http_date("yesterday"), None);
    }
}
