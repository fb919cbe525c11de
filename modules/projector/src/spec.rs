//! `ServiceBinding` of servicebinding.io v1: what its author writes, and what is told of it.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use oarlock_sdk::{FieldError, KindInfo, ObjectRef, Resource, Timestamp};
use serde::{Deserialize, Serialize};

use crate::projection::{Env, is_name};

/// Group of the specification.
pub(crate) const GROUP: &str = "servicebinding.io";

/// `spec`.
#[derive(Clone, Debug, Deserialize, Resource)]
#[resource(
    group = "servicebinding.io",
    version = "v1",
    kind = "ServiceBinding",
    plural = "servicebindings",
    namespaced
)]
#[resource(status = Status)]
pub(crate) struct ServiceBinding {
    /// Name of the directory; the object's own where it is left out.
    #[serde(default)]
    pub(crate) name: String,
    /// Instead of the Secret's entry `type`.
    #[serde(default, rename = "type")]
    pub(crate) kind: String,
    /// Instead of the Secret's entry `provider`.
    #[serde(default)]
    pub(crate) provider: String,
    pub(crate) workload: WorkloadReference,
    pub(crate) service: ServiceReference,
    #[serde(default)]
    pub(crate) env: Vec<Env>,
}

/// The same object while it goes: whatever its spec says, nobody's deletion is held up.
#[derive(Clone, Debug, Deserialize, Resource)]
#[resource(
    group = "servicebinding.io",
    version = "v1",
    kind = "ServiceBinding",
    plural = "servicebindings",
    namespaced
)]
#[resource(status = Status)]
pub(crate) struct Leaving {}

/// `spec.workload`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkloadReference {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) selector: Option<Selector>,
    #[serde(default)]
    pub(crate) containers: Vec<String>,
}

/// `spec.service`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServiceReference {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
}

/// A label selector as Kubernetes has it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Selector {
    match_labels: BTreeMap<String, String>,
    match_expressions: Vec<Requirement>,
}

#[derive(Clone, Debug, Deserialize)]
struct Requirement {
    key: String,
    operator: String,
    #[serde(default)]
    values: Vec<String>,
}

/// `status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Status {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) observed_generation: Option<i64>,
    /// The Secret that is projected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) binding: Option<SecretName>,
    /// Where it is projected, or will be: written before a workload is changed for the first time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) workloads: Vec<Held>,
}

/// `status.binding`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct SecretName {
    pub(crate) name: String,
}

/// One of `status.workloads`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Held {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    /// Whether the binding is in it as it should be.
    pub(crate) projected: bool,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    /// The API server did not take it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<Refused>,
}

/// A write that is not tried again until the workload or the binding changes, or a while has passed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Refused {
    /// What stands for the workload as it was, or for what is put in where that is not kept; empty where it does not matter.
    pub(crate) version: String,
    /// `metadata.generation` of the binding.
    pub(crate) generation: i64,
    /// Machine-readable, such as `Forbidden`.
    pub(crate) reason: String,
    /// How often it came to nothing.
    pub(crate) tries: u32,
    /// When it is tried again.
    pub(crate) until: Option<Timestamp>,
}

impl Held {
    /// The workload of a name.
    pub(crate) fn of(target: &ObjectRef) -> Self {
        Self {
            api_version: target.api_version.clone(),
            kind: target.kind.clone(),
            name: target.name.clone(),
            ..Self::default()
        }
    }

    /// `Deployment web`.
    pub(crate) fn label(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }

    /// Whether they are one object, whatever version of its kind it is addressed by.
    pub(crate) fn is(&self, target: &ObjectRef) -> bool {
        group(&self.api_version) == group(&target.api_version)
            && self.kind == target.kind
            && self.name == target.name
    }

    /// Where it is found, in a version that is served.
    pub(crate) fn target(&self, namespace: &str, kinds: &[KindInfo]) -> ObjectRef {
        let is_same = |info: &&KindInfo| {
            info.kind == self.kind && group(&info.api_version) == group(&self.api_version)
        };
        let mut served = kinds.iter().filter(is_same);
        let exact = served
            .clone()
            .find(|info| info.api_version == self.api_version);
        let version = exact
            .or_else(|| served.next())
            .map_or(&self.api_version, |info| &info.api_version);
        ObjectRef::new(version.as_str(), self.kind.as_str(), self.name.as_str())
            .in_namespace(namespace)
    }
}

/// The group of an `apiVersion`.
pub(crate) fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// The version of an `apiVersion`.
pub(crate) fn version(api_version: &str) -> &str {
    api_version
        .split_once('/')
        .map_or(api_version, |(_, version)| version)
}

impl ServiceReference {
    /// Whether it is a Secret itself.
    pub(crate) fn is_secret(&self) -> bool {
        self.api_version == "v1" && self.kind == "Secret"
    }
}

impl ServiceBinding {
    /// What is wrong with it, without a look at anything else.
    pub(crate) fn problems(&self, own_name: &str) -> Vec<FieldError> {
        let mut problems = Vec::new();
        let mut wrong = |path: &str, message: String| problems.push(FieldError::new(path, message));
        let workload = &self.workload;
        match (workload.name.is_empty(), &workload.selector) {
            (true, None) => wrong(
                "spec.workload",
                "neither name nor selector is set\nhint: set one of them".to_owned(),
            ),
            (false, Some(_)) => wrong(
                "spec.workload",
                "both name and selector are set\nhint: remove one of them".to_owned(),
            ),
            _ => {}
        }
        if let Some(selector) = &workload.selector
            && let Err(message) = selector.text()
        {
            wrong("spec.workload.selector", message);
        }
        for (path, text) in [
            ("spec.workload.apiVersion", &workload.api_version),
            ("spec.workload.kind", &workload.kind),
            ("spec.service.apiVersion", &self.service.api_version),
            ("spec.service.kind", &self.service.kind),
            ("spec.service.name", &self.service.name),
        ] {
            if text.is_empty() {
                wrong(path, "must not be empty".to_owned());
            }
        }
        let (path, name) = if self.name.is_empty() {
            ("metadata.name", own_name)
        } else {
            ("spec.name", self.name.as_str())
        };
        if !is_name(name) {
            wrong(
                path,
                format!(
                    "{name:?} is no name of a binding\nhint: set spec.name to lower case letters, digits, `-` and `.`, 253 at most"
                ),
            );
        }
        let mut names = BTreeSet::new();
        for (index, env) in self.env.iter().enumerate() {
            if env.name.is_empty() || env.key.is_empty() {
                wrong(
                    &format!("spec.env[{index}]"),
                    "needs name and key".to_owned(),
                );
            } else if !names.insert(&env.name) {
                wrong(
                    &format!("spec.env[{index}].name"),
                    format!("{:?} is there twice\nhint: keep one of them", env.name),
                );
            }
        }
        let service = &self.service;
        if group(&service.api_version) == GROUP
            && service.kind == "ServiceBinding"
            && service.name == own_name
        {
            wrong(
                "spec.service",
                "is the binding itself\nhint: name what has the Secret".to_owned(),
            );
        }
        problems
    }
}

impl Selector {
    /// As kubectl writes it; empty selects everything.
    ///
    /// # Errors
    ///
    /// An operator that Kubernetes does not have, or values where there must be none, or none where there must be some.
    pub(crate) fn text(&self) -> Result<String, String> {
        let mut terms: Vec<String> = self
            .match_labels
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        for Requirement {
            key,
            operator,
            values,
        } in &self.match_expressions
        {
            let all = values.join(",");
            terms.push(match (operator.as_str(), values.is_empty()) {
                ("In", false) => format!("{key} in ({all})"),
                ("NotIn", false) => format!("{key} notin ({all})"),
                ("Exists", true) => key.clone(),
                ("DoesNotExist", true) => format!("!{key}"),
                ("In" | "NotIn", true) => {
                    return Err(format!("{operator} of {key:?} needs values"));
                }
                ("Exists" | "DoesNotExist", false) => {
                    return Err(format!("{operator} of {key:?} takes no values"));
                }
                _ => {
                    return Err(format!(
                        "operator {operator:?} of {key:?} is none of In, NotIn, Exists and DoesNotExist"
                    ));
                }
            });
        }
        Ok(terms.join(","))
    }
}
