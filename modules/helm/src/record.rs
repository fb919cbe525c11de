//! A release as Helm stores it (`helm.sh/release.v1`), so that `helm list`, `history`, `get` and `rollback` know ours, and we
//! theirs.
//!
//! The shape is that of `pkg/release/v1` of Helm 4, which reads what Helm 3 wrote. What is not known here is kept: a record that is
//! read and written again loses nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

mod codec;

pub use codec::{DecodeRecord, EncodeRecord};

/// One revision of a release.
#[derive(Clone, Debug)]
pub struct Record {
    /// Name of the release.
    pub name: String,
    /// Namespace of the release.
    pub namespace: String,
    /// Revision, counted from 1.
    pub version: u32,
    /// What happened to it.
    pub info: Info,
    /// Helm's JSON of the chart; megabytes, and never looked into.
    pub chart: Option<Box<RawValue>>,
    /// The user's values.
    pub config: Map<String, Value>,
    /// All documents but hooks, as they were applied.
    pub manifest: String,
    /// Hooks, whether they ran or not.
    pub hooks: Vec<Hook>,
    /// How the objects were applied.
    pub apply_method: ApplyMethod,
    /// What newer versions of Helm add.
    rest: BTreeMap<String, Box<RawValue>>,
}

/// How a release's objects were written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApplyMethod {
    /// Server-side apply.
    #[serde(rename = "ssa")]
    ServerSide,
    /// Three-way merge by the client: Helm 3, and records that say nothing.
    #[default]
    #[serde(rename = "csa", alias = "")]
    ClientSide,
    /// A word of a newer version of Helm.
    #[serde(untagged)]
    Other(String),
}

/// What happened to a revision. Times are RFC 3339; none where they never were.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Info {
    /// When the release was installed.
    #[serde(default, with = "time", skip_serializing_if = "Option::is_none")]
    pub first_deployed: Option<String>,
    /// When this revision was.
    #[serde(default, with = "time", skip_serializing_if = "Option::is_none")]
    pub last_deployed: Option<String>,
    /// When it was uninstalled.
    #[serde(default, with = "time", skip_serializing_if = "Option::is_none")]
    pub deleted: Option<String>,
    /// For people: the last column of `helm history`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Its state.
    #[serde(default)]
    pub status: Status,
    /// Rendered `NOTES.txt`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
    /// What newer versions of Helm add.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// State of a revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// In the cluster.
    Deployed,
    /// Removed from the cluster, kept as history.
    Uninstalled,
    /// A newer one is in the cluster.
    Superseded,
    /// Did not get there.
    Failed,
    /// Being removed.
    Uninstalling,
    /// Being installed.
    PendingInstall,
    /// Being upgraded to.
    PendingUpgrade,
    /// Being rolled back to.
    PendingRollback,
    /// Uncertain.
    #[default]
    Unknown,
    /// A word of a newer version of Helm.
    #[serde(untagged)]
    Other(String),
}

impl Status {
    /// Helm's word for it, as labels have it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Deployed => "deployed",
            Self::Uninstalled => "uninstalled",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::Uninstalling => "uninstalling",
            Self::PendingInstall => "pending-install",
            Self::PendingUpgrade => "pending-upgrade",
            Self::PendingRollback => "pending-rollback",
            Self::Unknown => "unknown",
            Self::Other(word) => word,
        }
    }

    /// Whether somebody is at it, or was when he died.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        matches!(
            self,
            Self::PendingInstall | Self::PendingUpgrade | Self::PendingRollback
        )
    }
}

/// A hook of a revision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Hook {
    /// Name of the object.
    #[serde(default)]
    pub name: String,
    /// Kind of the object.
    #[serde(default)]
    pub kind: String,
    /// Path of its template.
    #[serde(default)]
    pub path: String,
    /// YAML of the object.
    #[serde(default)]
    pub manifest: String,
    /// When it runs, such as `pre-install`.
    #[serde(default, deserialize_with = "or_default")]
    pub events: Vec<String>,
    /// How it went the last time.
    #[serde(default)]
    pub last_run: Execution,
    /// Lower ones run first.
    #[serde(default, skip_serializing_if = "is_default")]
    pub weight: i64,
    /// When its object is deleted.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub delete_policies: Vec<String>,
    /// When its log is shown.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub output_log_policies: Vec<String>,
    /// What newer versions of Helm add.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// One execution of a hook.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// When it began.
    #[serde(default, with = "time", skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When it ended.
    #[serde(default, with = "time", skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<String>,
    /// How it went.
    #[serde(default)]
    pub phase: Phase,
    /// What newer versions of Helm add.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// How a hook went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// It never ran.
    #[default]
    #[serde(rename = "")]
    Never,
    /// It was created, and then whoever did so was lost.
    Unknown,
    /// It runs.
    Running,
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed,
    /// A word of a newer version of Helm.
    #[serde(untagged)]
    Other(String),
}

impl Record {
    /// A record without content.
    #[must_use]
    pub fn new(name: &str, namespace: &str, version: u32) -> Self {
        Self {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            version,
            info: Info::default(),
            chart: None,
            config: Map::new(),
            manifest: String::new(),
            hooks: Vec::new(),
            apply_method: ApplyMethod::ServerSide,
            rest: BTreeMap::new(),
        }
    }

    fn from_json(text: &[u8]) -> Result<Self, serde_json::Error> {
        let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(text)?;
        Ok(Self {
            name: take(&mut fields, "name")?,
            namespace: take(&mut fields, "namespace")?,
            version: take(&mut fields, "version")?,
            info: take(&mut fields, "info")?,
            chart: fields.remove("chart").filter(|chart| chart.get() != "null"),
            config: take(&mut fields, "config")?,
            manifest: take(&mut fields, "manifest")?,
            hooks: take(&mut fields, "hooks")?,
            apply_method: take(&mut fields, "apply_method")?,
            rest: fields,
        })
    }

    fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut fields: BTreeMap<&str, Box<RawValue>> = BTreeMap::new();
        fields.extend(self.rest.iter().map(|(k, v)| (k.as_str(), v.clone())));
        fields.insert("name", to_raw_value(&self.name)?);
        fields.insert("namespace", to_raw_value(&self.namespace)?);
        fields.insert("version", to_raw_value(&self.version)?);
        fields.insert("info", to_raw_value(&self.info)?);
        fields.extend(self.chart.clone().map(|chart| ("chart", chart)));
        if !self.config.is_empty() {
            fields.insert("config", to_raw_value(&self.config)?);
        }
        if !self.manifest.is_empty() {
            fields.insert("manifest", to_raw_value(&self.manifest)?);
        }
        if !self.hooks.is_empty() {
            fields.insert("hooks", to_raw_value(&self.hooks)?);
        }
        fields.insert("apply_method", to_raw_value(&self.apply_method)?);
        serde_json::to_vec(&fields)
    }
}

/// A field, taken out; its default where it is missing or null, as Go reads JSON.
fn take<T>(fields: &mut BTreeMap<String, Box<RawValue>>, name: &str) -> Result<T, serde_json::Error>
where
    T: Default + for<'de> Deserialize<'de>,
{
    let found: Option<T> = fields
        .remove(name)
        .map_or(Ok(None), |value| serde_json::from_str(value.get()))?;
    Ok(found.unwrap_or_default())
}

fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Times that are missing, null, or, in old records, empty.
mod time {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(
        time: &Option<String>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<String>, D::Error> {
        Ok(Option::deserialize(deserializer)?.filter(|time: &String| !time.is_empty()))
    }
}

#[cfg(test)]
mod tests;
