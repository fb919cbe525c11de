//! The port to packages, over all sources.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::artifact::{
    Artifact, Artifacts, Credentials, FetchError, Reach, Source, Verification, Wanted,
};
use oarlock_core::future::BoxFuture;
use oarlock_core::reference::Digest;
use reqwest::StatusCode;
use tempfile::TempDir;
use thiserror::Error;

use crate::archive::Download;
use crate::cache::{Cache, CacheError};
use crate::client::{self, Call, Client};
use crate::fetched::Fetched;
use crate::flight::Flights;
use crate::options::Options;
use crate::package::{Chart, Package, PackageError};
use crate::question::{Kind, Question};
use crate::{archive, dependencies, git, local, oci, repository, verify};

/// All sources behind one port. Clones are the same one.
#[derive(Clone)]
pub struct Depot(Arc<Inner>);

struct Inner {
    options: Options,
    cache: Cache,
    client: Client,
    packages: Flights<Question, Result<Artifact, FetchError>>,
    downloads: Flights<Question, Result<Download, FetchError>>,
    indexes: repository::Indexes,
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
        let (dir, own_folder) = match &options.cache {
            Some(dir) => (dir.clone(), None),
            None => {
                let own = TempDir::with_prefix("oarlock-charts-").map_err(OpenDepot::Temporary)?;
                (own.path().to_owned(), Some(own))
            }
        };
        let cache = Cache::open(dir, options.limits.cache)?;
        let client = Client::new(options.timeouts, &options.limits);
        Ok(Self(Arc::new(Inner {
            options,
            cache,
            client,
            packages: Flights::default(),
            downloads: Flights::default(),
            indexes: repository::Indexes::default(),
            _own_folder: own_folder,
        })))
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
        let call = Call::get(url.clone(), credentials, self.options().limits.file)?;
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
        self.work(move || {
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
        &self.0.options
    }

    /// Packages and answers on disk.
    pub(crate) fn cache(&self) -> &Cache {
        &self.0.cache
    }

    /// The way out over HTTP.
    pub(crate) fn client(&self) -> &Client {
        &self.0.client
    }

    /// Archives under way.
    pub(crate) fn downloads(&self) -> &Flights<Question, Result<Download, FetchError>> {
        &self.0.downloads
    }

    /// Indexes under way, and those that were read last.
    pub(crate) fn indexes(&self) -> &repository::Indexes {
        &self.0.indexes
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

    /// Name and version of the chart in `bytes`, which has no file that it must not have and is within the limits.
    pub(crate) async fn inspect(
        &self,
        bytes: &Arc<[u8]>,
        place: &str,
    ) -> Result<Chart, FetchError> {
        let (bytes, limits) = (Arc::clone(bytes), self.options().limits);
        let chart = self
            .work(move || Package::open(&bytes, &limits)?.chart())
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
        let all =
            format!("{source:?} {reach:?} {expect:?} {max_age:?} {dependencies:?} {verify:?}");
        let question = Question::new(Kind::Package, all, credentials);
        let depot = self.clone();
        Box::pin(self.0.packages.join(question, || {
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
                    repository::versions(self, &credentials, url, chart, max_age).await
                }
                Source::Oci { repository, .. } => {
                    oci::versions(self, &credentials, &reach, repository, max_age).await
                }
                Source::Git { url, .. } => git::versions(self, &credentials, url, max_age).await,
                Source::Local(_) | Source::Archive(_) => Err(FetchError::Invalid(format!(
                    "{source}: one package, which has no versions to choose from; hint: repositories, registries and git have"
                ))),
            }
        })
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
