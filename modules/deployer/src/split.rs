//! The arithmetic of a rollout: how many Pods of each version, and how many of them may move now.

/// How many of `replicas` run the new version at `percent`: the nearest number, half up, and between 1 and 99 percent
/// neither none nor all of them where there are two or more.
pub(crate) fn share(replicas: u32, percent: u8) -> u32 {
    let exact = u64::from(replicas) * u64::from(percent.min(100));
    let nearest = u32::try_from((exact + 50) / 100).unwrap_or(u32::MAX);
    match percent {
        0 => 0,
        1..=99 if replicas >= 2 => nearest.clamp(1, replicas - 1),
        _ => nearest.min(replicas),
    }
}

/// How many Pods may run beyond `replicas` while Pods move: a quarter, rounded up, and at least one, as Deployments
/// have it by default.
pub(crate) fn surge(replicas: u32) -> u32 {
    replicas.div_ceil(4).max(1)
}

/// How many Pods a version has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Size {
    /// `spec.replicas`.
    pub(crate) wanted: u32,
    /// Pods that there are.
    pub(crate) running: u32,
    /// Of them available.
    pub(crate) available: u32,
}

impl Size {
    fn serving(self, of: u32) -> u32 {
        self.available.min(of)
    }
}

/// How many replicas each version shall have now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Sizes {
    pub(crate) target: u32,
    /// In the order that was given.
    pub(crate) others: Vec<u32>,
}

/// The next sizes on the way to `share` Pods of the target and the rest of the others.
///
/// The last of the others is the baseline; those before it were on their way when yet another version came, and leave
/// first. Two rules hold at every instant, whatever the versions do: never more than `replicas` and the surge run, and
/// an available Pod goes only where `replicas` others are available. A Pod that is not available may always go, so
/// that a broken version cannot stop a repaired one.
pub(crate) fn resize(replicas: u32, share: u32, target: Size, others: &[Size]) -> Sizes {
    let running: u32 = others
        .iter()
        .chain([&target])
        .map(|size| size.wanted.max(size.running))
        .sum();
    let mut room = (replicas + surge(replicas)).saturating_sub(running);
    let rest = replicas.saturating_sub(share);

    let growth = share.saturating_sub(target.wanted).min(room);
    room -= growth;
    let mut next = Sizes {
        target: target.wanted + growth,
        others: others.iter().map(|size| size.wanted).collect(),
    };
    if let Some((baseline, intermediate)) = next.others.split_last_mut() {
        for (replicas, size) in intermediate.iter_mut().zip(others) {
            *replicas = size.serving(*replicas);
        }
        let kept: u32 = intermediate.iter().sum::<u32>() + *baseline;
        *baseline += rest.saturating_sub(kept).min(room);
    }

    let serving: u32 = target.serving(next.target)
        + others
            .iter()
            .zip(&next.others)
            .map(|(size, next)| size.serving(*next))
            .sum::<u32>();
    let mut spare = serving.saturating_sub(replicas);
    let mut excess = next.others.iter().sum::<u32>().saturating_sub(rest);
    for (replicas, size) in next.others.iter_mut().zip(others) {
        excess -= shrink(replicas, *size, excess, &mut spare);
    }
    let excess = next.target.saturating_sub(share);
    shrink(&mut next.target, target, excess, &mut spare);
    next
}

fn shrink(replicas: &mut u32, size: Size, excess: u32, spare: &mut u32) -> u32 {
    let idle = *replicas - size.serving(*replicas);
    let gone = excess.min(idle + *spare).min(*replicas);
    *spare -= gone.saturating_sub(idle);
    *replicas -= gone;
    gone
}

#[cfg(test)]
mod tests {
    use super::{Size, Sizes, resize, share};

    #[test]
    fn shares_to_the_nearest_but_never_none_or_all() {
        for (replicas, expected) in [
            (0, [0, 0, 0, 0]),
            (1, [0, 0, 1, 1]),
            (2, [1, 1, 1, 2]),
            (3, [1, 1, 2, 3]),
            (4, [1, 1, 2, 4]),
            (10, [1, 3, 6, 10]),
            (20, [2, 6, 12, 20]),
            (100, [10, 30, 60, 100]),
        ] {
            assert_eq!(
                [10, 30, 60, 100].map(|percent| share(replicas, percent)),
                expected,
                "{replicas}"
            );
        }
        assert_eq!([1, 50, 99].map(|percent| share(3, percent)), [1, 2, 2]);
        assert_eq!(
            [1, 49, 50, 99].map(|percent| share(1, percent)),
            [0, 0, 1, 1]
        );
    }

    fn size(wanted: u32, available: u32) -> Size {
        Size {
            wanted,
            running: wanted,
            available,
        }
    }

    fn check(share: u32, target: Size, others: &[Size], expected: (u32, &[u32])) {
        let expected = Sizes {
            target: expected.0,
            others: expected.1.to_vec(),
        };
        assert_eq!(resize(10, share, target, others), expected);
    }

    #[test]
    fn grows_the_new_one_before_the_old_one_shrinks() {
        check(3, size(1, 1), &[size(9, 9)], (3, &[9]));
        check(3, size(3, 2), &[size(9, 9)], (3, &[8]));
        check(3, size(3, 3), &[size(9, 9)], (3, &[7]));
    }

    #[test]
    fn stays_under_the_surge() {
        check(10, size(6, 6), &[size(4, 4)], (9, &[4]));
        check(10, size(9, 9), &[size(4, 4)], (9, &[1]));
        // Pods that are told to go still count while they run.
        check(
            10,
            size(9, 9),
            &[Size {
                wanted: 1,
                running: 4,
                available: 4,
            }],
            (9, &[1]),
        );
    }

    #[test]
    fn a_broken_baseline_does_not_stop_a_fix() {
        check(3, size(3, 3), &[size(10, 0)], (3, &[7]));
        check(1, size(1, 0), &[size(10, 4)], (1, &[9]));
    }

    #[test]
    fn a_third_version_drains_the_second_first() {
        check(1, size(0, 0), &[size(6, 6), size(4, 4)], (1, &[6, 4]));
        check(1, size(1, 1), &[size(6, 6), size(4, 4)], (1, &[5, 4]));
        // A broken second one leaves at once, and the baseline takes its place.
        check(1, size(0, 0), &[size(6, 0), size(4, 4)], (1, &[0, 6]));
    }

    #[test]
    fn a_smaller_share_needs_the_others_first() {
        check(3, size(6, 6), &[size(4, 4)], (6, &[7]));
        check(3, size(6, 6), &[size(7, 7)], (3, &[7]));
    }
}
