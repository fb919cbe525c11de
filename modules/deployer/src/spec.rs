//! `spec` of a Deployer, as people write it.

mod duration;
mod migration;
mod service;

use std::collections::BTreeMap;

use oarlock_sdk::{Resource, Value};
use rollout::analysis::spec::{CheckSpec, NotifySpec};
use rollout::arithmetic::IntOrPercent;
use rollout::control::Control;
use serde::Deserialize;

pub(crate) use self::duration::Seconds;
pub(crate) use self::migration::{Migration, OnMigrationFailure};
pub(crate) use self::service::{BlueGreen, Service};
use crate::status::DeployerStatus;

/// Rolls versions of an image out in steps.
#[derive(Clone, Debug, Deserialize, Resource)]
#[resource(
    group = "deploy.example.com",
    version = "v1alpha1",
    kind = "Deployer",
    plural = "deployers"
)]
#[resource(namespaced, status = DeployerStatus)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeployerSpec {
    /// How versions are rolled out: `canary` in steps, `blueGreen` as a whole beside the old one, `recreate` after the
    /// old one is gone.
    #[serde(rename = "type", default)]
    pub kind: Kind,
    /// What is rolled out.
    pub deployment: Deployed,
    /// How far a rollout may go, and how long.
    #[serde(default)]
    pub strategy: Strategy,
    /// Of `canary`: percent by percent, the last one 100. None at all is one step to 100.
    #[serde(default)]
    #[cfg_attr(test, schemars(length(max = 50)))]
    pub steps: Vec<Step>,
    /// Of `blueGreen`: when the new version takes over, and how long the old one stays.
    #[serde(default)]
    pub blue_green: BlueGreen,
    /// Of `blueGreen`: the Services whose selectors are switched. Without it both versions are behind whatever selects
    /// `deployment.labels`, and the old one leaves when the new one is available.
    pub service: Option<Service>,
    /// Of `recreate`: a Job that runs exactly once per revision, when the old version is gone and before the new one starts.
    pub migration: Option<Migration>,
    /// Takes no step and begins no rollout. A way back to what served before is not held.
    #[serde(default)]
    pub paused: bool,
    /// Wishes for one revision: `status.currentRevision`.
    #[serde(default)]
    pub control: Control,
    /// Who is told of every step.
    #[serde(default)]
    #[cfg_attr(test, schemars(length(max = 10)))]
    pub notify: Vec<NotifySpec>,
    /// How many Deployments of earlier revisions are kept without Pods. The way back to one of them has no steps.
    #[serde(default)]
    #[cfg_attr(test, schemars(range(min = 0, max = 10)))]
    pub revision_history_limit: u32,
}

/// How versions are rolled out.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    #[default]
    Canary,
    BlueGreen,
    Recreate,
}

/// What is rolled out.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Deployed {
    /// Name of the Deployments, which get the version after it.
    #[cfg_attr(test, schemars(length(min = 1, max = 63)))]
    pub name: String,
    /// The Deployer's own namespace, where it is given at all.
    pub namespace: Option<String>,
    /// Image without its tag. One that has a tag or a digest is taken as it is.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub image: String,
    /// The image's tag. Quote it where YAML reads a number.
    #[cfg_attr(test, schemars(length(min = 1, max = 128)))]
    pub version: String,
    /// Labels of Deployments and Pods.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Pods of all versions together.
    #[serde(default = "one")]
    #[cfg_attr(test, schemars(range(min = 0)))]
    pub replicas: u32,
    /// A PodTemplateSpec, merged over the one of image and port 80: objects by field, lists by `name`. `null` takes
    /// a field away. The container of the image has the last part of the image's path as its name.
    #[serde(default)]
    #[cfg_attr(test, schemars(schema_with = "crate::crd::any_object"))]
    pub template: Option<Value>,
}

fn one() -> u32 {
    1
}

/// How far a rollout may go, and how long.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Strategy {
    /// Pods beyond `replicas` while Pods move: a number, or percent of `replicas`, rounded up. 25% by default.
    pub max_surge: IntOrPercent,
    /// Pods of `replicas` that may be unavailable meanwhile: a number, or percent of `replicas`, rounded down. None by
    /// default.
    pub max_unavailable: IntOrPercent,
    /// Seconds that the Pods of one step may take to become available; 0 for no limit. Does not count while paused.
    pub progress_deadline_seconds: u32,
    /// Failed checks of one step that give the rollout up.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub threshold: u32,
    /// What a passed deadline or a failed check does: `abort` goes back to what served before, `hold` stays.
    pub on_failure: OnFailure,
    /// Seconds that a Pod must be ready to count as available.
    #[cfg_attr(test, schemars(range(min = 0)))]
    pub min_ready_seconds: u32,
}

impl Default for Strategy {
    fn default() -> Self {
        Self {
            max_surge: IntOrPercent::Percent(25),
            max_unavailable: IntOrPercent::Int(0),
            progress_deadline_seconds: 600,
            threshold: 1,
            on_failure: OnFailure::Abort,
            min_ready_seconds: 0,
        }
    }
}

/// What a failed rollout does.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "camelCase")]
pub enum OnFailure {
    #[default]
    Abort,
    Hold,
}

/// One step of a rollout.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// How much of the replicas run the new version. More than in the step before.
    #[cfg_attr(test, schemars(range(min = 1, max = 100)))]
    pub percent: u8,
    /// Time to stay on the step, from the moment on at which its Pods are available: seconds, or such as `90s` or `1h30m`.
    #[serde(default)]
    pub sleep: Seconds,
    /// Stays on the step until it is promoted.
    #[serde(default)]
    pub pause: bool,
    /// Asked when the sleep is over. All of them must pass.
    #[serde(default)]
    #[cfg_attr(test, schemars(length(max = 20)))]
    pub checks: Vec<CheckSpec>,
    /// Who is told when the step's Pods are available, besides those of `spec.notify`.
    #[serde(default)]
    #[cfg_attr(test, schemars(length(max = 10)))]
    pub notify: Vec<NotifySpec>,
}
