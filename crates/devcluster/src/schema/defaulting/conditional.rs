//! Defaults of built-in types that depend on other fields.

use serde_json::{Map, Value, json};

use super::absent;

type Object = Map<String, Value>;

/// Applies the conditional defaults of the built-in type `name` to one object of it, after its plain
/// defaults and before those of the fields below.
pub(super) fn apply(name: &str, object: &mut Object) {
    match name {
        "apps.v1.DeploymentStrategy" => rolling_update(object),
        "apps.v1.DaemonSetUpdateStrategy" | "apps.v1.StatefulSetUpdateStrategy" => {
            rolling_update(object);
        }
        "core.v1.Container" | "core.v1.EphemeralContainer" => container(object),
        "core.v1.Pod" => pod(object),
        "core.v1.PodSpec" => host_network(object),
        "core.v1.ReplicationControllerSpec" => replication_controller(object),
        "core.v1.ServiceSpec" => service(object),
        "core.v1.ServicePort" => target_port(object),
        "core.v1.HTTPGetAction" => empty_string(object, "path", "/"),
        // Not of templates for jobs: a CronJob's is completed when a Job is made of it.
        "batch.v1.Job" => {
            if let Some(Value::Object(spec)) = object.get_mut("spec") {
                job(spec);
            }
        }
        "networking.v1.NetworkPolicySpec" => network_policy(object),
        "rbac.v1.RoleRef" => absent(object, "apiGroup", "rbac.authorization.k8s.io"),
        "rbac.v1.Subject" => subject(object),
        "apiextensions.v1.CustomResourceDefinitionNames" => names(object),
        _ => {}
    }
}

fn text<'a>(object: &'a Object, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn empty_string(object: &mut Object, name: &str, value: &str) {
    if text(object, name).is_empty() {
        object.insert(name.to_owned(), value.into());
    }
}

fn rolling_update(strategy: &mut Object) {
    if text(strategy, "type") == "RollingUpdate" {
        absent(strategy, "rollingUpdate", json!({}));
    }
}

fn container(container: &mut Object) {
    let image = text(container, "image").to_owned();
    if !image.is_empty() {
        let policy = if is_latest(&image) {
            "Always"
        } else {
            "IfNotPresent"
        };
        absent(container, "imagePullPolicy", policy);
    }
    if let Some(resources) = container
        .get_mut("resources")
        .and_then(Value::as_object_mut)
        && let Some(Value::Object(limits)) = resources.get("limits").cloned()
        && let Some(Value::Object(requests)) = resources.get_mut("requests")
    {
        // A request that is not given for a limited resource is the limit; without any requests
        // this happens for pods only, see `pod`.
        for (name, limit) in limits {
            requests.entry(name).or_insert(limit);
        }
    }
}

/// Whether an image reference names the tag `latest` or none at all.
fn is_latest(image: &str) -> bool {
    if image.contains('@') {
        return false;
    }
    let last = image.rsplit('/').next().unwrap_or(image);
    match last.split_once(':') {
        Some((_, tag)) => tag == "latest",
        None => true,
    }
}

fn pod(pod: &mut Object) {
    let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    absent(spec, "enableServiceLinks", true);
    for list in ["containers", "initContainers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let Some(resources) = container
                .get_mut("resources")
                .and_then(Value::as_object_mut)
            else {
                continue;
            };
            if let Some(Value::Object(limits)) = resources.get("limits").cloned() {
                let requests = resources
                    .entry("requests")
                    .or_insert_with(|| Value::Object(Map::new()));
                if let Some(requests) = requests.as_object_mut() {
                    for (name, limit) in limits {
                        requests.entry(name).or_insert(limit);
                    }
                }
            }
        }
    }
}

fn host_network(spec: &mut Object) {
    if spec.get("hostNetwork") != Some(&Value::Bool(true)) {
        return;
    }
    for list in ["containers", "initContainers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let ports = container.get_mut("ports").and_then(Value::as_array_mut);
            for port in ports.into_iter().flatten() {
                if let Some(port) = port.as_object_mut()
                    && let Some(number) = port.get("containerPort").cloned()
                {
                    absent(port, "hostPort", number);
                }
            }
        }
    }
}

fn replication_controller(spec: &mut Object) {
    if let Some(labels) = spec
        .get("template")
        .and_then(|template| template.pointer("/metadata/labels"))
        .cloned()
    {
        absent(spec, "selector", labels);
    }
}

fn service(spec: &mut Object) {
    let kind = text(spec, "type").to_owned();
    if text(spec, "sessionAffinity") == "ClientIP" {
        absent(
            spec,
            "sessionAffinityConfig",
            json!({"clientIP": {"timeoutSeconds": 10800}}),
        );
    }
    if matches!(kind.as_str(), "ClusterIP" | "NodePort" | "LoadBalancer") {
        absent(spec, "internalTrafficPolicy", "Cluster");
    }
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
        absent(spec, "externalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        absent(spec, "allocateLoadBalancerNodePorts", true);
    }
}

fn target_port(port: &mut Object) {
    let unset = match port.get("targetPort") {
        None => true,
        Some(Value::String(name)) => name.is_empty(),
        Some(number) => number.as_i64() == Some(0),
    };
    if unset && let Some(number) = port.get("port").cloned() {
        port.insert("targetPort".to_owned(), number);
    }
}

fn job(spec: &mut Object) {
    if !spec.contains_key("completions") && !spec.contains_key("parallelism") {
        absent(spec, "completions", 1);
    }
    absent(spec, "parallelism", 1);
    let backoff = if spec.contains_key("backoffLimitPerIndex") {
        i32::MAX
    } else {
        6
    };
    absent(spec, "backoffLimit", backoff);
    absent(spec, "completionMode", "NonIndexed");
    absent(spec, "suspend", false);
    let replacement = if spec.contains_key("podFailurePolicy") {
        "Failed"
    } else {
        "TerminatingOrFailed"
    };
    absent(spec, "podReplacementPolicy", replacement);
}

fn network_policy(spec: &mut Object) {
    let types = if spec.contains_key("egress") {
        json!(["Ingress", "Egress"])
    } else {
        json!(["Ingress"])
    };
    absent(spec, "policyTypes", types);
}

fn subject(subject: &mut Object) {
    if matches!(text(subject, "kind"), "User" | "Group") {
        absent(subject, "apiGroup", "rbac.authorization.k8s.io");
    }
}

fn names(names: &mut Object) {
    let kind = text(names, "kind").to_owned();
    if !kind.is_empty() {
        absent(names, "singular", kind.to_lowercase());
        absent(names, "listKind", format!("{kind}List"));
    }
}
