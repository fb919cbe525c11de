//! The port to packages, over all sources.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::artifact::{
    Artifact, Artifacts, Credentials, FetchError, Reach, Source, Upstream, Verification, Wanted,
};
use oarlock_core::clock::Clock;
use oarlock_core::future::BoxFuture;
use oarlock_core::reference::Digest;
use reqwest::StatusCode;
use tempfile::TempDir;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::archive::Download;
use crate::cache::{Cache, CacheError};
use crate::client::{self, Call, Client};
use crate::fetched::Fetched;
use crate::flight::Flights;
use crate::options::Options;
use crate::package::{Chart, Package, PackageError};
use crate::question::{Kind, Question};
use crate::{archive, dependencies, git, local, oci, repository, verify};

/// Packages that are unpacked in memory at the same time.
const UNPACKED_AT_ONCE: usize = 2;

/// All sources behind one port. Clones are the same one.
#[derive(Clone)]
pub struct Depot {
    inner: Arc<Inner>,
    /// What is under way ends with the last one that has this; work under way has none of its own.
    _open: Option<Arc<DropGuard>>,
}

/// A question, and the last push before it.
pub(crate) type AfterPush = (u64, Question);

struct Inner {
    options: Options,
    cache: Cache,
    client: Client,
    packages: Flights<Question, Artifact>,
    downloads: Flights<AfterPush, Download>,
    indexes: repository::Indexes,
    /// Packages that are unpacked in memory.
    unpacking: Semaphore,
    /// Gone with the depot.
    _own_folder: Option<TempDir>,
}

/// Why there is no depot.
#[derive(Debug, Error)]
pub enum OpenDepot {
    /// Its cache cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// There is no cache folder, and none can be made for the time being.
    #[error("cannot make a folder for fetched charts; hint: name one as the cache folder")]
    Temporary(#[source] std::io::Error),
}

impl Depot {
    /// Opens the cache. Nothing else is looked at yet.
    pub fn new(options: Options) -> Result<Self, OpenDepot> {
        Self::open(options, None)
    }

    /// The same, for callers whose time is that of `clock`: how old an answer is that a source gave is meant by it.
    pub fn with_clock(options: Options, clock: Arc<dyn Clock>) -> Result<Self, OpenDepot> {
        Self::open(options, Some(clock))
    }

    fn open(options: Options, clock: Option<Arc<dyn Clock>>) -> Result<Self, OpenDepot> {
        let (dir, own_folder) = match &options.cache {
            Some(dir) => (dir.clone(), None),
            None => {
                let own = TempDir::with_prefix("oarlock-charts-").map_err(OpenDepot::Temporary)?;
                (own.path().to_owned(), Some(own))
            }
        };
        let cache = Cache::open(dir, options.limits.cache)?;
        let cache = match clock {
            Some(clock) => cache.with_clock(move || clock.now()),
            None => cache,
        };
        let client = Client::new(options.timeouts, &options.limits);
        let end = CancellationToken::new();
        let inner = Inner {
            // Whoever has to leave comes again: not later than this, or it is asked anew. The other two are remembered on disk.
            packages: Flights::new(&end, options.timeouts.whole),
            downloads: Flights::new(&end, Duration::ZERO),
            indexes: repository::Indexes::new(&end),
            unpacking: Semaphore::new(UNPACKED_AT_ONCE),
            options,
            cache,
            client,
            _own_folder: own_folder,
        };
        Ok(Self {
            inner: Arc::new(inner),
            _open: Some(Arc::new(end.drop_guard())),
        })
    }

    /// The same one, for work under way: it does not keep the depot open.
    pub(crate) fn within(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            _open: None,
        }
    }

    /// The folder or `.tgz` at `path`, anywhere on this machine: for whoever named it on a command line. Symbolic links in it may
    /// lead as far as the folder that it is in.
    ///
    /// # Errors
    ///
    /// As [`Artifacts::fetch`].
    pub async fn fetch_path(
        &self,
        path: PathBuf,
        dependencies: bool,
        verify: Vec<Verification>,
    ) -> Result<Artifact, FetchError> {
        let wanted = Wanted {
            source: Source::Local(path.display().to_string()),
            credentials: Credentials::default(),
            reach: Reach::Anywhere { plain_http: false },
            expect: None,
            max_age: Duration::ZERO,
            dependencies,
            verify,
        };
        let fetched = local::fetch_path(self, &wanted, path).await?;
        self.finish(&wanted, fetched).await
    }

    /// What a server has at `url`, such as a values file, as long as a chart's file may be.
    ///
    /// # Errors
    ///
    /// As [`Artifacts::fetch`].
    pub async fn text(
        &self,
        url: &str,
        credentials: &Credentials,
    ) -> Result<Arc<[u8]>, FetchError> {
        let url = client::parse(url)?;
        let reach = Reach::Anywhere { plain_http: false };
        let call = Call::get(url.clone(), credentials, &reach, self.options().limits.file)?;
        let answer = self.client().send(call).await?;
        match answer.status {
            StatusCode::OK => Ok(Arc::from(&answer.body[..])),
            status => Err(client::refused(&url, status, credentials)),
        }
    }

    /// What `wanted.source` gives, proven, but without what it depends on, and not compared with what was expected: for whatever
    /// fetches one package as a part of another.
    pub(crate) async fn gather(&self, wanted: &Wanted) -> Result<Fetched, FetchError> {
        let fetched = match &wanted.source {
            Source::Local(path) => local::fetch(self, wanted, path).await,
            Source::Archive(url) => archive::fetch(self, wanted, url).await,
            Source::Repository {
                url,
                chart,
                version,
            } => Box::pin(repository::fetch(self, wanted, url, chart, version)).await,
            Source::Oci {
                repository,
                version,
            } => Box::pin(oci::fetch(self, wanted, repository, version)).await,
            Source::Git {
                url,
                reference,
                path,
            } => Box::pin(git::fetch(self, wanted, url, reference, path)).await,
        }?;
        if wanted.verify.is_empty() {
            return Ok(fetched);
        }
        let proofs = wanted.verify.clone();
        self.unpack(move || {
            verify::verify(&fetched, &proofs)?;
            Ok(fetched)
        })
        .await?
    }

    /// Completes, compares and keeps what was gathered.
    async fn finish(&self, wanted: &Wanted, gathered: Fetched) -> Result<Artifact, FetchError> {
        let fetched = if wanted.dependencies {
            Box::pin(dependencies::complete(self, wanted, gathered)).await?
        } else {
            gathered
        };
        let digest = self.cache().keep(Arc::clone(&fetched.bytes)).await?;
        if let Some(expected) = wanted.expect.as_ref().filter(|expect| **expect != digest) {
            return Err(FetchError::Mismatch(format!(
                "{}: digest is {digest}, expected {expected}; hint: the source has changed what it gives; where that is meant, \
                 leave the expected digest out or take the new one",
                fetched.origin
            )));
        }
        Ok(Artifact {
            digest,
            name: fetched.name,
            version: fetched.version,
            revision: fetched.revision,
            origin: fetched.origin,
        })
    }

    /// What this depot may use.
    pub(crate) fn options(&self) -> &Options {
        &self.inner.options
    }

    /// Packages and answers on disk.
    pub(crate) fn cache(&self) -> &Cache {
        &self.inner.cache
    }

    /// The way out over HTTP.
    pub(crate) fn client(&self) -> &Client {
        &self.inner.client
    }

    /// Archives under way.
    pub(crate) fn downloads(&self) -> &Flights<AfterPush, Download> {
        &self.inner.downloads
    }

    /// Indexes under way, and those that were read last.
    pub(crate) fn indexes(&self) -> &repository::Indexes {
        &self.inner.indexes
    }

    /// Work that takes a processor or a disk for a while.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, FetchError> {
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| FetchError::Unavailable("the process is ending".to_owned()))
    }

    /// Work with an unpacked package. Few at a time: each takes as much memory as a package may have unpacked, and more.
    pub(crate) async fn unpack<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, FetchError> {
        // Nobody closes the semaphore.
        let _turn = self.inner.unpacking.acquire().await;
        self.work(work).await
    }

    /// Name and version of the chart in `bytes`, which has no file that it must not have and is within the limits.
    pub(crate) async fn inspect(
        &self,
        bytes: &Arc<[u8]>,
        place: &str,
    ) -> Result<Chart, FetchError> {
        let (bytes, limits) = (Arc::clone(bytes), self.options().limits);
        let chart = self
            .unpack(move || Package::open(&bytes, &limits)?.chart())
            .await?;
        chart.map_err(|error: PackageError| error.at(place))
    }

    /// The folder that local sources are below.
    pub(crate) fn charts(&self) -> Option<&Path> {
        self.options().charts.as_deref()
    }
}

impl Artifacts for Depot {
    fn fetch(&self, wanted: Wanted) -> BoxFuture<'_, Result<Artifact, FetchError>> {
        let Wanted {
            source,
            expect,
            max_age,
            dependencies,
            verify,
            credentials,
            reach,
        } = &wanted;
        let push = self.cache().push_of(Upstream::of(source).as_ref());
        let all = format!(
            "{source:?} {reach:?} {expect:?} {max_age:?} {dependencies:?} {verify:?} {push}"
        );
        let question = Question::new(Kind::Package, all, credentials);
        let depot = self.within();
        Box::pin(self.inner.packages.join(question, || {
            Box::pin(async move {
                let gathered = depot.gather(&wanted).await?;
                depot.finish(&wanted, gathered).await
            })
        }))
    }

    fn versions(
        &self,
        source: Source,
        credentials: Credentials,
        reach: Reach,
        max_age: Duration,
    ) -> BoxFuture<'_, Result<Vec<String>, FetchError>> {
        Box::pin(async move {
            match &source {
                Source::Repository { url, chart, .. } => {
                    repository::versions(self, &credentials, &reach, url, chart, max_age).await
                }
                Source::Oci { repository, .. } => {
                    oci::versions(self, &credentials, &reach, repository, max_age).await
                }
                Source::Git { url, .. } => {
                    git::versions(self, &credentials, &reach, url, max_age).await
                }
                Source::Local(_) | Source::Archive(_) => Err(FetchError::Invalid(format!(
                    "{source}: one package, which has no versions to choose from; hint: repositories, registries and git have"
                ))),
            }
        })
    }

    fn forget(&self, upstreams: &[Upstream]) {
        self.cache().forget(upstreams);
    }

    fn read(&self, digest: Digest) -> BoxFuture<'_, Result<Arc<[u8]>, FetchError>> {
        Box::pin(async move {
            self.cache().blob(&digest).await.ok_or_else(|| {
                FetchError::NotFound(format!(
                    "{digest} is not in the chart cache any more; hint: fetch it again"
                ))
            })
        })
    }
}

impl fmt::Debug for Depot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Depot")
            .field("options", self.options())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
