//! Differences that stay: each names its place and its reason, and must still be one.

use std::path::Path;

use serde::{Deserialize, Deserializer};

use crate::comparison::Mismatch;
use crate::pointer::Pattern;

/// A difference that stays.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// The story; `*` is any.
    pub story: String,
    /// The step; `*` is any.
    pub step: String,
    /// The places in the answer: one or a list.
    #[serde(deserialize_with = "places")]
    pub at: Vec<Pattern>,
    /// Why it stays.
    pub reason: String,
}

/// Why the list is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum DifferencesError {
    /// The file cannot be read.
    #[error("the list of differences cannot be read")]
    Read(#[source] std::io::Error),
    /// The file is something else.
    #[error("the list of differences is not as README.md says")]
    Parse(#[source] Box<serde_saphyr::Error>),
}

fn places<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Pattern>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Places {
        One(Pattern),
        Many(Vec<Pattern>),
    }
    Ok(match Places::deserialize(deserializer)? {
        Places::One(place) => vec![place],
        Places::Many(places) => places,
    })
}

impl Difference {
    /// Reads the list.
    ///
    /// # Errors
    ///
    /// When the file is not there or is something else.
    pub fn read(path: &Path) -> Result<Vec<Self>, DifferencesError> {
        let text = std::fs::read_to_string(path).map_err(DifferencesError::Read)?;
        serde_saphyr::from_str(&text).map_err(|error| DifferencesError::Parse(Box::new(error)))
    }

    /// Whether it accounts for a mismatch.
    #[must_use]
    pub fn explains(&self, story: &str, mismatch: &Mismatch) -> bool {
        (self.story == "*" || self.story == story)
            && (self.step == "*" || self.step == mismatch.step)
            && self.at.iter().any(|place| place.covers(&mismatch.at))
    }
}
