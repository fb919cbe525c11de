//! How long to wait after a failed run.

use std::time::Duration;

/// Wait after the first failed run.
const FIRST: Duration = Duration::from_secs(1);

/// Longest wait: long enough to be cheap, short enough that nobody has to help.
const LONGEST: Duration = Duration::from_secs(300);

/// Wait before the next try after `failures` failed runs in a row: doubling from one second to five minutes, spread by
/// up to a tenth so that many objects that failed together do not come back together.
pub(crate) fn delay(failures: u32, seed: u64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let exact = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    let spread = u32::try_from(seed % 1000).unwrap_or(0);
    exact + exact / 10 * spread / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_five_minutes() {
        let seconds: Vec<u64> = [1, 2, 3, 9, 10, u32::MAX]
            .map(|failures| delay(failures, 0).as_secs())
            .to_vec();
        assert_eq!(seconds, [1, 2, 4, 256, 300, 300]);
    }

    #[test]
    fn spread_stays_within_a_tenth() {
        assert!(delay(3, 999) <= Duration::from_millis(4400));
        assert!(delay(3, 999) > delay(3, 0));
    }
}
