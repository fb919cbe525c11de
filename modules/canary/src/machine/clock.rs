//! When it is looked again, and what is said of what is waited for.

use std::time::Duration;

use oarlock_sdk::Timestamp;

use super::Situation;
use crate::state::{Progress, State};

impl Situation<'_> {
    /// When it is asked next.
    pub(super) fn tick(&self, state: &State, since: Option<Timestamp>) -> Timestamp {
        let regular = match state.checks.at.or(since) {
            Some(last) => last + self.plan.interval,
            None => self.now,
        };
        state.checks.next.map_or(regular, |next| next.min(regular))
    }

    pub(super) fn progressed(&self, state: State, pods: u32) -> State {
        let progress = match state.progress.at {
            Some(_) if pods <= state.progress.pods => state.progress,
            _ => Progress {
                at: Some(self.now),
                pods,
            },
        };
        State { progress, ..state }
    }

    pub(super) fn deadline(&self, state: &State) -> Option<Timestamp> {
        let since = state.progress.at.filter(|_| !state.is_back())?;
        Some(since + self.plan.deadline)
    }

    /// Nothing but what serves can be the way back: it has no deadline.
    pub(super) fn is_late(&self, state: &State) -> bool {
        self.deadline(state)
            .is_some_and(|deadline| deadline <= self.now)
    }

    /// With what the controllers say of it.
    pub(super) fn late(&self, what: &str) -> String {
        let deadline = Duration::as_secs(&self.plan.deadline);
        format!("{what} within {deadline}s{}", self.trouble())
    }

    /// What keeps Pods from coming, in the words of their controllers.
    pub(super) fn trouble(&self) -> String {
        let stable = self.observed.stable.as_ref();
        self.app
            .live
            .status
            .failure()
            .or_else(|| stable.and_then(|live| live.status.failure()))
            .map(|trouble| format!(": {trouble}"))
            .or_else(|| {
                let missing = self.waits.first()?;
                let expected = missing.expected.as_deref().unwrap_or_default();
                Some(format!(
                    "; {} {}, expected {expected}",
                    missing.name, missing.value
                ))
            })
            .unwrap_or_default()
    }
}
