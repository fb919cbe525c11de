//! Readiness of an object by kstatus' rules (sigs.k8s.io/cli-utils, `pkg/kstatus`). Pure.
//!
//! First what holds for every kind (being deleted, `observedGeneration`, the conditions `Reconciling` and `Stalled`), then
//! the rules of the built-in kinds, then the condition `Ready`. A kind that says nothing of itself is current. As with kstatus, a
//! Job that has started is current, whether it is done or not, and a Service waits for its cluster IP alone.
//!
//! Left out is the one rule with a clock: kstatus calls a Pod failed that could not be scheduled for 15 seconds; here it
//! stays in progress, and the message says why.

mod batch;
mod workload;

use crate::object::Object;
use crate::reconciler::Health;
use serde_json::Value;

type Verdict = (Health, String);

/// The class of `object`, and in words what is waited for.
#[must_use]
pub fn health(object: &Object) -> Verdict {
    let look = Look(object);
    if let Some(verdict) = generic(look) {
        return verdict;
    }
    let gvk = &object.target().gvk;
    match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("apps", "Deployment") => workload::deployment(look),
        ("apps", "StatefulSet") => workload::stateful_set(look),
        ("apps", "DaemonSet") => workload::daemon_set(look),
        ("apps", "ReplicaSet") => workload::replica_set(look),
        ("batch", "Job") => batch::job(look),
        ("", "Pod") => batch::pod(look),
        ("", "PersistentVolumeClaim") => volume_claim(look),
        ("", "Service") => service(look),
        ("policy", "PodDisruptionBudget") => current("allowed disruptions have been computed"),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(look),
        _ => ready_condition(look),
    }
}

/// Short ways into an object.
#[derive(Clone, Copy)]
struct Look<'a>(&'a Object);

/// A condition, as far as it is used.
struct Condition<'a> {
    status: &'a str,
    reason: &'a str,
    message: &'a str,
}

impl Condition<'_> {
    fn is_true(&self) -> bool {
        self.status == "True"
    }

    /// Message, or reason where there is none.
    fn words(&self, otherwise: &str) -> String {
        let words = [self.message, self.reason, otherwise];
        let first = words.into_iter().find(|words| !words.is_empty());
        first.unwrap_or_default().to_owned()
    }
}

impl<'a> Look<'a> {
    fn at(self, pointer: &str) -> Option<&'a Value> {
        self.0.pointer(pointer)
    }

    fn text(self, pointer: &str) -> &'a str {
        self.at(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    fn number(self, pointer: &str) -> Option<i64> {
        self.at(pointer).and_then(Value::as_i64)
    }

    /// A count, 0 where it is absent.
    fn count(self, pointer: &str) -> i64 {
        self.number(pointer).unwrap_or(0)
    }

    fn list(self, pointer: &str) -> &'a [Value] {
        let list = self.at(pointer).and_then(Value::as_array);
        list.map(Vec::as_slice).unwrap_or_default()
    }

    fn condition(self, kind: &str) -> Option<Condition<'a>> {
        let text = |condition: &'a Value, field: &str| {
            condition
                .get(field)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        self.list("/status/conditions")
            .iter()
            .find(|condition| text(condition, "type") == kind)
            .map(|condition| Condition {
                status: text(condition, "status"),
                reason: text(condition, "reason"),
                message: text(condition, "message"),
            })
    }
}

fn current(message: impl Into<String>) -> Verdict {
    (Health::Current, message.into())
}

fn in_progress(message: impl Into<String>) -> Verdict {
    (Health::InProgress, message.into())
}

fn failed(message: impl Into<String>) -> Verdict {
    (Health::Failed, message.into())
}

fn generic(look: Look<'_>) -> Option<Verdict> {
    if look.at("/metadata/deletionTimestamp").is_some() {
        return Some((Health::Terminating, "being deleted".to_owned()));
    }
    let generations = (
        look.number("/metadata/generation"),
        look.number("/status/observedGeneration"),
    );
    if let (Some(generation), Some(observed)) = generations
        && generation != observed
    {
        return Some(in_progress(format!(
            "generation is {generation}, but its controller has seen {observed}"
        )));
    }
    if let Some(condition) = look.condition("Reconciling").filter(Condition::is_true) {
        return Some(in_progress(condition.words("reconciling")));
    }
    let stalled = look.condition("Stalled").filter(Condition::is_true)?;
    Some(failed(stalled.words("stalled")))
}

fn ready_condition(look: Look<'_>) -> Verdict {
    match look.condition("Ready") {
        Some(ready) if !ready.is_true() => in_progress(ready.words("not ready")),
        Some(ready) => current(ready.words("ready")),
        None => current("current"),
    }
}

fn volume_claim(look: Look<'_>) -> Verdict {
    match look.text("/status/phase") {
        "Bound" => current("bound"),
        phase => in_progress(format!("not bound; phase: {}", or_none(phase))),
    }
}

fn service(look: Look<'_>) -> Verdict {
    let balanced = look.text("/spec/type") == "LoadBalancer";
    if balanced && look.text("/spec/clusterIP").is_empty() {
        return in_progress("no cluster IP yet; type: LoadBalancer");
    }
    current("service is ready")
}

fn definition(look: Look<'_>) -> Verdict {
    if let Some(names) = look.condition("NamesAccepted")
        && names.status == "False"
    {
        return failed(names.words("names are not accepted"));
    }
    match look.condition("Established") {
        Some(established) if established.is_true() => current("established"),
        Some(established)
            if established.status == "False" && established.reason != "Installing" =>
        {
            failed(established.words("not established"))
        }
        _ => in_progress("being installed"),
    }
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

#[cfg(test)]
mod tests;
