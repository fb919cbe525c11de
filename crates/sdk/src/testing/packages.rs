//! Packages of plain values.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use crate::artifacts::{Artifact, Artifacts, Fetch, FetchError, Source};

/// Sources of packages: what is put in comes out, and everything else is not found.
///
/// ```
/// # use oarlock_sdk::{Context, testing::Packages};
/// # use oarlock_sdk::artifacts::{Artifact, Fetch, Source};
/// let source = Source::Local(String::from("web"));
/// let packages = Packages::new().package(
///     source.clone(),
///     Artifact { digest: String::from("sha256:1"), name: String::from("web"), ..Artifact::default() },
///     b"bytes",
/// );
/// let cx = Context::builder().artifacts(packages.clone()).build();
/// let artifact = cx.fetch(&Fetch::new(source))?;
/// assert_eq!(cx.package(&artifact.digest)?, b"bytes");
/// assert_eq!(packages.wanted().len(), 1);
/// # Ok::<(), oarlock_sdk::artifacts::FetchError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Packages {
    answers: Vec<(Source, Answer)>,
    versions: Vec<(Source, Vec<String>)>,
    /// Shared by all clones.
    wanted: Rc<RefCell<Vec<Fetch>>>,
    /// Of one run.
    fetched: RefCell<BTreeSet<String>>,
}

#[derive(Clone, Debug)]
enum Answer {
    Package(Artifact, Vec<u8>),
    Failure(FetchError),
}

impl Packages {
    /// No source has anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// The package that a source gives from now on.
    pub fn package(self, source: Source, artifact: Artifact, bytes: impl Into<Vec<u8>>) -> Self {
        self.answer(source, Answer::Package(artifact, bytes.into()))
    }

    /// A source fails.
    pub fn failing(self, source: Source, error: FetchError) -> Self {
        self.answer(source, Answer::Failure(error))
    }

    /// The versions that a source has, newest first.
    pub fn versions(mut self, source: Source, versions: &[&str]) -> Self {
        let versions = versions.iter().map(|&v| String::from(v)).collect();
        self.versions.retain(|(known, _)| *known != source);
        self.versions.push((source, versions));
        self
    }

    /// What was wanted so far, of this value and all of its clones.
    pub fn wanted(&self) -> Vec<Fetch> {
        self.wanted.borrow().clone()
    }

    fn answer(mut self, source: Source, answer: Answer) -> Self {
        self.answers.retain(|(known, _)| *known != source);
        self.answers.push((source, answer));
        self
    }

    /// The same packages for another run, which has fetched none of them.
    pub(super) fn for_a_run(&self) -> Self {
        Self {
            fetched: RefCell::default(),
            ..self.clone()
        }
    }

    fn of(&self, source: &Source) -> Result<(&Artifact, &[u8]), FetchError> {
        match self.answers.iter().find(|(known, _)| known == source) {
            Some((_, Answer::Package(artifact, bytes))) => Ok((artifact, bytes)),
            Some((_, Answer::Failure(error))) => Err(error.clone()),
            None => Err(FetchError::NotFound(format!("nothing at {source:?}"))),
        }
    }
}

impl Artifacts for Packages {
    fn fetch(&self, wanted: &Fetch) -> Result<Artifact, FetchError> {
        self.wanted.borrow_mut().push(wanted.clone());
        let (artifact, _) = self.of(&wanted.source)?;
        if let Some(expected) = wanted.expect.as_ref().filter(|e| **e != artifact.digest) {
            return Err(FetchError::Mismatch(format!(
                "expected {expected}, found {}",
                artifact.digest
            )));
        }
        self.fetched.borrow_mut().insert(artifact.digest.clone());
        Ok(artifact.clone())
    }

    fn versions(
        &self,
        source: &Source,
        _: Option<&str>,
        _: Duration,
    ) -> Result<Vec<String>, FetchError> {
        let known = self.versions.iter().find(|(known, _)| known == source);
        known
            .map(|(_, versions)| versions.clone())
            .ok_or_else(|| FetchError::NotFound(format!("no versions of {source:?}")))
    }

    fn read(&self, digest: &str) -> Result<Vec<u8>, FetchError> {
        let package = self.answers.iter().find_map(|(_, answer)| match answer {
            Answer::Package(artifact, bytes) if artifact.digest == digest => Some(bytes),
            Answer::Package(..) | Answer::Failure(_) => None,
        });
        match package {
            Some(bytes) if self.fetched.borrow().contains(digest) => Ok(bytes.clone()),
            _ => Err(FetchError::Denied(format!(
                "{digest}: this run did not fetch it"
            ))),
        }
    }
}

#[cfg(test)]
mod tests;
