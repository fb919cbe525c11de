//! What has to survive a crash: the part of `.status` that the lifecycle remembers.
//!
//! Small on purpose: manifests, charts and values are in the records. What can be seen in the cluster is not here.

use serde::{Deserialize, Serialize};

use crate::hooks::Event;
use crate::hooks::course::Course;
use crate::record::Status;
use crate::storage::Entry;

mod moment;

pub use moment::rfc3339;

/// What is remembered between two runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct State {
    /// The release that was made; another one in the wish is a move.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<Place>,
    /// What is under way. Written before its first effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// How many actions there were: numbers them.
    pub actions: u64,
    /// Revisions that ended, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Snapshot>,
    /// Whatever failed since the inputs changed or it went well.
    pub failures: u32,
    /// Of them installations, and tests after one.
    pub install_failures: u32,
    /// Of them upgrades, and tests after one.
    pub upgrade_failures: u32,
    /// Remediations that failed.
    pub remediation_failures: u32,
    /// What was tried last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempted: Option<Attempt>,
    /// Annotations that were heard.
    pub handled: Handled,
    /// Nothing is tried before: milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<u64>,
    /// When drift was corrected last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrected_at: Option<u64>,
    /// Whether the release ever served, tests included, since it was installed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub served: bool,
    /// What only looks different of the newest revision: it was written, and the API server changed nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled: Option<Settled>,
    /// The revision that the release was installed as last: older ones are of before an uninstallation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed: Option<u32>,
    /// A revision that somebody made by hand and that is left alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<u32>,
    /// How the last installation, upgrade or unlocking went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub released: Option<Note>,
    /// How the tests of the newest revision went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tested: Option<Note>,
    /// How the remediation of the last failure went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediated: Option<Note>,
    /// Whether the objects differ from the release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drifted: Option<Note>,
}

/// Objects of a revision that only look different.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settled {
    /// The revision.
    pub version: u32,
    /// Where, each as drift is told.
    pub places: Vec<String>,
}

/// Where a release is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// Namespace of its objects.
    pub namespace: String,
    /// Namespace of its records.
    pub storage: String,
}

/// What makes a release what it is: two equal ones need no upgrade.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Inputs {
    /// Name of the chart.
    pub chart_name: String,
    /// Its version.
    pub chart_version: String,
    /// What it says that it installs.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub app_version: String,
    /// Digest of the chart, where a changed chart of the same version is another one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub chart_digest: String,
    /// Digest of the merged values.
    pub config_digest: String,
    /// Digest of what is done to the rendered objects, common metadata included.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub post_digest: String,
    /// What else the dialect wants an upgrade for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub dialect_digest: String,
}

impl Inputs {
    /// `name@version`.
    #[must_use]
    pub fn chart(&self) -> String {
        format!("{}@{}", self.chart_name, self.chart_version)
    }
}

/// What is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// What it is.
    pub verb: Verb,
    /// The revision that it makes, or is about.
    pub revision: u32,
    /// Its number, by which its record and its hooks are known.
    pub number: u64,
    /// How far it is.
    pub stage: Stage,
    /// When that began, in milliseconds since 1970.
    pub since: u64,
    /// What is brought about; those of the revision where nothing new is.
    pub inputs: Inputs,
    /// Revisions whose objects may be there, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub against: Vec<u32>,
    /// Why it was begun, for people.
    #[serde(default)]
    pub because: String,
    /// How far its hooks are; those before first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub courses: Vec<Course>,
    /// How often that changed.
    #[serde(default)]
    pub moves: u32,
    /// State of the record before, where it gets it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former: Option<Status>,
}

impl Action {
    /// How far the hooks of an event are; none before they were begun.
    #[must_use]
    pub fn course(&self, event: Event) -> Option<&Course> {
        self.courses.iter().find(|course| course.event == event)
    }
}

/// What can be under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "name")]
pub enum Verb {
    /// The first revision, or the first after an uninstallation.
    Install,
    /// A further revision.
    Upgrade,
    /// A further revision that is an older one again.
    Rollback {
        /// The older one.
        to: u32,
    },
    /// All goes.
    Uninstall {
        /// Why.
        leaving: Leaving,
    },
    /// Tests of the newest revision.
    Test,
    /// Objects that differ are brought back.
    Correct,
    /// A record that nobody works at any more is marked as failed.
    Unlock,
}

impl Verb {
    /// As conditions call it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Upgrade => "upgrade",
            Self::Rollback { .. } => "rollback",
            Self::Uninstall { .. } => "uninstall",
            Self::Test => "test",
            Self::Correct => "correct cluster state",
            Self::Unlock => "unlock",
        }
    }

    /// Whether it makes a revision.
    #[must_use]
    pub const fn makes(self) -> bool {
        matches!(self, Self::Install | Self::Upgrade | Self::Rollback { .. })
    }
}

/// Why a release goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Leaving {
    /// Its object is deleted.
    Deleted,
    /// It is wished for elsewhere, or under another name.
    Moved,
    /// It failed, and the wish says so.
    Remediation,
}

/// How far an action is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "name")]
pub enum Stage {
    /// The record is written: of what makes a revision it is the lock.
    Begin,
    /// Hooks before.
    Before,
    /// Objects are written, or removed.
    Objects,
    /// They have to become ready, or to be gone.
    Ready,
    /// Hooks after; for tests, the tests.
    After,
    /// The record gets its last state.
    End,
    /// The record is marked as failed.
    Failing {
        /// Why, without the verb.
        why: String,
        /// It was called off, which is no failure.
        canceled: bool,
    },
}

/// One revision that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Name of the release.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Revision.
    pub version: u32,
    /// State.
    pub status: Status,
    /// What it was made of.
    #[serde(flatten)]
    pub inputs: Inputs,
    /// What made it.
    pub action: String,
    /// When it ended, RFC 3339.
    pub last_deployed: String,
    /// What its tests said; none before they ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<Tests>,
    /// Uid of the record of a revision that was only taken as this object's own: nothing on the record tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
}

impl Snapshot {
    /// `namespace/name.vN`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{}/{}.v{}", self.namespace, self.name, self.version)
    }
}

/// What the tests of a revision said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Tests {
    /// All passed.
    Passed,
    /// One did not.
    Failed,
}

/// What was tried last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Install or upgrade: whose remediation it is.
    pub install: bool,
    /// `metadata.generation` then.
    pub generation: i64,
    /// What was brought about.
    pub inputs: Inputs,
}

/// Annotations that were heard, as they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Handled {
    /// `reconcile.fluxcd.io/requestedAt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconcile: Option<String>,
    /// `reconcile.fluxcd.io/forceAt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force: Option<String>,
    /// `reconcile.fluxcd.io/resetAt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset: Option<String>,
}

/// What a condition says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Its status.
    pub is: Is,
    /// One CamelCase word.
    pub reason: String,
    /// For people.
    pub message: String,
}

impl Note {
    /// A note.
    #[must_use]
    pub fn new(is: Is, reason: &str, message: impl Into<String>) -> Self {
        Self {
            is,
            reason: reason.to_owned(),
            message: message.into(),
        }
    }
}

/// Status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Is {
    /// It is so.
    True,
    /// It is not.
    False,
    /// Nobody knows yet.
    Unknown,
}

impl State {
    /// What is known of a revision.
    #[must_use]
    pub fn snapshot(&self, version: u32) -> Option<&Snapshot> {
        self.history.iter().find(|known| known.version == version)
    }

    /// What is known of a revision that somebody else made and that was taken as this object's own.
    #[must_use]
    pub fn adopted(&self, entry: &Entry) -> Option<&Snapshot> {
        let is_it = |known: &&Snapshot| known.record.as_ref() == Some(&entry.uid);
        self.snapshot(entry.version).filter(is_it)
    }

    /// Forgets failures: other inputs, or somebody asked for it.
    pub fn forgive(&mut self) {
        self.failures = 0;
        self.install_failures = 0;
        self.upgrade_failures = 0;
        self.remediation_failures = 0;
        self.retry_at = None;
    }
}
