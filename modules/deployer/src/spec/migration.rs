//! A Job between two versions.

use oarlock_sdk::Value;
use serde::Deserialize;

/// A Job that runs exactly once per revision.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Migration {
    /// The new version's image by default.
    pub image: Option<String>,
    /// Entry point; the image's own by default.
    #[serde(default)]
    pub command: Vec<String>,
    /// Arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// A PodTemplateSpec, merged over the Job's own: environment, volumes and account of the new version. Its container is called
    /// `migration`.
    #[serde(default)]
    #[cfg_attr(test, schemars(schema_with = "crate::crd::any_object"))]
    pub template: Option<Value>,
    /// How often the Job tries again before it has failed.
    #[serde(default = "six")]
    pub backoff_limit: u32,
    /// Seconds after which the Job has failed.
    pub active_deadline_seconds: Option<u32>,
    /// What a failed Job does.
    #[serde(default)]
    pub on_failure: OnMigrationFailure,
}

fn six() -> u32 {
    6
}

/// What a failed Job does.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
pub enum OnMigrationFailure {
    /// The version before comes back, and this one is not tried again without a `retry`.
    #[default]
    RestorePrevious,
    /// Nothing runs until somebody decides.
    Hold,
}
