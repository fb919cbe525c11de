//! What the server itself writes into built-in objects, and the rules of single kinds.
//!
//! Field defaults that depend on nothing else are the schema's business.

use k8s_openapi::ByteString;
use serde_json::{Map, Value, json};

use super::identity::Identity;
use super::{Key, metadata};
use crate::crd;
use crate::resource::{Resource, Version};
use crate::schema;
use crate::status::{Cause, Status};

/// Values that follow from the request (and, on an update, from the object as it is), before ownership is noted.
pub(super) fn fill(
    resource: &Resource,
    version: &Version,
    live: Option<&Value>,
    object: &mut Value,
) {
    metadata::drop_empty(object);
    // What a definition holds is kept as it was written.
    if resource.id != crd::DEFINITIONS {
        schema::drop_unsaid(&version.schema, object);
    }
    match (resource.id.group(), resource.id.plural()) {
        ("", "secrets") => fill_secret(object),
        ("", "services") => fill_service(live, object),
        ("", "namespaces") => fill_namespace(object),
        ("apps", "daemonsets") => number_template(live, object),
        ("", "pods") if live.is_none() => fill_pod(object),
        ("", "persistentvolumeclaims") if live.is_none() => protect_claim(object),
        ("networking.k8s.io", "networkpolicies") => fill_policy(object),
        ("autoscaling", "horizontalpodautoscalers") => fill_autoscaler(object),
        ("batch", "jobs") if live.is_none() && object["spec"].get("manualSelector").is_none() => {
            object["spec"]["manualSelector"] = Value::from(false);
        }
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
        ("batch", "cronjobs") | ("policy", "poddisruptionbudgets") => start(object, json!({})),
        ("apps", "replicasets") => start(object, json!({"replicas": 0})),
        ("apps", "statefulsets") => {
            start(object, json!({"replicas": 0, "availableReplicas": 0}));
        }
        ("apps", "daemonsets") => start(
            object,
            json!({
                "currentNumberScheduled": 0, "desiredNumberScheduled": 0,
                "numberMisscheduled": 0, "numberReady": 0,
            }),
        ),
        ("networking.k8s.io", "ingresses") => start(object, json!({"loadBalancer": {}})),
        ("", "services") => complete_service(object, identity),
        ("", "persistentvolumeclaims" | "persistentvolumes") => {
            object["status"]["phase"] = Value::from("Pending");
        }
        ("batch", "jobs") => complete_job(object),
        _ => {}
    }
}

/// The status of a new object: fields that are written although they are zero.
fn start(object: &mut Value, status: Value) {
    object["status"] = status;
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

/// What admission gives to every pod: a priority, and patience with nodes that are away.
fn fill_pod(object: &mut Value) {
    const SECONDS: u32 = 300;
    let spec = &mut object["spec"];
    if !spec.is_object() {
        return;
    }
    for (field, value) in [
        ("priority", json!(0)),
        ("preemptionPolicy", json!("PreemptLowerPriority")),
    ] {
        if spec.get(field).is_none() && spec.get("priorityClassName").is_none() {
            spec[field] = value;
        }
    }
    if !spec["tolerations"].is_array() {
        spec["tolerations"] = json!([]);
    }
    let Some(tolerations) = spec["tolerations"].as_array_mut() else {
        return;
    };
    for key in [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ] {
        let tolerated = tolerations.iter().any(|toleration| {
            let given = toleration["key"].as_str().unwrap_or_default();
            let effect = toleration["effect"].as_str().unwrap_or_default();
            (given == key || given.is_empty()) && matches!(effect, "" | "NoExecute")
        });
        if !tolerated {
            tolerations.push(json!({
                "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": SECONDS,
            }));
        }
    }
}

fn protect_claim(object: &mut Value) {
    const PROTECTION: &str = "kubernetes.io/pvc-protection";
    let mut finalizers = metadata::finalizers(object);
    if !finalizers.iter().any(|name| name == PROTECTION) {
        finalizers.push(String::from(PROTECTION));
        metadata::set_finalizers(object, &finalizers);
    }
}

/// The count of a DaemonSet's templates, which is kept for old clients.
fn number_template(live: Option<&Value>, object: &mut Value) {
    const NUMBER: &str = "deprecated.daemonset.template.generation";
    let number = match live {
        None => 1,
        Some(live) => {
            let text = live["metadata"]["annotations"][NUMBER].as_str();
            let before = text.and_then(|text| text.parse().ok()).unwrap_or(1_u64);
            let changed = live["spec"]["template"] != object["spec"]["template"];
            before + u64::from(changed)
        }
    };
    if !object["metadata"]["annotations"].is_object() {
        object["metadata"]["annotations"] = json!({});
    }
    object["metadata"]["annotations"][NUMBER] = Value::from(number.to_string());
}

/// Without metrics an autoscaler looks at the CPU.
fn fill_autoscaler(object: &mut Value) {
    if object["apiVersion"] != "autoscaling/v2" {
        return;
    }
    let spec = &mut object["spec"];
    if spec.is_object() && spec.get("metrics").is_none() {
        spec["metrics"] = json!([{
            "type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
        }]);
    }
}

fn fill_policy(object: &mut Value) {
    let spec = &mut object["spec"];
    if spec.is_object() && spec.get("policyTypes").is_none() {
        let has_egress = spec["egress"]
            .as_array()
            .is_some_and(|rules| !rules.is_empty());
        spec["policyTypes"] = if has_egress {
            json!(["Ingress", "Egress"])
        } else {
            json!(["Ingress"])
        };
    }
}

fn fill_service(live: Option<&Value>, object: &mut Value) {
    if object["spec"]["type"] == "ExternalName" {
        return;
    }
    if let Some(ports) = object["spec"]
        .get_mut("ports")
        .and_then(Value::as_array_mut)
    {
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
        "externalTrafficPolicy",
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
    let is_open = matches!(spec["type"].as_str(), Some("NodePort" | "LoadBalancer"));
    if is_open {
        if spec.get("externalTrafficPolicy").is_none() {
            spec["externalTrafficPolicy"] = Value::from("Cluster");
        }
        let ports = spec.get_mut("ports").and_then(Value::as_array_mut);
        for port in ports.into_iter().flatten() {
            if port["nodePort"].as_u64().unwrap_or(0) == 0 {
                port["nodePort"] = Value::from(30_000 + identity.below(2_768));
            }
        }
    }
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
    let given = object["spec"]["selector"]["matchLabels"]
        .as_object()
        .cloned();
    let mut selector = given.unwrap_or_default();
    selector.insert(
        String::from("batch.kubernetes.io/controller-uid"),
        uid.clone(),
    );
    object["spec"]["selector"] = json!({"matchLabels": selector});
    let labels = [
        ("batch.kubernetes.io/controller-uid", &uid),
        ("batch.kubernetes.io/job-name", &name),
        ("controller-uid", &uid),
        ("job-name", &name),
    ];
    label(&mut object["spec"]["template"], &labels);
    // Where the template has no labels of its own, the Job shares them with it.
    if object["metadata"].get("labels").is_none() {
        label(object, &labels);
    }
}

/// Sets labels of an object or a template.
fn label(object: &mut Value, labels: &[(&str, &Value)]) {
    for (label, value) in labels {
        if !object["metadata"].is_object() {
            object["metadata"] = json!({});
        }
        if !object["metadata"]["labels"].is_object() {
            object["metadata"]["labels"] = json!({});
        }
        object["metadata"]["labels"][*label] = Value::clone(value);
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

/// Fields of built-in kinds that never change.
pub(super) fn check_immutable(
    resource: &Resource,
    key: &Key,
    live: &Value,
    object: &Value,
) -> Result<(), Status> {
    let fixed: &[&str] = match (resource.id.group(), resource.id.plural()) {
        ("apps", "deployments" | "replicasets" | "daemonsets") => &["spec.selector"],
        ("batch", "jobs") => &[
            "spec.completions",
            "spec.selector",
            "spec.template",
            "spec.completionMode",
        ],
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
            let why = if *path == "roleRef" {
                "cannot change roleRef"
            } else {
                "field is immutable"
            };
            (before != after).then(|| Cause::invalid(*path, &after, why))
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
