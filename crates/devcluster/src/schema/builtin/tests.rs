#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{all, find_plural, release};
use crate::schema::{default, prune, validate};

#[test]
fn the_table_is_complete() {
    assert!(release().starts_with("v1."));
    let kinds: BTreeSet<String> = all()
        .iter()
        .map(|resource| format!("{}/{}", resource.api_version(), resource.kind))
        .collect();
    for kind in [
        "v1/Pod",
        "v1/ConfigMap",
        "v1/Secret",
        "v1/Namespace",
        "v1/Event",
        "apps/v1/Deployment",
        "apps/v1/ReplicaSet",
        "apps/v1/StatefulSet",
        "apps/v1/DaemonSet",
        "batch/v1/Job",
        "batch/v1/CronJob",
        "rbac.authorization.k8s.io/v1/ClusterRole",
        "networking.k8s.io/v1/Ingress",
        "policy/v1/PodDisruptionBudget",
        "autoscaling/v2/HorizontalPodAutoscaler",
        "coordination.k8s.io/v1/Lease",
        "events.k8s.io/v1/Event",
        "apiextensions.k8s.io/v1/CustomResourceDefinition",
        "storage.k8s.io/v1/StorageClass",
        "scheduling.k8s.io/v1/PriorityClass",
        "discovery.k8s.io/v1/EndpointSlice",
        "authorization.k8s.io/v1/SelfSubjectAccessReview",
        "authentication.k8s.io/v1/TokenReview",
        "apiregistration.k8s.io/v1/APIService",
        "admissionregistration.k8s.io/v1/MutatingWebhookConfiguration",
    ] {
        assert!(kinds.contains(kind), "{kind}");
    }
}

#[test]
fn discovery_facts() {
    let deployment = find_plural("apps", "v1", "deployments").unwrap();
    assert_eq!(deployment.plural, "deployments");
    assert_eq!(deployment.singular, "deployment");
    assert_eq!(deployment.short_names, ["deploy"]);
    assert_eq!(deployment.categories, ["all"]);
    assert!(deployment.namespaced && deployment.has_status && deployment.has_scale);
    assert_eq!(
        deployment.verbs,
        [
            "create",
            "delete",
            "deletecollection",
            "get",
            "list",
            "patch",
            "update",
            "watch"
        ]
    );
    let node = find_plural("", "v1", "nodes").unwrap();
    assert!(!node.namespaced);
    let review = find_plural("authorization.k8s.io", "v1", "selfsubjectaccessreviews").unwrap();
    assert_eq!(review.verbs, ["create"]);
    assert!(find_plural("apps", "v1beta1", "deployments").is_none());
    let pods = find_plural("", "v1", "pods").unwrap();
    assert!(pods.subresources.iter().any(|name| name == "eviction"));
}

/// What `default` makes of the spec (or whole, without apiVersion and kind) of a built-in kind.
fn defaulted(kind: &str, mut object: Value) -> Value {
    let resource = all().iter().find(|resource| resource.kind == kind).unwrap();
    object["apiVersion"] = json!(resource.api_version());
    object["kind"] = json!(kind);
    default(resource.schema(), &mut object);
    assert!(prune(resource.schema(), &mut object).is_empty());
    object
}

#[test]
fn a_deployment_gets_the_defaults_of_a_server() {
    let object = defaulted(
        "Deployment",
        json!({"metadata": {"name": "d"}, "spec": {
            "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [
                {"name": "c", "image": "nginx:1.7.7", "ports": [{"containerPort": 80}],
                 "livenessProbe": {"httpGet": {"port": 80}}}
            ]}}
        }}),
    );
    assert_eq!(
        object,
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "status": {},
            "spec": {
                "replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
                "selector": {"matchLabels": {"a": "b"}},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
                "template": {"metadata": {"labels": {"a": "b"}}, "spec": {
                    "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
                    "schedulerName": "default-scheduler", "securityContext": {},
                    "containers": [{
                        "name": "c", "image": "nginx:1.7.7", "imagePullPolicy": "IfNotPresent", "resources": {},
                        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                        "ports": [{"containerPort": 80, "protocol": "TCP"}],
                        "livenessProbe": {
                            "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}, "timeoutSeconds": 1,
                            "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3
                        }
                    }]
                }}
            }
        })
    );
    let deployment = find_plural("apps", "v1", "deployments").unwrap();
    assert!(validate(deployment.schema(), &object).is_empty());
}

#[test]
fn conditional_defaults() {
    let recreate = defaulted(
        "Deployment",
        json!({"spec": {"strategy": {"type": "Recreate"}}}),
    );
    assert_eq!(recreate["spec"]["strategy"], json!({"type": "Recreate"}));

    for (image, policy) in [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("host:5000/nginx", "Always"),
        ("host:5000/nginx:1", "IfNotPresent"),
        ("nginx@sha256:00", "IfNotPresent"),
    ] {
        let pod = defaulted(
            "Pod",
            json!({"spec": {"containers": [{"name": "c", "image": image}]}}),
        );
        assert_eq!(
            pod["spec"]["containers"][0]["imagePullPolicy"], policy,
            "{image}"
        );
        assert_eq!(pod["spec"]["enableServiceLinks"], true);
        assert_eq!(pod["status"], json!({"phase": "Pending"}));
    }

    let pod = defaulted(
        "Pod",
        json!({"spec": {"containers": [
            {"name": "c", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100m"}}}
        ]}}),
    );
    assert_eq!(
        pod["spec"]["containers"][0]["resources"]["requests"],
        json!({"cpu": "100m", "memory": "1Gi"})
    );

    let service = defaulted("Service", json!({"spec": {"ports": [{"port": 80}]}}));
    assert_eq!(
        service["spec"],
        json!({
            "type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster",
            "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}]
        })
    );
    assert_eq!(service["status"], json!({"loadBalancer": {}}));

    let job = defaulted(
        "Job",
        json!({"spec": {"template": {"spec": {"restartPolicy": "Never"}}}}),
    );
    assert_eq!(job["spec"]["completions"], 1);
    assert_eq!(job["spec"]["parallelism"], 1);
    assert_eq!(job["spec"]["backoffLimit"], 6);
    assert_eq!(job["spec"]["template"]["spec"]["restartPolicy"], "Never");

    let set = defaulted("StatefulSet", json!({"spec": {"selector": {}}}));
    assert_eq!(
        set["spec"]["updateStrategy"],
        json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})
    );
    assert_eq!(set["spec"]["podManagementPolicy"], "OrderedReady");

    let binding = defaulted(
        "RoleBinding",
        json!({
            "roleRef": {"kind": "Role", "name": "r"},
            "subjects": [{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s"}]
        }),
    );
    assert_eq!(binding["roleRef"]["apiGroup"], "rbac.authorization.k8s.io");
    assert_eq!(
        binding["subjects"][0]["apiGroup"],
        "rbac.authorization.k8s.io"
    );
    assert_eq!(
        binding["subjects"][1],
        json!({"kind": "ServiceAccount", "name": "s"})
    );
}

#[test]
fn nulls_of_built_in_types_are_absent_fields() {
    let map = defaulted(
        "ConfigMap",
        json!({"data": {"a": "b"}, "immutable": null, "metadata": {"labels": null}}),
    );
    assert_eq!(
        map,
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}, "metadata": {}})
    );
}

#[test]
fn every_default_and_name_belongs_to_something() {
    let defaults: serde_json::Map<String, Value> =
        serde_json::from_str(include_str!("../../../data/defaults.json")).unwrap();
    let data: Value = serde_json::from_str(include_str!("../../../data/builtins.json")).unwrap();
    for (name, fields) in defaults {
        for field in fields.as_object().unwrap().keys() {
            assert!(
                data["types"][&name]["properties"].get(field).is_some(),
                "{name}.{field}"
            );
        }
    }
    let names: serde_json::Map<String, Value> =
        serde_json::from_str(include_str!("../../../data/names.json")).unwrap();
    for plural in names.keys() {
        assert!(
            all().iter().any(|resource| resource.plural == *plural),
            "{plural}"
        );
    }
}
