//! Clocks, and the way of a call to the server and back.

use std::time::Duration;

use super::chance::Chance;
use crate::lease::moment::Moment;

/// The clock of one process: begins anywhere, and goes up to a tenth faster or slower than true time.
#[derive(Clone, Copy, Debug)]
pub(in crate::lease) struct Skewed {
    offset: u64,
    /// Thousandths.
    speed: u64,
}

impl Skewed {
    pub(in crate::lease) fn new(chance: &mut Chance) -> Self {
        Self {
            offset: chance.below(1 << 40),
            speed: 900 + chance.below(201),
        }
    }

    /// What it shows at a true time, in milliseconds.
    pub(in crate::lease) const fn show(self, true_time: u64) -> Moment {
        Moment::from_nanos((self.offset + true_time * self.speed / 1000) * 1_000_000)
    }

    /// The first true time at which it shows `moment`, or more.
    pub(in crate::lease) fn when(self, moment: Moment, now: u64) -> u64 {
        let left = moment.since(self.show(now));
        let left = left.div_ceil_millis();
        now + (left * 1000).div_ceil(self.speed) + u64::from(left > 0)
    }
}

trait DivCeil {
    fn div_ceil_millis(&self) -> u64;
}

impl DivCeil for Duration {
    fn div_ceil_millis(&self) -> u64 {
        u64::try_from(self.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

/// What happens to a call.
#[derive(Clone, Copy, Debug)]
pub(in crate::lease) struct Fate {
    /// When it reaches the server; never, when it is lost.
    pub(in crate::lease) arrives: Option<u64>,
    /// When the answer is there, or the caller gives up.
    pub(in crate::lease) ends: u64,
    /// Whether the caller has the answer then.
    pub(in crate::lease) answered: bool,
}

impl Fate {
    /// Of a call sent at `now`, whose caller waits until `deadline`. `calm`: nothing goes wrong.
    pub(in crate::lease) fn draw(chance: &mut Chance, now: u64, deadline: u64, calm: bool) -> Self {
        let delay = |chance: &mut Chance| match chance.below(40) {
            0 if !calm => chance.below(30_000),
            1..=3 if !calm => chance.below(4_000),
            _ => 1 + chance.below(50),
        };
        let arrives = now + delay(chance);
        let back = arrives + delay(chance);
        let (lost, answer_lost) = (!calm && chance.one_in(20), !calm && chance.one_in(20));
        let answered = !lost && !answer_lost && back <= deadline;
        Self {
            // Also after the caller has given up: a network may keep a request for long.
            arrives: (!lost).then_some(arrives),
            ends: if answered {
                back
            } else {
                deadline.max(now + 1)
            },
            answered,
        }
    }
}
