//! What the tests write about.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::time::Duration;

use oarlock_config::{ModuleSource, Watch};
use oarlock_core::json::Json;
use oarlock_core::limits::Limits;
use oarlock_core::manifest::{Grants, ResourceGrant};
use oarlock_core::object::Object;
use oarlock_core::outcome::{Child, Children, OnLeave, Outcome, Owner, Write};
use oarlock_core::reference::{Gvk, ObjectRef};
use oarlock_core::selector::LabelSelector;
use serde_json::{Map, Value, json};

pub(crate) const MANAGER: &str = "oarlock/fake";

fn definition(kind: &str, status: &Value) -> Value {
    let plural = format!("{}s", kind.to_lowercase());
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.demo.example.com")},
        "spec": {
            "group": "demo.example.com", "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase(), "listKind": format!("{kind}List")},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                    "status": status,
                }}},
            }],
        },
    })
}

/// Its status holds what is listed here and nothing else.
pub(crate) fn widget_definition() -> Value {
    definition(
        "Widget",
        &json!({"type": "object", "properties": {
            "phase": {"type": "string"},
            "step": {"type": "integer"},
            "conditions": {"type": "array", "items": {"type": "object", "properties": {
                "type": {"type": "string"}, "status": {"type": "string"}, "reason": {"type": "string"},
                "message": {"type": "string"}, "lastTransitionTime": {"type": "string"},
                "observedGeneration": {"type": "integer"},
            }}},
        }}),
    )
}

pub(crate) fn gadget_definition() -> Value {
    definition(
        "Gadget",
        &json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
    )
}

pub(crate) fn widget_kind() -> Gvk {
    Gvk::new("demo.example.com", "v1", "Widget")
}

pub(crate) fn config_map_kind() -> Gvk {
    Gvk::new("", "v1", "ConfigMap")
}

pub(crate) fn at_widget(name: &str) -> ObjectRef {
    ObjectRef::new(widget_kind(), Some("default"), name)
}

pub(crate) fn at_map(name: &str) -> ObjectRef {
    ObjectRef::new(config_map_kind(), Some("default"), name)
}

pub(crate) fn widget(name: &str) -> Value {
    json!({
        "apiVersion": "demo.example.com/v1", "kind": "Widget",
        "metadata": {"name": name, "namespace": "default"}, "spec": {"size": 1},
    })
}

pub(crate) fn config_map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data})
}

pub(crate) fn child(value: Value) -> Child {
    Child::owned(Object::from_value(value).unwrap())
}

/// An owned ConfigMap with `k: v`.
pub(crate) fn map_child(name: &str) -> Child {
    child(config_map(name, json!({"k": "v"})))
}

/// Takes `data` of somebody's ConfigMap by force and gives `restore` back.
pub(crate) fn shared_map(name: &str, data: Value, restore: Value) -> Child {
    Child {
        owner: Owner::Unowned,
        write: Write::Share,
        force: true,
        on_leave: OnLeave::Restore(json!({ "data": restore }).as_object().unwrap().clone()),
        ..child(config_map(name, data))
    }
}

pub(crate) fn exactly(children: impl IntoIterator<Item = Child>) -> Outcome {
    Outcome {
        children: Children::Exactly(children.into_iter().collect()),
        ..Outcome::nothing()
    }
}

pub(crate) fn status(value: Value) -> Option<Map<String, Value>> {
    Some(value.as_object().unwrap().clone())
}

pub(crate) fn grant(group: &str, resource: &str) -> ResourceGrant {
    ResourceGrant {
        api_groups: vec![group.to_owned()],
        resources: vec![resource.to_owned()],
        ..ResourceGrant::default()
    }
}

/// A watch of Widgets that may write ConfigMaps, Deployments, Jobs and Gadgets.
pub(crate) fn watch() -> Watch {
    Watch {
        gvk: widget_kind(),
        module: ModuleSource::File("fake.wasm".to_owned()),
        libraries: BTreeMap::new(),
        period: Duration::from_secs(10 * 60 * 60),
        workers: None,
        dependents: true,
        cluster_scoped_dependents: true,
        manage_status: true,
        selector: LabelSelector::default(),
        blacklist: Vec::new(),
        finalizer: None,
        settings: Json::empty_object(),
        grants: Grants {
            write: vec![
                grant("", "configmaps"),
                grant("apps", "deployments"),
                grant("batch", "jobs"),
                grant("demo.example.com", "gadgets"),
            ],
            act_as: vec!["robot".to_owned()],
            ..Grants::default()
        },
        limits: Limits::default(),
        service_account: None,
        line: 1,
    }
}

pub(crate) fn watch_reading(group: &str, resource: &str) -> Watch {
    let mut watch = watch();
    let mut grant = grant(group, resource);
    if resource == "secrets" {
        grant.resource_names.push("*".to_owned());
    }
    watch.grants.read.push(grant);
    watch
}

/// One of an object's conditions.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    let list = object.pointer("/status/conditions")?.as_array()?;
    list.iter().find(|condition| condition["type"] == kind)
}

/// `metadata.annotations`; absent and empty are the same.
pub(crate) fn annotations(object: &Value) -> Map<String, Value> {
    let map = object
        .pointer("/metadata/annotations")
        .and_then(Value::as_object);
    map.cloned().unwrap_or_default()
}

/// Managers with an entry in `managedFields`.
pub(crate) fn managers(object: &Value) -> Vec<String> {
    let entries = object
        .pointer("/metadata/managedFields")
        .and_then(Value::as_array);
    entries
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry["manager"].as_str()?.to_owned()))
        .collect()
}
