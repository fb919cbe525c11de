//! When a broker's catalog is fetched, and how.

use serde::{Deserialize, Serialize};

use crate::osb::catalog::Marker;

/// Milliseconds between two fetches where the broker's object does not say: a day, as service-catalog has it.
pub const DEFAULT_INTERVAL: u64 = 24 * 60 * 60 * 1000;

/// The shortest interval, in milliseconds.
pub const SHORTEST_INTERVAL: u64 = 5 * 60 * 1000;

/// Milliseconds after the first failure; each more doubles it.
const FIRST_BACK_OFF: u64 = 5_000;

/// The longest pause after a failure, in milliseconds, where the interval is longer.
const LONGEST_BACK_OFF: u64 = 20 * 60 * 1000;

/// Milliseconds after a fetch before which nothing is fetched because something is lost: what was just written may not be seen yet.
const LOST_PAUSE: u64 = 60_000;

/// `spec.relistBehavior`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum Behavior {
    /// Every `spec.relistDuration`.
    #[default]
    Duration,
    /// Only when `spec.relistRequests` has grown, or the broker's object has changed.
    Manual,
}

/// What is wished for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// How.
    pub behavior: Behavior,
    /// `spec.relistDuration` in milliseconds.
    pub interval: Option<u64>,
    /// `spec.relistRequests`.
    pub requests: i64,
    /// `metadata.generation`.
    pub generation: i64,
    /// The annotation by which instances ask for it; another text than before is heard once.
    pub annotation: Option<String>,
    /// Classes or plans that were written are gone, or a name that another broker had is free.
    pub lost: bool,
}

/// What was written down: of the last fetch that succeeded, and of failures since. A part of a broker's status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Memory {
    /// `lastCatalogRetrievalTime` in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retrieved_at: Option<u64>,
    /// Tells whether it is still that.
    #[serde(flatten)]
    pub marker: Marker,
    /// `relistRequests` that it answered.
    pub requests: i64,
    /// `reconciledGeneration`.
    pub generation: i64,
    /// [`Wish::annotation`] that it answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotation: Option<String>,
    /// Failures since.
    pub failures: u32,
    /// When the first of them was, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<u64>,
    /// At the last of them the broker did not talk to us: our credentials, our trust, or its address are wrong.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub denied: bool,
    /// When the last of them was, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<u64>,
    /// What the broker said then: not earlier than this, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<u64>,
    /// `metadata.generation` of the broker's object at that failure.
    pub failed_generation: i64,
    /// `relistRequests` at that failure.
    pub failed_requests: i64,
    /// The annotation at that failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_annotation: Option<String>,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relist {
    /// It is fetched.
    Now {
        /// Why.
        because: Because,
        /// Only if it has changed since, by the memory's marker.
        conditional: bool,
    },
    /// It is fetched at that time, in milliseconds since 1970.
    At(u64),
    /// It is fetched when somebody asks for it.
    OnRequest,
}

/// Why a catalog is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// It never was.
    First,
    /// The broker's object has changed.
    Changed,
    /// Somebody asked for it.
    Request,
    /// Its time has come.
    Due,
    /// It failed before.
    Retry,
    /// What was written is not there any more.
    Lost,
}

/// What is done now. Only what is due, or failed before, is asked for by its tag: a tag is of no use with another broker, and
/// who asks wants to see what is there.
#[must_use]
pub fn decide(wish: &Wish, memory: &Memory, now: u64) -> Relist {
    let asks =
        |annotation: &Option<String>| wish.annotation.is_some() && wish.annotation != *annotation;
    let because = match memory.retrieved_at {
        None => Some(Because::First),
        Some(_) if memory.generation != wish.generation => Some(Because::Changed),
        Some(_) if wish.requests > memory.requests || asks(&memory.annotation) => {
            Some(Because::Request)
        }
        Some(at) if wish.lost && now >= at.saturating_add(LOST_PAUSE) => Some(Because::Lost),
        Some(_) => None,
    };
    let conditional = because.is_none() && memory.marker != Marker::default();
    let fetch = |because| Relist::Now {
        because,
        conditional,
    };
    let interval = wish
        .interval
        .unwrap_or(DEFAULT_INTERVAL)
        .max(SHORTEST_INTERVAL);
    if let Some(failed_at) = memory.failed_at.filter(|_| memory.failures > 0) {
        // A new wish does not wait for an old one's back-off.
        let is_new = memory.failed_generation != wish.generation
            || memory.failed_requests != wish.requests
            || asks(&memory.failed_annotation);
        // Whoever is called now may be called because a Secret has changed.
        let failures = if memory.denied { 1 } else { memory.failures };
        let at = |failures| {
            let at = failed_at.saturating_add(back_off(failures, interval));
            at.max(memory.not_before.unwrap_or(0))
        };
        // A clock that was set back must not keep a broker waiting for years.
        let is_ahead = failed_at > now.saturating_add(LONGEST_BACK_OFF);
        return match because {
            Some(because) if is_new => fetch(because),
            _ if is_ahead || now >= at(failures) => fetch(because.unwrap_or(Because::Retry)),
            _ => Relist::At(at(memory.failures)),
        };
    }
    if let Some(because) = because {
        return fetch(because);
    }
    let due = match (wish.behavior, memory.retrieved_at) {
        (Behavior::Manual, _) | (_, None) => None,
        (Behavior::Duration, Some(retrieved_at)) => {
            let at = retrieved_at.saturating_add(interval);
            // A clock that was set back must not keep a catalog for years.
            if now >= at || retrieved_at > now.saturating_add(interval) {
                return fetch(Because::Due);
            }
            Some(at)
        }
    };
    let lost = memory.retrieved_at.filter(|_| wish.lost);
    match lost.map(|at| at.saturating_add(LOST_PAUSE)) {
        Some(at) => Relist::At(due.map_or(at, |due| due.min(at))),
        None => due.map_or(Relist::OnRequest, Relist::At),
    }
}

/// When it is fetched again at the latest, after all that this run did; none where somebody has to ask for it.
#[must_use]
pub fn next(wish: &Wish, memory: &Memory, now: u64) -> Option<u64> {
    let wish = Wish {
        lost: false,
        ..wish.clone()
    };
    match decide(&wish, memory, now) {
        Relist::Now { .. } => Some(now),
        Relist::At(at) => Some(at),
        Relist::OnRequest => None,
    }
}

impl Memory {
    /// After a catalog was read, or the broker said that it has not changed: there is no new marker then.
    #[must_use]
    pub fn succeeded(&self, wish: &Wish, now: u64, marker: Option<Marker>) -> Self {
        Self {
            retrieved_at: Some(now),
            marker: marker.unwrap_or_else(|| self.marker.clone()),
            requests: wish.requests,
            generation: wish.generation,
            annotation: wish.annotation.clone(),
            ..Self::default()
        }
    }

    /// After a fetch that gave no catalog: what there is stays. The broker may have said how many milliseconds to wait.
    #[must_use]
    pub fn failed(&self, wish: &Wish, now: u64, denied: bool, retry_after: Option<u64>) -> Self {
        Self {
            failures: self.failures.saturating_add(1),
            failing_since: self.failing_since.or(Some(now)),
            denied,
            failed_at: Some(now),
            not_before: retry_after.map(|wait| now.saturating_add(wait)),
            failed_generation: wish.generation,
            failed_requests: wish.requests,
            failed_annotation: wish.annotation.clone(),
            ..self.clone()
        }
    }
}

fn back_off(failures: u32, interval: u64) -> u64 {
    let longest = interval.min(LONGEST_BACK_OFF);
    let doubled = 1_u64
        .checked_shl(failures.saturating_sub(1))
        .and_then(|times| FIRST_BACK_OFF.checked_mul(times));
    doubled.map_or(longest, |wait| wait.min(longest))
}
