//! Differences that stay: each names its place and its reason, and must still be one.

use std::path::Path;

use serde::Deserialize;

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
    /// The places in the answer.
    pub at: Pattern,
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
            && self.at.covers(&mismatch.at)
    }
}
