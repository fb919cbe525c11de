//! Packages on disk, by digest, and what was learned of their sources.
//!
//! Files are written aside and renamed, so that a reader, in this process or in another one, sees all of a file or nothing. A
//! package whose bytes are not those of its digest is taken for absent, and so is a record that does not parse: what a crash
//! left behind is fetched again.

mod folder;
mod forgotten;
mod record;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use oarlock_core::artifact::{FetchError, Upstream};
use oarlock_core::reference::Digest;
use oarlock_core::timestamp::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::question::Question;
use folder::Folder;
use forgotten::Forgotten;
pub(crate) use record::Record;

/// Why a folder is no cache.
#[derive(Debug, Error)]
pub enum CacheError {
    /// It cannot be made or looked at.
    #[error("cannot open the chart cache {}", dir.display())]
    Open {
        /// The folder.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is something else.
    #[error("the chart cache {} is not a directory", dir.display())]
    NotADirectory {
        /// The path.
        dir: PathBuf,
    },
    /// Somebody else owns it.
    #[error(
        "the chart cache {} belongs to user {owner}, not to user {user} who runs this; hint: name a directory of your own, \
         charts of all sources are in it",
        dir.display()
    )]
    Foreign {
        /// The folder.
        dir: PathBuf,
        /// Its owner.
        owner: u32,
        /// Who runs this.
        user: u32,
    },
    /// Others can write to it.
    #[error(
        "the chart cache {} can be written by others (mode {mode:04o}); hint: chmod go-w, what others put into it would be \
         installed",
        dir.display()
    )]
    Writable {
        /// The folder.
        dir: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// The cache. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Cache {
    folder: Arc<Folder>,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    forgotten: Arc<Forgotten>,
}

impl Cache {
    /// Opens `dir`, and makes it where it is missing. No more than `capacity` bytes are kept, but for what was written last.
    pub(crate) fn open(dir: PathBuf, capacity: u64) -> Result<Self, CacheError> {
        Ok(Self {
            folder: Arc::new(Folder::open(dir, capacity)?),
            now: Arc::new(system_time),
            forgotten: Arc::default(),
        })
    }

    /// The same, with ages by another clock than the system's.
    pub(crate) fn with_clock(
        mut self,
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        self.now = Arc::new(now);
        self
    }

    /// A folder for what is neither a package nor an answer, made where it is missing. Whoever takes it keeps it small.
    pub(crate) fn part(&self, name: &str) -> Result<PathBuf, FetchError> {
        self.folder.part(name).map_err(|error| {
            FetchError::Unavailable(format!(
                "cannot write to the chart cache {}: {error}; hint: it needs space, and has to be writable for whoever runs this",
                self.folder.dir().display()
            ))
        })
    }

    /// The bytes of `digest`; `None` where there are none, or none that are what they were.
    ///
    /// Only for digests that the caller learned from a record of its own: see the crate's documentation.
    pub(crate) async fn blob(&self, digest: &Digest) -> Option<Arc<[u8]>> {
        let digest = digest.clone();
        self.work(move |folder| folder.blob(&digest)).await?
    }

    /// Keeps `bytes`.
    pub(crate) async fn keep(&self, bytes: Arc<[u8]>) -> Result<Digest, FetchError> {
        let kept = self.work(move |folder| folder.keep(&bytes)).await;
        let failed = match kept {
            Some(Ok(digest)) => return Ok(digest),
            Some(Err(error)) => error.to_string(),
            None => "the process is ending".to_owned(),
        };
        Err(FetchError::Unavailable(format!(
            "cannot write to the chart cache {}: {failed}; hint: it needs space, and has to be writable for whoever runs this",
            self.folder.dir().display()
        )))
    }

    /// What is known as the answer to `question`, whatever its age; `None` where nothing is, or nothing that is a `T`.
    pub(crate) async fn record<T: DeserializeOwned + Send + 'static>(
        &self,
        question: &Question,
    ) -> Option<Record<T>> {
        let name = question.hex().to_owned();
        self.forgotten.looks(question, (self.now)());
        let text = self.work(move |folder| folder.record(&name)).await??;
        let counts = |asked| self.forgotten.counts(question, asked);
        Record::parse(question, &text, (self.now)(), counts)
    }

    /// There is something new at `upstreams`: what is known of them counts as old, whatever its age.
    pub(crate) fn forget(&self, upstreams: &[Upstream]) {
        self.forgotten.push(upstreams, (self.now)());
    }

    /// Which push was the last that concerns `upstream`: who asks after it does not join who asked before it.
    pub(crate) fn push_of(&self, upstream: Option<&Upstream>) -> u64 {
        self.forgotten.number(upstream)
    }

    /// The same for what a question is about.
    pub(crate) fn push_before(&self, question: &Question) -> u64 {
        self.forgotten.number_of(question)
    }

    /// Remembers `answer`, as of now. A cache that cannot be written only costs the next question.
    pub(crate) async fn note<T: Serialize>(&self, question: &Question, answer: &T) {
        let asked = self.forgotten.answered(question, (self.now)());
        let text = match Record::print(question, asked, answer) {
            Ok(text) => text,
            Err(error) => {
                tracing::warn!(question = %question, error = %error, "cannot remember an answer");
                return;
            }
        };
        let name = question.hex().to_owned();
        let noted = self.work(move |folder| folder.note(&name, &text)).await;
        if let Some(Err(error)) = noted {
            tracing::warn!(question = %question, error = %error, "cannot write to the chart cache");
        }
    }

    /// Files are read and hashed where waiting does no harm. `None` when the runtime is going down.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Folder) -> T + Send + 'static,
    ) -> Option<T> {
        let folder = Arc::clone(&self.folder);
        tokio::task::spawn_blocking(move || work(&folder))
            .await
            .ok()
    }
}

fn system_time() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
