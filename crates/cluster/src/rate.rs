//! How many requests an API server is asked for, at most: a token bucket, as client-go's `--kube-api-qps` and
//! `--kube-api-burst`.
//!
//! Whoever asks first goes first: a place is reserved when it is asked for, and the wait that it costs is known at once. Watches
//! are exempt, since they are asked for rarely and must not wait behind a storm of writes, and so is the lease: its client is
//! another one.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::clock::Clock;
use oarlock_core::timestamp::Timestamp;
use parking_lot::Mutex;

/// So many requests a second on average, so many at once after a pause.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Requests per second; more than 0.
    pub per_second: f64,
    /// Requests at once.
    pub burst: u32,
}

/// A bucket of tokens, one per request.
pub(crate) struct Bucket {
    rate: Rate,
    clock: Arc<dyn Clock>,
    level: Mutex<Level>,
}

/// How full it is. Below zero: so many wait.
struct Level {
    tokens: f64,
    at: Timestamp,
}

impl Bucket {
    /// A full one.
    pub(crate) fn new(rate: Rate, clock: Arc<dyn Clock>) -> Self {
        let level = Level {
            tokens: f64::from(rate.burst.max(1)),
            at: clock.now(),
        };
        Self {
            rate,
            clock,
            level: Mutex::new(level),
        }
    }

    /// Waits until a request may be sent, and tells how long that took. Who gives up waiting has had its token all the same.
    pub(crate) async fn take(&self) -> Duration {
        let now = self.clock.now();
        let wait = self.reserve(now);
        if !wait.is_zero() {
            self.clock.sleep_until(now.after(wait)).await;
        }
        wait
    }

    fn reserve(&self, now: Timestamp) -> Duration {
        let mut level = self.level.lock();
        let most = f64::from(self.rate.burst.max(1));
        let passed = now.since(level.at).as_secs_f64();
        let filled = passed.mul_add(self.rate.per_second, level.tokens).min(most);
        level.tokens = filled - 1.0;
        level.at = now.max(level.at);
        if level.tokens >= 0.0 {
            return Duration::ZERO;
        }
        let seconds = -level.tokens / self.rate.per_second;
        // A rate of next to nothing: as good as never.
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use oarlock_core::future::BoxFuture;

    use super::*;

    /// Moves to whatever is waited for.
    #[derive(Default)]
    struct Jumping(AtomicU64);

    impl Clock for Jumping {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::SeqCst))
        }

        fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'static, ()> {
            self.0.fetch_max(deadline.as_millis(), Ordering::SeqCst);
            Box::pin(std::future::ready(()))
        }
    }

    fn bucket(per_second: f64, burst: u32) -> (Bucket, Arc<Jumping>) {
        let clock = Arc::new(Jumping::default());
        let rate = Rate { per_second, burst };
        let bucket = Bucket::new(rate, Arc::clone(&clock) as Arc<dyn Clock>);
        (bucket, clock)
    }

    fn reserved(bucket: &Bucket, at: u64) -> u64 {
        let wait = bucket.reserve(Timestamp::from_millis(at));
        u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
    }

    #[test]
    fn a_burst_is_free_and_the_rest_waits_in_the_order_of_asking() {
        let (bucket, _) = bucket(20.0, 3);
        let waits: Vec<u64> = (0..7).map(|_| reserved(&bucket, 0)).collect();
        assert_eq!(waits, [0, 0, 0, 50, 100, 150, 200]);
        // Four tokens are owed; later requests wait behind them, not beside.
        assert_eq!(reserved(&bucket, 100), 150);
    }

    #[test]
    fn a_pause_fills_the_bucket_and_does_not_make_it_overflow() {
        let (bucket, _) = bucket(10.0, 2);
        for _ in 0..2 {
            reserved(&bucket, 0);
        }
        let after_an_hour: Vec<u64> = (0..4).map(|_| reserved(&bucket, 3_600_000)).collect();
        assert_eq!(after_an_hour, [0, 0, 100, 200]);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_away() {
        let (bucket, _) = bucket(10.0, 1);
        assert_eq!(reserved(&bucket, 1000), 0);
        assert_eq!(reserved(&bucket, 0), 100);
        assert_eq!(reserved(&bucket, 1000), 200);
    }

    #[tokio::test]
    async fn a_thousand_requests_take_as_long_as_their_rate_says() {
        let (bucket, clock) = bucket(50.0, 100);
        for _ in 0..1000 {
            bucket.take().await;
        }
        assert_eq!(clock.now(), Timestamp::from_millis(18_000));
    }
}
