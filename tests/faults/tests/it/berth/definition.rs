//! The kind, and the watch.

use std::sync::LazyLock;

use serde_json::{Value, json};

pub(super) const WATCHES: &str = r#"
- group: faults.oarlock.dev
  version: v1
  kind: Berth
  module: berth.wasm
  selector: {matchLabels: {team: web}}
  grants:
    write:
    - {apiGroups: [""], resources: [configmaps, services]}
    - {apiGroups: [""], resources: [configmaps], namespaces: [kube-public]}
    - {apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles]}
    - {apiGroups: [batch], resources: [jobs]}
    read:
    - {apiGroups: [""], resources: [configmaps]}
    http: ["http://harbour.test"]
"#;

pub(super) static DEFINITION: LazyLock<Value> = LazyLock::new(|| {
    let text = json!({"type": "string"});
    let conditions = json!({"type": "array", "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"], "items": {"type": "object",
            "required": ["type", "status"], "properties": {
                "type": text, "status": text, "reason": text, "message": text,
                "lastTransitionTime": {"type": "string", "format": "date-time"},
                "observedGeneration": {"type": "integer", "format": "int64"}}}});
    let effect = json!({"type": "object", "properties": {"key": text, "task": text}});
    let release =
        json!({"type": "object", "properties": {"key": text, "sent": {"type": "boolean"}}});
    let schema = json!({"type": "object", "required": ["spec"], "properties": {
        "spec": {"type": "object", "required": ["color", "task"], "properties": {
            "color": text,
            "task": text,
            "parts": {"type": "integer", "default": 1, "minimum": 0},
        }},
        "status": {"type": "object", "properties": {
            "conditions": conditions, "intent": effect, "done": effect, "release": release,
            "parts": {"type": "integer"},
        }},
    }});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "berths.faults.oarlock.dev"},
        "spec": {
            "group": "faults.oarlock.dev",
            "scope": "Namespaced",
            "names": {"kind": "Berth", "listKind": "BerthList", "plural": "berths", "singular": "berth"},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": schema},
            }],
        },
    })
});
