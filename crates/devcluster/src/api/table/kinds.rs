//! Columns of built-in kinds that are neither workloads nor the most usual.

use serde_json::Value;

use super::rows::{Row, labels, text_or_none};
use super::{age, name, object_age};

pub(super) const ACCOUNTS: &[Row] = &[
    ("Name", "string", 0, name),
    ("Secrets", "string", 0, |o, _| {
        Value::from(o["secrets"].as_array().map_or(0, Vec::len))
    }),
    ("Age", "string", 0, object_age),
];

pub(super) const ROLES: &[Row] = &[
    ("Name", "string", 0, name),
    ("Created At", "date", 0, |o, _| {
        o["metadata"]["creationTimestamp"].clone()
    }),
];

pub(super) const BINDINGS: &[Row] = &[
    ("Name", "string", 0, name),
    ("Role", "string", 0, |o, _| {
        let role = &o["roleRef"];
        let text = |field: &str| role[field].as_str().unwrap_or_default();
        Value::from(format!("{}/{}", text("kind"), text("name")))
    }),
    ("Age", "string", 0, object_age),
    ("Users", "string", 1, |o, _| subjects(o, "User")),
    ("Groups", "string", 1, |o, _| subjects(o, "Group")),
    ("ServiceAccounts", "string", 1, |o, _| {
        subjects(o, "ServiceAccount")
    }),
];

fn subjects(binding: &Value, kind: &str) -> Value {
    let names: Vec<String> = binding["subjects"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|subject| subject["kind"] == kind)
        .map(|subject| {
            let text = |field: &str| subject[field].as_str().unwrap_or_default();
            if kind == "ServiceAccount" {
                format!("{}/{}", text("namespace"), text("name"))
            } else {
                String::from(text("name"))
            }
        })
        .collect();
    Value::from(names.join(", "))
}

pub(super) const INGRESSES: &[Row] = &[
    ("Name", "string", 0, name),
    ("Class", "string", 0, |o, _| {
        text_or_none(&o["spec"]["ingressClassName"])
    }),
    ("Hosts", "string", 0, |o, _| {
        let hosts: Vec<&str> = rules(o).filter_map(|rule| rule["host"].as_str()).collect();
        Value::from(if hosts.is_empty() {
            String::from("*")
        } else {
            hosts.join(",")
        })
    }),
    ("Address", "string", 0, |o, _| {
        let points = o["status"]["loadBalancer"]["ingress"].as_array();
        let texts: Vec<&str> = points
            .into_iter()
            .flatten()
            .filter_map(|point| point["ip"].as_str().or_else(|| point["hostname"].as_str()))
            .collect();
        Value::from(texts.join(","))
    }),
    ("Ports", "string", 0, |o, _| {
        let has_tls = o["spec"]["tls"]
            .as_array()
            .is_some_and(|tls| !tls.is_empty());
        Value::from(if has_tls { "80, 443" } else { "80" })
    }),
    ("Age", "string", 0, object_age),
];

fn rules(ingress: &Value) -> impl Iterator<Item = &Value> {
    ingress["spec"]["rules"].as_array().into_iter().flatten()
}

pub(super) const POLICIES: &[Row] = &[
    ("Name", "string", 0, name),
    ("Pod-Selector", "string", 0, |o, _| {
        labels(&o["spec"]["podSelector"]["matchLabels"])
    }),
    ("Age", "string", 0, object_age),
];

pub(super) const CLAIMS: &[Row] = &[
    ("Name", "string", 0, name),
    ("Status", "string", 0, |o, _| o["status"]["phase"].clone()),
    ("Volume", "string", 0, |o, _| {
        plain(&o["spec"]["volumeName"])
    }),
    ("Capacity", "string", 0, |o, _| {
        plain(&o["status"]["capacity"]["storage"])
    }),
    ("Access Modes", "string", 0, |o, _| {
        let modes: Vec<&str> = o["status"]["accessModes"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(short_mode)
            .collect();
        Value::from(modes.join(","))
    }),
    ("StorageClass", "string", 0, |o, _| {
        plain(&o["spec"]["storageClassName"])
    }),
    ("VolumeAttributesClass", "string", 0, |o, _| {
        Value::from(
            o["spec"]["volumeAttributesClassName"]
                .as_str()
                .unwrap_or("<unset>"),
        )
    }),
    ("Age", "string", 0, object_age),
    ("VolumeMode", "string", 1, |o, _| {
        plain(&o["spec"]["volumeMode"])
    }),
];

fn short_mode(mode: &str) -> &str {
    match mode {
        "ReadWriteOnce" => "RWO",
        "ReadOnlyMany" => "ROX",
        "ReadWriteMany" => "RWX",
        "ReadWriteOncePod" => "RWOP",
        other => other,
    }
}

fn plain(value: &Value) -> Value {
    Value::from(value.as_str().unwrap_or_default())
}

pub(super) const CRON_JOBS: &[Row] = &[
    ("Name", "string", 0, name),
    ("Schedule", "string", 0, |o, _| {
        plain(&o["spec"]["schedule"])
    }),
    ("Timezone", "string", 0, |o, _| {
        text_or_none(&o["spec"]["timeZone"])
    }),
    ("Suspend", "boolean", 0, |o, _| {
        Value::from(if o["spec"]["suspend"] == true {
            "True"
        } else {
            "False"
        })
    }),
    ("Active", "integer", 0, |o, _| {
        Value::from(o["status"]["active"].as_array().map_or(0, Vec::len))
    }),
    (
        "Last Schedule",
        "string",
        0,
        |o, now| match o["status"]["lastScheduleTime"].as_str() {
            Some(at) => Value::from(age::since(Some(at), now)),
            None => Value::from("<none>"),
        },
    ),
    ("Age", "string", 0, object_age),
    ("Containers", "string", 1, |o, _| containers(o, "name")),
    ("Images", "string", 1, |o, _| containers(o, "image")),
    ("Selector", "string", 1, |o, _| {
        labels(&o["spec"]["jobTemplate"]["spec"]["selector"]["matchLabels"])
    }),
];

fn containers(job: &Value, field: &str) -> Value {
    let spec = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    let texts: Vec<&str> = spec["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|container| container[field].as_str())
        .collect();
    Value::from(texts.join(","))
}
