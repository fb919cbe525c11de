//! Charts of a test: in a folder, published under any kind of source, and fetched by the real depot.

use std::collections::BTreeSet;
use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use oarlock_artifacts::{Constraint, Depot, Options, Version};
use oarlock_core::artifact::{Artifact, Artifacts, Credentials, FetchError, Reach, Source, Wanted};
use oarlock_core::future::BoxFuture;
use oarlock_core::reference::Digest;
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::components::root;

/// A runtime whose clock is not the tests'.
static REAL: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
});

/// The folder `NAME/VERSION` has each chart that was published; git's versions are its branches and tags.
pub(crate) struct Charts {
    folder: TempDir,
    depot: Depot,
    /// Said of everything that is asked for, while it is set.
    failing: Mutex<Option<FetchError>>,
    /// How often a chart was asked for.
    fetches: Mutex<usize>,
}

impl Charts {
    /// None yet.
    pub(crate) fn new() -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            charts: Some(folder.path().to_owned()),
            ..Options::default()
        };
        // It starts tasks of its own.
        let runtime = REAL.enter();
        let depot = Depot::new(options).unwrap();
        drop(runtime);
        Arc::new(Self {
            folder,
            depot,
            failing: Mutex::default(),
            fetches: Mutex::default(),
        })
    }

    /// Publishes a folder of the repository.
    pub(crate) fn publish(&self, from: &str, name: &str, version: &str) {
        let from = root().join(from);
        copy(&from, &self.place(name, version));
    }

    /// Writes a file of a published chart.
    pub(crate) fn write(&self, name: &str, version: &str, file: &str, text: &str) {
        let path = self.place(name, version).join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Changes a file of a published chart.
    pub(crate) fn edit(&self, name: &str, version: &str, file: &str, from: &str, to: &str) {
        let path = self.place(name, version).join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Takes a chart away.
    pub(crate) fn withdraw(&self, name: &str, version: &str) {
        fs::remove_dir_all(self.place(name, version)).unwrap();
    }

    /// Whatever is asked for fails like this, until it is told otherwise.
    pub(crate) fn fail(&self, error: Option<FetchError>) {
        *self.failing.lock() = error;
    }

    /// How often a chart was asked for.
    pub(crate) fn fetches(&self) -> usize {
        *self.fetches.lock()
    }

    fn place(&self, name: &str, version: &str) -> PathBuf {
        self.folder.path().join(name).join(version)
    }

    /// The folder of a source, below the charts.
    fn find(&self, source: &Source) -> Result<String, FetchError> {
        let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let (name, wanted) = match source {
            Source::Local(path) => return Ok(path.clone()),
            Source::Git {
                reference, path, ..
            } => return Ok(format!("{}/{reference}", last(path))),
            Source::Repository { chart, version, .. } => (chart.clone(), version),
            Source::Oci {
                repository,
                version,
            } => (last(repository), version),
            Source::Archive(url) => return Err(FetchError::Invalid(url.clone())),
        };
        let missing = || FetchError::NotFound(format!("{source}: there is no such version"));
        let newest = self.published(&name).into_iter().rev();
        let range = match wanted.as_str() {
            "" => Constraint::any(),
            range => range
                .parse()
                .map_err(|error| FetchError::Invalid(format!("{source}: {error}")))?,
        };
        let mut fitting = newest.filter(|version| range.allows(version));
        let version = fitting.next().ok_or_else(missing)?;
        Ok(format!("{name}/{version}"))
    }

    /// Versions of a chart, oldest first.
    fn published(&self, name: &str) -> BTreeSet<Version> {
        let entries = fs::read_dir(self.folder.path().join(name));
        let names = entries.into_iter().flatten().flatten();
        names
            .filter_map(|entry| Version::parse(entry.file_name().to_str()?).ok())
            .collect()
    }

    /// Asks the depot; virtual time stands still meanwhile, since a thread is busy with it.
    async fn ask<T: Send + 'static, F>(
        &self,
        question: impl FnOnce(Depot) -> F + Send + 'static,
    ) -> Result<T, FetchError>
    where
        F: Future<Output = Result<T, FetchError>>,
    {
        let depot = self.depot.clone();
        tokio::task::spawn_blocking(move || REAL.block_on(question(depot)))
            .await
            .unwrap()
    }
}

impl Artifacts for Charts {
    fn fetch(&self, wanted: Wanted) -> BoxFuture<'_, Result<Artifact, FetchError>> {
        Box::pin(async move {
            *self.fetches.lock() += 1;
            if let Some(error) = self.failing.lock().clone() {
                return Err(error);
            }
            let path = self.find(&wanted.source)?;
            let local = Wanted {
                source: Source::Local(path),
                reach: Reach::Granted {
                    grants: vec!["local".to_owned()],
                    namespace: None,
                },
                max_age: Duration::ZERO,
                ..wanted.clone()
            };
            let artifact = self
                .ask(async move |depot: Depot| depot.fetch(local).await)
                .await?;
            Ok(Artifact {
                origin: wanted.source.to_string(),
                ..artifact
            })
        })
    }

    fn versions(
        &self,
        source: Source,
        _: Credentials,
        _: Reach,
        _: Duration,
    ) -> BoxFuture<'_, Result<Vec<String>, FetchError>> {
        Box::pin(async move {
            let name = match &source {
                Source::Repository { chart, .. } => chart.clone(),
                Source::Oci { repository, .. } => {
                    repository.rsplit('/').next().unwrap_or_default().to_owned()
                }
                Source::Local(_) | Source::Archive(_) | Source::Git { .. } => {
                    return Err(FetchError::Invalid(source.to_string()));
                }
            };
            let published = self.published(&name);
            Ok(published.iter().rev().map(Version::to_string).collect())
        })
    }

    fn read(&self, digest: Digest) -> BoxFuture<'_, Result<Arc<[u8]>, FetchError>> {
        Box::pin(self.ask(async move |depot: Depot| depot.read(digest).await))
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
