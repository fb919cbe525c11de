//! Samples of one duration.

use std::fmt;
use std::time::Duration;

/// Median and 99th percentile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) median: Duration,
    p99: Duration,
}

impl Sample {
    /// Of all `times`.
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |percent: usize| {
            let last = times.len().saturating_sub(1);
            times.get(last * percent / 100).copied().unwrap_or_default()
        };
        Self {
            median: at(50),
            p99: at(99),
        }
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        write!(
            f,
            "{:.1} µs, p99 {:.1} µs",
            micros(self.median),
            micros(self.p99)
        )
    }
}
