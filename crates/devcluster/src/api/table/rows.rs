//! Columns of built-in kinds.

use oarlock_core::timestamp::Timestamp;
use serde_json::Value;

use super::{Column, age, kinds, name, object_age, workloads};

type Make = fn(&Value, Timestamp) -> Value;

/// A column: header, type, priority, cell.
pub(super) type Row = (&'static str, &'static str, i64, Make);

/// The columns of a kind that has its own.
pub(super) fn of(group: &str, plural: &str) -> Option<Vec<Column>> {
    let rows: &[Row] = match (group, plural) {
        ("", "pods") => workloads::PODS,
        ("apps", "deployments") => workloads::DEPLOYMENTS,
        ("apps", "replicasets") => workloads::REPLICA_SETS,
        ("apps", "statefulsets") => workloads::STATEFUL_SETS,
        ("apps", "daemonsets") => workloads::DAEMON_SETS,
        ("batch", "jobs") => workloads::JOBS,
        ("", "services") => SERVICES,
        ("", "configmaps") => CONFIG_MAPS,
        ("", "secrets") => SECRETS,
        ("", "namespaces") => NAMESPACES,
        ("" | "events.k8s.io", "events") => EVENTS,
        ("", "nodes") => NODES,
        ("apiextensions.k8s.io", "customresourcedefinitions") => DEFINITIONS,
        ("coordination.k8s.io", "leases") => LEASES,
        ("", "serviceaccounts") => kinds::ACCOUNTS,
        ("", "persistentvolumeclaims") => kinds::CLAIMS,
        ("batch", "cronjobs") => kinds::CRON_JOBS,
        ("networking.k8s.io", "ingresses") => kinds::INGRESSES,
        ("networking.k8s.io", "networkpolicies") => kinds::POLICIES,
        ("rbac.authorization.k8s.io", "roles" | "clusterroles") => kinds::ROLES,
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => kinds::BINDINGS,
        _ => return None,
    };
    Some(
        rows.iter()
            .map(|(name, kind, priority, make)| Column::built(name, kind, *priority, *make))
            .collect(),
    )
}

/// Text at a path, `<none>` when there is none.
pub(super) fn text_or_none(value: &Value) -> Value {
    match value.as_str() {
        Some(text) if !text.is_empty() => Value::from(text),
        _ => Value::from("<none>"),
    }
}

/// `a=b,c=d`, `<none>` when empty.
pub(super) fn labels(map: &Value) -> Value {
    let mut terms: Vec<String> = map
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    terms.sort();
    Value::from(if terms.is_empty() {
        String::from("<none>")
    } else {
        terms.join(",")
    })
}

fn size(value: &Value) -> usize {
    value.as_object().map_or(0, serde_json::Map::len)
}

const CONFIG_MAPS: &[Row] = &[
    ("Name", "string", 0, name),
    ("Data", "string", 0, |o, _| {
        Value::from(size(&o["data"]) + size(&o["binaryData"]))
    }),
    ("Age", "string", 0, object_age),
];

const SECRETS: &[Row] = &[
    ("Name", "string", 0, name),
    ("Type", "string", 0, |o, _| o["type"].clone()),
    ("Data", "string", 0, |o, _| Value::from(size(&o["data"]))),
    ("Age", "string", 0, object_age),
];

const NAMESPACES: &[Row] = &[
    ("Name", "string", 0, name),
    ("Status", "string", 0, |o, _| o["status"]["phase"].clone()),
    ("Age", "string", 0, object_age),
];

const LEASES: &[Row] = &[
    ("Name", "string", 0, name),
    ("Holder", "string", 0, |o, _| {
        Value::from(o["spec"]["holderIdentity"].as_str().unwrap_or_default())
    }),
    ("Age", "string", 0, object_age),
];

const DEFINITIONS: &[Row] = &[
    ("Name", "string", 0, name),
    ("Created At", "date", 0, |o, _| {
        o["metadata"]["creationTimestamp"].clone()
    }),
];

const SERVICES: &[Row] = &[
    ("Name", "string", 0, name),
    ("Type", "string", 0, |o, _| o["spec"]["type"].clone()),
    ("Cluster-IP", "string", 0, |o, _| {
        text_or_none(&o["spec"]["clusterIP"])
    }),
    ("External-IP", "string", 0, |o, _| external_address(o)),
    ("Port(s)", "string", 0, |o, _| ports(o)),
    ("Age", "string", 0, object_age),
    ("Selector", "string", 1, |o, _| {
        labels(&o["spec"]["selector"])
    }),
];

fn external_address(service: &Value) -> Value {
    match service["spec"]["type"].as_str() {
        Some("LoadBalancer") => Value::from("<pending>"),
        Some("ExternalName") => text_or_none(&service["spec"]["externalName"]),
        _ => Value::from("<none>"),
    }
}

fn ports(service: &Value) -> Value {
    let ports: Vec<String> = service["spec"]["ports"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|port| {
            let protocol = port["protocol"].as_str().unwrap_or("TCP");
            match port["nodePort"].as_u64() {
                Some(node) if node > 0 => format!("{}:{node}/{protocol}", port["port"]),
                _ => format!("{}/{protocol}", port["port"]),
            }
        })
        .collect();
    Value::from(if ports.is_empty() {
        String::from("<none>")
    } else {
        ports.join(",")
    })
}

const EVENTS: &[Row] = &[
    ("Last Seen", "string", 0, |o, now| last_seen(o, now)),
    ("Type", "string", 0, |o, _| o["type"].clone()),
    ("Reason", "string", 0, |o, _| o["reason"].clone()),
    ("Object", "string", 0, |o, _| {
        let about = if o["involvedObject"].is_object() {
            &o["involvedObject"]
        } else {
            &o["regarding"]
        };
        let text = |field: &str| about[field].as_str().unwrap_or_default();
        Value::from(format!("{}/{}", text("kind").to_lowercase(), text("name")))
    }),
    ("Subobject", "string", 1, |o, _| {
        let path = either(o, "involvedObject", "regarding")["fieldPath"].as_str();
        Value::from(path.unwrap_or_default())
    }),
    ("Source", "string", 1, |o, _| Value::from(event_source(o))),
    ("Message", "string", 0, |o, _| {
        let text = either(o, "message", "note").as_str().unwrap_or_default();
        Value::from(text.trim())
    }),
    ("First Seen", "string", 1, |o, now| {
        let first = either(o, "firstTimestamp", "deprecatedFirstTimestamp").as_str();
        Value::from(age::since(first.or_else(|| o["eventTime"].as_str()), now))
    }),
    ("Count", "string", 1, |o, _| {
        let count = o["series"]["count"].as_i64();
        let count = count.or_else(|| either(o, "count", "deprecatedCount").as_i64());
        Value::from(count.unwrap_or(1))
    }),
    ("Name", "string", 1, name),
];

/// A field by its name in either shape of Events.
fn either<'a>(event: &'a Value, core: &str, group: &str) -> &'a Value {
    event
        .get(core)
        .filter(|value| !value.is_null())
        .unwrap_or(&event[group])
}

/// Who reported an Event, and from where.
fn event_source(event: &Value) -> String {
    let source = either(event, "source", "deprecatedSource");
    let text = |value: &Value| String::from(value.as_str().unwrap_or_default());
    let parts = match text(&source["component"]) {
        none if none.is_empty() => [
            text(either(event, "reportingComponent", "reportingController")),
            text(&event["reportingInstance"]),
        ],
        component => [component, text(&source["host"])],
    };
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

/// The newest of the instants that the versions of Events carry.
fn last_seen(event: &Value, now: Timestamp) -> Value {
    let instant = [
        &event["series"]["lastObservedTime"],
        &event["lastTimestamp"],
        &event["deprecatedLastTimestamp"],
        &event["eventTime"],
        &event["firstTimestamp"],
    ]
    .into_iter()
    .find_map(Value::as_str);
    Value::from(age::since(instant, now))
}

const NODES: &[Row] = &[
    ("Name", "string", 0, name),
    ("Status", "string", 0, |o, _| {
        let ready = o["status"]["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|condition| condition["type"] == "Ready");
        let mut status = String::from(match ready.and_then(|c| c["status"].as_str()) {
            Some("True") => "Ready",
            Some(_) => "NotReady",
            None => "Unknown",
        });
        if o["spec"]["unschedulable"] == true {
            status.push_str(",SchedulingDisabled");
        }
        Value::from(status)
    }),
    ("Roles", "string", 0, |o, _| {
        let roles: Vec<&str> = o["metadata"]["labels"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(label, _)| label.strip_prefix("node-role.kubernetes.io/"))
            .collect();
        Value::from(if roles.is_empty() {
            String::from("<none>")
        } else {
            roles.join(",")
        })
    }),
    ("Age", "string", 0, object_age),
    ("Version", "string", 0, |o, _| {
        Value::from(
            o["status"]["nodeInfo"]["kubeletVersion"]
                .as_str()
                .unwrap_or_default(),
        )
    }),
];
