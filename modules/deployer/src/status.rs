//! `status` of a Deployer, as it is stored. [`State`](crate::rollout::State) is what it means.

use oarlock_sdk::{Timestamp, Value};
use rollout::analysis::Tally;
use rollout::history::Entry;
use rollout::track::Track;
use rollout::why::Why;
use serde::{Deserialize, Serialize};

use crate::spec::Kind;

/// Where the rollout is. Written by the module alone.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeployerStatus {
    /// The generation of the spec that this status is about.
    pub observed_generation: Option<i64>,
    /// Progress in words.
    pub progress: Option<Progress>,
    /// Where a rollout is. `Stable` is its end.
    pub phase: Option<Phase>,
    /// The generation that began this rollout.
    pub rollout: Option<i64>,
    /// When this rollout began.
    #[cfg_attr(test, schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub started_at: Option<Timestamp>,
    /// How this rollout is done; that of the spec when it began.
    pub kind: Option<Kind>,
    /// What served before, and serves again if the version is taken back.
    pub from: Option<Release>,
    /// What is rolled out, or runs.
    pub to: Option<Release>,
    /// Revision that serves.
    pub stable_revision: Option<String>,
    /// Revision that the spec asks for. Wishes in `spec.control` name it.
    pub current_revision: Option<String>,
    /// Revisions that were given up. They are not tried again without a `retry`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected_revisions: Vec<String>,
    /// The last `spec.control.retry` that was carried out.
    pub handled_retry: Option<String>,
    /// What was on its way when yet another came; it leaves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intermediate: Vec<Release>,
    /// What served earlier and is kept without Pods, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<Release>,
    /// The current step, counted from 1.
    pub current_step: Option<u32>,
    /// Percent of the current step.
    pub step_percent: Option<u8>,
    /// Since when all Pods of the step are available.
    #[cfg_attr(test, schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub step_started_at: Option<Timestamp>,
    /// When its `sleep` is over.
    #[cfg_attr(test, schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub step_ends_at: Option<Timestamp>,
    /// How long the Pods of the step are awaited.
    pub lateness: Option<Lateness>,
    /// The checks of the step.
    pub checks: Option<Checks>,
    /// The Job before the new version.
    pub migration: Option<MigrationStatus>,
    /// Revisions whose Job succeeded: it does not run again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub migrated_revisions: Vec<String>,
    /// The versions side by side.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tracks: Vec<Track>,
    /// The last decision, and what it was made of.
    pub why: Option<Why>,
    /// The rollouts that ended, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Entry>,
    /// Pods of all versions.
    pub replicas: Option<u32>,
    /// Of them available.
    pub available_replicas: Option<u32>,
    /// Selects the Pods of all versions.
    pub selector: Option<String>,
}

/// Progress in words.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Progress {
    /// Such as `no. 3`.
    pub step: String,
    /// Such as `60% has been deployed`.
    pub percentage: String,
    /// Such as `30s till next step`.
    pub wait: String,
}

/// Where a rollout is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
pub enum Phase {
    /// Nothing has ever served: all replicas at once.
    Installing,
    /// On the way to a step's size.
    Scaling,
    /// The step's Pods are available.
    Waiting,
    /// Blue/green: the new version serves, the old one is still there.
    Retiring,
    /// Recreate: the old version goes.
    Draining,
    /// Recreate: the Job runs.
    Migrating,
    /// Recreate: the new version comes.
    Starting,
    /// Back to what served before, without steps.
    Finishing,
    /// All replicas are of one version.
    Stable,
}

/// One revision in one Deployment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Release {
    /// Name of the Deployment.
    pub deployment: String,
    /// The version, as the spec has it.
    pub version: String,
    /// The whole image reference.
    pub image: String,
    /// Hash of the pod template.
    #[serde(default)]
    pub revision: String,
    /// The pod template, so that it comes back when somebody edits or deletes the Deployment.
    #[serde(default)]
    #[cfg_attr(test, schemars(schema_with = "crate::crd::any_object"))]
    pub template: Value,
}

/// How long the Pods of a step are awaited. The clock stops while they are available, and while the rollout is paused.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Lateness {
    /// Since when the clock runs.
    #[cfg_attr(test, schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub since: Option<Timestamp>,
    /// Milliseconds before that.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "i64"))]
    pub spent_millis: u64,
    /// The most Pods that were available: one more starts the clock anew.
    #[serde(default)]
    pub best: u32,
}

/// The checks of a step.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Checks {
    /// All of them passed.
    #[serde(default)]
    pub passed: bool,
    /// When they were asked last.
    #[cfg_attr(test, schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub asked_at: Option<Timestamp>,
    /// When they are asked again.
    #[cfg_attr(test, schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub next_at: Option<Timestamp>,
    /// What is counted of them.
    pub tally: Option<Tally>,
}

/// The Job before a new version.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MigrationStatus {
    /// The revision that it is for.
    pub revision: String,
    /// Name of the Job.
    pub job: String,
    /// How often it was asked for.
    pub attempt: u32,
    /// How far it is.
    pub stage: Stage,
}

/// How far a migration is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
pub enum Stage {
    /// The Job is about to be created.
    Intended,
    /// It was created.
    Created,
}
