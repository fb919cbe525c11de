//! What a chart says that it depends on: `Chart.yaml`, `requirements.yaml`, and the lock of either. Pure.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::package::Package;

const BOM: &[u8] = b"\xef\xbb\xbf";
/// Most dependencies of a chart.
const MOST: usize = 500;

/// What a chart depends on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Requirements {
    /// As declared, in that order.
    pub(super) list: Vec<Dependency>,
    /// What it was locked to.
    pub(super) lock: Option<Lock>,
    /// Whether the chart is of Helm 2: other files, and another digest of the lock besides.
    pub(super) is_v1: bool,
}

/// One dependency. Field for field what Helm's digest of a lock covers, in its order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Dependency {
    #[serde(default)]
    pub(super) name: String,
    /// A range; in a lock, a version.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) version: String,
    #[serde(default)]
    pub(super) repository: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    condition: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    enabled: bool,
    /// Texts, or pairs of texts; Helm reads what it finds.
    #[serde(
        default,
        rename = "import-values",
        skip_serializing_if = "Vec::is_empty"
    )]
    import_values: Vec<Value>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    alias: String,
}

/// `Chart.lock` or `requirements.lock`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lock {
    pub(super) digest: String,
    pub(super) list: Vec<Dependency>,
}

/// Why a chart does not say what it depends on. Helm's words where Helm has some.
#[derive(Debug, Error)]
pub(super) enum ReadRequirements {
    #[error("cannot load {file}: {problem}")]
    Parse { file: &'static str, problem: String },
    #[error("validation: dependencies must not contain empty or null nodes")]
    Null,
    #[error("validation: dependency {0:?} has disallowed characters in the alias")]
    Alias(String),
    #[error("validation: more than one dependency with name or alias {0:?}")]
    Twice(String),
    #[error("the chart has {0} dependencies, more than {MOST}, which is the most that is fetched")]
    TooMany(usize),
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// A file as it is written; keys that are not needed here are left out.
#[derive(Default, Deserialize)]
struct Chart {
    #[serde(default, rename = "apiVersion")]
    api_version: Option<String>,
    #[serde(default)]
    dependencies: Option<Vec<Option<Dependency>>>,
}

#[derive(Default, Deserialize)]
struct Locked {
    #[serde(default)]
    digest: Option<String>,
    #[serde(default)]
    dependencies: Option<Vec<Option<Dependency>>>,
}

impl Requirements {
    /// Reads them as Helm's loader does: `requirements.yaml` counts whatever the chart's apiVersion is, and of two locks the old
    /// one, which comes later in the order of names.
    pub(super) fn of(package: &Package) -> Result<Self, ReadRequirements> {
        let chart: Chart = read(package, "Chart.yaml")?.unwrap_or_default();
        let old: Option<Chart> = read(package, "requirements.yaml")?;
        let is_v1 = matches!(chart.api_version.as_deref(), None | Some("" | "v1"));
        let declared = match old.and_then(|old| old.dependencies) {
            Some(list) => list,
            None => chart.dependencies.unwrap_or_default(),
        };
        if declared.len() > MOST {
            return Err(ReadRequirements::TooMany(declared.len()));
        }
        let list: Vec<Dependency> = declared
            .into_iter()
            .map(|one| one.map(Dependency::sanitized).ok_or(ReadRequirements::Null))
            .collect::<Result<_, _>>()?;
        let mut lock: Option<Locked> = read(package, "Chart.lock")?;
        if let Some(old) = read(package, "requirements.lock")? {
            lock = Some(old);
        }
        let requirements = Self {
            list,
            lock: lock.map(|lock| Lock {
                digest: lock.digest.unwrap_or_default(),
                list: lock
                    .dependencies
                    .unwrap_or_default()
                    .into_iter()
                    .flatten()
                    .collect(),
            }),
            is_v1,
        };
        requirements.check()?;
        Ok(requirements)
    }

    fn check(&self) -> Result<(), ReadRequirements> {
        let mut seen = std::collections::BTreeSet::new();
        for dependency in &self.list {
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
            if !dependency.alias.bytes().all(plain) {
                return Err(ReadRequirements::Alias(dependency.name.clone()));
            }
            let key = if dependency.alias.is_empty() {
                &dependency.name
            } else {
                &dependency.alias
            };
            if !seen.insert(key) {
                return Err(ReadRequirements::Twice(key.clone()));
            }
        }
        Ok(())
    }

    /// What `list` is locked to, by place: only of use once the lock's digest is that of the list.
    pub(super) fn locked(&self, place: usize) -> Option<&Dependency> {
        let name = &self.list.get(place)?.name;
        let locked = self.lock.as_ref()?.list.get(place)?;
        (locked.name == *name).then_some(locked)
    }
}

impl Dependency {
    /// Spaces become blanks, what cannot be printed is dropped: the digest is taken of what is left.
    fn sanitized(self) -> Self {
        let clean = |text: String| -> String {
            text.chars()
                .filter_map(|c| match c {
                    c if c.is_whitespace() => Some(' '),
                    c if c.is_control() => None,
                    c => Some(c),
                })
                .collect()
        };
        Self {
            name: clean(self.name),
            version: clean(self.version),
            repository: clean(self.repository),
            condition: clean(self.condition),
            tags: self.tags.into_iter().map(clean).collect(),
            ..self
        }
    }
}

/// A file of the chart; `None` where it has none, or an empty one.
fn read<T: DeserializeOwned>(
    package: &Package,
    file: &'static str,
) -> Result<Option<T>, ReadRequirements> {
    let Some(text) = package.file(file) else {
        return Ok(None);
    };
    let text = text.strip_prefix(BOM).unwrap_or(text);
    serde_saphyr::from_slice(text).map_err(|error| ReadRequirements::Parse {
        file,
        problem: error
            .to_string()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned(),
    })
}
