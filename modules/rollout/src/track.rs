//! The versions of a workload side by side: `status.tracks`.

use serde::{Deserialize, Serialize};

/// One version of a workload, as it is now.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Track {
    /// Name of the Deployment.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Revision of its pod template.
    pub revision: String,
    /// Replicas that were asked for.
    pub desired: u32,
    /// Pods that are ready.
    pub ready: u32,
    /// Pods that are available: ready for `minReadySeconds`.
    pub available: u32,
    /// Percent of the traffic: of the replicas, or what a router was told.
    pub weight: u32,
}

/// What a version is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// What served before and serves again if the new one is given up.
    Stable,
    /// What is rolled out.
    Canary,
    /// What was on its way when yet another came; it leaves.
    Intermediate,
}
