//! Fights: somebody else changes an object back as often as the host repairs it.
//!
//! A breaker per contested object, for each reconciled object. It counts *repairs*: writes of what was known to be in place,
//! by the same wish. Twenty at once, and one more every half minute, are what drift looks like; more is another program that
//! wants something else. Then the object is left alone for five minutes, one repair probes whether the other has given up, and
//! if that too is undone within five minutes, it is left alone again. A changed spec begins anew.
//!
//! Crossplane counts a composite's watch events instead (100 at once, one per second, open for five minutes): there every
//! event of a busy cluster counts, which needs figures that let a fight of one write per second go on for ever.

use std::collections::BTreeMap;
use std::time::Duration;

use oarlock_core::reference::ObjectRef;
use oarlock_core::request::ApiError;
use oarlock_core::timestamp::Timestamp;

use crate::pace::{Bucket, Pace};

/// Repairs that are nothing special.
const DRIFT: Pace = Pace {
    burst: 20,
    refill: Duration::from_secs(30),
};

/// How long a contested object is left alone, and how long a probe has to last.
const REST: Duration = Duration::from_secs(300);

/// The fights around one reconciled object.
#[derive(Debug, Default)]
pub(crate) struct Contests {
    generation: i64,
    breakers: BTreeMap<ObjectRef, Breaker>,
}

#[derive(Debug, Default)]
struct Breaker {
    repairs: Bucket,
    state: State,
    /// Who changes it back, where known.
    rival: Option<String>,
}

#[derive(Debug, Default)]
enum State {
    /// Repaired whenever it drifts.
    #[default]
    Closed,
    /// Left alone.
    Open { until: Timestamp },
    /// Repaired once, to see whether it lasts.
    Probing { since: Timestamp },
}

/// An object that is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contested {
    /// Until when.
    pub(crate) until: Timestamp,
    /// What is said of it.
    pub(crate) error: ApiError,
}

impl Contests {
    /// Begins anew when the reconciled object's spec has changed.
    pub(crate) fn of_generation(&mut self, generation: i64) {
        if self.generation != generation {
            *self = Self {
                generation,
                breakers: BTreeMap::new(),
            };
        }
    }

    /// Whether `target` is left alone now.
    pub(crate) fn left_alone(&self, target: &ObjectRef, now: Timestamp) -> Option<Contested> {
        let breaker = self.breakers.get(target)?;
        let State::Open { until } = breaker.state else {
            return None;
        };
        if now >= until {
            return None;
        }
        let who = match &breaker.rival {
            Some(rival) => format!("\"{rival}\" keeps changing it back"),
            None => "somebody keeps changing it back".to_owned(),
        };
        let message = format!(
            "{who}: it is left alone until {}; hint: let one of the two own these fields",
            until.rfc3339()
        );
        Some(Contested {
            until,
            error: ApiError::new(409, "Contested", message),
        })
    }

    /// Whether the next repair of `target` is one too many.
    pub(crate) fn is_near(&self, target: &ObjectRef, now: Timestamp) -> bool {
        self.breakers
            .get(target)
            .is_some_and(|breaker| match breaker.state {
                State::Closed => {
                    let mut repairs = breaker.repairs;
                    repairs.take(DRIFT, now).is_err()
                }
                State::Open { .. } => false,
                State::Probing { since } => now.since(since) < REST,
            })
    }

    /// Notes a repair. Tells whether that was one too many: `target` is left alone from now on.
    pub(crate) fn repaired(&mut self, target: &ObjectRef, now: Timestamp) -> bool {
        let breaker = self.breakers.entry(target.clone()).or_default();
        match breaker.state {
            State::Closed => {
                if breaker.repairs.take(DRIFT, now).is_ok() {
                    return false;
                }
            }
            State::Open { .. } => {
                breaker.state = State::Probing { since: now };
                return false;
            }
            State::Probing { since } if now.since(since) >= REST => {
                *breaker = Breaker::default();
                return breaker.repairs.take(DRIFT, now).is_err();
            }
            State::Probing { .. } => {}
        }
        breaker.state = State::Open {
            until: now.after(REST),
        };
        true
    }

    /// Notes who changes `target` back.
    pub(crate) fn against(&mut self, target: &ObjectRef, rival: Option<String>) {
        if let Some(breaker) = self.breakers.get_mut(target) {
            breaker.rival = rival;
        }
    }

    /// Forgets objects that are not in `kept`.
    pub(crate) fn retain(&mut self, kept: impl Fn(&ObjectRef) -> bool) {
        self.breakers.retain(|target, _| kept(target));
    }
}

#[cfg(test)]
mod tests {
    use oarlock_core::reference::Gvk;

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + seconds * 1000)
    }

    fn target() -> ObjectRef {
        ObjectRef::new(Gvk::new("", "v1", "ConfigMap"), Some("web"), "a")
    }

    /// Repairs until it is left alone; how many it took.
    fn fight(contests: &mut Contests, now: Timestamp) -> usize {
        (1..)
            .find(|_| contests.repaired(&target(), now))
            .unwrap_or(0)
    }

    #[test]
    fn a_fight_is_left_alone_for_five_minutes_and_probed_once() {
        let mut contests = Contests::default();
        for _ in 0..20 {
            assert!(!contests.is_near(&target(), at(0)));
            assert!(!contests.repaired(&target(), at(0)));
        }
        assert!(contests.is_near(&target(), at(0)));
        assert!(contests.repaired(&target(), at(0)));
        contests.against(&target(), Some("other".to_owned()));
        let contested = contests.left_alone(&target(), at(299));
        insta::assert_snapshot!(
            contested.map(|c| c.error.to_string()).unwrap_or_default(),
            @r#""other" keeps changing it back: it is left alone until 2023-11-14T22:18:20Z; hint: let one of the two own these fields (Contested, 409)"#
        );
        assert_eq!(contests.left_alone(&target(), at(300)), None);
        assert!(!contests.repaired(&target(), at(300)), "a probe");
        assert!(contests.is_near(&target(), at(310)));
        assert!(contests.repaired(&target(), at(310)), "undone");
        assert!(contests.left_alone(&target(), at(609)).is_some());
        assert!(!contests.repaired(&target(), at(610)), "another probe");
        assert_eq!(fight(&mut contests, at(910)), 21, "the probe has lasted");
    }

    #[test]
    fn drift_is_no_fight() {
        let mut contests = Contests::default();
        for half_minutes in 0..1000 {
            assert!(!contests.repaired(&target(), at(half_minutes * 30)));
        }
    }

    #[test]
    fn a_changed_spec_and_a_child_that_leaves_end_it() {
        let mut contests = Contests::default();
        contests.of_generation(1);
        fight(&mut contests, at(0));
        contests.of_generation(1);
        assert!(contests.left_alone(&target(), at(1)).is_some());
        contests.of_generation(2);
        assert_eq!(contests.left_alone(&target(), at(1)), None);
        fight(&mut contests, at(0));
        contests.retain(|_| false);
        assert_eq!(contests.left_alone(&target(), at(1)), None);
    }
}
