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
    /// How long ago; `None` where the clock went back, or something was pushed there since.
    age: Option<Duration>,
}

/// On disk. The question is there for people, its digest for a file that has come to a name that is not its own.
#[derive(Serialize, Deserialize)]
struct Written<T> {
    question: String,
    digest: String,
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
    /// `counts` says whether nothing was pushed since an instant.
    pub(super) fn parse(
        question: &Question,
        text: &[u8],
        now: Timestamp,
        counts: impl FnOnce(Timestamp) -> bool,
    ) -> Option<Self> {
        let written: Written<T> = serde_json::from_slice(text).ok()?;
        (written.digest == question.digest().as_str()).then(|| Self {
            answer: written.answer,
            age: (written.asked <= now && counts(written.asked)).then(|| now.since(written.asked)),
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
            digest: question.digest().as_str().to_owned(),
            asked,
            answer,
        })
    }
}
