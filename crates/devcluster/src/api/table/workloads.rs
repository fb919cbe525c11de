//! Columns of workloads.

use oarlock_core::timestamp::Timestamp;
use serde_json::Value;

use super::rows::{labels, text_or_none};
use super::{age, name, object_age};

type Row = (
    &'static str,
    &'static str,
    i64,
    fn(&Value, Timestamp) -> Value,
);

pub(super) const PODS: &[Row] = &[
    ("Name", "string", 0, name),
    ("Ready", "string", 0, |o, _| {
        let ready = statuses(o).filter(|status| status["ready"] == true).count();
        let all = o["spec"]["containers"].as_array().map_or(0, Vec::len);
        Value::from(format!("{ready}/{all}"))
    }),
    ("Status", "string", 0, |o, _| Value::from(pod_status(o))),
    ("Restarts", "string", 0, |o, _| {
        let restarts: i64 = statuses(o)
            .filter_map(|status| status["restartCount"].as_i64())
            .sum();
        Value::from(restarts.to_string())
    }),
    ("Age", "string", 0, object_age),
    ("IP", "string", 1, |o, _| {
        text_or_none(&o["status"]["podIP"])
    }),
    ("Node", "string", 1, |o, _| {
        text_or_none(&o["spec"]["nodeName"])
    }),
    ("Nominated Node", "string", 1, |o, _| {
        text_or_none(&o["status"]["nominatedNodeName"])
    }),
    ("Readiness Gates", "string", 1, |_, _| Value::from("<none>")),
];

pub(super) const DEPLOYMENTS: &[Row] = &[
    ("Name", "string", 0, name),
    ("Ready", "string", 0, |o, _| {
        let ready = count(&o["status"]["readyReplicas"]);
        Value::from(format!("{ready}/{}", count(&o["spec"]["replicas"])))
    }),
    ("Up-to-date", "string", 0, |o, _| {
        Value::from(count(&o["status"]["updatedReplicas"]))
    }),
    ("Available", "string", 0, |o, _| {
        Value::from(count(&o["status"]["availableReplicas"]))
    }),
    ("Age", "string", 0, object_age),
    ("Containers", "string", 1, |o, _| containers(o, "name")),
    ("Images", "string", 1, |o, _| containers(o, "image")),
    ("Selector", "string", 1, |o, _| {
        labels(&o["spec"]["selector"]["matchLabels"])
    }),
];

pub(super) const REPLICA_SETS: &[Row] = &[
    ("Name", "string", 0, name),
    ("Desired", "integer", 0, |o, _| {
        Value::from(count(&o["spec"]["replicas"]))
    }),
    ("Current", "integer", 0, |o, _| {
        Value::from(count(&o["status"]["replicas"]))
    }),
    ("Ready", "integer", 0, |o, _| {
        Value::from(count(&o["status"]["readyReplicas"]))
    }),
    ("Age", "string", 0, object_age),
    ("Containers", "string", 1, |o, _| containers(o, "name")),
    ("Images", "string", 1, |o, _| containers(o, "image")),
    ("Selector", "string", 1, |o, _| {
        labels(&o["spec"]["selector"]["matchLabels"])
    }),
];

pub(super) const STATEFUL_SETS: &[Row] = &[
    ("Name", "string", 0, name),
    ("Ready", "string", 0, |o, _| {
        let ready = count(&o["status"]["readyReplicas"]);
        Value::from(format!("{ready}/{}", count(&o["spec"]["replicas"])))
    }),
    ("Age", "string", 0, object_age),
    ("Containers", "string", 1, |o, _| containers(o, "name")),
    ("Images", "string", 1, |o, _| containers(o, "image")),
];

pub(super) const DAEMON_SETS: &[Row] = &[
    ("Name", "string", 0, name),
    ("Desired", "integer", 0, |o, _| {
        Value::from(count(&o["status"]["desiredNumberScheduled"]))
    }),
    ("Current", "integer", 0, |o, _| {
        Value::from(count(&o["status"]["currentNumberScheduled"]))
    }),
    ("Ready", "integer", 0, |o, _| {
        Value::from(count(&o["status"]["numberReady"]))
    }),
    ("Up-to-date", "integer", 0, |o, _| {
        Value::from(count(&o["status"]["updatedNumberScheduled"]))
    }),
    ("Available", "integer", 0, |o, _| {
        Value::from(count(&o["status"]["numberAvailable"]))
    }),
    ("Node Selector", "string", 0, |o, _| {
        labels(&o["spec"]["template"]["spec"]["nodeSelector"])
    }),
    ("Age", "string", 0, object_age),
    ("Containers", "string", 1, |o, _| containers(o, "name")),
    ("Images", "string", 1, |o, _| containers(o, "image")),
    ("Selector", "string", 1, |o, _| {
        labels(&o["spec"]["selector"]["matchLabels"])
    }),
];

pub(super) const JOBS: &[Row] = &[
    ("Name", "string", 0, name),
    ("Status", "string", 0, |o, _| Value::from(job_status(o))),
    ("Completions", "string", 0, |o, _| {
        let succeeded = count(&o["status"]["succeeded"]);
        match o["spec"]["completions"].as_i64() {
            Some(wanted) => Value::from(format!("{succeeded}/{wanted}")),
            None => Value::from(format!("{succeeded}/1")),
        }
    }),
    ("Duration", "string", 0, |o, now| {
        Value::from(job_duration(o, now))
    }),
    ("Age", "string", 0, object_age),
    ("Containers", "string", 1, |o, _| containers(o, "name")),
    ("Images", "string", 1, |o, _| containers(o, "image")),
    ("Selector", "string", 1, |o, _| {
        labels(&o["spec"]["selector"]["matchLabels"])
    }),
];

fn count(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

fn statuses(pod: &Value) -> impl Iterator<Item = &Value> {
    pod["status"]["containerStatuses"]
        .as_array()
        .into_iter()
        .flatten()
}

fn containers(workload: &Value, field: &str) -> Value {
    let texts: Vec<&str> = workload["spec"]["template"]["spec"]["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|container| container[field].as_str())
        .collect();
    Value::from(texts.join(","))
}

/// The reason of the last container that waits or has ended, else the phase; a pod on its way out says so.
fn pod_status(pod: &Value) -> String {
    let phase = pod["status"]["phase"].as_str().unwrap_or("Unknown");
    let mut status = String::from(pod["status"]["reason"].as_str().unwrap_or(phase));
    for container in statuses(pod) {
        let reason = |state: &str| container["state"][state]["reason"].as_str();
        if let Some(reason) = reason("waiting").or_else(|| reason("terminated")) {
            status = String::from(reason);
        }
    }
    if pod["metadata"]["deletionTimestamp"].is_string() {
        status = String::from("Terminating");
    }
    status
}

fn job_status(job: &Value) -> &'static str {
    let is = |kind: &str| {
        job["status"]["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|condition| condition["type"] == kind && condition["status"] == "True")
    };
    if is("Complete") {
        "Complete"
    } else if is("Failed") {
        "Failed"
    } else if job["metadata"]["deletionTimestamp"].is_string() {
        "Terminating"
    } else if is("Suspended") {
        "Suspended"
    } else {
        "Running"
    }
}

fn job_duration(job: &Value, now: Timestamp) -> String {
    let instant = |field: &str| {
        job["status"][field]
            .as_str()
            .and_then(Timestamp::parse_rfc3339)
    };
    match (instant("startTime"), instant("completionTime")) {
        (Some(start), Some(end)) => age::human(end.since(start).as_secs()),
        (Some(start), None) => age::human(now.since(start).as_secs()),
        (None, _) => String::new(),
    }
}
