//! How long to wait: after a failed run, and until the next one of a period.

use std::time::Duration;

use oarlock_core::reference::ObjectRef;

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

/// Longest time that changes around a failing object are no reason to try again: what it waited for may have come.
const LONGEST_HOLD: Duration = Duration::from_secs(10);

/// How long after `failures` failed runs in a row a change around the object, which is not the object's own, has to wait.
/// As long as the backoff, and ten seconds at most: a storm of changes costs six runs a minute, and what the object has
/// waited for is noticed soon, however long its backoff has become.
pub(crate) fn hold(failures: u32) -> Duration {
    delay(failures, 0).min(LONGEST_HOLD)
}

/// The period of one object: the watch's, spread by up to a tenth to either side by the object's own name. Ten thousand
/// objects that were first seen together do not come back together, and each of them comes back regularly.
pub(crate) fn spread(period: Duration, key: &ObjectRef) -> Duration {
    // FNV-1a: the same in every build and on every machine.
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in format!("{} {key}", key.gvk).bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let part = u32::try_from((hash >> 32) % 2001).unwrap_or(0);
    period - period / 10 + period / 10 * part / 1000
}

#[cfg(test)]
mod tests {
    use oarlock_core::reference::Gvk;

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

    #[test]
    fn a_hold_is_as_long_as_the_backoff_and_soon_over() {
        let seconds = [1, 2, 3, 4, 5, 9].map(|failures| hold(failures).as_secs());
        assert_eq!(seconds, [1, 2, 4, 8, 10, 10]);
    }

    #[test]
    fn periods_are_spread_evenly_and_each_object_keeps_its_own() {
        let period = Duration::from_secs(1000);
        let of = |n: usize| {
            let key = ObjectRef::new(Gvk::new("g", "v1", "K"), Some("ns"), format!("o-{n}"));
            spread(period, &key)
        };
        assert_eq!(of(7), of(7));
        let mut tenths = [0_usize; 10];
        for n in 0..10_000 {
            let offset = of(n)
                .checked_sub(Duration::from_secs(900))
                .unwrap_or_default();
            assert!(offset <= Duration::from_secs(200), "{offset:?}");
            tenths[(offset.as_secs() / 20).min(9) as usize] += 1;
        }
        assert!(
            tenths.iter().all(|&count| (800..1200).contains(&count)),
            "{tenths:?}"
        );
    }
}
