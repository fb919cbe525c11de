//! What the module reads from `settings:` of its watch. `SETTINGS.md` has all of it.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::duration;
use super::sources::{chart_folder, git_url, repository};
use crate::wish::Chart;

/// How old what is known of a source may be, unless somebody says otherwise.
pub const POLL: Duration = Duration::from_secs(300);

/// The branch that the first Flux took where an object names none.
const BRANCH: &str = "master";

/// What the module's configuration adds to objects. Wrong ones are refused where they stand, with what was expected.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// The chart of every object: the whole `spec` of the watch's kind is the values then.
    #[serde(deserialize_with = "one")]
    pub chart: Option<Chart>,
    /// Paths in the words of `--set`, and their values, in which the host replaced variables. They win over what objects say.
    /// With [`chart`](Self::chart) alone.
    pub override_values: BTreeMap<String, String>,
    /// Charts by name: what `releaseVersion` of `samplecontroller.k8s.io` says.
    #[serde(deserialize_with = "many")]
    pub charts: BTreeMap<String, Chart>,
    /// How often a release is looked at although nothing changed, unless its object says so; the host's own period where nothing
    /// is said.
    #[serde(alias = "chartsSyncInterval", deserialize_with = "period")]
    pub interval: Option<Duration>,
    /// How old what is known of a chart's source may be, unless its object says so.
    #[serde(alias = "gitPollInterval", deserialize_with = "period")]
    pub poll: Option<Duration>,
    /// What is taken of a git repository of which the first Flux's objects name no `ref`.
    #[serde(alias = "gitDefaultRef")]
    pub git_ref: String,
    /// Whether dependencies are fetched that a chart in git names and does not have, for the first Flux's objects.
    pub update_chart_deps: bool,
    /// Namespaces that releases and their records may go to beside their object's own; all where nothing is said.
    pub namespaces: Option<Vec<String>>,
    /// Whether objects may refer to their own namespace alone: sources, values, dependencies.
    pub no_cross_namespace_refs: bool,
    /// ServiceAccount of the object's namespace to act as where the object names none.
    pub default_service_account: Option<String>,
    /// What opens encrypted values, unless an object names its own Secret.
    pub decryption: Option<Decryption>,
    /// Whether random values of a release stay what they were from one revision to the next.
    pub stable_random: bool,
    /// What the steps of a hybrid are told; nobody else heeds it.
    pub steps: Map<String, Value>,
}

/// What opens encrypted values, in the words of Flux's Kustomization.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Decryption {
    /// What they are encrypted by.
    pub provider: Provider,
    /// The Secret with the keys, in the namespace of each object.
    pub secret_ref: SecretRef,
}

/// What encrypts values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// SOPS, with age.
    Sops,
}

/// A Secret of an object's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretRef {
    /// Its name.
    pub name: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            chart: None,
            override_values: BTreeMap::new(),
            charts: BTreeMap::new(),
            interval: None,
            poll: None,
            git_ref: BRANCH.to_owned(),
            update_chart_deps: true,
            namespaces: None,
            no_cross_namespace_refs: false,
            default_service_account: None,
            decryption: None,
            stable_random: true,
            steps: Map::new(),
        }
    }
}

fn period<'de, D: Deserializer<'de>>(given: D) -> Result<Option<Duration>, D::Error> {
    let Some(text) = Option::<String>::deserialize(given)? else {
        return Ok(None);
    };
    let read = duration::of(&text).filter(|duration| !duration.is_zero());
    read.map(Some).ok_or_else(|| {
        D::Error::custom(format!(
            "{text:?} is no duration, expected one such as 5m or 1m30s"
        ))
    })
}

fn one<'de, D: Deserializer<'de>>(given: D) -> Result<Option<Chart>, D::Error> {
    let given = Option::<Given>::deserialize(given)?;
    Ok(given.map(|Given(chart)| chart))
}

fn many<'de, D: Deserializer<'de>>(given: D) -> Result<BTreeMap<String, Chart>, D::Error> {
    let given = BTreeMap::<String, Given>::deserialize(given)?;
    let charts = given.into_iter().map(|(name, Given(chart))| (name, chart));
    Ok(charts.collect())
}

/// A chart in the words of the settings: a text, or an object.
struct Given(Chart);

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(given: D) -> Result<Self, D::Error> {
        given.deserialize_any(Either)
    }
}

struct Either;

impl<'de> Visitor<'de> for Either {
    type Value = Given;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a folder below the chart folder, oci://…, or an object with one of local, repository, oci, git")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Given, E> {
        let chart = match text.split_once("://") {
            None => local(text),
            Some(("oci", _)) => {
                // A colon of a port has a slash after it.
                let (place, version) = text
                    .rsplit_once(':')
                    .filter(|(place, version)| place.len() > "oci".len() && !version.contains('/'))
                    .unwrap_or((text, ""));
                oci(place, version.to_owned(), None)
            }
            Some(_) => Err(format!(
                "{text:?} is no chart, expected a folder below the chart folder, or oci://…\n\
                 hint: a chart of a repository is an object: repository, name, version"
            )),
        };
        chart.map(Given).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Given, A::Error> {
        let fields = Fields::deserialize(MapAccessDeserializer::new(map))?;
        fields.chart().map(Given).map_err(A::Error::custom)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Fields {
    local: Option<String>,
    repository: Option<String>,
    oci: Option<String>,
    git: Option<String>,
    name: Option<String>,
    version: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    path: Option<String>,
    skip_dep_update: Option<bool>,
    secret_ref: Option<String>,
}

impl Fields {
    fn chart(self) -> Result<Chart, String> {
        let Self {
            local: folder,
            repository: url,
            oci: registry,
            git,
            name,
            version,
            reference,
            path,
            skip_dep_update,
            secret_ref: secret,
        } = self;
        // What goes with which of them: what is left over would not be heeded.
        let given = [
            ("name", name.is_some(), "repository"),
            ("version", version.is_some(), "repository or oci"),
            ("ref", reference.is_some(), "git"),
            ("path", path.is_some(), "git"),
            ("skipDepUpdate", skip_dep_update.is_some(), "git"),
            ("secretRef", secret.is_some(), "repository, oci or git"),
        ];
        let stray = |kind: &str| {
            let stray = |(_, is_given, with): &&(&str, bool, &str)| {
                *is_given && !with.split([' ', ',']).any(|word| word == kind)
            };
            match given.iter().find(stray) {
                Some((field, _, with)) => Err(format!("{field} goes with {with}, not with {kind}")),
                None => Ok(()),
            }
        };
        match (folder, url, registry, git) {
            (Some(folder), None, None, None) => {
                stray("local")?;
                local(&folder)
            }
            (None, Some(url), None, None) => {
                stray("repository")?;
                let name = name.ok_or("name is required with repository")?;
                repository(&url, name, version.unwrap_or_default(), secret)
            }
            (None, None, Some(place), None) => {
                stray("oci")?;
                oci(&place, version.unwrap_or_default(), secret)
            }
            (None, None, None, Some(url)) => {
                stray("git")?;
                Ok(Chart::Git {
                    url: git_url(&url)?,
                    reference: reference.unwrap_or_default(),
                    path: chart_folder(&path.unwrap_or_default()),
                    dependencies: skip_dep_update != Some(true),
                    secret,
                })
            }
            (None, None, None, None) => {
                Err(String::from("expected one of local, repository, oci, git"))
            }
            _ => Err(String::from(
                "has several of local, repository, oci, git, expected one",
            )),
        }
    }
}

fn local(folder: &str) -> Result<Chart, String> {
    let path = chart_folder(folder);
    let outside = folder.starts_with('/') || path.split('/').any(|part| part == "..");
    match path.is_empty() || outside {
        true => Err(format!(
            "{folder:?} is no path below the chart folder, expected one such as nginx or nginx-1.2.3.tgz"
        )),
        false => Ok(Chart::Local(path)),
    }
}

fn oci(place: &str, version: String, secret: Option<String>) -> Result<Chart, String> {
    let path = place.strip_prefix("oci://").unwrap_or_default();
    let path = path.trim_end_matches('/');
    match path.split_once('/') {
        Some((host, rest)) if !host.is_empty() && !rest.is_empty() => Ok(Chart::Oci {
            repository: format!("oci://{path}"),
            version,
            secret,
        }),
        _ => Err(format!(
            "{place:?} is no chart of a registry, expected oci://registry/path/chart"
        )),
    }
}
