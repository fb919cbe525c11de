//! The arithmetic of a rollout: how many Pods of each version, and how many of them may move now.
//!
//! Numbers in, numbers out: nothing here knows of Deployments, status or time. The rules are Argo Rollouts' for its basic
//! canary (`utils/replicaset/canary.go`).

/// How far a rollout may leave `replicas` while Pods move.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Surge {
    /// Pods beyond `replicas`.
    pub max_surge: u32,
    /// Pods of `replicas` that may be unavailable.
    pub max_unavailable: u32,
}

/// How many Pods of each version there shall be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Split {
    /// Of the version that is rolled out.
    pub canary: u32,
    /// Of the version that serves.
    pub stable: u32,
}

/// How many Pods a version has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Count {
    /// `spec.replicas`.
    pub wanted: u32,
    /// Pods that there are.
    pub running: u32,
    /// Of them available.
    pub available: u32,
}

/// How many replicas each version shall have now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sizes {
    /// Of the version that is rolled out.
    pub canary: u32,
    /// Of the version that serves.
    pub stable: u32,
    /// Of those that were on their way when yet another came, in the order that was given.
    pub older: Vec<u32>,
}

/// How `replicas` are split at `weight` percent: the nearest numbers, half up, and between 1 and 99 percent neither
/// none nor all where there are two or more.
pub fn split(replicas: u32, weight: u32, surge: Surge) -> Split {
    let _ = surge;
    let exact = u64::from(replicas) * u64::from(weight.min(100));
    let nearest = u32::try_from((exact + 50) / 100).unwrap_or(u32::MAX);
    let canary = match weight {
        0 => 0,
        1..=99 if replicas >= 2 => nearest.clamp(1, replicas - 1),
        _ => nearest.min(replicas),
    };
    Split {
        canary,
        stable: replicas - canary,
    }
}

/// The next sizes on the way to `goal`. Never more than `replicas` and the surge run, and no available Pod goes where that
/// would leave fewer than `replicas` less the unavailable ones; one that is not available may always go, so that a broken
/// version cannot stop a repaired one. Older versions leave first, and the stable one grows before the canary.
pub fn resize(
    replicas: u32,
    goal: Split,
    surge: Surge,
    canary: Count,
    stable: Count,
    older: &[Count],
) -> Sizes {
    let all = || older.iter().chain([&stable, &canary]);
    let running: u32 = all().map(|count| count.wanted.max(count.running)).sum();
    let ceiling = replicas.max(goal.canary + goal.stable) + surge.max_surge;
    let mut room = ceiling.saturating_sub(running);
    let mut next = Sizes {
        canary: canary.wanted,
        stable: stable.wanted,
        older: older
            .iter()
            .map(|count| count.serving(count.wanted))
            .collect(),
    };
    for (size, goal) in [
        (&mut next.stable, goal.stable),
        (&mut next.canary, goal.canary),
    ] {
        let growth = goal.saturating_sub(*size).min(room);
        *size += growth;
        room -= growth;
    }
    let serving: u32 = older
        .iter()
        .zip(&next.older)
        .chain([(&stable, &next.stable), (&canary, &next.canary)])
        .map(|(count, size)| count.serving(*size))
        .sum();
    let mut spare = serving.saturating_sub(replicas.saturating_sub(surge.max_unavailable));
    for (size, count) in next.older.iter_mut().zip(older) {
        shrink(size, *count, 0, &mut spare);
    }
    shrink(&mut next.stable, stable, goal.stable, &mut spare);
    shrink(&mut next.canary, canary, goal.canary, &mut spare);
    next
}

impl Count {
    fn serving(self, of: u32) -> u32 {
        self.available.min(of)
    }
}

fn shrink(size: &mut u32, count: Count, goal: u32, spare: &mut u32) {
    let excess = size.saturating_sub(goal);
    let idle = *size - count.serving(*size);
    let gone = excess.min(idle + *spare);
    *spare -= gone.saturating_sub(idle);
    *size -= gone;
}
