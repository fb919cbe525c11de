//! Classes and plans as objects of the cluster, and read from them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
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

impl Kinds {
    /// Of a broker of the cluster.
    pub const CLUSTER: Self = Self {
        class: "ClusterServiceClass",
        plan: "ClusterServicePlan",
    };
    /// Of a broker of a namespace.
    pub const NAMESPACED: Self = Self {
        class: "ServiceClass",
        plan: "ServicePlan",
    };

    /// Fields of `spec` that say of what is the other scope's: with one of them, an object of a namespace would be served with
    /// what the cluster's broker is given.
    fn foreign(self) -> [&'static str; 2] {
        match self == Self::CLUSTER {
            true => ["serviceBrokerName", "serviceClassRef"],
            false => ["clusterServiceBrokerName", "clusterServiceClassRef"],
        }
    }
}

/// Why an object is no class or plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Read {
    /// Fields of its `spec` are wrong.
    #[error(
        "spec of {kind} {name:?} cannot be read: {fault}\nhint: it is written from its broker's catalog; undo what was changed by hand"
    )]
    Spec {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
        /// What is wrong.
        fault: String,
    },
    /// It says that it is of a broker or a class of the other scope.
    #[error(
        "{kind} {name:?} has spec.{field}, which its kind does not have: nothing is made through it\nhint: it is written from its broker's catalog; take the field out"
    )]
    Scope {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
        /// The field.
        field: &'static str,
    },
}

impl BrokerName {
    /// Kinds of its classes and plans.
    #[must_use]
    pub const fn kinds(&self) -> Kinds {
        match self {
            Self::Cluster(_) => Kinds::CLUSTER,
            Self::Namespaced(_) => Kinds::NAMESPACED,
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

/// The class that an object of the first of these kinds is.
///
/// # Errors
///
/// It is none, or one of the other scope.
pub fn class(object: Value, kinds: Kinds) -> Result<Class, Read> {
    let (name, removed, spec) = read(object, kinds.class, kinds)?;
    Ok(Class {
        name,
        removed,
        spec,
    })
}

/// The plan that an object of the second of these kinds is.
///
/// # Errors
///
/// It is none, or one of the other scope.
pub fn plan(object: Value, kinds: Kinds) -> Result<Plan, Read> {
    let (name, removed, spec) = read(object, kinds.plan, kinds)?;
    Ok(Plan {
        name,
        removed,
        spec,
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

fn read<T: DeserializeOwned>(
    mut object: Value,
    kind: &'static str,
    kinds: Kinds,
) -> Result<(String, bool, T), Read> {
    let name = object.pointer("/metadata/name").and_then(Value::as_str);
    let name = name.unwrap_or_default().to_owned();
    let removed = is_removed(&object);
    let spec = object.get_mut("spec").map(Value::take).unwrap_or_default();
    if let Some(field) = kinds
        .foreign()
        .into_iter()
        .find(|field| spec.get(field).is_some())
    {
        return Err(Read::Scope { kind, name, field });
    }
    match serde_json::from_value(spec) {
        Ok(spec) => Ok((name, removed, spec)),
        Err(error) => Err(Read::Spec {
            kind,
            name,
            fault: error.to_string(),
        }),
    }
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

    use serde_json::{Value, json};

    use super::{Kinds, Read, class, of_class, of_plan, plan};

    #[test]
    fn what_is_written_is_read_again_but_for_what_is_an_administrators() {
        let spec = json!({
            "serviceBrokerName": "b", "externalName": "My DB", "externalID": "s1", "description": "",
            "bindable": true, "bindingRetrievable": false, "instanceRetrievable": false, "planUpdatable": false,
            "allowContextUpdates": false, "defaultProvisionParameters": {"a": 1},
        });
        let mut read = class(json!({
            "metadata": {"name": "s1"}, "spec": spec, "status": {"removedFromBrokerCatalog": true},
        }), Kinds::NAMESPACED)
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
        assert_eq!(class(written, Kinds::NAMESPACED).unwrap(), read);
    }

    #[test]
    fn a_plan_is_labelled_with_its_class() {
        let read = plan(json!({"metadata": {"name": "p"}, "spec": {
            "clusterServiceBrokerName": "b", "clusterServiceClassRef": {"name": "s"}, "externalName": "n", "externalID": "p",
        }}), Kinds::CLUSTER)
        .unwrap();
        let written = of_plan(&read, None);
        assert_eq!(written["kind"], "ClusterServicePlan");
        assert_eq!(
            written["metadata"]["labels"]["servicecatalog.k8s.io/spec.clusterServiceClassRef.name"],
            "s"
        );
        assert_eq!(plan(written, Kinds::CLUSTER).unwrap(), read);
        let nothing = json!({"metadata": {"name": "p"}, "spec": {}});
        let refused = plan(nothing, Kinds::CLUSTER).unwrap_err().to_string();
        assert!(
            refused.starts_with("spec of ClusterServicePlan \"p\" cannot be read: missing field"),
            "{refused}"
        );
    }

    #[test]
    fn what_is_of_the_other_scope_is_none() {
        let of = |fields: Value| {
            let mut object = json!({"metadata": {"name": "x"}, "spec": {"externalName": "n", "externalID": "i"}});
            let spec = object["spec"].as_object_mut().unwrap();
            spec.extend(fields.as_object().unwrap().clone());
            object
        };
        let field = |read: Read| match read {
            Read::Scope { field, .. } => field.to_owned(),
            other => other.to_string(),
        };
        let both = json!({"clusterServiceBrokerName": "main", "serviceBrokerName": "own"});
        let refused = |kinds| field(class(of(both.clone()), kinds).unwrap_err());
        assert_eq!(refused(Kinds::NAMESPACED), "clusterServiceBrokerName");
        assert_eq!(refused(Kinds::CLUSTER), "serviceBrokerName");
        let class_of_the_cluster = json!({
            "serviceBrokerName": "own", "serviceClassRef": {"name": "x"}, "clusterServiceClassRef": {"name": "x"},
        });
        let refused = plan(of(class_of_the_cluster), Kinds::NAMESPACED).unwrap_err();
        assert_eq!(field(refused), "clusterServiceClassRef");
    }
}
