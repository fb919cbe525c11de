//! The CustomResourceDefinitions of the eight kinds, made of the tables that objects are checked by.
//!
//! The component brings them; `crds/*.yaml` are the same for kubectl. What people write
//! keeps fields that nobody knows, so that those can be named; classes and plans have the fields of their kind alone. Names, columns and
//! categories are those that `svcat` and its users know.

mod rules;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use super::fields::{self, Fate, Field, Shape, Table};
use super::{GROUP, VERSION};

/// `clusterservicebrokers`, as JSON.
pub(crate) const CLUSTER_SERVICE_BROKER: &str =
    include_str!("../../crds/component/clusterservicebrokers.json");
/// `servicebrokers`, as JSON.
pub(crate) const SERVICE_BROKER: &str = include_str!("../../crds/component/servicebrokers.json");
/// `clusterserviceclasses`, as JSON.
pub(crate) const CLUSTER_SERVICE_CLASS: &str =
    include_str!("../../crds/component/clusterserviceclasses.json");
/// `serviceclasses`, as JSON.
pub(crate) const SERVICE_CLASS: &str = include_str!("../../crds/component/serviceclasses.json");
/// `clusterserviceplans`, as JSON.
pub(crate) const CLUSTER_SERVICE_PLAN: &str =
    include_str!("../../crds/component/clusterserviceplans.json");
/// `serviceplans`, as JSON.
pub(crate) const SERVICE_PLAN: &str = include_str!("../../crds/component/serviceplans.json");
/// `serviceinstances`, as JSON.
pub(crate) const SERVICE_INSTANCE: &str =
    include_str!("../../crds/component/serviceinstances.json");
/// `servicebindings`, as JSON.
pub(crate) const SERVICE_BINDING: &str = include_str!("../../crds/component/servicebindings.json");

/// One kind.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) kind: &'static str,
    pub(super) plural: &'static str,
    pub(super) namespaced: bool,
    /// Whether the module is called for its objects.
    pub(super) served: bool,
    pub(super) about: &'static str,
    pub(super) spec: Table,
    /// None where the table of `spec` has it too.
    pub(super) status: Option<Table>,
    columns: &'static [(&'static str, &'static str)],
}

const BROKER_COLUMNS: &[(&str, &str)] = &[
    ("URL", ".spec.url"),
    ("Status", ".status.lastConditionState"),
];

/// All of them.
pub(super) const KINDS: [Kind; 8] = [
    Kind {
        kind: "ClusterServiceBroker",
        plural: "clusterservicebrokers",
        namespaced: false,
        served: true,
        about: "A broker whose services all namespaces may have.",
        spec: fields::broker::CLUSTER,
        status: Some(fields::status::BROKER),
        columns: BROKER_COLUMNS,
    },
    Kind {
        kind: "ServiceBroker",
        plural: "servicebrokers",
        namespaced: true,
        served: true,
        about: "A broker whose services its own namespace may have.",
        spec: fields::broker::NAMESPACED,
        status: Some(fields::status::BROKER),
        columns: BROKER_COLUMNS,
    },
    Kind {
        kind: "ClusterServiceClass",
        plural: "clusterserviceclasses",
        namespaced: false,
        served: false,
        about: "A service of a broker of the cluster, as its catalog has it.",
        spec: fields::offer::CLUSTER_CLASS,
        status: None,
        columns: &[
            ("External-Name", ".spec.externalName"),
            ("Broker", ".spec.clusterServiceBrokerName"),
        ],
    },
    Kind {
        kind: "ServiceClass",
        plural: "serviceclasses",
        namespaced: true,
        served: false,
        about: "A service of a broker of the namespace, as its catalog has it.",
        spec: fields::offer::CLASS,
        status: None,
        columns: &[
            ("External-Name", ".spec.externalName"),
            ("Broker", ".spec.serviceBrokerName"),
        ],
    },
    Kind {
        kind: "ClusterServicePlan",
        plural: "clusterserviceplans",
        namespaced: false,
        served: false,
        about: "A plan of a service of a broker of the cluster, as its catalog has it.",
        spec: fields::offer::CLUSTER_PLAN,
        status: None,
        columns: &[
            ("External-Name", ".spec.externalName"),
            ("Broker", ".spec.clusterServiceBrokerName"),
            ("Class", ".spec.clusterServiceClassRef.name"),
        ],
    },
    Kind {
        kind: "ServicePlan",
        plural: "serviceplans",
        namespaced: true,
        served: false,
        about: "A plan of a service of a broker of the namespace, as its catalog has it.",
        spec: fields::offer::PLAN,
        status: None,
        columns: &[
            ("External-Name", ".spec.externalName"),
            ("Broker", ".spec.serviceBrokerName"),
            ("Class", ".spec.serviceClassRef.name"),
        ],
    },
    Kind {
        kind: "ServiceInstance",
        plural: "serviceinstances",
        namespaced: true,
        served: true,
        about: "An instance of a service, at its broker.",
        spec: fields::instance::TABLE,
        status: Some(fields::status::INSTANCE),
        columns: &[
            ("Class", ".status.userSpecifiedClassName"),
            ("Plan", ".status.userSpecifiedPlanName"),
            ("Status", ".status.lastConditionState"),
        ],
    },
    Kind {
        kind: "ServiceBinding",
        plural: "servicebindings",
        namespaced: true,
        served: true,
        about: "Credentials of an instance, in a Secret.",
        spec: fields::binding::TABLE,
        status: Some(fields::status::BINDING),
        columns: &[
            ("Service-Instance", ".spec.instanceRef.name"),
            ("Secret-Name", ".status.binding.name"),
            ("Status", ".status.lastConditionState"),
        ],
    },
];

/// The definitions, as they are applied, each under the name of its file in `crds/`.
#[must_use]
pub fn all() -> Vec<(String, Value)> {
    KINDS
        .iter()
        .map(|kind| (kind.plural.to_owned(), definition(kind)))
        .collect()
}

fn definition(kind: &Kind) -> Value {
    let column =
        |name: &str, of: &str, path: &str| json!({"name": name, "type": of, "jsonPath": path});
    let mut columns: Vec<Value> = kind
        .columns
        .iter()
        .map(|(name, path)| column(name, "string", path))
        .collect();
    columns.push(column("Age", "date", ".metadata.creationTimestamp"));
    let mut status = object(kind, kind.status.unwrap_or(kind.spec), "status");
    if kind.served {
        status["properties"]["conditions"] = conditions();
        // What the operator itself says, of a spec that is wrong for one, is there alone.
        for (name, field) in [("Ready", "status"), ("Reason", "reason")] {
            let path = format!(r#".status.conditions[?(@.type=="Ready")].{field}"#);
            let mut said = column(name, "string", &path);
            said["priority"] = json!(1);
            columns.push(said);
        }
    } else {
        let mut removed = column("Removed", "boolean", ".status.removedFromBrokerCatalog");
        removed["priority"] = json!(1);
        columns.push(removed);
    }
    let mut schema = json!({
        "type": "object",
        "description": kind.about,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": object(kind, kind.spec, "spec"),
            "status": status,
        },
    });
    if !kind.served
        && let Some(spec) = schema["properties"]["spec"].as_object_mut()
    {
        // Nobody is told of what is too much in them, and a broker of the other scope would be.
        spec.remove("x-kubernetes-preserve-unknown-fields");
    }
    add_rules(kind, "", &mut schema);
    let mut version = json!({
        "name": VERSION,
        "served": true,
        "storage": true,
        "additionalPrinterColumns": columns,
        "schema": {"openAPIV3Schema": schema},
    });
    if kind.served {
        // Classes and plans are children of their broker, whose status is written with the rest of them.
        version["subresources"] = json!({"status": {}});
    }
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{}.{GROUP}", kind.plural),
            // Kubernetes keeps such groups for itself, and takes others only with a word on who approved them.
            "annotations": {
                "api-approved.kubernetes.io": "unapproved, the API of the retired service catalog",
            },
            "labels": {"svcat": "true"},
        },
        "spec": {
            "group": GROUP,
            "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
            "names": {
                "kind": kind.kind,
                "listKind": format!("{}List", kind.kind),
                "plural": kind.plural,
                "singular": kind.kind.to_lowercase(),
                "categories": ["all", "svcat"],
            },
            "versions": [version],
        },
    })
}

/// The object at a path of a table.
fn object(kind: &Kind, table: Table, path: &str) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in table {
        let Some((name, list)) = field.below(path) else {
            continue;
        };
        let mut schema = value(kind, table, field);
        add_rules(kind, field.path, &mut schema);
        if list {
            schema = json!({"type": "array", "items": schema});
            if let Some(most) = rules::most(field.path) {
                schema["maxItems"] = json!(most);
            }
        }
        if !field.remark.is_empty() {
            schema["description"] = Value::from(about(field));
        }
        if let Some(default) = field.default {
            schema["default"] = Value::from(default);
        }
        properties.insert(name.to_owned(), schema);
        if field.required {
            required.push(name);
        }
    }
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "x-kubernetes-preserve-unknown-fields": true,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if !path.contains('.') {
        add_rules(kind, path, &mut schema);
    }
    schema
}

fn value(kind: &Kind, table: Table, field: &Field) -> Value {
    match field.shape {
        Shape::Text | Shape::Id | Shape::Bytes => json!({"type": "string"}),
        Shape::Name => json!({"type": "string", "minLength": 1}),
        Shape::Duration => json!({
            "type": "string",
            "maxLength": 64,
            "x-kubernetes-validations": [{
                "rule": r"self.matches('^(0|([0-9]+([.][0-9]*)?(ns|us|µs|ms|s|m|h))+)$')",
                "message": "no duration: expected one such as 5m or 1h30m0s",
            }],
        }),
        Shape::Moment => json!({"type": "string", "format": "date-time"}),
        Shape::Flag => json!({"type": "boolean"}),
        Shape::Whole => json!({"type": "integer", "format": "int64"}),
        Shape::Count => json!({"type": "integer", "format": "int64", "minimum": 0}),
        Shape::OneOf(texts) => {
            // Clients of Go write an empty text where the retired project's webhook filled one in.
            let empty = field.default.map(|_| "");
            let all: Vec<_> = empty.iter().chain(texts).collect();
            json!({"type": "string", "enum": all})
        }
        Shape::Object => object(kind, table, field.path),
        Shape::TextLists => json!({
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        }),
        Shape::Free => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
    }
}

fn add_rules(kind: &Kind, path: &str, schema: &mut Value) {
    let rules: Vec<Value> = rules::of(kind.kind, path)
        .into_iter()
        .map(|(rule, message)| json!({"rule": rule, "message": message}))
        .collect();
    if !rules.is_empty() {
        schema["x-kubernetes-validations"] = Value::Array(rules);
    }
}

fn about(field: &Field) -> String {
    match field.fate {
        Fate::Done => field.remark.to_owned(),
        Fate::Idle => format!("Not heeded: {}", field.remark),
    }
}

fn conditions() -> Value {
    json!({
        "type": "array",
        "description": "Ready: what is under way, what went wrong, or that it is there. Failed: it is not tried again by itself. OrphanMitigation: something may be at the broker that nobody wants.",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status"],
            "properties": {
                "type": {"type": "string"},
                "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                "observedGeneration": {"type": "integer", "format": "int64"},
                "lastTransitionTime": {"type": "string", "format": "date-time"},
                "reason": {"type": "string"},
                "message": {"type": "string"},
            },
        },
    })
}
