//! Which dependencies have to be fetched, and from where. Pure: decides, and asks nobody.

use oarlock_core::artifact::{FetchError, Source, without_query};

use super::digest;
use super::requirements::{Dependency, Requirements};
use super::vendored::Vendored;
use oarlock_version::Version;
use oarlock_version::quoted;
use oarlock_version::{Constraint, ParseConstraint};

/// What has to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) missing: Vec<Missing>,
    /// Files of carried charts that are in the way: of a name that is wanted in another version.
    pub(super) outdated: Vec<String>,
}

/// A dependency that has to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) name: String,
    /// What the chart allows; what it is locked to, where it is.
    pub(super) version: String,
    /// As the chart has it.
    pub(super) repository: String,
    pub(super) place: Place,
    /// Whether the version is that of a lock.
    pub(super) is_locked: bool,
}

/// Where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A folder beside the chart, or in it.
    Folder(String),
    /// An HTTP repository, by its URL.
    Repository,
    /// A registry: where the chart is there.
    Registry(String),
}

impl Missing {
    /// What to ask, for one version.
    pub(super) fn source(&self, version: &str) -> Option<Source> {
        match &self.place {
            Place::Folder(_) => None,
            Place::Repository => Some(Source::Repository {
                url: self.repository.clone(),
                chart: self.name.clone(),
                version: version.to_owned(),
            }),
            Place::Registry(repository) => Some(Source::Oci {
                repository: repository.clone(),
                version: version.to_owned(),
            }),
        }
    }

    /// As Helm names it where it has no version of it.
    pub(super) fn described(&self) -> String {
        format!(
            "{} (repository {}, version {})",
            quoted(&self.name),
            quoted(without_query(&self.repository)),
            quoted(&self.version)
        )
    }
}

/// Decides. `origin` is the chart's, for people.
pub(super) fn plan(
    origin: &str,
    requirements: &Requirements,
    vendored: &[Vendored],
) -> Result<Plan, FetchError> {
    let mut missing: Vec<(usize, &Dependency)> = Vec::new();
    let mut taken: Vec<&Vendored> = Vec::new();
    for (place, dependency) in requirements.list.iter().enumerate() {
        let constraint = constraint(origin, &dependency.name, &dependency.version)?;
        let allowed = |carried: &&Vendored| {
            carried.name == dependency.name
                && Version::parse(&carried.version).is_ok_and(|v| constraint.allows(&v))
        };
        match vendored.iter().find(allowed) {
            Some(carried) => taken.push(carried),
            None if dependency.repository.is_empty() => {
                return Err(not_carried(origin, dependency, vendored));
            }
            None => missing.push((place, dependency)),
        }
    }
    if missing.is_empty() {
        return Ok(Plan {
            missing: Vec::new(),
            outdated: Vec::new(),
        });
    }
    check_names(origin, &missing)?;
    check_lock(origin, requirements)?;
    let outdated = vendored
        .iter()
        .filter(|carried| {
            let wanted = missing.iter().any(|(_, one)| one.name == carried.name);
            wanted && !taken.contains(carried)
        })
        .flat_map(|carried| carried.paths.iter().cloned())
        .collect();
    let missing = missing
        .into_iter()
        .map(|(place, dependency)| {
            let locked = requirements.locked(place);
            let wanted = locked.unwrap_or(dependency);
            Missing {
                name: dependency.name.clone(),
                version: wanted.version.clone(),
                repository: wanted.repository.clone(),
                place: place_of(wanted),
                is_locked: locked.is_some(),
            }
        })
        .collect();
    Ok(Plan { missing, outdated })
}

/// What the version of the dependency `name` says.
pub(super) fn constraint(
    origin: &str,
    name: &str,
    version: &str,
) -> Result<Constraint, FetchError> {
    version.parse().map_err(|error: ParseConstraint| {
        FetchError::Invalid(format!(
            "{origin}: dependency {} has an invalid version/constraint format: {error}; hint: write a version or a range, such as ^1.2.0",
            quoted(name)
        ))
    })
}

fn place_of(dependency: &Dependency) -> Place {
    let repository = &dependency.repository;
    if let Some(path) = repository.strip_prefix("file://") {
        Place::Folder(path.to_owned())
    } else if repository.starts_with("oci://") {
        let base = repository.trim_end_matches('/');
        Place::Registry(format!("{base}/{}", dependency.name))
    } else {
        Place::Repository
    }
}

/// A dependency without a repository is in `charts/`, or nowhere.
fn not_carried(origin: &str, dependency: &Dependency, vendored: &[Vendored]) -> FetchError {
    let name = &dependency.name;
    FetchError::NotFound(match vendored.iter().find(|one| one.name == *name) {
        Some(other) => format!(
            "{origin}: dependency {name} at version {} does not satisfy the constraint {}; hint: put one that does into charts/, \
             or name a repository",
            other.version, dependency.version
        ),
        None => format!(
            "{origin}: directory charts/{name} not found; hint: dependency {name} did not declare a repository, so it has to be in \
             charts/"
        ),
    })
}

/// Names of repositories are known to the machine of whoever gave them, and nowhere else.
fn check_names(origin: &str, missing: &[(usize, &Dependency)]) -> Result<(), FetchError> {
    let is_url = |text: &str| {
        ["file://", "oci://", "https://", "http://"]
            .iter()
            .any(|scheme| text.starts_with(scheme))
    };
    // Helm's plugins know more protocols; there are none here.
    for (_, one) in missing {
        if let Some((scheme, _)) = one.repository.split_once("://")
            && !is_url(&one.repository)
        {
            return Err(FetchError::Invalid(format!(
                "{origin}: could not find protocol handler for: {scheme}; hint: dependency {} may be in a repository (https://), a registry \
                 (oci://), or a folder (file://)",
                one.name
            )));
        }
    }
    let names: Vec<&str> = missing
        .iter()
        .map(|(_, one)| one.repository.as_str())
        .filter(|repository| !is_url(repository))
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(FetchError::NotFound(format!(
        "{origin}: no repository definition for {}. Please add them via 'helm repo add'; hint: names of repositories are those of \
         one machine: write the repository's URL (https://charts.example.com/, oci://registry.example.com/charts) into the chart, \
         or put the dependency into charts/",
        names.join(", ")
    )))
}

fn check_lock(origin: &str, requirements: &Requirements) -> Result<(), FetchError> {
    let Some(lock) = &requirements.lock else {
        return Ok(());
    };
    if digest::is_of(lock, requirements) {
        return Ok(());
    }
    Err(FetchError::Mismatch(if requirements.is_v1 {
        format!(
            "{origin}: the lock file (requirements.lock) is out of sync with the dependencies file (requirements.yaml). Please update \
             the dependencies; hint: run 'helm dependency update' in the chart, or remove the lock file"
        )
    } else {
        format!(
            "{origin}: the lock file (Chart.lock) is out of sync with the dependencies file (Chart.yaml). Please update the \
             dependencies with 'helm dependency update'; hint: or remove the lock file"
        )
    }))
}
