//! What there is to see of a rollout at one moment.

use oarlock_core::object::Object;
use oarlock_core::timestamp::Timestamp;
use serde_json::Value;

/// A Deployer and its Deployments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    /// Such as `no. 3`.
    pub(super) step: String,
    /// Such as `60% has been deployed`.
    pub(super) percentage: String,
    /// Such as `30s till next step`.
    pub(super) wait: String,
    /// When the wait ends.
    pub(super) next_step: Option<Timestamp>,
    /// `Ready`'s message.
    pub(super) condition: String,
    ready: bool,
    /// The version that the status is about.
    version: String,
    /// Name, ready and wanted Pods, by name.
    pub(super) deployments: Vec<(String, i64, i64)>,
}

impl Frame {
    /// From the live objects.
    pub(super) fn of(deployer: Option<&Object>, deployments: &[Object]) -> Self {
        let text = |pointer: &str| {
            let value = deployer
                .and_then(|d| d.pointer(pointer))
                .and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let number = |object: &Object, pointer: &str| {
            object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
        };
        let ready = deployer
            .and_then(|d| d.pointer("/status/conditions"))
            .and_then(Value::as_array)
            .and_then(|list| list.iter().find(|c| c["type"] == "Ready"));
        let observed = deployer.is_some_and(|d| {
            d.pointer("/metadata/generation") == d.pointer("/status/observedGeneration")
        });
        Self {
            step: text("/status/progress/step"),
            percentage: text("/status/progress/percentage"),
            wait: text("/status/progress/wait"),
            next_step: Timestamp::parse_rfc3339(&text("/status/stepEndsAt")),
            condition: ready
                .and_then(|c| c["message"].as_str())
                .unwrap_or_default()
                .to_owned(),
            ready: observed && ready.is_some_and(|c| c["status"] == "True"),
            version: text("/status/to/version"),
            deployments: deployments
                .iter()
                .map(|d| {
                    (
                        d.target().name.clone(),
                        number(d, "/status/readyReplicas"),
                        number(d, "/spec/replicas"),
                    )
                })
                .collect(),
        }
    }

    /// Whether the rollout to `version` is over.
    pub(super) fn ready_at(&self, version: &str) -> bool {
        self.ready && self.version == version && self.deployments.len() == 1
    }

    /// Such as `nginx-1.7.7 7/7, nginx-1.7.8 3/3`.
    pub(super) fn replicas(&self) -> String {
        let each: Vec<String> = self
            .deployments
            .iter()
            .map(|(name, ready, wanted)| format!("{name} {ready}/{wanted}"))
            .collect();
        each.join(", ")
    }
}
