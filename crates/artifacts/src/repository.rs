//! HTTP repositories: charts by their index.
//!
//! What is chosen of an index is what Helm would choose. Where an archive is on another server than the index, it is fetched
//! without the credentials of the repository, and only where that server may be asked.

mod index;
mod indexes;

use std::time::Duration;

use oarlock_core::artifact::{Credentials, FetchError, Reach, Source, Wanted, without_query};
use oarlock_core::reference::Digest;
use reqwest::Url;

use crate::archive::{self, Until};
use crate::client;
use crate::depot::Depot;
use crate::fetched::Fetched;
use crate::oci;
use index::{Entry, Index, NotFound};
pub(crate) use indexes::Indexes;
use oarlock_version::quoted;

/// URLs of an archive that are tried, each of which may take as long as one call may.
const MOST_URLS: usize = 8;
/// Versions that a hint names.
const FEW: usize = 5;

/// A repository and who asks.
struct Repository<'a> {
    depot: &'a Depot,
    url: Url,
    /// As it was given, but for what may be secret.
    name: &'a str,
    credentials: &'a Credentials,
    reach: &'a Reach,
}

/// The chart `name` of the repository at `url` in `version`: a version, a range, or nothing.
pub(crate) async fn fetch(
    depot: &Depot,
    wanted: &Wanted,
    url: &str,
    name: &str,
    version: &str,
) -> Result<Fetched, FetchError> {
    let repository = Repository::new(depot, url, &wanted.credentials, &wanted.reach)?;
    let index = repository.index(wanted.max_age).await?;
    let entry = index
        .choose(name, version)
        .map_err(|error| repository.not_found(&index, name, version, &error))?;
    repository.archive(wanted, name, entry).await
}

/// The versions of the chart `name` of the repository at `url`, newest first.
pub(crate) async fn versions(
    depot: &Depot,
    credentials: &Credentials,
    reach: &Reach,
    url: &str,
    name: &str,
    max_age: Duration,
) -> Result<Vec<String>, FetchError> {
    let repository = Repository::new(depot, url, credentials, reach)?;
    let index = repository.index(max_age).await?;
    let versions = index
        .versions(name)
        .map_err(|error| repository.not_found(&index, name, "", &error))?;
    Ok(versions.map(str::to_owned).collect())
}

impl<'a> Repository<'a> {
    fn new(
        depot: &'a Depot,
        url: &'a str,
        credentials: &'a Credentials,
        reach: &'a Reach,
    ) -> Result<Self, FetchError> {
        Ok(Self {
            depot,
            url: client::parse(url)?,
            name: without_query(url),
            credentials,
            reach,
        })
    }

    async fn index(&self, max_age: Duration) -> Result<std::sync::Arc<Index>, FetchError> {
        let address = resolve(&self.url, "index.yaml")?;
        let index = indexes::index(self, &address, max_age).await;
        index.map_err(|error| {
            let said = |text: String| {
                format!(
                    "looks like {} is not a valid chart repository or cannot be reached: {text}",
                    quoted(self.name)
                )
            };
            match error {
                FetchError::NotFound(text) => FetchError::NotFound(said(text)),
                FetchError::Unauthorized(text) => FetchError::Unauthorized(said(text)),
                FetchError::Unavailable(text) => FetchError::Unavailable(said(text)),
                FetchError::Invalid(text) => FetchError::Invalid(said(text)),
                error => error,
            }
        })
    }

    /// The archive of `entry`, from the first of its URLs that has it.
    async fn archive(
        &self,
        wanted: &Wanted,
        name: &str,
        entry: &Entry,
    ) -> Result<Fetched, FetchError> {
        let chart = format!("chart {} version {}", quoted(name), quoted(&entry.version));
        let invalid = |problem: String| {
            FetchError::Invalid(format!(
                "{chart} {problem}; hint: the index of {} is wrong, which its owner can repair",
                self.name
            ))
        };
        let digest = entry.digest().map_err(&invalid)?;
        let mut failed = None;
        for address in entry.urls.iter().take(MOST_URLS) {
            let fetched = match address.strip_prefix("oci://") {
                Some(_) => self.of_registry(wanted, address).await,
                None => self.of_server(wanted, address, digest.as_ref()).await,
            };
            match fetched {
                Err(error @ (FetchError::NotFound(_) | FetchError::Unavailable(_))) => {
                    failed.get_or_insert(error);
                }
                Err(error) => return Err(error),
                Ok(fetched) => {
                    let found = Digest::of(&fetched.bytes);
                    return match digest {
                        Some(digest) if digest != found => Err(FetchError::Mismatch(format!(
                            "{chart} of {}: digest is {found}, the index says {digest}; hint: the archive was replaced, or is \
                             not what was published; do not use it before the repository's owner has said why",
                            self.name
                        ))),
                        _ => fetched
                            .check(name, &entry.version, &wanted.verify)
                            .map(|()| fetched),
                    };
                }
            }
        }
        let Some(failed) = failed else {
            return Err(invalid("has no downloadable URLs".to_owned()));
        };
        if entry.urls.len() > MOST_URLS {
            tracing::warn!(repository = %self.name, chart = %name, version = %entry.version, urls = entry.urls.len(), tried = MOST_URLS, "a chart has more URLs than are tried");
        }
        Err(failed)
    }

    async fn of_server(
        &self,
        wanted: &Wanted,
        address: &str,
        digest: Option<&Digest>,
    ) -> Result<Fetched, FetchError> {
        let url = resolve(&self.url, address)?;
        let foreign;
        let credentials = if url.origin() == self.url.origin() {
            self.credentials
        } else {
            wanted.reach.check(&Source::Archive(url.to_string()))?;
            foreign = Credentials {
                ca: self.credentials.ca.clone(),
                ..Credentials::default()
            };
            &foreign
        };
        let until = match digest {
            Some(digest) => Until::Digest(digest.clone()),
            None => Until::Age(wanted.max_age),
        };
        let download = archive::download(self.depot, &url, credentials, self.reach, &until).await?;
        let provenance = archive::provenance(self.depot, &url, credentials, wanted).await?;
        Ok(download.into_fetched(&url, provenance))
    }

    /// Some repositories only list what is in a registry.
    async fn of_registry(&self, wanted: &Wanted, address: &str) -> Result<Fetched, FetchError> {
        let source = Source::Oci {
            repository: address.to_owned(),
            version: String::new(),
        };
        wanted.reach.check(&source)?;
        let wanted = Wanted {
            source,
            credentials: Credentials {
                docker_config: self.credentials.docker_config.clone(),
                ..Credentials::default()
            },
            ..wanted.clone()
        };
        Box::pin(oci::fetch(self.depot, &wanted, address, "")).await
    }

    /// In Helm's words, and with what there is instead.
    fn not_found(&self, index: &Index, name: &str, version: &str, error: &NotFound) -> FetchError {
        let wanted = match version {
            "" => format!("chart {}", quoted(name)),
            version => format!("chart {} version {}", quoted(name), quoted(version)),
        };
        let text = format!("{wanted} not found in {} repository", self.name);
        let few = |versions: &[&str]| match versions {
            [] => "it has none".to_owned(),
            versions if versions.len() > FEW => format!("{}, …", versions[..FEW].join(", ")),
            versions => versions.join(", "),
        };
        match error {
            NotFound::Chart => FetchError::NotFound(match index.similar(name) {
                Some(similar) => format!("{text}; hint: there is a chart {}", quoted(similar)),
                None => format!(
                    "{text}; hint: its index has {} other charts; is it the right repository?",
                    index.len()
                ),
            }),
            NotFound::Range(error) => FetchError::Invalid(format!(
                "{text}: {error}; hint: write a version such as 1.2.3 or a range such as ^1.2 or \">=1.2 <2\""
            )),
            NotFound::Version => {
                let versions: Vec<&str> = match index.versions(name) {
                    Ok(versions) => versions.collect(),
                    Err(_) => Vec::new(),
                };
                let hint = if version.is_empty() && !versions.is_empty() {
                    format!(
                        "there are only prereleases, which have to be named: {}",
                        few(&versions)
                    )
                } else {
                    format!("newest versions: {}", few(&versions))
                };
                FetchError::NotFound(format!("{text}; hint: {hint}"))
            }
        }
    }
}

/// What `reference` means in a repository at `base`: relative to that folder, and with the query that the repository has.
fn resolve(base: &Url, reference: &str) -> Result<Url, FetchError> {
    if let Ok(absolute) = Url::parse(reference) {
        return client::parse(absolute.as_str());
    }
    let mut folder = base.clone();
    folder.set_path(&format!("{}/", base.path().trim_end_matches('/')));
    let mut url = folder.join(reference).map_err(|error| {
        FetchError::Invalid(format!(
            "failed to make chart URL absolute: {:?} of {}: {error}",
            without_query(reference),
            client::shown(base)
        ))
    })?;
    if base.query().is_some() {
        url.set_query(base.query());
    }
    client::parse(url.as_str())
}

#[cfg(test)]
mod tests;
