//! How many replicas each ReplicaSet of a Deployment gets: the arithmetic of rolling, recreating and scaling.
//!
//! Pure numbers over [`Share`]; the rules are those of the Deployment controller, so that at every instant no more than
//! `replicas + maxSurge` pods are asked for and no available pod is taken below `replicas - maxUnavailable`.

use k8s_openapi::api::apps::v1::ReplicaSet;

use super::bounds::{Bounds, Strategy};
use super::revision;

/// A ReplicaSet and the size it is to have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share<'a> {
    pub(crate) set: &'a ReplicaSet,
    pub(crate) replicas: i32,
}

impl<'a> Share<'a> {
    /// The set with the size it has.
    pub(crate) fn of(set: &'a ReplicaSet) -> Self {
        Self {
            set,
            replicas: wanted(set),
        }
    }

    /// Pods available of those that stay: a set that shrinks may still report pods that are already condemned.
    fn available(self) -> i32 {
        available(self.set).min(self.replicas)
    }
}

/// `spec.replicas`.
pub(crate) fn wanted(set: &ReplicaSet) -> i32 {
    set.spec
        .as_ref()
        .and_then(|spec| spec.replicas)
        .unwrap_or(1)
}

/// `status.replicas`.
pub(crate) fn actual(set: &ReplicaSet) -> i32 {
    set.status.as_ref().map_or(0, |status| status.replicas)
}

/// `status.availableReplicas`.
pub(crate) fn available(set: &ReplicaSet) -> i32 {
    set.status
        .as_ref()
        .and_then(|status| status.available_replicas)
        .unwrap_or(0)
}

fn total(sets: &[Share<'_>]) -> i32 {
    sets.iter().map(|set| set.replicas).sum()
}

/// The size of the current set: as large as the bounds allow beside the others (`asked`: replicas of all sets, with it).
pub(crate) fn grown(bounds: &Bounds, current: i32, asked: i32) -> i32 {
    match bounds.strategy {
        Strategy::Recreate => bounds.replicas,
        Strategy::Rolling { .. } => {
            let room = bounds.most() - asked;
            if room <= 0 {
                return current;
            }
            current + room.min(bounds.replicas - current)
        }
    }
}

/// Shrinks the old sets (sorted by age) of a rolling update as far as availability allows; whether any changed.
pub(crate) fn shrink_old(bounds: &Bounds, current: Share<'_>, old: &mut [Share<'_>]) -> bool {
    if total(old) == 0 {
        return false;
    }
    let missing = current.replicas - current.available();
    let most = total(old) + current.replicas - bounds.least_available() - missing;
    if most <= 0 {
        return false;
    }
    let unhealthy = shrink_unhealthy(old, most);
    let healthy = shrink_healthy(bounds, current, old);
    unhealthy + healthy > 0
}

/// Pods that are not available make room first: without this a broken revision would block its own replacement.
fn shrink_unhealthy(old: &mut [Share<'_>], most: i32) -> i32 {
    let mut taken = 0;
    for set in old {
        if taken >= most {
            break;
        }
        let broken = (set.replicas - available(set.set)).max(0);
        let step = broken.min(most - taken);
        set.replicas -= step;
        taken += step;
    }
    taken
}

fn shrink_healthy(bounds: &Bounds, current: Share<'_>, old: &mut [Share<'_>]) -> i32 {
    let available: i32 = old.iter().map(|set| set.available()).sum::<i32>() + current.available();
    let most = available - bounds.least_available();
    let mut taken = 0;
    for set in old {
        if taken >= most {
            break;
        }
        let step = set.replicas.min(most - taken);
        set.replicas -= step;
        taken += step;
    }
    taken
}

/// Spreads a new total over the active sets in proportion to their sizes (a change of `replicas` in mid-rollout).
pub(crate) fn spread(bounds: &Bounds, sets: &mut [Share<'_>], status_replicas: i32) {
    let allowed = if bounds.replicas > 0 {
        bounds.most()
    } else {
        0
    };
    let to_add = allowed - total(sets);
    if to_add == 0 {
        return;
    }
    // The largest takes the leftover; of equals the newest when growing, the oldest when shrinking.
    sets.sort_by(|a, b| {
        let age = if to_add > 0 {
            newer(a.set, b.set)
        } else {
            newer(b.set, a.set)
        };
        b.replicas.cmp(&a.replicas).then(age)
    });
    let mut added = 0;
    for set in sets.iter_mut() {
        let share = proportion(bounds, set, to_add, added, status_replicas);
        set.replicas += share;
        added += share;
    }
    if let Some(first) = sets.first_mut() {
        first.replicas = (first.replicas + to_add - added).max(0);
    }
}

fn newer(a: &ReplicaSet, b: &ReplicaSet) -> std::cmp::Ordering {
    b.metadata
        .creation_timestamp
        .cmp(&a.metadata.creation_timestamp)
        .then_with(|| b.metadata.name.cmp(&a.metadata.name))
}

fn proportion(
    bounds: &Bounds,
    set: &Share<'_>,
    to_add: i32,
    added: i32,
    status_replicas: i32,
) -> i32 {
    if set.replicas == 0 || to_add == added {
        return 0;
    }
    let share = fraction(bounds, set, status_replicas);
    let rest = to_add - added;
    if to_add > 0 {
        share.min(rest)
    } else {
        share.max(rest)
    }
}

fn fraction(bounds: &Bounds, set: &Share<'_>, status_replicas: i32) -> i32 {
    if bounds.replicas == 0 {
        return -set.replicas;
    }
    let before = revision::count(&set.set.metadata, revision::MAX).unwrap_or(status_replicas);
    if before == 0 {
        return 0;
    }
    let size = f64::from(set.replicas) * f64::from(bounds.most()) / f64::from(before);
    size.round() as i32 - set.replicas
}
