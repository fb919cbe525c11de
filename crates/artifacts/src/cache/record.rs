//! What a source said, and when.

use std::time::Duration;

use oarlock_core::timestamp::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::question::Question;

/// An answer of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record<T> {
    /// What it said.
    pub(crate) answer: T,
    /// How long ago; `None` where the clock went back.
    age: Option<Duration>,
}

/// On disk. The question is there for people: the file's name has it already.
#[derive(Serialize, Deserialize)]
struct Written<Q, T> {
    question: Q,
    asked: Timestamp,
    answer: T,
}

impl<T> Record<T> {
    /// Whether the answer is young enough to be taken for the truth. At 0 none is.
    pub(crate) fn is_fresh(&self, max_age: Duration) -> bool {
        self.age.is_some_and(|age| age < max_age)
    }
}

impl<T: DeserializeOwned> Record<T> {
    pub(super) fn parse(text: &[u8], now: Timestamp) -> Option<Self> {
        let written: Written<String, T> = serde_json::from_slice(text).ok()?;
        Some(Self {
            answer: written.answer,
            age: (written.asked <= now).then(|| now.since(written.asked)),
        })
    }
}

impl<T: Serialize> Record<&T> {
    pub(super) fn print(
        question: &Question,
        asked: Timestamp,
        answer: &T,
    ) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Written {
            question: question.to_string(),
            asked,
            answer,
        })
    }
}
