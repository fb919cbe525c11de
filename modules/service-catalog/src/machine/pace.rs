//! How fast something is tried again. All of it ends up as a timestamp in the status, so that a restart hurries nothing.

use crate::state::Holding;

/// Milliseconds between 1 s and 1 min: polling, which costs a broker little.
const POLL: Pace = Pace {
    first: 1_000,
    longest: 60_000,
};

/// A call that ended nothing.
const CALL: Pace = Pace {
    first: 2_000,
    longest: 300_000,
};

/// Something that is made anew, and a DELETE that is refused.
const AGAIN: Pace = Pace {
    first: 10_000,
    longest: 1_200_000,
};

/// How long a broker is polled where its plan says nothing, in milliseconds: seven days, as the service catalog did.
pub(super) const POLLING: u64 = 7 * 24 * 3_600_000;

/// No `Retry-After` holds for longer, in milliseconds: a broken one would stop everything.
const PATIENCE: u64 = 3_600_000;

/// How long nobody asks a broker that denied us, whatever wakes him, in milliseconds.
pub(super) const MENDED: u64 = 5_000;

/// How long credentials stay good that were replaced, where nothing is said of it, in milliseconds: ten minutes.
pub(super) const OVERLAP: u64 = 600_000;

struct Pace {
    first: u64,
    longest: u64,
}

impl Pace {
    fn after(&self, tries: u32) -> u64 {
        let doubled = self.first << tries.min(20);
        doubled.min(self.longest)
    }

    /// A broker may ask for a longer pause, within reason; but not to be asked faster and faster while it fails.
    fn at_least(&self, tries: u32, asked: Option<u64>) -> u64 {
        self.after(tries)
            .max(asked.unwrap_or_default().min(PATIENCE))
    }
}

/// When credentials may be replaced at the earliest, whatever the broker says of their end: at half their life, and not before a
/// minute. Milliseconds since 1970.
pub(super) fn rotation(of: &Holding) -> u64 {
    const LEAST: u64 = 60_000;
    /// Where they were over before they were there.
    const STALE: u64 = 600_000;
    let stored = of.stored_at.unwrap_or_default();
    let left = |at: Option<u64>| at.map(|at| at.saturating_sub(stored));
    let half = match (left(of.facts.renew_before), left(of.facts.expires_at)) {
        // Who says when to renew them knows.
        (Some(renew), _) if renew > LEAST => 0,
        (_, Some(0)) | (Some(_), None) => STALE,
        (_, Some(life)) => life / 2,
        (None, None) => 0,
    };
    stored.saturating_add(half.max(LEAST))
}

/// Milliseconds until a broker is polled again, after so many times.
pub(super) fn poll(tries: u32, asked: Option<u64>) -> u64 {
    // How it goes, the broker knows best.
    asked.map_or_else(
        || POLL.after(tries),
        |asked| asked.clamp(POLL.first, PATIENCE),
    )
}

/// Milliseconds until the same call is made again, after so many times.
pub(super) fn call(tries: u32, asked: Option<u64>) -> u64 {
    CALL.at_least(tries, asked)
}

/// Milliseconds until it is made anew, or what was refused is asked again, after so many times.
pub(super) fn again(tries: u32, asked: Option<u64>) -> u64 {
    AGAIN.at_least(tries, asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let pauses: Vec<_> = (0..9).map(|tries| poll(tries, None) / 1000).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(again(u32::MAX, None), 1_200_000);
    }

    #[test]
    fn a_broker_says_when_but_not_never_and_not_at_once() {
        assert_eq!(poll(9, Some(5_000)), 5_000);
        assert_eq!(poll(9, Some(0)), 1_000);
        assert_eq!(call(0, Some(7_000)), 7_000);
        assert_eq!(call(0, Some(u64::MAX)), PATIENCE);
    }

    #[test]
    fn who_fails_is_not_asked_faster_because_it_says_so() {
        assert_eq!(call(4, Some(1_000)), 32_000);
        assert_eq!(again(9, Some(1_000)), 1_200_000);
    }
}
