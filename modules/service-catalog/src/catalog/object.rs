//! Classes and plans as objects of the cluster, and read from them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::label;
use super::offer::{BrokerName, Class, Plan};

/// Of all kinds of the service catalog.
const API_VERSION: &str = "servicecatalog.k8s.io/v1beta1";

/// Kinds of a broker's classes and plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds {
    /// Kind of classes.
    pub class: &'static str,
    /// Kind of plans.
    pub plan: &'static str,
}

impl BrokerName {
    /// Kinds of its classes and plans.
    #[must_use]
    pub const fn kinds(&self) -> Kinds {
        match self {
            Self::Cluster(_) => Kinds {
                class: "ClusterServiceClass",
                plan: "ClusterServicePlan",
            },
            Self::Namespaced(_) => Kinds {
                class: "ServiceClass",
                plan: "ServicePlan",
            },
        }
    }
}

/// A class, as it is written. An administrator's fields are not in it: whoever applies it leaves them alone.
#[must_use]
pub fn of_class(class: &Class, namespace: Option<&str>) -> Value {
    written(
        class.spec.broker.kinds().class,
        &class.name,
        namespace,
        &label::of_class(class),
        &class.spec,
        class.removed,
    )
}

/// A plan, as it is written. An administrator's fields are not in it: whoever applies it leaves them alone.
#[must_use]
pub fn of_plan(plan: &Plan, namespace: Option<&str>) -> Value {
    written(
        plan.spec.broker.kinds().plan,
        &plan.name,
        namespace,
        &label::of_plan(plan),
        &plan.spec,
        plan.removed,
    )
}

/// The class that an object is; none where it is none.
#[must_use]
pub fn class(object: Value) -> Option<Class> {
    let (name, removed, spec) = read(object)?;
    Some(Class {
        name,
        removed,
        spec: serde_json::from_value(spec).ok()?,
    })
}

/// The plan that an object is; none where it is none.
#[must_use]
pub fn plan(object: Value) -> Option<Plan> {
    let (name, removed, spec) = read(object)?;
    Some(Plan {
        name,
        removed,
        spec: serde_json::from_value(spec).ok()?,
    })
}

/// Whether an object says that its broker does not offer it any more.
#[must_use]
pub fn is_removed(object: &Value) -> bool {
    object
        .pointer("/status/removedFromBrokerCatalog")
        .and_then(Value::as_bool)
        .unwrap_or_default()
}

fn read(mut object: Value) -> Option<(String, bool, Value)> {
    let name = object.pointer("/metadata/name")?.as_str()?.to_owned();
    let removed = is_removed(&object);
    Some((name, removed, object.get_mut("spec")?.take()))
}

fn written(
    kind: &str,
    name: &str,
    namespace: Option<&str>,
    labels: &BTreeMap<&str, String>,
    spec: &impl Serialize,
    removed: bool,
) -> Value {
    let mut object = json!({
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
        "status": {"removedFromBrokerCatalog": removed},
    });
    if let Some(namespace) = namespace {
        object["metadata"]["namespace"] = json!(namespace);
    }
    if let Some(spec) = object["spec"].as_object_mut() {
        spec.remove("defaultProvisionParameters");
    }
    object
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::{class, of_class, of_plan, plan};

    #[test]
    fn what_is_written_is_read_again_but_for_what_is_an_administrators() {
        let spec = json!({
            "serviceBrokerName": "b", "externalName": "My DB", "externalID": "s1", "description": "",
            "bindable": true, "bindingRetrievable": false, "instanceRetrievable": false, "planUpdatable": false,
            "allowContextUpdates": false, "defaultProvisionParameters": {"a": 1},
        });
        let mut read = class(json!({
            "metadata": {"name": "s1"}, "spec": spec, "status": {"removedFromBrokerCatalog": true},
        }))
        .unwrap();
        assert!(read.removed && read.spec.default_provision_parameters.is_some());
        let written = of_class(&read, Some("ns"));
        assert_eq!(written["kind"], "ServiceClass");
        assert_eq!(written["metadata"]["namespace"], "ns");
        assert_eq!(
            written["metadata"]["labels"],
            json!({
                "servicecatalog.k8s.io/spec.serviceBrokerName": "b",
                "servicecatalog.k8s.io/spec.externalID": "s1",
                "servicecatalog.k8s.io/spec.externalName": "sha256-2742715fd03f62906a48f857c19050176a3fd3ba",
            })
        );
        read.spec.default_provision_parameters = None;
        assert_eq!(class(written).unwrap(), read);
    }

    #[test]
    fn a_plan_is_labelled_with_its_class() {
        let read = plan(json!({"metadata": {"name": "p"}, "spec": {
            "clusterServiceBrokerName": "b", "clusterServiceClassRef": {"name": "s"}, "externalName": "n", "externalID": "p",
        }}))
        .unwrap();
        let written = of_plan(&read, None);
        assert_eq!(written["kind"], "ClusterServicePlan");
        assert_eq!(
            written["metadata"]["labels"]["servicecatalog.k8s.io/spec.clusterServiceClassRef.name"],
            "s"
        );
        assert_eq!(plan(written).unwrap(), read);
        assert_eq!(plan(json!({"metadata": {"name": "p"}, "spec": {}})), None);
    }
}
