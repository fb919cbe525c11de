//! `spec` of a Deployer, as people write it.

use std::collections::BTreeMap;

use oarlock_sdk::Resource;
use serde::Deserialize;

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
    /// How versions are rolled out. `canary` is the default, and the only way so far.
    #[serde(rename = "type", default)]
    pub strategy: Strategy,
    /// What is rolled out.
    pub deployment: Template,
    /// Percent by percent. The last step should be 100: without it the rollout is held at the last step. None at all
    /// is one step to 100.
    #[serde(default)]
    #[cfg_attr(test, schemars(length(max = 50)))]
    pub steps: Vec<Step>,
}

/// How versions are rolled out.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "camelCase")]
pub enum Strategy {
    #[default]
    Canary,
}

/// What is rolled out.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Template {
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
}

fn one() -> u32 {
    1
}

/// One step of a rollout.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// How much of the replicas run the new version. More than in the step before.
    #[cfg_attr(test, schemars(range(min = 1, max = 100)))]
    pub percent: u8,
    /// Seconds to stay on the step, from the moment on at which its Pods are available.
    #[serde(default)]
    #[cfg_attr(test, schemars(range(min = 0)))]
    pub sleep: u32,
}
