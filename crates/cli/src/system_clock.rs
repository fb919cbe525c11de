//! The system's clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use oarlock_core::clock::Clock;
use oarlock_core::future::BoxFuture;
use oarlock_core::timestamp::Timestamp;

/// The longest single wait: the system's clock may be set, so a long sleep looks again.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Time as the system has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            loop {
                let left = deadline.since(Self.now());
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(LONGEST_WAIT)).await;
            }
        })
    }
}
