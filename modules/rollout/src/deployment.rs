//! What an `apps/v1 Deployment` tells of its Pods.

use serde::{Deserialize, Serialize};

/// `status` of a Deployment.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeploymentStatus {
    /// The generation that its controller has seen.
    pub observed_generation: i64,
    /// Pods of all its templates.
    pub replicas: u32,
    /// Pods of its newest template.
    pub updated_replicas: u32,
    /// Pods that are ready.
    pub ready_replicas: u32,
    /// Pods that have been ready for `minReadySeconds`.
    pub available_replicas: u32,
    /// Pods on their way out. Only newer API servers count them.
    pub terminating_replicas: u32,
    /// What its controller says for people.
    pub conditions: Vec<DeploymentCondition>,
}

/// One condition of a Deployment.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct DeploymentCondition {
    /// `Available`, `Progressing` or `ReplicaFailure`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One CamelCase word.
    pub reason: String,
    /// For people.
    pub message: String,
}

impl DeploymentStatus {
    /// What keeps Pods from coming, where the Deployment controller says so: a quota or a policy that refuses them, or that it gave
    /// up waiting.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        let refused =
            |one: &&DeploymentCondition| one.kind == "ReplicaFailure" && one.status == "True";
        let late = |one: &&DeploymentCondition| {
            one.kind == "Progressing" && one.reason == "ProgressDeadlineExceeded"
        };
        let mut told = self.conditions.iter().filter(|one| !one.message.is_empty());
        let found = told.clone().find(refused).or_else(|| told.find(late));
        found.map(|condition| condition.message.as_str())
    }
}
