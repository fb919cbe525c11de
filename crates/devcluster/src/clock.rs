//! Virtual time: a clock that runs at any speed, jumps, and can be followed by another process.
//!
//! This room owns the one notion of time the embedded cluster has. It knows nothing of objects or of HTTP; a listener that
//! lets a remote process share the clock forwards [`Reading`]s and feeds them to [`VirtualClock::follower`].
//! Invariants: time never goes backwards, and no sleeper wakes before `now()` has reached its deadline. The clock is built
//! on tokio's, so that under `tokio::time::pause()` the runtime's auto-advance drives it.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::clock::Clock;
use oarlock_core::future::BoxFuture;
use oarlock_core::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::Instant;

/// Fastest accepted speed: one millisecond of real time is then a quarter of an hour.
pub const MAX_SPEED: f64 = 1_000_000.0;

const NANOS_PER_MILLI: u128 = 1_000_000;

/// The longest single wait; a sleeper with a later deadline looks at the clock again.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// A clock that runs `speed` times as fast as tokio's and can be moved forward.
///
/// Clones share the same time.
#[derive(Clone, Debug)]
pub struct VirtualClock {
    anchor: Arc<watch::Sender<Anchor>>,
}

/// What a clock shows: the line `{"now": <milliseconds since the epoch>, "speed": <factor>}` of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The virtual instant.
    pub now: Timestamp,
    /// Virtual seconds per real second; 0 when the clock stands.
    pub speed: f64,
}

/// A change of the clock: from it every later instant follows until the next change.
#[derive(Clone, Copy, Debug)]
pub struct Anchor {
    /// Virtual nanoseconds since the epoch at `at`.
    nanos: u128,
    /// Never show less than this: a follower may have run ahead of its leader.
    floor: u128,
    speed: f64,
    at: Instant,
}

/// What a sleeper has to do.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wait {
    Over,
    Until(Instant),
    ForChange,
}

impl VirtualClock {
    /// A clock that shows `start` and runs at `speed`: 1 is real time, 20 twenty times faster, 0 stands.
    ///
    /// Negative and non-finite speeds count as 0; speeds beyond [`MAX_SPEED`] as that.
    #[must_use]
    pub fn new(start: Timestamp, speed: f64) -> Self {
        let nanos = nanos(start);
        let anchor = Anchor {
            nanos,
            floor: nanos,
            speed: checked_speed(speed),
            at: Instant::now(),
        };
        Self {
            anchor: Arc::new(watch::Sender::new(anchor)),
        }
    }

    /// A clock that stands at the epoch until it is told the time with [`Self::set`].
    #[must_use]
    pub fn follower() -> Self {
        Self::new(Timestamp::default(), 0.0)
    }

    /// Takes over a reading of the clock that is followed.
    ///
    /// When the follower has run ahead (the leader slowed down while its message travelled) it stands until the leader has
    /// caught up, since time never goes backwards.
    pub fn set(&self, now: Timestamp, speed: f64) {
        self.change(|anchor, shown| {
            anchor.nanos = nanos(now);
            anchor.floor = shown;
            anchor.speed = checked_speed(speed);
        });
    }

    /// The current instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.reading().now
    }

    /// Virtual seconds per real second.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.anchor.borrow().speed
    }

    /// Instant and speed, read together.
    #[must_use]
    pub fn reading(&self) -> Reading {
        self.anchor.borrow().reading()
    }

    /// Runs on at another speed; the limits are those of [`Self::new`].
    pub fn set_speed(&self, speed: f64) {
        self.change(|anchor, _| anchor.speed = checked_speed(speed));
    }

    /// Jumps forward. Sleepers whose deadline is passed wake at once.
    pub fn advance_by(&self, duration: Duration) {
        self.change(|anchor, shown| {
            anchor.nanos = shown.saturating_add(duration.as_nanos());
        });
    }

    /// Jumps to `instant`, or does nothing when that is past.
    pub fn advance_to(&self, instant: Timestamp) {
        self.change(|anchor, shown| anchor.nanos = shown.max(nanos(instant)));
    }

    /// Changes of the clock, the current state first. Call [`Anchor::reading`] when forwarding one: an anchor is read later
    /// than it was set.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Anchor> {
        self.anchor.subscribe()
    }

    /// Re-anchors at this instant; `edit` gets the instant shown now in nanoseconds.
    fn change(&self, edit: impl FnOnce(&mut Anchor, u128)) {
        self.anchor.send_modify(|anchor| {
            let at = Instant::now();
            let shown = anchor.nanos_at(at);
            // What is ahead of the leader's time is kept out of the running count.
            anchor.nanos = anchor.running_at(at);
            anchor.at = at;
            edit(anchor, shown);
            anchor.floor = anchor.floor.max(shown);
        });
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Self::now(self)
    }

    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'static, ()> {
        let mut changes = self.anchor.subscribe();
        // Keeps the sender alive: a sleeper outlives the handle it was made from.
        let keep = Arc::clone(&self.anchor);
        Box::pin(async move {
            let _keep = keep;
            loop {
                let wait = changes
                    .borrow_and_update()
                    .wait_for(deadline, Instant::now());
                match wait {
                    Wait::Over => return,
                    Wait::Until(instant) => {
                        tokio::select! {
                            () = tokio::time::sleep_until(instant) => {}
                            _ = changes.changed() => {}
                        }
                    }
                    Wait::ForChange => {
                        // Cannot fail while `_keep` lives.
                        let _ = changes.changed().await;
                    }
                }
            }
        })
    }
}

impl Anchor {
    /// What the clock shows at this moment.
    #[must_use]
    pub fn reading(&self) -> Reading {
        let millis = self.nanos_at(Instant::now()) / NANOS_PER_MILLI;
        Reading {
            now: Timestamp::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)),
            speed: self.speed,
        }
    }

    fn nanos_at(&self, instant: Instant) -> u128 {
        self.floor.max(self.running_at(instant))
    }

    fn running_at(&self, instant: Instant) -> u128 {
        self.nanos.saturating_add(scaled(
            instant.saturating_duration_since(self.at),
            self.speed,
        ))
    }

    fn wait_for(&self, deadline: Timestamp, instant: Instant) -> Wait {
        let missing = nanos(deadline).saturating_sub(self.nanos_at(instant));
        if missing == 0 {
            return Wait::Over;
        }
        if self.speed <= 0.0 {
            return Wait::ForChange;
        }
        // Counted from the running time, which may lag behind the time shown.
        let missing = nanos(deadline).saturating_sub(self.running_at(instant));
        let real = (missing as f64 / self.speed).ceil();
        // The float is clamped first, so that the conversion is exact enough; a wait that turns out too short by rounding
        // is repeated, at least a nanosecond long, which the timer rounds up to its resolution.
        let longest = LONGEST_WAIT.as_nanos() as f64;
        let real = Duration::from_nanos(real.clamp(1.0, longest) as u64);
        Wait::Until(instant + real)
    }
}

fn nanos(instant: Timestamp) -> u128 {
    u128::from(instant.as_millis()) * NANOS_PER_MILLI
}

/// `elapsed` times `speed` in nanoseconds, rounded down. Exact at speed 1.
fn scaled(elapsed: Duration, speed: f64) -> u128 {
    if speed == 1.0 {
        return elapsed.as_nanos();
    }
    (elapsed.as_nanos() as f64 * speed) as u128
}

fn checked_speed(speed: f64) -> f64 {
    if speed.is_finite() {
        speed.clamp(0.0, MAX_SPEED)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests;
