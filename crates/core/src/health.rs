//! Readiness of objects by kstatus' rules: one answer for any kind, from its own status alone.

use serde_json::Value;

use crate::object::Object;
use crate::reconciler::Health;

/// The object's class, and what it waits for.
///
/// The order of the rules is kstatus': deletion, a status that is older than the spec, the conditions `Reconciling` and
/// `Stalled`, what is known of the kind, and at last `Ready`.
#[must_use]
pub fn assess(object: &Object) -> (Health, String) {
    let view = View(object);
    if view.at("/metadata/deletionTimestamp").is_some() {
        return (Health::Terminating, "being deleted".to_owned());
    }
    if let (Some(generation), Some(observed)) = (
        view.number("/metadata/generation"),
        view.number("/status/observedGeneration"),
    ) && observed < generation
    {
        return in_progress(format!(
            "generation {generation} is not observed yet (last: {observed})"
        ));
    }
    if let Some(message) = view.condition("Stalled", "True") {
        return (Health::Failed, message);
    }
    if let Some(message) = view.condition("Reconciling", "True") {
        return in_progress(message);
    }
    let gvk = &object.target().gvk;
    match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("apps", "Deployment") => deployment(&view),
        ("apps", "ReplicaSet") => replica_set(&view),
        ("apps", "StatefulSet") => stateful_set(&view),
        ("apps", "DaemonSet") => daemon_set(&view),
        ("batch", "Job") => job(&view),
        ("", "Pod") => pod(&view),
        ("", "PersistentVolumeClaim") => phase(&view, "Bound"),
        ("", "Service") => service(&view),
        ("policy", "PodDisruptionBudget") => disruption_budget(&view),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(&view),
        _ => generic(&view),
    }
}

type Assessed = (Health, String);

fn current() -> Assessed {
    (Health::Current, String::new())
}

fn in_progress(message: String) -> Assessed {
    (Health::InProgress, message)
}

struct View<'a>(&'a Object);

impl View<'_> {
    fn at(&self, pointer: &str) -> Option<&Value> {
        self.0.pointer(pointer)
    }

    fn text(&self, pointer: &str) -> &str {
        self.at(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    fn number(&self, pointer: &str) -> Option<i64> {
        self.at(pointer).and_then(Value::as_i64)
    }

    /// A counter of the status; absent means zero.
    fn count(&self, name: &str) -> i64 {
        self.number(&format!("/status/{name}")).unwrap_or(0)
    }

    /// The message (or reason) of a condition, if it has this status.
    fn condition(&self, kind: &str, status: &str) -> Option<String> {
        let conditions = self.at("/status/conditions")?.as_array()?;
        let text = |condition: &Value, field: &str| {
            condition
                .get(field)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let found = conditions
            .iter()
            .find(|c| text(c, "type") == kind && text(c, "status") == status)?;
        let (message, reason) = (text(found, "message"), text(found, "reason"));
        Some(if message.is_empty() { reason } else { message })
    }

    /// Whether a condition has this status and reason.
    fn has_reason(&self, kind: &str, reason: &str) -> bool {
        let conditions = self.at("/status/conditions").and_then(Value::as_array);
        conditions.into_iter().flatten().any(|c| {
            c.get("type").and_then(Value::as_str) == Some(kind)
                && c.get("reason").and_then(Value::as_str) == Some(reason)
        })
    }
}

fn observed(view: &View<'_>) -> Option<Assessed> {
    view.number("/status/observedGeneration")
        .is_none()
        .then(|| in_progress("its controller has not seen it yet".to_owned()))
}

/// The first counter that is short of what is wanted.
fn short(wanted: i64, counters: &[(&str, i64)]) -> Option<Assessed> {
    counters
        .iter()
        .find(|(_, have)| *have < wanted)
        .map(|(what, have)| in_progress(format!("{what}: {have}/{wanted}")))
}

fn deployment(view: &View<'_>) -> Assessed {
    if view.has_reason("Progressing", "ProgressDeadlineExceeded") {
        let message = view.condition("Progressing", "False").unwrap_or_default();
        return (Health::Failed, message);
    }
    let wanted = view.number("/spec/replicas").unwrap_or(1);
    if let Some(waiting) = observed(view) {
        return waiting;
    }
    if let Some(waiting) = short(
        wanted,
        &[
            ("replicas", view.count("replicas")),
            ("updated", view.count("updatedReplicas")),
        ],
    ) {
        return waiting;
    }
    let surplus = view.count("replicas") - wanted;
    if surplus > 0 {
        return in_progress(format!("old replicas to go: {surplus}"));
    }
    short(
        wanted,
        &[
            ("available", view.count("availableReplicas")),
            ("ready", view.count("readyReplicas")),
        ],
    )
    .unwrap_or_else(current)
}

fn replica_set(view: &View<'_>) -> Assessed {
    if let Some(message) = view.condition("ReplicaFailure", "True") {
        return in_progress(message);
    }
    let wanted = view.number("/spec/replicas").unwrap_or(1);
    observed(view)
        .or_else(|| {
            short(
                wanted,
                &[
                    ("available", view.count("availableReplicas")),
                    ("ready", view.count("readyReplicas")),
                ],
            )
        })
        .unwrap_or_else(current)
}

fn stateful_set(view: &View<'_>) -> Assessed {
    let wanted = view.number("/spec/replicas").unwrap_or(1);
    if view.text("/spec/updateStrategy/type") == "OnDelete" {
        return current();
    }
    let partition = view
        .number("/spec/updateStrategy/rollingUpdate/partition")
        .unwrap_or(0);
    if let Some(waiting) = observed(view).or_else(|| {
        short(
            wanted,
            &[
                ("replicas", view.count("replicas")),
                ("ready", view.count("readyReplicas")),
            ],
        )
    }) {
        return waiting;
    }
    if partition > 0 {
        return short(
            wanted - partition,
            &[("updated", view.count("updatedReplicas"))],
        )
        .unwrap_or_else(current);
    }
    if view.text("/status/currentRevision") == view.text("/status/updateRevision") {
        current()
    } else {
        in_progress("the new revision is being rolled out".to_owned())
    }
}

fn daemon_set(view: &View<'_>) -> Assessed {
    let wanted = view.count("desiredNumberScheduled");
    observed(view)
        .or_else(|| {
            short(
                wanted,
                &[
                    ("scheduled", view.count("currentNumberScheduled")),
                    ("updated", view.count("updatedNumberScheduled")),
                    ("available", view.count("numberAvailable")),
                    ("ready", view.count("numberReady")),
                ],
            )
        })
        .unwrap_or_else(current)
}

fn job(view: &View<'_>) -> Assessed {
    if let Some(message) = view.condition("Failed", "True") {
        return (Health::Failed, message);
    }
    if view.condition("Complete", "True").is_some() {
        return current();
    }
    if view.text("/status/startTime").is_empty() {
        return in_progress("not started yet".to_owned());
    }
    in_progress(format!("succeeded: {}", view.count("succeeded")))
}

fn pod(view: &View<'_>) -> Assessed {
    match view.text("/status/phase") {
        "Succeeded" => current(),
        "Failed" => (Health::Failed, view.text("/status/message").to_owned()),
        "Running" if view.condition("Ready", "True").is_some() => current(),
        "" => in_progress("not seen by a node yet".to_owned()),
        phase => {
            let ready = view.condition("Ready", "False").unwrap_or_default();
            in_progress(format!("{phase}: {ready}"))
        }
    }
}

fn phase(view: &View<'_>, wanted: &str) -> Assessed {
    match view.text("/status/phase") {
        phase if phase == wanted => current(),
        phase => in_progress(format!("phase: {phase}")),
    }
}

fn service(view: &View<'_>) -> Assessed {
    let balanced = view
        .at("/status/loadBalancer/ingress")
        .and_then(Value::as_array)
        .is_some_and(|list| !list.is_empty());
    if view.text("/spec/type") == "LoadBalancer" && !balanced {
        return in_progress("no load balancer address yet".to_owned());
    }
    current()
}

fn disruption_budget(view: &View<'_>) -> Assessed {
    let wanted = view.count("desiredHealthy");
    observed(view)
        .or_else(|| short(wanted, &[("healthy", view.count("currentHealthy"))]))
        .unwrap_or_else(current)
}

fn definition(view: &View<'_>) -> Assessed {
    if let Some(message) = view.condition("NamesAccepted", "False") {
        return (Health::Failed, message);
    }
    match view.condition("Established", "True") {
        Some(_) => current(),
        None => in_progress("not established yet".to_owned()),
    }
}

fn generic(view: &View<'_>) -> Assessed {
    if let Some(message) = view.condition("Ready", "False") {
        return in_progress(message);
    }
    if let Some(message) = view.condition("Ready", "Unknown") {
        return in_progress(message);
    }
    current()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Value, json};

    use super::*;

    fn check(api_version: &str, kind: &str, rest: Value, expected: (Health, &str)) {
        let mut value = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a", "generation": 2}});
        json_patch::merge(&mut value, &rest);
        let (health, message) = assess(&Object::from_value(value).unwrap());
        assert_eq!((health, message.as_str()), expected, "{kind} {rest}");
    }

    #[test]
    fn deployments() {
        let status = |extra: Value| {
            let mut status = json!({"spec": {"replicas": 3}, "status": {
                "observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3, "readyReplicas": 3,
            }});
            json_patch::merge(&mut status, &json!({"status": extra}));
            status
        };
        let check = |extra, expected| check("apps/v1", "Deployment", status(extra), expected);
        check(json!({}), (Health::Current, ""));
        check(
            json!({"observedGeneration": 1}),
            (
                Health::InProgress,
                "generation 2 is not observed yet (last: 1)",
            ),
        );
        check(
            json!({"observedGeneration": null}),
            (Health::InProgress, "its controller has not seen it yet"),
        );
        check(
            json!({"updatedReplicas": 1}),
            (Health::InProgress, "updated: 1/3"),
        );
        check(
            json!({"replicas": 4}),
            (Health::InProgress, "old replicas to go: 1"),
        );
        check(
            json!({"availableReplicas": null}),
            (Health::InProgress, "available: 0/3"),
        );
        check(
            json!({"conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "late"}]}),
            (Health::Failed, "late"),
        );
    }

    #[test]
    fn other_kinds() {
        let condition = |kind: &str, status: &str| json!({"status": {"conditions": [{"type": kind, "status": status, "message": "m"}]}});
        check(
            "batch/v1",
            "Job",
            condition("Complete", "True"),
            (Health::Current, ""),
        );
        check(
            "batch/v1",
            "Job",
            condition("Failed", "True"),
            (Health::Failed, "m"),
        );
        check(
            "v1",
            "Pod",
            json!({"status": {"phase": "Succeeded"}}),
            (Health::Current, ""),
        );
        check("v1", "ConfigMap", json!({}), (Health::Current, ""));
        check(
            "v1",
            "Service",
            json!({"spec": {"type": "LoadBalancer"}}),
            (Health::InProgress, "no load balancer address yet"),
        );
        check(
            "x.y/v1",
            "Any",
            condition("Ready", "False"),
            (Health::InProgress, "m"),
        );
        check(
            "x.y/v1",
            "Any",
            condition("Ready", "True"),
            (Health::Current, ""),
        );
        check(
            "x.y/v1",
            "Any",
            condition("Stalled", "True"),
            (Health::Failed, "m"),
        );
        check(
            "x.y/v1",
            "Any",
            json!({"metadata": {"deletionTimestamp": "t"}}),
            (Health::Terminating, "being deleted"),
        );
    }
}
