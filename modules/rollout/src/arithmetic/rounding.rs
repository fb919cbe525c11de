//! From a weight to numbers of Pods.

use std::cmp::Ordering;

use super::Surge;

/// How many Pods of each version there shall be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Split {
    /// Of the version that is rolled out.
    pub canary: u32,
    /// Of the version that serves.
    pub stable: u32,
}

/// How `replicas` are split at `weight` percent (more than 100 are 100): the numbers that come nearest to the weight,
/// half up, and between 1 and 99 percent neither none nor all.
///
/// With surge, a Pod more than `replicas` is also considered; of equally near ones the one without it is taken. Pass no
/// surge to have `replicas` Pods in any case. The exceptions are told in the module's documentation.
pub fn split(replicas: u32, weight: u32, surge: Surge) -> Split {
    let weight = weight.min(100);
    let exact = u64::from(replicas) * u64::from(weight);
    let (up, down) = (pods(exact.div_ceil(100)), pods(exact / 100));
    let ends = matches!(weight, 0 | 100) || (replicas == 1 && surge.max_surge == 0);

    let above = |total: u32| Some(Candidate { canary: up, total });
    let below = |total: u32| {
        (down > 0 || ends).then_some(Candidate {
            canary: down,
            total,
        })
    };
    let more = replicas
        .checked_add(1)
        .filter(|_| replicas > 0 && surge.max_surge > 0);
    let candidates = [
        above(replicas).filter(|_| up < replicas || ends),
        below(replicas),
        more.and_then(above),
        more.and_then(below),
    ];
    candidates
        .into_iter()
        .flatten()
        // The first of the nearest ones: a half is rounded up.
        .min_by(|left, right| left.compare(*right, weight))
        // Without replicas there is none.
        .map_or(
            Split {
                canary: 0,
                stable: 0,
            },
            |nearest| Split {
                canary: nearest.canary,
                stable: nearest.total - nearest.canary,
            },
        )
}

#[derive(Clone, Copy)]
struct Candidate {
    canary: u32,
    total: u32,
}

impl Candidate {
    /// By how far they are from the weight. In whole numbers: floating point would tell equal ones apart.
    fn compare(self, other: Self, weight: u32) -> Ordering {
        let off = |of: Self| {
            let share = u64::from(of.canary) * 100;
            u128::from(share.abs_diff(u64::from(weight) * u64::from(of.total)))
        };
        let left = off(self) * u128::from(other.total);
        left.cmp(&(off(other) * u128::from(self.total)))
    }
}

pub(super) fn pods(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
