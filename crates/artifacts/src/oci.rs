//! Charts in registries, found and named as Helm does.
//!
//! A tag is asked for what it stands for as often as the caller wants to know; what a digest stands for never changes. The
//! bytes of a chart are only taken from the cache where they came from the same repository for the same credentials before.

mod challenge;
mod login;
mod manifest;
mod reference;
mod refusal;
mod registry;
mod signatures;
mod tags;
mod token;

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::artifact::{Credentials, FetchError, Reach, Source, Verification, Wanted};
use oarlock_core::reference::Digest;
use serde::{Deserialize, Serialize};

use self::manifest::{Content, Image, Manifest};
use self::reference::{Reference, as_tag};
use self::registry::Registry;
use crate::depot::Depot;
use crate::fetched::{Fetched, Provenance, Signature};
use crate::package::Chart;
use crate::question::{Kind, Question};
use oarlock_version::Version;

/// So many times as long as one call may all calls together take.
const PATIENCE: u32 = 3;

/// As long it is remembered whether a repository has charts.
const A_DAY: Duration = Duration::from_hours(24);

/// Entries of an index that are opened to look for the chart.
const MOST_IMAGES: usize = 8;

/// A repository, who asks, and what is known of it.
struct Ask<'a> {
    depot: &'a Depot,
    registry: Registry<'a>,
    credentials: &'a Credentials,
    reach: &'a Reach,
    max_age: Duration,
    /// What records are kept under.
    address: String,
    /// For people.
    name: String,
}

/// What was fetched by digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pulled {
    /// Of the archive.
    archive: String,
    name: String,
    version: String,
}

/// The chart at `repository` (`oci://registry/path/chart`) in `version`: a version, a range, a digest, or nothing.
pub(crate) async fn fetch(
    depot: &Depot,
    wanted: &Wanted,
    repository: &str,
    version: &str,
) -> Result<Fetched, FetchError> {
    let reference = Reference::parse(repository)?;
    let ask = Ask::new(
        depot,
        &reference,
        &wanted.credentials,
        (&wanted.reach, wanted.reach.plain_http(&wanted.source)),
        wanted.max_age,
    )?;
    ask.in_time(async {
        let (version, manifest) = ask.resolve(&reference, version).await?;
        let fetched = ask.pull(&manifest, version.as_deref(), &wanted.verify);
        let fetched = fetched.await?;
        if let Some(version) = &version {
            fetched.check(reference.place.chart(), version, &wanted.verify)?;
        }
        Ok(fetched)
    })
    .await
}

/// The versions of the chart at `repository`, newest first. Of what is no chart, all tags.
pub(crate) async fn versions(
    depot: &Depot,
    credentials: &Credentials,
    reach: &Reach,
    repository: &str,
    max_age: Duration,
) -> Result<Vec<String>, FetchError> {
    let reference = Reference::parse(repository)?;
    let source = Source::Oci {
        repository: repository.to_owned(),
        version: String::new(),
    };
    let reach = (reach, reach.plain_http(&source));
    let ask = Ask::new(depot, &reference, credentials, reach, max_age)?;
    ask.in_time(async {
        let tags = ask.tags().await?;
        let versions = tags::versions(&tags);
        match versions.first() {
            Some(newest) if ask.is_chart(newest).await? => Ok(versions),
            _ => Ok(tags::all(tags)),
        }
    })
    .await
}

impl<'a> Ask<'a> {
    fn new(
        depot: &'a Depot,
        reference: &'a Reference,
        credentials: &'a Credentials,
        (reach, plain_http): (&'a Reach, bool),
        max_age: Duration,
    ) -> Result<Self, FetchError> {
        let place = &reference.place;
        let limits = depot.options().limits;
        let reached = (reach, plain_http);
        let registry = Registry::new(depot.client(), limits, place, credentials, reached)?;
        Ok(Self {
            depot,
            registry,
            credentials,
            reach,
            max_age,
            address: format!("{}{place}", if plain_http { "plain " } else { "" }),
            name: place.to_string(),
        })
    }

    /// The outcome of `work`, which is many calls: each of them has its own limit, and a registry could draw out all of them.
    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, FetchError> {
        let limit = self.depot.options().timeouts.whole * PATIENCE;
        match tokio::time::timeout(limit, work).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(FetchError::Unavailable(format!(
                "{}: the registry did not give all that is needed within {limit:?}; hint: it is slow or the connection is bad",
                self.name
            ))),
        }
    }

    /// The version that is wanted, where it is wanted by a version, and the digest of its manifest.
    async fn resolve(
        &self,
        reference: &Reference,
        version: &str,
    ) -> Result<(Option<String>, Digest), FetchError> {
        let mismatch = |problem: String| {
            FetchError::Invalid(format!(
                "{}: {problem}; hint: say it once, in the version",
                self.name
            ))
        };
        if version.starts_with("sha256:") || version.starts_with("sha512:") {
            let digest: Digest = version.parse().map_err(|error| {
                FetchError::Invalid(format!(
                    "{}: invalid reference: invalid digest {version:?}: {error}",
                    self.name
                ))
            })?;
            return match &reference.digest {
                Some(other) if *other != digest => Err(mismatch(format!(
                    "chart reference digest mismatch: {digest} is not {other}"
                ))),
                _ => Ok((None, digest)),
            };
        }
        let version = match &reference.tag {
            Some(tag) if version.is_empty() => tag.as_str(),
            Some(tag) if tag != version => {
                return Err(mismatch(format!(
                    "chart reference and version mismatch: {version} is not {tag}"
                )));
            }
            _ => version,
        };
        let Some(digest) = &reference.digest else {
            let version = self.choose(version).await?;
            let digest = self.tagged(&version).await?;
            return Ok((Some(version), digest));
        };
        if !version.is_empty() {
            // What is named by both has to be one thing, unless the tag is gone.
            match self.tagged(version).await {
                Ok(tagged) if tagged != *digest => {
                    return Err(FetchError::Mismatch(format!(
                        "{}: chart reference digest mismatch: {tagged} is not {digest}; hint: the tag {version} was moved since",
                        self.name
                    )));
                }
                Ok(_) | Err(FetchError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok((None, digest.clone()))
    }

    /// The version itself, or the newest in its range. Only ranges need all tags.
    async fn choose(&self, version: &str) -> Result<String, FetchError> {
        if Version::parse(version).is_ok() {
            return Ok(version.to_owned());
        }
        let versions = tags::versions(&self.tags().await?);
        tags::matching(&self.name, &versions, version)
    }

    async fn tags(&self) -> Result<Vec<String>, FetchError> {
        let question =
            Question::new(Kind::Tags, &self.address, self.credentials).within(self.reach);
        let cache = self.depot.cache();
        if let Some(record) = cache.record::<Vec<String>>(&question).await
            && record.is_fresh(self.max_age)
        {
            return Ok(record.answer);
        }
        let tags = self.registry.tags().await?;
        cache.note(&question, &tags).await;
        Ok(tags)
    }

    /// What a version's tag stands for.
    async fn tagged(&self, version: &str) -> Result<Digest, FetchError> {
        let tag = as_tag(version);
        if !reference::is_tag(&tag) {
            return Err(FetchError::Invalid(format!(
                "{}: invalid reference: invalid tag {tag:?}",
                self.name
            )));
        }
        let question = self.about(&format!(":{tag}"));
        let cache = self.depot.cache();
        if let Some(record) = cache.record::<String>(&question).await
            && record.is_fresh(self.max_age)
            && let Ok(digest) = record.answer.parse()
        {
            return Ok(digest);
        }
        let manifest = self.manifest(&tag).await?;
        cache.note(&question, &manifest.digest.as_str()).await;
        Ok(manifest.digest)
    }

    /// A manifest that has to be there.
    async fn manifest(&self, reference: &str) -> Result<Manifest, FetchError> {
        self.registry.manifest(reference).await?.ok_or_else(|| {
            FetchError::NotFound(format!(
                "failed to perform \"FetchReference\" on source: {}: not found; hint: check repository and version; tags are compared letter by letter, with _ for +",
                self.registry.named(reference)
            ))
        })
    }

    /// Whether what a version stands for is a chart. Of images little is asked: some registries count every manifest as a pull.
    async fn is_chart(&self, version: &str) -> Result<bool, FetchError> {
        let tag = as_tag(version);
        let question = self.about(&format!(":{tag} is a chart"));
        let cache = self.depot.cache();
        // A repository of charts stays one.
        if let Some(record) = cache.record::<bool>(&question).await
            && record.is_fresh(self.max_age.max(A_DAY))
        {
            return Ok(record.answer);
        }
        let manifest = match self.manifest(&tag).await {
            Ok(manifest) => manifest,
            // The tags are there, whatever became of this one.
            Err(FetchError::NotFound(_) | FetchError::Invalid(_)) => return Ok(false),
            Err(error) => return Err(error),
        };
        let is_chart = match manifest.content {
            Content::Image(image) => image.is_chart(),
            // What is for a platform is no chart.
            Content::Index(entries) if entries.iter().any(|entry| entry.platform.is_some()) => {
                false
            }
            Content::Index(entries) => self.chart_of(&entries).await?.is_some(),
        };
        cache.note(&question, &is_chart).await;
        Ok(is_chart)
    }

    /// The chart of a manifest, with the proofs that are wanted. It was chosen by `version`, or else by its digest.
    async fn pull(
        &self,
        digest: &Digest,
        version: Option<&str>,
        proofs: &[Verification],
    ) -> Result<Fetched, FetchError> {
        let provenance = proofs
            .iter()
            .any(|proof| matches!(proof, Verification::Provenance { .. }));
        let signed = proofs
            .iter()
            .any(|proof| matches!(proof, Verification::Cosign { .. }));
        let (pulled, bytes, image) = match self.known(digest).await {
            Some((pulled, bytes)) => (pulled, bytes, None),
            None => {
                let image = self.image(digest).await?;
                let (pulled, bytes) = self.download(digest, &image).await?;
                (pulled, bytes, Some(image))
            }
        };
        // Under which name the archive was signed: Helm names it by what was asked for.
        let file = match version {
            Some(version) => format!("{}-{version}.tgz", self.registry.chart()),
            None => format!("{}-{}.tgz", pulled.name, pulled.version),
        };
        let provenance = match (provenance, image) {
            (false, _) => None,
            (true, Some(image)) => self.provenance(digest, &image, file).await?,
            (true, None) => {
                let image = self.image(digest).await?;
                self.provenance(digest, &image, file).await?
            }
        };
        let signatures = if signed {
            self.signatures(digest).await?
        } else {
            Vec::new()
        };
        Ok(Fetched {
            bytes,
            name: pulled.name,
            version: pulled.version,
            revision: digest.as_str().to_owned(),
            origin: self.name.clone(),
            provenance,
            manifest: Some(digest.clone()),
            signatures,
        })
    }

    /// What is kept of a manifest that was pulled before.
    async fn known(&self, digest: &Digest) -> Option<(Pulled, Arc<[u8]>)> {
        let cache = self.depot.cache();
        let pulled = cache.record::<Pulled>(&self.pulled(digest)).await?.answer;
        let bytes = cache.blob(&pulled.archive.parse().ok()?).await?;
        Some((pulled, bytes))
    }

    /// The image that is a chart: of the manifest itself, or of those in an index.
    async fn image(&self, digest: &Digest) -> Result<Image, FetchError> {
        match self.manifest(digest.as_str()).await?.content {
            Content::Image(image) => Ok(image),
            Content::Index(entries) => self.chart_of(&entries).await?.ok_or_else(|| {
                FetchError::Invalid(format!(
                    "{}: could not load config with mediatype {}; hint: it is an index without a chart, expected what `helm push` makes",
                    self.registry.named(digest.as_str()),
                    manifest::CHART_CONFIG
                ))
            }),
        }
    }

    async fn chart_of(
        &self,
        entries: &[manifest::Descriptor],
    ) -> Result<Option<Image>, FetchError> {
        for entry in entries.iter().take(MOST_IMAGES) {
            let digest = entry.sha256(&self.name)?;
            if let Content::Image(image) = self.manifest(digest.as_str()).await?.content
                && image.is_chart()
            {
                return Ok(Some(image));
            }
        }
        Ok(None)
    }

    async fn download(
        &self,
        digest: &Digest,
        image: &Image,
    ) -> Result<(Pulled, Arc<[u8]>), FetchError> {
        let limit = self.depot.options().limits.package;
        let name = self.registry.named(digest.as_str());
        let layer = image.chart(&name)?;
        let archive = self.registry.blob(layer, "chart", limit).await?;
        let bytes: Arc<[u8]> = Arc::from(&archive[..]);
        let Chart { name, version, .. } = self.depot.inspect(&bytes, &name).await?;
        let archive = self.depot.cache().keep(Arc::clone(&bytes)).await?;
        let pulled = Pulled {
            archive: archive.as_str().to_owned(),
            name,
            version,
        };
        self.depot.cache().note(&self.pulled(digest), &pulled).await;
        Ok((pulled, bytes))
    }

    async fn provenance(
        &self,
        digest: &Digest,
        image: &Image,
        file: String,
    ) -> Result<Option<Provenance>, FetchError> {
        let Some(layer) = image.provenance() else {
            return Err(FetchError::Mismatch(format!(
                "failed to fetch provenance \"{}\": manifest does not contain a layer with mediatype {}; hint: the chart is not signed: `helm package --sign` makes a provenance file, and `helm push` pushes it with the chart",
                self.registry.named(digest.as_str()),
                manifest::PROVENANCE
            )));
        };
        let limit = self.depot.options().limits.proof;
        let text = self.registry.blob(layer, "provenance file", limit).await?;
        Ok(Some(Provenance {
            file,
            text: text.to_vec(),
        }))
    }

    /// The cosign signatures of a manifest: new ones come, so that what is known of them gets old.
    async fn signatures(&self, digest: &Digest) -> Result<Vec<Signature>, FetchError> {
        let question = self.about(&format!("@{digest} signatures"));
        let cache = self.depot.cache();
        if let Some(record) = cache.record::<Vec<Signature>>(&question).await
            && record.is_fresh(self.max_age)
            && !record.answer.is_empty()
        {
            return Ok(record.answer);
        }
        let limit = self.depot.options().limits.proof;
        let signatures = signatures::of(&self.registry, digest, limit).await?;
        cache.note(&question, &signatures).await;
        Ok(signatures)
    }

    fn pulled(&self, digest: &Digest) -> Question {
        self.about(&format!("@{digest} chart"))
    }

    fn about(&self, what: &str) -> Question {
        let address = format!("{}{what}", self.address);
        Question::new(Kind::Manifest, address, self.credentials).within(self.reach)
    }
}
