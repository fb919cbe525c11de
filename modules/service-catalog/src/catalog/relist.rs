//! When a broker's catalog is fetched, and how.

use serde::{Deserialize, Serialize};

use crate::osb::catalog::Marker;

/// Milliseconds between two fetches where the broker's object does not say: a day, as service-catalog has it.
pub const DEFAULT_INTERVAL: u64 = 24 * 60 * 60 * 1000;

/// The shortest interval, in milliseconds.
pub const SHORTEST_INTERVAL: u64 = 5 * 60 * 1000;

/// Milliseconds after the first failure; each more doubles it, up to the interval.
const FIRST_BACK_OFF: u64 = 5_000;

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// How.
    pub behavior: Behavior,
    /// `spec.relistDuration` in milliseconds.
    pub interval: Option<u64>,
    /// `spec.relistRequests`.
    pub requests: i64,
    /// `metadata.generation`.
    pub generation: i64,
    /// What the Secret and the CA that calls are made with come to: a digest, so that a change is seen.
    pub access: u64,
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
    /// [`Wish::access`] that the last attempt was made with.
    pub access: u64,
    /// Failures since.
    pub failures: u32,
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
    /// The broker's object, or what it is reached with, has changed.
    Changed,
    /// Somebody asked for it.
    Request,
    /// Its time has come.
    Due,
    /// It failed before.
    Retry,
}

/// What is done now. The first fetch, one after a change of the broker's object and one that somebody asked for are
/// unconditional: a tag is of no use with another broker, and who asks wants to see what is there.
#[must_use]
pub fn decide(wish: &Wish, memory: &Memory, now: u64) -> Relist {
    let first = memory.retrieved_at.is_none();
    let changed = memory.generation != wish.generation;
    let asked = wish.requests > memory.requests;
    let reached = memory.access != wish.access;
    let because = if first {
        Some(Because::First)
    } else if changed {
        Some(Because::Changed)
    } else if asked {
        Some(Because::Request)
    } else if reached {
        Some(Because::Changed)
    } else {
        None
    };
    let conditional = !(first || changed || asked) && (memory.marker != Marker::default());
    let interval = wish
        .interval
        .unwrap_or(DEFAULT_INTERVAL)
        .max(SHORTEST_INTERVAL);
    if let Some(failed_at) = memory.failed_at.filter(|_| memory.failures > 0) {
        // A new wish does not wait for an old one's back-off.
        let is_new = memory.failed_generation != wish.generation
            || memory.failed_requests != wish.requests
            || reached;
        let at = failed_at
            .saturating_add(back_off(memory.failures, interval))
            .max(memory.not_before.unwrap_or(0));
        return match because {
            Some(because) if is_new => Relist::Now {
                because,
                conditional,
            },
            _ if now >= at => Relist::Now {
                because: Because::Retry,
                conditional,
            },
            _ => Relist::At(at),
        };
    }
    if let Some(because) = because {
        return Relist::Now {
            because,
            conditional,
        };
    }
    match (wish.behavior, memory.retrieved_at) {
        (Behavior::Manual, _) | (_, None) => Relist::OnRequest,
        (Behavior::Duration, Some(retrieved_at)) => {
            let at = retrieved_at.saturating_add(interval);
            // A clock that was set back must not keep a catalog for years.
            if now >= at || retrieved_at > now.saturating_add(interval) {
                Relist::Now {
                    because: Because::Due,
                    conditional,
                }
            } else {
                Relist::At(at)
            }
        }
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
            access: wish.access,
            ..Self::default()
        }
    }

    /// After a fetch that gave no catalog: what there is stays. The broker may have said how many milliseconds to wait.
    #[must_use]
    pub fn failed(&self, wish: &Wish, now: u64, retry_after: Option<u64>) -> Self {
        Self {
            failures: self.failures.saturating_add(1),
            failed_at: Some(now),
            not_before: retry_after.map(|wait| now.saturating_add(wait)),
            failed_generation: wish.generation,
            failed_requests: wish.requests,
            access: wish.access,
            ..self.clone()
        }
    }
}

fn back_off(failures: u32, longest: u64) -> u64 {
    let doubled = 1_u64
        .checked_shl(failures.saturating_sub(1))
        .and_then(|times| FIRST_BACK_OFF.checked_mul(times));
    doubled.map_or(longest, |wait| wait.min(longest))
}
