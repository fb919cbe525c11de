//! How long to wait before something is tried again.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(250);
const MOST: Duration = Duration::from_secs(30);

/// Exponential backoff from 250 ms to 30 s, spread by up to a half more so that watches that broke together do not come
/// back together. The spread is a hash, not randomness: a simulation repeats exactly.
#[derive(Debug)]
pub(crate) struct Backoff {
    seed: u64,
    failures: u32,
}

impl Backoff {
    /// Spread by `seed`.
    pub(crate) fn new(seed: &impl Hash) -> Self {
        Self {
            seed: hash(seed),
            failures: 0,
        }
    }

    /// Failures since the last [`Self::reset`].
    pub(crate) const fn failures(&self) -> u32 {
        self.failures
    }

    /// Counts a failure and says how long to wait.
    pub(crate) fn next(&mut self) -> Duration {
        let base = FIRST.saturating_mul(1 << self.failures.min(16)).min(MOST);
        self.failures = self.failures.saturating_add(1);
        let part = hash(&(self.seed, self.failures)) % 1000;
        base + base.mul_f64(0.0005 * f64::from(u32::try_from(part).unwrap_or(0)))
    }

    /// It worked.
    pub(crate) const fn reset(&mut self) {
        self.failures = 0;
    }
}

/// A hash that is the same in every process of this build.
pub(crate) fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_a_bound_and_resets() {
        let mut backoff = Backoff::new(&"x");
        let waits: Vec<Duration> = (0..40).map(|_| backoff.next()).collect();
        assert!(waits[0] >= FIRST && waits[0] <= FIRST.mul_f64(1.5));
        assert!(waits[3] >= FIRST * 8 && waits[3] <= FIRST.mul_f64(12.0));
        assert!(waits[39] >= MOST && waits[39] <= MOST.mul_f64(1.5));
        assert_eq!(backoff.failures(), 40);
        backoff.reset();
        assert!(backoff.next() < FIRST * 2);
    }

    #[test]
    fn two_seeds_spread() {
        assert_ne!(Backoff::new(&"a").next(), Backoff::new(&"b").next());
    }
}
