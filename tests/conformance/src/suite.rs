//! All stories, told to a backend and compared with what the real server said.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::task::JoinSet;

use crate::comparison::{Mismatch, compare};
use crate::difference::{Difference, DifferencesError};
use crate::kubectl;
use crate::part;
use crate::run::{RunError, Told};
use crate::story::{Story, StoryError};
use crate::transcript::{Transcript, TranscriptError};

/// Names the stories to be told, separated by commas; all when it is not set.
const ONLY: &str = "OARLOCK_CONFORMANCE_STORY";

/// The stories and where their transcripts are.
#[derive(Debug)]
pub struct Suite {
    /// The folder of `stories/` and `transcripts/`.
    root: PathBuf,
    /// What is told.
    pub stories: Vec<Story>,
    /// What is not told, and why.
    pub not_told: Vec<String>,
    whole: bool,
}

/// What came of a story.
#[derive(Debug)]
pub struct Outcome {
    /// Its name.
    pub story: String,
    /// What was told, or why it could not begin.
    pub result: Result<Told, RunError>,
}

/// Why there is no suite.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// A folder or file cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// The folder or file.
        path: String,
        /// From the system.
        #[source]
        source: std::io::Error,
    },
    /// A file is no story.
    #[error(transparent)]
    Story(#[from] StoryError),
    /// The differences that stay cannot be read.
    #[error(transparent)]
    Differences(#[from] DifferencesError),
    /// A transcript cannot be kept.
    #[error(transparent)]
    Transcript(#[from] TranscriptError),
}

impl Suite {
    /// Reads the stories beside this crate. Those that need kubectl or a part that is not there are left out.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or is no story.
    pub fn read() -> Result<Self, SuiteError> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let only = std::env::var(ONLY).ok();
        let wanted = |name: &str| {
            let only = only.as_deref();
            only.is_none_or(|only| only.split(',').any(|wanted| wanted == name))
        };
        let folder = root.join("stories");
        let read = |path: &Path, source: std::io::Error| SuiteError::Read {
            path: path.display().to_string(),
            source,
        };
        let mut paths = BTreeSet::new();
        for entry in std::fs::read_dir(&folder).map_err(|source| read(&folder, source))? {
            paths.insert(entry.map_err(|source| read(&folder, source))?.path());
        }
        let has_kubectl = kubectl::program().is_some();
        let (mut stories, mut not_told) = (Vec::new(), Vec::new());
        for path in paths {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            if !wanted(&name) {
                continue;
            }
            let text = std::fs::read_to_string(&path).map_err(|source| read(&path, source))?;
            let story = Story::parse(&name, &text)?;
            if story.needs_kubectl() && !has_kubectl {
                not_told.push(format!(
                    "{name}: kubectl is not on PATH; hint: install it or set OARLOCK_KUBECTL"
                ));
            } else if let Some(absent) = story.parts().find(|file| !part::file(file).is_file()) {
                not_told.push(format!(
                    "{name}: there is no {absent}; hint: cargo xtask parts"
                ));
            } else {
                stories.push(story);
            }
        }
        Ok(Self {
            root,
            whole: only.is_none() && not_told.is_empty(),
            stories,
            not_told,
        })
    }

    /// Where a story's transcript is.
    #[must_use]
    pub fn transcript(&self, story: &str) -> PathBuf {
        self.root.join(format!("transcripts/{story}.json"))
    }

    /// The differences of the embedded cluster that stay.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn differences(&self) -> Result<Vec<Difference>, SuiteError> {
        Ok(Difference::read(&self.root.join("differences.yaml"))?)
    }

    /// Tells all stories, so many at a time, by a function that tells one.
    pub async fn tell<F>(&self, at_a_time: usize, tell: impl Fn(Story) -> F) -> Vec<Outcome>
    where
        F: Future<Output = Result<Told, RunError>> + Send + 'static,
    {
        let mut running = JoinSet::new();
        let mut outcomes = Vec::new();
        let mut stories = self.stories.iter();
        loop {
            while running.len() < at_a_time
                && let Some(story) = stories.next()
            {
                let (name, telling) = (story.name.clone(), tell(story.clone()));
                running.spawn(async move { (name, telling.await) });
            }
            match running.join_next().await {
                Some(Ok((story, result))) => outcomes.push(Outcome { story, result }),
                Some(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
                None => break,
            }
        }
        outcomes.sort_by(|a, b| a.story.cmp(&b.story));
        outcomes
    }

    /// Makes what was told the transcripts.
    ///
    /// # Errors
    ///
    /// When a transcript cannot be written.
    pub fn record(&self, outcomes: &[Outcome]) -> Result<(), SuiteError> {
        for outcome in outcomes {
            if let Ok(told) = &outcome.result {
                told.transcript.write(&self.transcript(&outcome.story))?;
            }
        }
        Ok(())
    }

    /// Compares what was told with the transcripts: the findings as text, none when all is as expected.
    #[must_use]
    pub fn judge(&self, outcomes: &[Outcome], differences: &[Difference]) -> Vec<String> {
        let mut findings = Vec::new();
        let mut used = BTreeSet::new();
        for Outcome { story, result } in outcomes {
            let told = match result {
                Ok(told) => told,
                Err(problem) => {
                    findings.push(format!("{story}: {}", chain(problem)));
                    continue;
                }
            };
            match Transcript::read(&self.transcript(story)) {
                Ok(expected) => {
                    for mismatch in compare(&expected, &told.transcript) {
                        let explained: Vec<usize> = (0..differences.len())
                            .filter(|index| differences[*index].explains(story, &mismatch))
                            .collect();
                        if explained.is_empty() {
                            findings.push(describe(story, &mismatch));
                        }
                        used.extend(explained);
                    }
                }
                Err(problem) => findings.push(format!("{story}: {}", chain(&problem))),
            }
            if let Some((step, problem)) = &told.broken {
                findings.push(format!("{story}, {step}: {}", chain(problem)));
            }
        }
        let told: BTreeSet<&str> = outcomes.iter().map(|told| told.story.as_str()).collect();
        for (index, difference) in differences.iter().enumerate() {
            let judged = told.contains(difference.story.as_str()) || self.whole;
            if judged && !used.contains(&index) {
                findings.push(format!(
                    "{}, {}: {:?} is no difference any more; hint: take it off differences.yaml",
                    difference.story, difference.step, difference.reason
                ));
            }
        }
        findings
    }
}

/// A mismatch for people.
fn describe(story: &str, mismatch: &Mismatch) -> String {
    let show = |value: &Option<Value>| match value {
        Some(value) => value.to_string(),
        None => String::from("nothing"),
    };
    format!(
        "{story}, {}: {}\n    expected {}\n    got      {}",
        mismatch.step,
        mismatch.at,
        show(&mismatch.expected),
        show(&mismatch.got),
    )
}

/// An error and what it comes from.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}
