//! What users write: the objects that the module serves, read and checked.
//!
//! Owns names, shapes and rules of all fields of the eight kinds, their definitions in `crds/` and what `FIELDS.md` says. All of
//! what is wrong is told at once, by path. It reads nothing but the object, and knows nothing of brokers.

mod binding;
mod broker;
pub mod definitions;
mod duration;
mod fields;
mod instance;
#[cfg(test)]
mod tests;

use oarlock_sdk::FieldError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::osb::request::Identity;
use crate::situation::DeletionPolicy;
use fields::Table;

pub use binding::{BindingSpec, InstanceRef, RotationSpec};
pub use broker::{AuthInfo, BrokerSpec, SecretAt, Way};
pub use duration::GoDuration;
pub use instance::{InstanceSpec, Maintenance};

/// The group of all kinds.
pub const GROUP: &str = "servicecatalog.k8s.io";

/// The version of all kinds.
pub const VERSION: &str = "v1beta1";

/// Has somebody's reason for leaving everything of an object at its broker. The shipped policy allows it to those with the
/// right `abandon`.
pub const ABANDON: &str = "servicecatalog.oarlock.dev/abandon";

/// Rotates a binding once for each new text.
pub const ROTATE: &str = "servicecatalog.oarlock.dev/rotate";

/// What the deletion of an object takes of its `spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leaving {
    /// What becomes of it at the broker.
    pub policy: DeletionPolicy,
    /// On whose behalf it is asked.
    pub user: Option<Identity>,
}

/// `spec` of a `ClusterServiceBroker` or a `ServiceBroker`, by its kind.
///
/// # Errors
///
/// All fields that are wrong.
pub fn broker(object: &Value) -> Result<BrokerSpec, Vec<FieldError>> {
    let of_namespace = object["kind"] == "ServiceBroker";
    let table = if of_namespace {
        fields::broker::NAMESPACED
    } else {
        fields::broker::CLUSTER
    };
    let spec: BrokerSpec = read(table, object)?;
    let own = object["metadata"]["namespace"].as_str();
    told(spec.faults(own.filter(|_| of_namespace)), spec)
}

/// `spec` of a `ServiceInstance`.
///
/// # Errors
///
/// All fields that are wrong.
pub fn instance(object: &Value) -> Result<InstanceSpec, Vec<FieldError>> {
    let spec: InstanceSpec = read(fields::instance::TABLE, object)?;
    told(spec.faults(), spec)
}

/// `spec` of a `ServiceBinding`.
///
/// # Errors
///
/// All fields that are wrong.
pub fn binding(object: &Value) -> Result<BindingSpec, Vec<FieldError>> {
    let spec: BindingSpec = read(fields::binding::TABLE, object)?;
    told(spec.faults(), spec)
}

/// What a deletion needs, whatever else is wrong with the object: nobody should have to mend what he wants to be rid of.
#[must_use]
pub fn leaving(object: &Value) -> Leaving {
    let spec = &object["spec"];
    let policy = DeletionPolicy::deserialize(&spec["deletionPolicy"]);
    let user = Identity::deserialize(&spec["userInfo"]);
    Leaving {
        policy: policy.unwrap_or_default(),
        user: user.ok(),
    }
}

fn read<T: DeserializeOwned>(table: Table, object: &Value) -> Result<T, Vec<FieldError>> {
    let wrong = fields::check(table, object);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let mut spec = object["spec"].clone();
    drop_silence(table, "spec", &mut spec);
    // What the table lets through is read; where the two differ, a test fails, and here it is told.
    serde_json::from_value(spec).map_err(|error| vec![FieldError::new("spec", error.to_string())])
}

fn told<T>(wrong: Vec<FieldError>, spec: T) -> Result<T, Vec<FieldError>> {
    if wrong.is_empty() {
        Ok(spec)
    } else {
        Err(wrong)
    }
}

/// Fields that say nothing; but inside of parameters null is a value.
fn drop_silence(table: Table, path: &str, value: &mut Value) {
    let Value::Object(map) = value else {
        return;
    };
    map.retain(|name, value| !fields::is_silent(table, &format!("{path}.{name}"), value));
    for (name, value) in map {
        let (one, list) = (format!("{path}.{name}"), format!("{path}.{name}[]"));
        match value {
            Value::Object(_) if fields::is_object(table, &one) => drop_silence(table, &one, value),
            Value::Array(items) if fields::is_object(table, &list) => {
                for item in items {
                    drop_silence(table, &list, item);
                }
            }
            _ => {}
        }
    }
}

/// Of fields that hold an object of any content.
type Content = Map<String, Value>;
