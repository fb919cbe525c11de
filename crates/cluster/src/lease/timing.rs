//! How long a lease holds, and how it is kept.

use std::time::Duration;

use thiserror::Error;

/// Durations of a lease, with client-go's meaning and defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long others wait, after they last saw the lease change, before they take it.
    pub lease: Duration,
    /// How long the holder works without a successful renewal. Counted from when the renewal was *sent*.
    pub renew_deadline: Duration,
    /// Time between two tries.
    pub retry: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry: Duration::from_secs(2),
        }
    }
}

/// Durations that do not go together.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidTiming {
    /// Kubernetes stores whole seconds.
    #[error("a lease duration of {0:?} is too short; hint: at least 1s, such as 15s")]
    Lease(Duration),
    /// The holder has to stop before others begin.
    #[error(
        "the renew deadline {renew_deadline:?} is not shorter than the lease duration {lease:?}; hint: the holder has to stop \
         before others begin, such as 10s and 15s"
    )]
    Deadline {
        /// Lease duration.
        lease: Duration,
        /// Renew deadline.
        renew_deadline: Duration,
    },
    /// More than one try has to fit.
    #[error(
        "the retry period {retry:?} leaves no second try before the renew deadline {renew_deadline:?}; hint: at most five \
         sixths of it, such as 2s and 10s"
    )]
    Retry {
        /// Renew deadline.
        renew_deadline: Duration,
        /// Retry period.
        retry: Duration,
    },
}

/// client-go spreads the tries of those that wait by up to this factor of the retry period.
const SPREAD: f64 = 1.2;

impl Timing {
    /// Checks that the durations go together, by client-go's rules.
    ///
    /// # Errors
    /// See [`InvalidTiming`].
    pub fn check(self) -> Result<Self, InvalidTiming> {
        let Self {
            lease,
            renew_deadline,
            retry,
        } = self;
        if lease < Duration::from_secs(1) {
            Err(InvalidTiming::Lease(lease))
        } else if renew_deadline >= lease {
            Err(InvalidTiming::Deadline {
                lease,
                renew_deadline,
            })
        } else if retry.is_zero() || renew_deadline <= retry.mul_f64(SPREAD) {
            Err(InvalidTiming::Retry {
                renew_deadline,
                retry,
            })
        } else {
            Ok(self)
        }
    }

    /// Whole seconds for the Lease. Rounded up: others wait rather longer than the holder works.
    pub(super) fn seconds(&self) -> u32 {
        let seconds = self.lease.as_secs() + u64::from(self.lease.subsec_nanos() > 0);
        u32::try_from(seconds).unwrap_or(u32::MAX)
    }

    /// How long one call may take: two of them fit before the deadline.
    pub(super) fn call(&self) -> Duration {
        self.renew_deadline / 2
    }

    /// The retry period of somebody who waits, spread so that those who wait do not all ask at once.
    pub(super) fn spread(&self, seed: &(impl std::hash::Hash + ?Sized)) -> Duration {
        let part = u32::try_from(crate::backoff::hash(&seed) % 1000).unwrap_or(0);
        self.retry + self.retry.mul_f64(SPREAD * f64::from(part) / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_go_together() {
        assert_eq!(Timing::default().check(), Ok(Timing::default()));
        let told = |lease: u64, renew: u64, retry: u64| {
            let timing = Timing {
                lease: Duration::from_millis(lease),
                renew_deadline: Duration::from_millis(renew),
                retry: Duration::from_millis(retry),
            };
            timing
                .check()
                .map_or_else(|error| error.to_string(), |_| "fine".to_owned())
        };
        insta::assert_snapshot!(told(900, 500, 100), @"a lease duration of 900ms is too short; hint: at least 1s, such as 15s");
        insta::assert_snapshot!(told(10_000, 10_000, 2_000), @"the renew deadline 10s is not shorter than the lease duration 10s; hint: the holder has to stop before others begin, such as 10s and 15s");
        insta::assert_snapshot!(told(15_000, 10_000, 9_000), @"the retry period 9s leaves no second try before the renew deadline 10s; hint: at most five sixths of it, such as 2s and 10s");
        insta::assert_snapshot!(told(15_000, 10_000, 0), @"the retry period 0ns leaves no second try before the renew deadline 10s; hint: at most five sixths of it, such as 2s and 10s");
        assert_eq!(told(1_000, 600, 200), "fine");
    }

    #[test]
    fn whole_seconds_are_never_less() {
        let seconds = |millis| {
            let lease = Duration::from_millis(millis);
            Timing {
                lease,
                ..Timing::default()
            }
            .seconds()
        };
        assert_eq!((seconds(1000), seconds(1001), seconds(15_000)), (1, 2, 15));
    }
}
