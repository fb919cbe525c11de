//! How often something may happen: so many times at once, and then so often.

use std::time::Duration;

use oarlock_core::timestamp::Timestamp;

/// What is allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// So many times at once.
    pub(crate) burst: u32,
    /// One more after so long.
    pub(crate) refill: Duration,
}

/// A token bucket; full at first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket {
    used: u32,
    /// When the first of the used tokens began to come back.
    since: Timestamp,
}

impl Bucket {
    /// Takes a token.
    ///
    /// # Errors
    /// When the next one is there.
    pub(crate) fn take(&mut self, pace: Pace, now: Timestamp) -> Result<(), Timestamp> {
        self.fill(pace, now);
        if self.used < pace.burst {
            self.used += 1;
            Ok(())
        } else {
            Err(self.since.after(pace.refill))
        }
    }

    /// Takes a token, or the next one that comes: when it is there. Whoever reserves again before that gets the same one.
    pub(crate) fn reserve(&mut self, pace: Pace, now: Timestamp) -> Timestamp {
        self.fill(pace, now);
        self.used = (self.used + 1).min(pace.burst + 1);
        if self.used <= pace.burst {
            now
        } else {
            self.since.after(pace.refill)
        }
    }

    fn fill(&mut self, pace: Pace, now: Timestamp) {
        let refill = pace.refill.as_millis().max(1);
        let back = now.since(self.since).as_millis() / refill;
        let back = u32::try_from(back).unwrap_or(u32::MAX);
        if back >= self.used {
            *self = Self {
                used: 0,
                since: now,
            };
        } else {
            self.used -= back;
            self.since = self.since.after(pace.refill.saturating_mul(back));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        burst: 3,
        refill: Duration::from_secs(10),
    };

    #[test]
    fn what_is_reserved_is_not_there_again() {
        let at = |seconds: u64| Timestamp::from_millis(1_000_000 + seconds * 1000);
        let mut bucket = Bucket::default();
        let mut now = at(0);
        let mut times = Vec::new();
        for _ in 0..6 {
            now = bucket.reserve(PACE, now);
            times.push(now);
        }
        assert_eq!(times, [at(0), at(0), at(0), at(10), at(20), at(30)]);
    }

    #[test]
    fn so_many_at_once_and_then_one_at_a_time() {
        let at = |seconds: u64| Timestamp::from_millis(1_000_000 + seconds * 1000);
        let mut bucket = Bucket::default();
        for _ in 0..3 {
            assert_eq!(bucket.take(PACE, at(0)), Ok(()));
        }
        assert_eq!(bucket.take(PACE, at(0)), Err(at(10)));
        assert_eq!(bucket.take(PACE, at(9)), Err(at(10)));
        assert_eq!(bucket.take(PACE, at(10)), Ok(()));
        assert_eq!(bucket.take(PACE, at(15)), Err(at(20)));
        assert_eq!(bucket.take(PACE, at(31)), Ok(()));
        assert_eq!(bucket.take(PACE, at(31)), Ok(()));
        assert_eq!(bucket.take(PACE, at(31)), Err(at(40)));
        for _ in 0..3 {
            assert_eq!(bucket.take(PACE, at(1000)), Ok(()));
        }
        assert!(bucket.take(PACE, at(1000)).is_err());
    }
}
