//! What a chart depends on and does not carry: found, fetched, and put into its `charts/`, as `helm dependency build` does.
//!
//! What is carried already in a version that the chart allows is taken as it is. Whether a dependency is enabled is a matter of
//! values, and so of rendering: all are fetched. Dependencies of dependencies are those that their packages carry.

mod around;
mod digest;
mod plan;
mod requirements;
mod vendored;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use oarlock_core::artifact::{
    Artifacts as _, Credentials, FetchError, Protocol, Reach, Site, Source, Wanted,
};
use oarlock_core::reference::Digest;

use crate::depot::Depot;
use crate::fetched::Fetched;
use crate::git;
use crate::package::{Package, PackageError, is_gzip};
use around::Around;
use oarlock_version::Constraint;
use oarlock_version::Version;
use plan::{Missing, Place, Plan};
use requirements::Requirements;

/// Sources that are asked at the same time.
const AT_ONCE: usize = 4;

/// `chart` with what it depends on in its `charts/`; unchanged where nothing is missing.
pub(crate) async fn complete(
    depot: &Depot,
    wanted: &Wanted,
    chart: Fetched,
) -> Result<Fetched, FetchError> {
    if let Some(whole) = git::completed(depot, wanted, &chart).await {
        return Ok(whole);
    }
    let (limits, bytes) = (depot.options().limits, Arc::clone(&chart.bytes));
    let origin = chart.origin.clone();
    let plan = depot
        .unpack(move || {
            let package = Package::open(&bytes, &limits).map_err(|error| error.at(&origin))?;
            let requirements = Requirements::of(&package)
                .map_err(|error| FetchError::Invalid(format!("{origin}: {error}")))?;
            if requirements.list.is_empty() {
                return Ok(None);
            }
            let vendored =
                vendored::vendored(&package, &limits).map_err(|error| error.at(&origin))?;
            let plan = plan::plan(&origin, &requirements, &vendored)?;
            let size = package.files().iter().map(|file| file.content.len() as u64);
            Ok::<_, FetchError>(Some((size.sum(), plan)))
        })
        .await??;
    let Some((size, plan)) = plan.filter(|(_, plan)| !plan.missing.is_empty()) else {
        git::complete(depot, wanted, &chart, &chart).await?;
        return Ok(chart);
    };
    let umbrella = Umbrella {
        depot,
        wanted,
        around: Around::of(depot, wanted, &chart.bytes, &chart.revision),
        origin: chart.origin.clone(),
        bytes: Arc::clone(&chart.bytes),
        size,
        begun: Instant::now(),
    };
    let archives = umbrella.fetch(&plan).await?;
    let whole = umbrella.assemble(chart.clone(), &plan, archives).await?;
    // A commit does not change; what others have may.
    let is_neighbour = |missing: &Missing| matches!(missing.place, Place::Folder(_));
    if plan.missing.iter().all(is_neighbour) {
        git::complete(depot, wanted, &chart, &whole).await?;
    }
    Ok(whole)
}

/// A chart whose dependencies are being fetched.
struct Umbrella<'a> {
    depot: &'a Depot,
    wanted: &'a Wanted,
    around: Around,
    origin: String,
    /// Unpacked only while it is worked on: sources may take long.
    bytes: Arc<[u8]>,
    /// Of all its files.
    size: u64,
    begun: Instant,
}

/// A dependency that was fetched.
struct Archive {
    /// `charts/NAME-VERSION.tgz`.
    path: String,
    bytes: Arc<[u8]>,
    digest: Digest,
    origin: String,
}

/// A dependency and the version to take.
struct Chosen<'p> {
    missing: &'p Missing,
    version: String,
}

impl Chosen<'_> {
    /// Whether `version` is the one to take. Of a folder, what is chosen is still a range.
    fn is(&self, version: &str) -> bool {
        let Ok(found) = Version::parse(version) else {
            return false;
        };
        match Version::parse(&self.version) {
            Ok(chosen) if !matches!(self.missing.place, Place::Folder(_)) => chosen == found,
            _ => self
                .version
                .parse()
                .is_ok_and(|range: Constraint| range.allows(&found)),
        }
    }
}

impl Umbrella<'_> {
    /// All that is missing, in the order in which the chart has it.
    async fn fetch(&self, plan: &Plan) -> Result<Vec<Archive>, FetchError> {
        // Rights first: nobody is asked before all may be.
        for missing in &plan.missing {
            if let Some(source) = missing.source(&missing.version) {
                let checked = self.wanted.reach.check(&source);
                checked.map_err(|error| self.about(missing, error))?;
            }
        }
        let mut versions: Vec<Option<String>> = Vec::new();
        for some in plan.missing.chunks(AT_ONCE) {
            versions.extend(try_join_all(some.iter().map(|one| self.choose(one))).await?);
        }
        let mut without = Vec::new();
        let mut chosen: Vec<Chosen<'_>> = Vec::new();
        for (missing, version) in plan.missing.iter().zip(versions) {
            let Some(version) = version else {
                without.push(missing.described());
                continue;
            };
            let same = |other: &Chosen<'_>| {
                other.version == version
                    && other.missing.name == missing.name
                    && other.missing.repository == missing.repository
            };
            if !chosen.iter().any(same) {
                chosen.push(Chosen { missing, version });
            }
        }
        if !without.is_empty() {
            let hint = "prereleases are taken only by a range that names one, such as >=1.0.0-0";
            let text = Self::without(&without, hint);
            return Err(FetchError::NotFound(format!("{}: {text}", self.origin)));
        }
        let unpacked = self.depot.options().limits.unpacked;
        let mut size = self.size;
        let mut archives = Vec::new();
        for some in chosen.chunks(AT_ONCE) {
            for archive in try_join_all(some.iter().map(|one| self.archive(one))).await? {
                size += archive.bytes.len() as u64;
                archives.push(archive);
            }
            if size > unpacked {
                return Err(PackageError::TooLarge(unpacked).at(&self.origin));
            }
        }
        Ok(archives)
    }

    /// That there is no version of some dependencies, in Helm's words.
    fn without(described: &[String], hint: &str) -> String {
        format!(
            "can't get a valid version for {} subchart(s): {}. Make sure a matching chart version exists in the repo, or change the version \
             constraint in Chart.yaml; hint: {hint}",
            described.len(),
            described.join(", ")
        )
    }

    /// The version to take: `None` where there is none that the chart allows.
    async fn choose(&self, missing: &Missing) -> Result<Option<String>, FetchError> {
        if missing.is_locked {
            return Ok(Some(missing.version.clone()));
        }
        let Some(source) = missing.source(&missing.version) else {
            // A folder has the version that it has, and is looked at when it is read.
            return Ok(Some(missing.version.clone()));
        };
        let is_version = Version::parse(&missing.version).is_ok();
        if is_version && matches!(missing.place, Place::Registry(_)) {
            return Ok(Some(missing.version.clone()));
        }
        let constraint = self.constraint(missing)?;
        let versions = self
            .depot
            .versions(
                source.clone(),
                self.credentials(&source),
                self.wanted.reach.clone(),
                self.max_age(),
            )
            .await
            .map_err(|error| self.about(missing, error))?;
        Ok(versions.into_iter().find(|version| {
            Version::parse(version).is_ok_and(|version| constraint.allows(&version))
        }))
    }

    async fn archive(&self, chosen: &Chosen<'_>) -> Result<Archive, FetchError> {
        let missing = chosen.missing;
        let fetched = match missing.source(&chosen.version) {
            Some(source) => self.gather(source).await,
            None => self.folder(missing).await,
        };
        let fetched = fetched.map_err(|error| self.about(missing, error))?;
        if fetched.name != missing.name {
            return Err(FetchError::Mismatch(format!(
                "{}: dependency {}: the chart of {} is called {}; hint: Helm finds a dependency by the name in its Chart.yaml: use that \
                 name, and `alias` for another one",
                self.origin, missing.name, fetched.origin, fetched.name
            )));
        }
        if !chosen.is(&fetched.version) {
            return Err(FetchError::Mismatch(format!(
                "{}: dependency {}: the chart of {} has version {}, expected {}; hint: the repository says another version than its chart, \
                 which its owner can repair",
                self.origin, missing.name, fetched.origin, fetched.version, chosen.version
            )));
        }
        let path = format!("charts/{}-{}.tgz", fetched.name, fetched.version);
        let most = self.depot.options().limits.file;
        if fetched.bytes.len() as u64 > most {
            return Err(PackageError::FileTooLarge(path, most).at(&self.origin));
        }
        let digest = Digest::of(&fetched.bytes);
        // Known ones, too, whenever somebody asks.
        tracing::debug!(
            chart = %self.origin,
            dependency = %fetched.name,
            version = %fetched.version,
            from = %fetched.origin,
            digest = %digest,
            "dependency fetched"
        );
        Ok(Archive {
            path,
            bytes: fetched.bytes,
            digest,
            origin: fetched.origin,
        })
    }

    /// From a repository or a registry. What has to be proven of the chart has to be of its parts.
    async fn gather(&self, source: Source) -> Result<Fetched, FetchError> {
        let wanted = Wanted {
            credentials: self.credentials(&source),
            source,
            reach: self.wanted.reach.clone(),
            expect: None,
            max_age: self.max_age(),
            dependencies: false,
            verify: self.wanted.verify.clone(),
        };
        let fetched = Box::pin(self.depot.gather(&wanted)).await?;
        if is_gzip(&fetched.bytes) {
            Ok(fetched)
        } else {
            self.packed(fetched).await
        }
    }

    /// From beside the chart, packed as `helm package` would: what its `.helmignore` names is left out.
    async fn folder(&self, missing: &Missing) -> Result<Fetched, FetchError> {
        let Place::Folder(path) = &missing.place else {
            return Err(FetchError::Invalid(format!(
                "{} is no folder",
                missing.repository
            )));
        };
        let wanted = Wanted {
            verify: Vec::new(),
            dependencies: false,
            expect: None,
            ..self.wanted.clone()
        };
        let package = self
            .around
            .chart(self.depot, &wanted, &self.bytes, path)
            .await?;
        let chart = package
            .chart()
            .map_err(|error| error.at(&missing.repository))?;
        let constraint = self.constraint(missing)?;
        if !Version::parse(&chart.version).is_ok_and(|version| constraint.allows(&version)) {
            let hint = format!("{} has version {}", missing.repository, chart.version);
            return Err(FetchError::NotFound(if missing.is_locked {
                format!(
                    "can't get a valid version for dependency {}; hint: {hint}, locked is {}",
                    missing.name, missing.version
                )
            } else {
                Self::without(&[missing.described()], &hint)
            }));
        }
        self.packed(Fetched {
            bytes: package.bytes(),
            name: chart.name,
            version: chart.version,
            revision: String::new(),
            origin: missing.repository.clone(),
            provenance: None,
            manifest: None,
            signatures: Vec::new(),
        })
        .await
    }

    async fn packed(&self, fetched: Fetched) -> Result<Fetched, FetchError> {
        let (limits, bytes) = (self.depot.options().limits, Arc::clone(&fetched.bytes));
        let packed = self
            .depot
            .unpack(move || Package::open(&bytes, &limits).map(|package| package.archive()))
            .await?;
        Ok(Fetched {
            bytes: packed.map_err(|error| error.at(&fetched.origin))?,
            ..fetched
        })
    }

    /// The chart with the archives in it, as bytes that depend on nothing else.
    async fn assemble(
        self,
        chart: Fetched,
        plan: &Plan,
        archives: Vec<Archive>,
    ) -> Result<Fetched, FetchError> {
        for path in &plan.outdated {
            tracing::info!(chart = %self.origin, file = %path, "outdated dependency left out");
        }
        let mut origin = self.origin;
        for (number, archive) in archives.iter().enumerate() {
            let short = archive.digest.hex().get(..12).unwrap_or_default();
            origin.push_str(if number == 0 { "; with " } else { ", " });
            origin.push_str(&format!(
                "{} ({short}) of {}",
                file_name(&archive.path),
                archive.origin
            ));
        }
        let (limits, outdated) = (self.depot.options().limits, plan.outdated.clone());
        let bytes = self.depot.unpack(move || {
            let mut package = Package::open(&self.bytes, &limits)?;
            for path in &outdated {
                package.remove(path);
            }
            for archive in archives {
                package.put(&archive.path, archive.bytes);
            }
            Ok(package.bytes())
        });
        let bytes = bytes.await?;
        let bytes = bytes.map_err(|error: PackageError| error.at(&chart.origin))?;
        // Within the limits too, now that there is more in it.
        self.depot.inspect(&bytes, &chart.origin).await?;
        Ok(Fetched {
            bytes,
            origin,
            ..chart
        })
    }

    fn constraint(&self, missing: &Missing) -> Result<Constraint, FetchError> {
        plan::constraint(&self.origin, &missing.name, &missing.version)
    }

    /// What was learned since this began is new enough, whatever the caller wants.
    fn max_age(&self) -> Duration {
        self.wanted.max_age.max(self.begun.elapsed())
    }

    /// What may be shown to the server of `source`: all of it to the server that the chart is from; to others only what names
    /// its servers itself.
    fn credentials(&self, source: &Source) -> Credentials {
        let own = &self.wanted.credentials;
        if same_server(&self.wanted.source, source, &self.wanted.reach) {
            return own.clone();
        }
        Credentials {
            docker_config: own.docker_config.clone(),
            ..Credentials::default()
        }
    }

    /// An error of a dependency, as one of the chart.
    fn about(&self, missing: &Missing, error: FetchError) -> FetchError {
        let said = |text: String| format!("{}: dependency {}: {text}", self.origin, missing.name);
        match error {
            FetchError::Denied(text) => FetchError::Denied(said(text)),
            FetchError::NotFound(text) => FetchError::NotFound(said(text)),
            FetchError::Unauthorized(text) => FetchError::Unauthorized(said(text)),
            FetchError::Unavailable(text) => FetchError::Unavailable(said(text)),
            FetchError::Mismatch(text) => FetchError::Mismatch(said(text)),
            FetchError::Invalid(text) => FetchError::Invalid(said(text)),
        }
    }
}

fn file_name(path: &str) -> &str {
    path.strip_prefix("charts/").unwrap_or(path)
}

/// Whether two sources are on one host and port, and the second is spoken to no less safely.
fn same_server(from: &Source, to: &Source, reach: &Reach) -> bool {
    let server = |source: &Source| match Site::of(source).ok()? {
        Site::Local => None,
        Site::Server {
            protocol,
            host,
            port,
            ..
        } => {
            let secure = match protocol {
                Protocol::Http => false,
                Protocol::Https | Protocol::Ssh => true,
                Protocol::Oci => !reach.plain_http(source),
            };
            Some((host, port, secure))
        }
    };
    match (server(from), server(to)) {
        (Some((host, port, secure)), Some((other, other_port, other_secure))) => {
            host == other && port == other_port && (other_secure || !secure)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
