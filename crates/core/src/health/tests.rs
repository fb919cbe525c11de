#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;

fn check(kind: &str, body: &Value) -> String {
    let (api_version, kind) = kind.rsplit_once(' ').unwrap();
    let mut value = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a", "generation": 2}});
    for (key, part) in body.as_object().unwrap() {
        if key == "metadata" {
            for (key, part) in part.as_object().unwrap() {
                value["metadata"][key] = part.clone();
            }
        } else {
            value[key] = part.clone();
        }
    }
    let (health, message) = health(&Object::from_value(value).unwrap());
    format!("{health:?}: {message}")
}

fn conditions(list: &[(&str, &str, &str)]) -> Value {
    let list = list.iter();
    list.map(|(kind, status, reason)| json!({"type": kind, "status": status, "reason": reason}))
        .collect()
}

#[test]
fn every_kind() {
    let full = json!({"replicas": 3, "updatedReplicas": 3, "availableReplicas": 3, "readyReplicas": 3,
        "observedGeneration": 2, "conditions": conditions(&[("Available", "True", "")])});
    let but = |change: Value| {
        let mut status = full.clone();
        for (key, part) in change.as_object().unwrap() {
            status[key] = part.clone();
        }
        json!({"spec": {"replicas": 3}, "status": status})
    };
    for (body, expected) in [
        (json!({}), "InProgress: replicas: 0/1"),
        (but(json!({})), "Current: available; replicas: 3"),
        (
            but(json!({"observedGeneration": 1})),
            "InProgress: generation is 2, but its controller has seen 1",
        ),
        (
            but(json!({"updatedReplicas": 1})),
            "InProgress: updated: 1/3",
        ),
        (
            but(json!({"replicas": 4})),
            "InProgress: pending termination: 1",
        ),
        (
            but(json!({"availableReplicas": 2})),
            "InProgress: available: 2/3",
        ),
        (but(json!({"readyReplicas": 2})), "InProgress: ready: 2/3"),
        (but(json!({"conditions": []})), "InProgress: not available"),
        (
            but(
                json!({"conditions": conditions(&[("Progressing", "False", "ProgressDeadlineExceeded")])}),
            ),
            "Failed: ProgressDeadlineExceeded",
        ),
        (
            json!({"spec": {"replicas": 3, "progressDeadlineSeconds": 600}, "status": full}),
            "InProgress: new ReplicaSet is not available",
        ),
        (
            json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}),
            "Terminating: being deleted",
        ),
    ] {
        assert_eq!(check("apps/v1 Deployment", &body), expected, "{body}");
    }
}

#[test]
fn other_workloads() {
    let set = json!({"replicas": 2, "readyReplicas": 2, "currentReplicas": 2, "updatedReplicas": 1,
        "currentRevision": "a", "updateRevision": "a"});
    for (kind, body, expected) in [
        (
            "apps/v1 StatefulSet",
            json!({"spec": {"replicas": 2}, "status": set}),
            "Current: all replicas scheduled; replicas: 2",
        ),
        (
            "apps/v1 StatefulSet",
            json!({"spec": {"replicas": 2}, "status": {"replicas": 2, "readyReplicas": 2, "currentReplicas": 2, "currentRevision": "a", "updateRevision": "b"}}),
            "InProgress: the updated revision is not the current one yet",
        ),
        (
            "apps/v1 StatefulSet",
            json!({"spec": {"replicas": 2, "updateStrategy": {"rollingUpdate": {"partition": 1}}}, "status": set}),
            "Current: partition rolled out; updated: 1",
        ),
        (
            "apps/v1 StatefulSet",
            json!({"spec": {"updateStrategy": {"type": "OnDelete"}}}),
            "Current: update strategy is OnDelete",
        ),
        (
            "apps/v1 StatefulSet",
            json!({"spec": {"replicas": 3}, "status": set}),
            "InProgress: replicas: 2/3",
        ),
        (
            "apps/v1 DaemonSet",
            json!({}),
            "InProgress: number of nodes is not known yet",
        ),
        (
            "apps/v1 DaemonSet",
            json!({"status": {"desiredNumberScheduled": 2, "currentNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 1, "numberReady": 1}}),
            "InProgress: available: 1/2",
        ),
        (
            "apps/v1 DaemonSet",
            json!({"status": {"desiredNumberScheduled": 0}}),
            "Current: all replicas scheduled; replicas: 0",
        ),
        (
            "apps/v1 ReplicaSet",
            json!({"spec": {"replicas": 0}}),
            "Current: available; replicas: 0",
        ),
        (
            "apps/v1 ReplicaSet",
            json!({"status": {"conditions": conditions(&[("ReplicaFailure", "True", "FailedCreate")])}}),
            "InProgress: FailedCreate",
        ),
        (
            "apps/v1 ReplicaSet",
            json!({"spec": {"replicas": 2}, "status": {"fullyLabeledReplicas": 2, "availableReplicas": 1}}),
            "InProgress: available: 1/2",
        ),
        ("batch/v1 Job", json!({}), "InProgress: not started"),
        (
            "batch/v1 Job",
            json!({"status": {"startTime": "x", "active": 1}}),
            "Current: in progress; succeeded: 0, active: 1, failed: 0",
        ),
        (
            "batch/v1 Job",
            json!({"status": {"succeeded": 1, "conditions": conditions(&[("Complete", "True", "")])}}),
            "Current: completed; succeeded: 1/1",
        ),
        (
            "batch/v1 Job",
            json!({"status": {"conditions": conditions(&[("Failed", "True", "BackoffLimitExceeded")])}}),
            "Failed: BackoffLimitExceeded",
        ),
        ("v1 Pod", json!({}), "InProgress: no phase yet"),
        (
            "v1 Pod",
            json!({"status": {"phase": "Succeeded"}}),
            "Current: completed successfully",
        ),
        (
            "v1 Pod",
            json!({"status": {"phase": "Failed", "reason": "Evicted"}}),
            "Failed: Evicted",
        ),
        (
            "v1 Pod",
            json!({"status": {"phase": "Running", "conditions": conditions(&[("Ready", "True", "")])}}),
            "Current: ready",
        ),
        (
            "v1 Pod",
            json!({"status": {"phase": "Running"}}),
            "InProgress: running, but not ready",
        ),
        (
            "v1 Pod",
            json!({"status": {"phase": "Running", "containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}}),
            "Failed: containers crash again and again: c",
        ),
        (
            "v1 Pod",
            json!({"status": {"phase": "Pending", "conditions": conditions(&[("PodScheduled", "False", "Unschedulable")])}}),
            "InProgress: not scheduled: Unschedulable",
        ),
        (
            "v1 Pod",
            json!({"status": {"phase": "Lost"}}),
            "Unknown: unknown phase \"Lost\"",
        ),
    ] {
        assert_eq!(check(kind, &body), expected, "{kind} {body}");
    }
}

#[test]
fn everything_else() {
    let custom = "example.com/v1 Thing";
    let definition = "apiextensions.k8s.io/v1 CustomResourceDefinition";
    let with = |list: &[(&str, &str, &str)]| json!({"status": {"conditions": conditions(list)}});
    for (kind, body, expected) in [
        (
            "v1 PersistentVolumeClaim",
            json!({"status": {"phase": "Bound"}}),
            "Current: bound",
        ),
        (
            "v1 PersistentVolumeClaim",
            json!({}),
            "InProgress: not bound; phase: none",
        ),
        (
            "v1 Service",
            json!({"spec": {"type": "LoadBalancer"}}),
            "InProgress: no cluster IP yet; type: LoadBalancer",
        ),
        (
            "v1 Service",
            json!({"spec": {"type": "ClusterIP"}}),
            "Current: service is ready",
        ),
        (
            "policy/v1 PodDisruptionBudget",
            json!({}),
            "Current: allowed disruptions have been computed",
        ),
        (definition, json!({}), "InProgress: being installed"),
        (
            definition,
            with(&[("Established", "True", "")]),
            "Current: established",
        ),
        (
            definition,
            with(&[("Established", "False", "Installing")]),
            "InProgress: being installed",
        ),
        (
            definition,
            with(&[("NamesAccepted", "False", "PluralConflict")]),
            "Failed: PluralConflict",
        ),
        ("v1 ConfigMap", json!({}), "Current: current"),
        (custom, json!({}), "Current: current"),
        (
            custom,
            with(&[("Ready", "True", "AllGood")]),
            "Current: AllGood",
        ),
        (
            custom,
            with(&[("Ready", "False", "Waiting")]),
            "InProgress: Waiting",
        ),
        (
            custom,
            with(&[("Ready", "Unknown", "")]),
            "InProgress: not ready",
        ),
        (
            custom,
            with(&[("Ready", "True", ""), ("Reconciling", "True", "Busy")]),
            "InProgress: Busy",
        ),
        (
            custom,
            with(&[("Ready", "True", ""), ("Stalled", "True", "Stuck")]),
            "Failed: Stuck",
        ),
        (
            custom,
            with(&[("Stalled", "False", "")]),
            "Current: current",
        ),
    ] {
        assert_eq!(check(kind, &body), expected, "{kind} {body}");
    }
}
