//! `apps/v1 Deployment`: as much of it as the module reads and writes.

use std::collections::BTreeMap;

use oarlock_sdk::{Resource, Value};
use rollout::deployment::DeploymentStatus;
use serde::{Deserialize, Serialize};

use crate::status::Release;
use crate::template;

/// Label of the Deployer's name.
pub(crate) const DEPLOYER: &str = "deploy.example.com/deployer";
/// Label of the version.
pub(crate) const VERSION: &str = "deploy.example.com/version";
/// Label of the pod template's hash, so that no two Deployments select each other's Pods.
pub(crate) const REVISION: &str = "deploy.example.com/revision";
/// Annotation: the replicas that were asked for, written together with them. Where the two differ, somebody else scaled.
pub(crate) const REPLICAS: &str = "deploy.example.com/replicas";

pub(crate) type Labels = BTreeMap<String, String>;

#[derive(Clone, Debug, Deserialize, Resource)]
#[resource(
    group = "apps",
    version = "v1",
    kind = "Deployment",
    plural = "deployments",
    namespaced
)]
#[resource(status = DeploymentStatus)]
pub(crate) struct DeploymentSpec {
    #[serde(default = "one")]
    pub(crate) replicas: u32,
    #[serde(default)]
    pub(crate) selector: Selector,
    #[serde(default)]
    pub(crate) template: Value,
}

fn one() -> u32 {
    1
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Selector {
    pub(crate) match_labels: Labels,
}

/// A Deployment to apply.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Deployment {
    api_version: &'static str,
    kind: &'static str,
    metadata: Named,
    spec: Applied,
}

#[derive(Debug, Serialize)]
struct Named {
    name: String,
    namespace: String,
    labels: Labels,
    annotations: BTreeMap<&'static str, String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Applied {
    replicas: u32,
    #[serde(skip_serializing_if = "is_zero")]
    min_ready_seconds: u32,
    selector: Selector,
    template: Value,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(seconds: &u32) -> bool {
    *seconds == 0
}

impl Deployment {
    /// The labels of its Pods are its own, too. A selector cannot be changed: one that is there stays.
    pub(crate) fn new(
        namespace: &str,
        release: &Release,
        replicas: u32,
        min_ready_seconds: u32,
        selector: Option<Labels>,
    ) -> Self {
        let labels = template::labels_of(&release.template).unwrap_or_default();
        Self {
            api_version: "apps/v1",
            kind: "Deployment",
            metadata: Named {
                name: release.deployment.clone(),
                namespace: String::from(namespace),
                labels: labels.clone(),
                annotations: BTreeMap::from([(REPLICAS, replicas.to_string())]),
            },
            spec: Applied {
                replicas,
                min_ready_seconds,
                selector: Selector {
                    match_labels: selector.unwrap_or(labels),
                },
                template: release.template.clone(),
            },
        }
    }
}
