//! Classes and plans as custom resources: service-catalog's fields, with what OSB has added since.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::osb::catalog::MaintenanceInfo;

/// Whose classes these are; the kind of broker decides the kinds and the namespace of its classes and plans.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum BrokerName {
    /// A `ClusterServiceBroker`: `ClusterServiceClass` and `ClusterServicePlan`.
    #[serde(rename = "clusterServiceBrokerName")]
    Cluster(String),
    /// A `ServiceBroker`: `ServiceClass` and `ServicePlan` of its namespace.
    #[serde(rename = "serviceBrokerName")]
    Namespaced(String),
}

/// The class of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum ClassRef {
    /// A `ClusterServiceClass`.
    #[serde(rename = "clusterServiceClassRef")]
    Cluster(ObjectRef),
    /// A `ServiceClass`.
    #[serde(rename = "serviceClassRef")]
    Namespaced(ObjectRef),
}

/// Names an object.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ObjectRef {
    /// Its name.
    pub name: String,
}

/// A class.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// `metadata.name`.
    pub name: String,
    /// `spec`.
    pub spec: ClassSpec,
    /// `status.removedFromBrokerCatalog`.
    pub removed: bool,
}

/// A plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// `metadata.name`.
    pub name: String,
    /// `spec`.
    pub spec: PlanSpec,
    /// `status.removedFromBrokerCatalog`.
    pub removed: bool,
}

/// `spec` of a class.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClassSpec {
    /// Whose it is.
    #[serde(flatten)]
    pub broker: BrokerName,
    /// The service's name; the broker may change it.
    pub external_name: String,
    /// The service's ID; the broker must not change it.
    #[serde(rename = "externalID")]
    pub external_id: String,
    /// What it is.
    #[serde(default)]
    pub description: String,
    /// Whether its instances can be bound, where a plan does not say.
    #[serde(default)]
    pub bindable: bool,
    /// Whether bindings can be fetched.
    #[serde(default)]
    pub binding_retrievable: bool,
    /// Whether instances can be fetched.
    #[serde(default)]
    pub instance_retrievable: bool,
    /// Whether an instance's plan can be changed, where a plan does not say.
    #[serde(default)]
    pub plan_updatable: bool,
    /// Whether an update may say that the context has changed.
    #[serde(default)]
    pub allow_context_updates: bool,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Permissions that a platform has to grant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// What else the broker says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_metadata: Option<Map<String, Value>>,
    /// Defaults of an administrator; a relist keeps them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_provision_parameters: Option<Map<String, Value>>,
}

/// `spec` of a plan.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanSpec {
    /// Whose it is.
    #[serde(flatten)]
    pub broker: BrokerName,
    /// Its class.
    #[serde(flatten)]
    pub class: ClassRef,
    /// The plan's name; the broker may change it.
    pub external_name: String,
    /// The plan's ID; the broker must not change it.
    #[serde(rename = "externalID")]
    pub external_id: String,
    /// What it is.
    #[serde(default)]
    pub description: String,
    /// Whether it costs nothing.
    #[serde(default)]
    pub free: bool,
    /// Instead of the class'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bindable: Option<bool>,
    /// Instead of the class'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_updatable: Option<bool>,
    /// Whether its bindings can be rotated with an overlap (OSB 2.17).
    #[serde(default)]
    pub binding_rotatable: bool,
    /// Seconds after which an operation that is still polled has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_polling_duration: Option<u64>,
    /// Version of what runs under its instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance_info: Option<MaintenanceInfo>,
    /// What else the broker says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_metadata: Option<Map<String, Value>>,
    /// JSON Schema of parameters of a provisioning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_create_parameter_schema: Option<Value>,
    /// JSON Schema of parameters of an update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_update_parameter_schema: Option<Value>,
    /// JSON Schema of parameters of a binding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_binding_create_parameter_schema: Option<Value>,
    /// Defaults of an administrator; a relist keeps them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_provision_parameters: Option<Map<String, Value>>,
}

impl BrokerName {
    /// How a class of it is referred to.
    #[must_use]
    pub fn class_ref(&self, name: &str) -> ClassRef {
        let reference = ObjectRef {
            name: name.to_owned(),
        };
        match self {
            Self::Cluster(_) => ClassRef::Cluster(reference),
            Self::Namespaced(_) => ClassRef::Namespaced(reference),
        }
    }
}

impl ClassRef {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Cluster(reference) | Self::Namespaced(reference) => &reference.name,
        }
    }
}

impl Plan {
    /// Whether instances of it can be bound.
    #[must_use]
    pub fn is_bindable(&self, class: &Class) -> bool {
        self.spec.bindable.unwrap_or(class.spec.bindable)
    }

    /// Whether an instance of it can go to another plan.
    #[must_use]
    pub fn is_updatable(&self, class: &Class) -> bool {
        self.spec
            .plan_updatable
            .unwrap_or(class.spec.plan_updatable)
    }
}
