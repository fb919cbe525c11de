//! What runs: Pods, and Jobs of them.

use crate::reconciler::Health;
use serde_json::Value;

use super::{Look, Verdict, current, failed, in_progress};

pub(super) fn job(look: Look<'_>) -> Verdict {
    let succeeded = look.count("/status/succeeded");
    let active = look.count("/status/active");
    let lost = look.count("/status/failed");
    let wanted = look
        .number("/spec/completions")
        .or_else(|| look.number("/spec/parallelism"))
        .unwrap_or(1);
    if look.condition("Complete").is_some_and(|c| c.is_true()) {
        return current(format!("completed; succeeded: {succeeded}/{wanted}"));
    }
    if let Some(condition) = look.condition("Failed")
        && condition.is_true()
    {
        return failed(condition.words(&format!("failed: {lost}/{wanted}")));
    }
    if look.text("/status/startTime").is_empty() {
        return in_progress("not started");
    }
    current(format!(
        "in progress; succeeded: {succeeded}, active: {active}, failed: {lost}"
    ))
}

pub(super) fn pod(look: Look<'_>) -> Verdict {
    match look.text("/status/phase") {
        "Succeeded" => current("completed successfully"),
        "Failed" => {
            let words = [look.text("/status/message"), look.text("/status/reason")];
            let why = words.into_iter().find(|words| !words.is_empty());
            failed(why.unwrap_or("completed, but not successfully"))
        }
        "Running" => running(look),
        "Pending" => match look.condition("PodScheduled") {
            Some(scheduled)
                if scheduled.status == "False" && scheduled.reason == "Unschedulable" =>
            {
                in_progress(format!(
                    "not scheduled: {}",
                    scheduled.words("no node fits")
                ))
            }
            _ => in_progress("pending"),
        },
        "" => in_progress("no phase yet"),
        phase => (Health::Unknown, format!("unknown phase {phase:?}")),
    }
}

fn running(look: Look<'_>) -> Verdict {
    if look.condition("Ready").is_some_and(|c| c.is_true()) {
        return current("ready");
    }
    let crashing: Vec<&str> = ["/status/initContainerStatuses", "/status/containerStatuses"]
        .into_iter()
        .flat_map(|list| look.list(list))
        .filter(|status| {
            let reason = status.pointer("/state/waiting/reason");
            reason.and_then(Value::as_str) == Some("CrashLoopBackOff")
        })
        .filter_map(|status| status.get("name")?.as_str())
        .collect();
    if crashing.is_empty() {
        in_progress("running, but not ready")
    } else {
        failed(format!(
            "containers crash again and again: {}",
            crashing.join(", ")
        ))
    }
}
