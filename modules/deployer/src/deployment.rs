//! `apps/v1 Deployment`: as much of it as the module reads and writes.
//!
//! What is read is written again as it was, because server-side apply takes away what is not given any more.

use std::collections::BTreeMap;

use oarlock_sdk::Resource;
use serde::{Deserialize, Serialize};

use crate::naming;
use crate::status::Release;

/// Label of the Deployer's name.
pub(crate) const DEPLOYER: &str = "deploy.example.com/deployer";
/// Label of the version, so that no two Deployments select each other's Pods.
pub(crate) const VERSION: &str = "deploy.example.com/version";

pub(crate) type Labels = BTreeMap<String, String>;

#[derive(Clone, Debug, Deserialize, Resource, Serialize)]
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
    pub(crate) selector: Selector,
    pub(crate) template: PodTemplate,
}

fn one() -> u32 {
    1
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Selector {
    pub(crate) match_labels: Labels,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct PodTemplate {
    pub(crate) metadata: TemplateMetadata,
    pub(crate) spec: PodSpec,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct TemplateMetadata {
    pub(crate) labels: Labels,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct PodSpec {
    pub(crate) containers: Vec<Container>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) image: String,
    #[serde(default)]
    pub(crate) ports: Vec<Port>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Port {
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) container_port: u16,
    #[serde(default = "tcp")]
    pub(crate) protocol: String,
}

fn tcp() -> String {
    String::from("TCP")
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DeploymentStatus {
    pub(crate) observed_generation: i64,
    pub(crate) replicas: u32,
    pub(crate) updated_replicas: u32,
    pub(crate) available_replicas: u32,
    pub(crate) conditions: Vec<DeploymentCondition>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct DeploymentCondition {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) reason: String,
    pub(crate) message: String,
}

impl DeploymentStatus {
    /// Why the Deployment controller gave up, where it did.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.conditions
            .iter()
            .find(|condition| {
                condition.kind == "Progressing" && condition.reason == "ProgressDeadlineExceeded"
            })
            .map(|condition| condition.message.as_str())
    }
}

impl DeploymentSpec {
    /// One container of the release, listening on port 80 as `http`.
    pub(crate) fn new(release: &Release, labels: Labels, selector: Labels) -> Self {
        Self {
            replicas: 0,
            selector: Selector {
                match_labels: selector,
            },
            template: PodTemplate {
                metadata: TemplateMetadata { labels },
                spec: PodSpec {
                    containers: vec![Container {
                        name: naming::container(&release.image),
                        image: release.image.clone(),
                        ports: vec![Port {
                            name: String::from("http"),
                            container_port: 80,
                            protocol: tcp(),
                        }],
                    }],
                },
            },
        }
    }

    /// Whether Pods with these labels are its own.
    pub(crate) fn selects(&self, labels: &Labels) -> bool {
        self.selector
            .match_labels
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
    }

    /// Whether its Pods run this image with these labels.
    pub(crate) fn runs(&self, wanted: &Self) -> bool {
        let containers = &self.template.spec.containers;
        let labels = &self.template.metadata.labels;
        wanted.template.spec.containers.iter().all(|wanted| {
            containers
                .iter()
                .any(|container| container.name == wanted.name && container.image == wanted.image)
        }) && wanted
            .template
            .metadata
            .labels
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
    }
}

/// The user's labels and the module's own.
pub(crate) fn labels(deployer: &str, version: &str, users: &Labels) -> Labels {
    let mut labels = users.clone();
    labels.insert(String::from(DEPLOYER), naming::label(deployer));
    labels.insert(String::from(VERSION), naming::label(version));
    labels
}

/// A Deployment to apply.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Deployment {
    api_version: &'static str,
    kind: &'static str,
    metadata: Named,
    spec: DeploymentSpec,
}

#[derive(Debug, Serialize)]
struct Named {
    name: String,
    namespace: String,
    labels: Labels,
}

impl Deployment {
    /// The labels of its Pods are its own, too.
    pub(crate) fn new(namespace: &str, name: &str, spec: DeploymentSpec) -> Self {
        Self {
            api_version: "apps/v1",
            kind: "Deployment",
            metadata: Named {
                name: String::from(name),
                namespace: String::from(namespace),
                labels: spec.template.metadata.labels.clone(),
            },
            spec,
        }
    }
}
