//! Transcripts: what a backend answered to each step, and the file it is kept in.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

mod layout;

/// The answers to a story.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Transcript {
    /// In the order of the steps.
    pub steps: Vec<Answered>,
}

/// The answer to a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// The step's name.
    pub step: String,
    /// `{code, type, warnings, body}`, `{events, ended}` or `{exit, stdout, stderr}`.
    pub answer: Value,
}

/// Why a transcript is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum TranscriptError {
    /// The file cannot be read.
    #[error("transcript {path} cannot be read; hint: record it, as README.md says")]
    Read {
        /// The file.
        path: String,
        /// From the system.
        #[source]
        source: std::io::Error,
    },
    /// The file is no transcript.
    #[error("transcript {path} is not JSON of this shape")]
    Parse {
        /// The file.
        path: String,
        /// With line and column.
        #[source]
        source: serde_json::Error,
    },
    /// The file cannot be written.
    #[error("transcript {path} cannot be written")]
    Write {
        /// The file.
        path: String,
        /// From the system.
        #[source]
        source: std::io::Error,
    },
}

impl Transcript {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// When it is not there or holds something else.
    pub fn read(path: &Path) -> Result<Self, TranscriptError> {
        let shown = || path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| TranscriptError::Read {
            path: shown(),
            source,
        })?;
        serde_json::from_str(&text).map_err(|source| TranscriptError::Parse {
            path: shown(),
            source,
        })
    }

    /// Writes a file.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), TranscriptError> {
        let steps: Vec<String> = self.steps.iter().map(layout::step).collect();
        let text = format!("[\n{}\n]\n", steps.join(",\n"));
        std::fs::write(path, text).map_err(|source| TranscriptError::Write {
            path: path.display().to_string(),
            source,
        })
    }
}
