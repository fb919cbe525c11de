//! From the numbers that there are to those that there shall be, within surge and availability.

use super::{Split, Surge};

/// How many Pods a version has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Count {
    /// `spec.replicas`.
    pub wanted: u32,
    /// Pods that there are, without those on their way out (`status.replicas`): they come on top of the ceiling, as with
    /// Deployments, unless they are counted by [`Count::leaving`].
    pub running: u32,
    /// Of them available, as the workload's controller counts them (`minReadySeconds` is over).
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

/// The next sizes on the way to `goal`. To be called again with what became of them; equal sizes tell that the goal is
/// reached or that Pods have to come, go or get available first.
///
/// 1. Up: what is below its goal grows by as much as there is room under the ceiling, the stable version first.
/// 2. Down, older versions: Pods that are not available go at once, others while more than the floor are available.
/// 3. Down, the two: as long as the available Pods of what grows or stays, and *all* Pods of what shrinks, are more than the
///    floor. So a broken version cannot stop a repaired one, and one that fails for a moment only is not taken
///    away before others serve.
///
/// It is Argo Rollouts' way but for sizes that are out of bounds because there were more replicas before: both versions
/// go down at once where both have too many, and neither ever moves away from its goal. Argo takes turns, and takes from
/// the growing one to come under the ceiling.
///
/// The numbers are to be of one instant, and not older than the sizes: give those of the generation that is wanted.
pub fn resize(
    replicas: u32,
    goal: Split,
    surge: Surge,
    canary: Count,
    stable: Count,
    older: &[Count],
) -> Sizes {
    let ceiling = surge
        .ceiling(replicas)
        .max(goal.canary.saturating_add(goal.stable));
    let occupied = sum(older
        .iter()
        .chain([&stable, &canary])
        .map(|count| count.wanted.max(count.running)));
    let mut room = ceiling.saturating_sub(occupied);
    let mut stable = Side::new(stable, goal.stable);
    let mut canary = Side::new(canary, goal.canary);
    stable.grow(&mut room);
    canary.grow(&mut room);

    let floor = surge.floor(replicas);
    let mut next: Vec<u32> = older
        .iter()
        .map(|count| count.serving(count.wanted))
        .collect();
    let serving = |older: &[u32], sides: [Side; 2]| {
        sum(older
            .iter()
            .copied()
            .chain(sides.into_iter().map(Side::serving)))
    };
    let mut spare = serving(&next, [canary, stable]).saturating_sub(floor);
    for size in &mut next {
        let gone = spare.min(*size);
        *size -= gone;
        spare -= gone;
    }

    let counted = sum(next
        .iter()
        .copied()
        .chain([canary, stable].map(|side| side.lasting())));
    let mut budget = counted.saturating_sub(floor);
    for side in [&mut canary, &mut stable] {
        side.shrink(side.idle(), &mut budget);
    }
    let mut spare = serving(&next, [canary, stable]).saturating_sub(floor);
    for side in [&mut canary, &mut stable] {
        side.shrink(u32::MAX, &mut spare);
    }
    Sizes {
        canary: canary.size,
        stable: stable.size,
        older: next,
    }
}

/// One of the two versions that stay, on the way to its goal.
#[derive(Clone, Copy)]
struct Side {
    count: Count,
    goal: u32,
    size: u32,
}

impl Side {
    fn new(count: Count, goal: u32) -> Self {
        Self {
            count,
            goal,
            size: count.wanted,
        }
    }

    fn excess(self) -> u32 {
        self.size.saturating_sub(self.goal)
    }

    fn serving(self) -> u32 {
        self.count.serving(self.size)
    }

    fn idle(self) -> u32 {
        self.size - self.serving()
    }

    /// What is counted on before it shrinks.
    fn lasting(self) -> u32 {
        if self.excess() > 0 {
            self.size
        } else {
            self.serving()
        }
    }

    fn grow(&mut self, room: &mut u32) {
        let growth = self.goal.saturating_sub(self.size).min(*room);
        self.size += growth;
        *room -= growth;
    }

    fn shrink(&mut self, by: u32, budget: &mut u32) {
        let gone = self.excess().min(by).min(*budget);
        self.size -= gone;
        *budget -= gone;
    }
}

impl Count {
    /// Pods on their way out (`status.terminatingReplicas`), of whatever version: given as one of the older ones, they take
    /// their part of the surge until they are gone.
    pub fn leaving(pods: u32) -> Self {
        Self {
            running: pods,
            ..Self::default()
        }
    }

    /// Of so many Pods those that can be counted on. More than are wanted now are on their way out, also where their
    /// controller still counts them.
    fn serving(self, of: u32) -> u32 {
        self.available.min(self.wanted).min(of)
    }
}

fn sum(numbers: impl Iterator<Item = u32>) -> u32 {
    numbers.fold(0, u32::saturating_add)
}
