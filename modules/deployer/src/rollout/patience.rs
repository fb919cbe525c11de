//! How long Pods are awaited.

use std::time::Duration;

use oarlock_sdk::Timestamp;
use rollout::why::Verdict;

use super::goal;
use super::state::State;
use super::{Decision, Next, Situation};
use crate::spec::OnFailure;
use crate::status::Lateness;

/// The clock goes on while Pods are awaited, and starts anew with every Pod more than ever before.
pub(super) fn tick(before: Lateness, available: u32, awaited: bool, now: Timestamp) -> Lateness {
    if available > before.best {
        return Lateness {
            since: awaited.then_some(now),
            spent_millis: 0,
            best: available,
        };
    }
    match (before.since, awaited) {
        (None, true) => Lateness {
            since: Some(now),
            ..before
        },
        (Some(since), false) => Lateness {
            since: None,
            spent_millis: before.spent_millis.saturating_add(millis(now.since(since))),
            ..before
        },
        _ => before,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// When the patience ends, while the clock goes on.
pub(super) fn end(lateness: Lateness, at: &Situation<'_>) -> Option<Timestamp> {
    let deadline = at.plan.deadline?;
    let left = deadline.saturating_sub(Duration::from_millis(lateness.spent_millis));
    Some(lateness.since? + left)
}

/// Whether it has ended.
pub(super) fn is_over(state: &State, at: &Situation<'_>) -> bool {
    !at.plan.wishes.paused && end(state.lateness, at).is_some_and(|end| end <= at.now)
}

/// Gives up, or holds, where the patience has ended; else goes on.
pub(super) fn check(state: State, at: &Situation<'_>) -> Next {
    if !is_over(&state, at) || at.plan.replicas == 0 {
        return Next::act(state, None);
    }
    let reason = reason(&state, at);
    give_up(state, reason, at)
}

/// Why it is given up after a deadline.
fn reason(state: &State, at: &Situation<'_>) -> String {
    let seconds = at.plan.deadline.unwrap_or_default().as_secs();
    let cause = at
        .fleet
        .track(&state.to)
        .and_then(|track| track.failure.as_deref());
    let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
    format!(
        "the Pods of {} were not available within {seconds}s{cause}",
        state.to.deployment
    )
}

/// What a failed rollout does.
pub(super) fn give_up(state: State, reason: String, at: &Situation<'_>) -> Next {
    match (at.plan.on_failure, &state.from) {
        (OnFailure::Abort, Some(_)) => goal::abort(state, &reason, at),
        (OnFailure::Abort, None) | (OnFailure::Hold, _) => {
            let held =
                Decision::new("Held", reason.clone()).input("failure", reason, Verdict::Fail);
            Next::act(state, held)
        }
    }
}

#[cfg(test)]
mod tests {
    use oarlock_sdk::Timestamp;

    use super::tick;
    use crate::status::Lateness;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn the_clock_stops_while_nothing_is_awaited() {
        let mut lateness = tick(Lateness::default(), 0, true, at(10));
        assert_eq!((lateness.since, lateness.spent_millis), (Some(at(10)), 0));
        lateness = tick(lateness, 0, false, at(30));
        assert_eq!((lateness.since, lateness.spent_millis), (None, 20_000));
        lateness = tick(lateness, 0, false, at(1000));
        lateness = tick(lateness, 0, true, at(1010));
        assert_eq!(
            (lateness.since, lateness.spent_millis),
            (Some(at(1010)), 20_000)
        );
    }

    #[test]
    fn one_more_pod_than_ever_starts_it_anew() {
        let mut lateness = tick(Lateness::default(), 1, true, at(10));
        assert_eq!((lateness.since, lateness.best), (Some(at(10)), 1));
        // Crashing and coming back is no progress.
        lateness = tick(lateness, 0, true, at(20));
        lateness = tick(lateness, 1, true, at(30));
        assert_eq!(lateness.since, Some(at(10)));
        lateness = tick(lateness, 2, true, at(40));
        assert_eq!((lateness.since, lateness.spent_millis), (Some(at(40)), 0));
    }
}
