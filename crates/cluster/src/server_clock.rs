//! The time that the API server has.
//!
//! What objects carry (when a step began, when it ends) is read by whoever leads next, and by people who look at the cluster's
//! other times. A machine whose clock is wrong, or is set while the operator runs, must not shorten a wait or prolong it. So
//! this machine's clock says only what time it is until the API server has answered once: from then on time is counted
//! steadily, and set right by the `Date` of every answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::clock::Clock;
use oarlock_core::future::BoxFuture;
use oarlock_core::timestamp::Timestamp;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

/// How exact a `Date` is: whole seconds, rounded down.
const DATE_STEP: i64 = 1_000;

/// Corrections up to here never turn time back: it stands until it is right. What is further off was set, and is followed.
const STEADY: u64 = 2_000;

/// The longest single wait; a sleeper with a later deadline looks again.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A clock that is set right by the answers of an API server. Clones are the same clock.
#[derive(Clone)]
pub struct ServerClock {
    shared: Arc<Shared>,
}

struct Shared {
    /// What [`Shared::offset`] is counted from.
    origin: Instant,
    /// Milliseconds since the epoch at the origin.
    offset: watch::Sender<i64>,
    /// The last time that was told.
    told: Mutex<u64>,
}

impl fmt::Debug for ServerClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerClock").field(&self.now()).finish()
    }
}

impl PartialEq for ServerClock {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl ServerClock {
    /// A clock that goes on from `now` until a server says otherwise.
    #[must_use]
    pub fn starting_at(now: Timestamp) -> Self {
        let origin = Instant::now();
        let millis = now.as_millis();
        Self {
            shared: Arc::new(Shared {
                origin,
                offset: watch::Sender::new(signed(millis)),
                told: Mutex::new(millis),
            }),
        }
    }

    /// Takes over the `Date` of an answer, to a request that was sent at `sent` and answered by now.
    ///
    /// The server wrote it in between, up to a second after the instant that it names. Time is corrected as far as it contradicts
    /// that, and no further: many answers make it more exact than a second.
    pub fn heard(&self, date: Timestamp, sent: Instant) {
        let date = signed(date.as_millis());
        let earliest = date - self.shared.steady(Instant::now());
        let latest = (date + DATE_STEP - self.shared.steady(sent)).max(earliest);
        self.shared.offset.send_if_modified(|offset| {
            let right = (*offset).clamp(earliest, latest);
            let changed = right != *offset;
            *offset = right;
            changed
        });
    }
}

impl Shared {
    /// Milliseconds since the origin.
    fn steady(&self, instant: Instant) -> i64 {
        let passed = instant.saturating_duration_since(self.origin);
        i64::try_from(passed.as_millis()).unwrap_or(i64::MAX)
    }

    fn now(&self) -> Timestamp {
        let offset = *self.offset.borrow();
        let now = offset.saturating_add(self.steady(Instant::now()));
        let now = u64::try_from(now).unwrap_or(0);
        let mut told = self.told.lock();
        let behind = told.saturating_sub(now);
        if behind == 0 || behind > STEADY {
            *told = now;
        }
        Timestamp::from_millis(*told)
    }
}

impl Clock for ServerClock {
    fn now(&self) -> Timestamp {
        self.shared.now()
    }

    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'static, ()> {
        let shared = Arc::clone(&self.shared);
        let mut corrections = shared.offset.subscribe();
        Box::pin(async move {
            loop {
                corrections.mark_unchanged();
                let left = deadline.since(shared.now());
                if left.is_zero() {
                    return;
                }
                tokio::select! {
                    () = tokio::time::sleep(left.min(LONGEST_WAIT)) => {}
                    // Cannot fail: the sender is held here.
                    _ = corrections.changed() => {}
                }
            }
        })
    }
}

fn signed(millis: u64) -> i64 {
    i64::try_from(millis).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
