//! What the server itself writes into built-in objects, and the rules of single kinds.
//!
//! Field defaults that depend on nothing else are the schema's business.

use k8s_openapi::ByteString;
use serde_json::{Map, Value, json};

use super::identity::Identity;
use super::{Key, metadata};
use crate::crd;
use crate::resource::Resource;
use crate::selector::Filter;
use crate::status::{Cause, Status};

/// Values that follow from the request (and, on an update, from the object as it is), before ownership is noted.
pub(super) fn fill(resource: &Resource, live: Option<&Value>, object: &mut Value) {
    metadata::drop_empty(object);
    match (resource.id.group(), resource.id.plural()) {
        ("", "secrets") => fill_secret(object),
        ("", "services") => fill_service(live, object),
        ("", "namespaces") => fill_namespace(object),
        ("apiextensions.k8s.io", "customresourcedefinitions") => crd::fill(object),
        _ => {}
    }
}

/// Values that the server decides when an object is created; its name and uid are known.
pub(super) fn complete(resource: &Resource, object: &mut Value, identity: &mut Identity) {
    match (resource.id.group(), resource.id.plural()) {
        ("", "namespaces") => {
            object["spec"]["finalizers"] = json!(["kubernetes"]);
            object["status"]["phase"] = Value::from("Active");
        }
        ("", "pods") => {
            object["status"]["phase"] = Value::from("Pending");
            object["status"]["qosClass"] = Value::from(quality_of_service(&object["spec"]));
        }
        ("", "services") => complete_service(object, identity),
        ("", "persistentvolumeclaims" | "persistentvolumes") => {
            object["status"]["phase"] = Value::from("Pending");
        }
        ("batch", "jobs") => complete_job(object),
        _ => {}
    }
}

fn fill_secret(object: &mut Value) {
    let Some(secret) = object.as_object_mut() else {
        return;
    };
    if let Some(Value::Object(texts)) = secret.remove("stringData") {
        let data = secret
            .entry("data")
            .or_insert_with(|| Value::Object(Map::new()));
        if !data.is_object() {
            *data = Value::Object(Map::new());
        }
        for (key, text) in texts {
            let bytes = ByteString(Vec::from(text.as_str().unwrap_or_default()));
            data[key] = json!(bytes);
        }
    }
    secret
        .entry("type")
        .or_insert_with(|| Value::from("Opaque"));
}

fn fill_namespace(object: &mut Value) {
    const NAME_LABEL: &str = "kubernetes.io/metadata.name";
    let name = String::from(metadata::text(object, "name"));
    if !name.is_empty() {
        if !object["metadata"]["labels"].is_object() {
            object["metadata"]["labels"] = json!({});
        }
        object["metadata"]["labels"][NAME_LABEL] = Value::from(name);
    }
}

fn fill_service(live: Option<&Value>, object: &mut Value) {
    if object["spec"]["type"] == "ExternalName" {
        return;
    }
    if let Some(ports) = object["spec"]["ports"].as_array_mut() {
        for port in ports {
            if port.get("targetPort").is_none() {
                port["targetPort"] = port["port"].clone();
            }
        }
    }
    let Some(live) = live else { return };
    for field in [
        "clusterIP",
        "clusterIPs",
        "ipFamilies",
        "ipFamilyPolicy",
        "internalTrafficPolicy",
    ] {
        let absent = object["spec"].get(field).is_none_or(|value| value == "");
        if absent && let Some(value) = live["spec"].get(field) {
            object["spec"][field] = value.clone();
        }
    }
}

fn complete_service(object: &mut Value, identity: &mut Identity) {
    object["status"] = json!({"loadBalancer": {}});
    let spec = &mut object["spec"];
    if spec["type"] == "ExternalName" {
        return;
    }
    let given = spec["clusterIP"].as_str().unwrap_or_default();
    let address = if given.is_empty() {
        let number = identity.below(65_000) + 256;
        format!("10.96.{}.{}", number / 256 % 256, number % 254 + 1)
    } else {
        String::from(given)
    };
    spec["clusterIPs"] = json!([address]);
    spec["clusterIP"] = Value::from(address);
    for (field, value) in [
        ("ipFamilies", json!(["IPv4"])),
        ("ipFamilyPolicy", json!("SingleStack")),
        ("internalTrafficPolicy", json!("Cluster")),
    ] {
        if spec.get(field).is_none() {
            spec[field] = value;
        }
    }
}

/// The selector and labels by which a Job finds its pods.
fn complete_job(object: &mut Value) {
    if object["spec"]["manualSelector"] == true {
        return;
    }
    let uid = object["metadata"]["uid"].clone();
    let name = object["metadata"]["name"].clone();
    object["spec"]["selector"] =
        json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}});
    let template = &mut object["spec"]["template"];
    if !template["metadata"].is_object() {
        template["metadata"] = json!({});
    }
    if !template["metadata"]["labels"].is_object() {
        template["metadata"]["labels"] = json!({});
    }
    for (label, value) in [
        ("batch.kubernetes.io/controller-uid", &uid),
        ("batch.kubernetes.io/job-name", &name),
        ("controller-uid", &uid),
        ("job-name", &name),
    ] {
        template["metadata"]["labels"][label] = value.clone();
    }
}

/// The quality-of-service class of a pod: by whether requests equal limits everywhere, are there at all, or neither.
fn quality_of_service(spec: &Value) -> &'static str {
    let containers: Vec<&Value> = spec["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|c| &c["resources"])
        .collect();
    let given = |part: &Value| part.as_object().is_some_and(|map| !map.is_empty());
    if containers
        .iter()
        .all(|r| !given(&r["requests"]) && !given(&r["limits"]))
    {
        return "BestEffort";
    }
    let guaranteed = containers.iter().all(|r| {
        ["cpu", "memory"].iter().all(|name| {
            let limit = &r["limits"][name];
            let request = r["requests"].get(name).unwrap_or(limit);
            !limit.is_null() && request == limit
        })
    });
    if guaranteed {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

/// Rules between the fields of one object that its schema cannot say.
pub(super) fn faults(resource: &Resource, object: &Value) -> Vec<Cause> {
    match (resource.id.group(), resource.id.plural()) {
        ("apps", "deployments" | "replicasets" | "statefulsets" | "daemonsets") => {
            selector_faults(&object["spec"])
        }
        _ => Vec::new(),
    }
}

fn selector_faults(spec: &Value) -> Vec<Cause> {
    let selector = &spec["selector"];
    let empty = |part: &Value| {
        part.as_object().is_none_or(Map::is_empty) && part.as_array().is_none_or(Vec::is_empty)
    };
    if selector.is_null() {
        return vec![Cause::required("spec.selector", "")];
    }
    if empty(&selector["matchLabels"]) && empty(&selector["matchExpressions"]) {
        return vec![Cause::invalid(
            "spec.selector",
            selector,
            "empty selector is invalid for deployment",
        )];
    }
    match Filter::from_selector(selector) {
        Ok(filter) if filter.matches(&spec["template"]) => Vec::new(),
        Ok(_) => vec![Cause::invalid(
            "spec.template.metadata.labels",
            &spec["template"]["metadata"]["labels"],
            "`selector` does not match template `labels`",
        )],
        Err(refusal) => vec![Cause::invalid("spec.selector", selector, &refusal.message)],
    }
}

/// Fields of built-in kinds that never change.
pub(super) fn check_immutable(
    resource: &Resource,
    key: &Key,
    live: &Value,
    object: &Value,
) -> Result<(), Status> {
    let fixed: &[&str] = match (resource.id.group(), resource.id.plural()) {
        ("apps", "deployments" | "replicasets" | "daemonsets") => &["spec.selector"],
        ("batch", "jobs") => &["spec.selector", "spec.template", "spec.completionMode"],
        ("", "secrets") => &["type"],
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => &["roleRef"],
        _ => &[],
    };
    let mut causes: Vec<Cause> = fixed
        .iter()
        .filter_map(|path| {
            let at = |object: &Value| {
                path.split('.')
                    .fold(object.clone(), |value, part| value[part].clone())
            };
            let (before, after) = (at(live), at(object));
            (before != after).then(|| Cause::invalid(*path, &after, "field is immutable"))
        })
        .collect();
    causes.extend(mutable_part(resource).and_then(|part| part.fault(live, object)));
    if live["immutable"] == true && matches!(resource.id.plural(), "secrets" | "configmaps") {
        for field in ["data", "binaryData", "immutable"] {
            if live.get(field) != object.get(field) {
                let message = "Forbidden: field is immutable when `immutable` is set";
                causes.push(Cause::new("FieldValueForbidden", field, message));
            }
        }
    }
    if causes.is_empty() {
        return Ok(());
    }
    Err(Status::invalid(
        resource.id.group(),
        &resource.kind,
        &key.name,
        causes,
    ))
}

/// A spec of which only a part may change.
struct MutablePart {
    /// Takes the part out of a spec.
    blank: fn(&mut Value),
    message: &'static str,
}

fn mutable_part(resource: &Resource) -> Option<MutablePart> {
    match (resource.id.group(), resource.id.plural()) {
        ("apps", "statefulsets") => Some(MutablePart {
            blank: |spec| {
                for field in [
                    "replicas",
                    "ordinals",
                    "template",
                    "updateStrategy",
                    "revisionHistoryLimit",
                    "persistentVolumeClaimRetentionPolicy",
                    "minReadySeconds",
                ] {
                    take(spec, field);
                }
            },
            message: "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                      'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                      'minReadySeconds' are forbidden",
        }),
        ("", "pods") => Some(MutablePart {
            blank: |spec| {
                for list in ["containers", "initContainers"] {
                    for container in spec
                        .get_mut(list)
                        .and_then(Value::as_array_mut)
                        .into_iter()
                        .flatten()
                    {
                        take(container, "image");
                    }
                }
                // nodeName is set once, by binding; what follows from it is not compared.
                for field in [
                    "activeDeadlineSeconds",
                    "tolerations",
                    "terminationGracePeriodSeconds",
                    "nodeName",
                ] {
                    take(spec, field);
                }
            },
            message: "Forbidden: pod updates may not change fields other than \
                      `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
                      `spec.tolerations` (only additions to existing tolerations),\
                      `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
        }),
        _ => None,
    }
}

impl MutablePart {
    fn fault(&self, live: &Value, object: &Value) -> Option<Cause> {
        let rest = |object: &Value| {
            let mut spec = object["spec"].clone();
            (self.blank)(&mut spec);
            spec
        };
        (rest(live) != rest(object))
            .then(|| Cause::new("FieldValueForbidden", "spec", self.message))
    }
}

fn take(map: &mut Value, field: &str) {
    if let Some(map) = map.as_object_mut() {
        map.remove(field);
    }
}
