//! `status` of a Deployer, as it is stored. [`State`](crate::rollout::State) is what it means.

use oarlock_sdk::Timestamp;
use serde::{Deserialize, Serialize};

/// Where the rollout is. Written by the module alone.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeployerStatus {
    /// The generation of the spec that this status is about.
    pub observed_generation: Option<i64>,
    /// Progress in words.
    pub progress: Option<Progress>,
    /// Installing, Scaling, Waiting, Finishing or Stable.
    pub phase: Option<Phase>,
    /// The generation that began this rollout.
    pub rollout: Option<i64>,
    /// What served before, and serves again if the version is taken back.
    pub from: Option<Release>,
    /// What is rolled out, or runs.
    pub to: Option<Release>,
    /// The current step, counted from 1.
    pub step_index: Option<u32>,
    /// Percent of the current step.
    pub step_percent: Option<u8>,
    /// Since when all Pods of the step are available.
    #[cfg_attr(test, schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub step_started_at: Option<Timestamp>,
    /// When the next step begins.
    #[cfg_attr(test, schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub next_step_at: Option<Timestamp>,
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
    Installing,
    Scaling,
    Waiting,
    Finishing,
    Stable,
}

/// One version in one Deployment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Release {
    /// Name of the Deployment.
    pub deployment: String,
    /// The version, as the spec has it.
    pub version: String,
    /// The whole image reference.
    pub image: String,
}
