//! What a Namespace on its way out says about its content.

use oarlock_core::timestamp::Timestamp;
use serde_json::Value;

use super::Remains;
use crate::condition;

/// Writes the five conditions of a terminating Namespace.
pub(super) fn report(namespace: &mut Value, remains: &Remains, now: Timestamp) {
    for (kind, value, reason, message) in all(remains) {
        condition::set(&mut namespace["status"], kind, value, reason, &message, now);
    }
}

fn all(remains: &Remains) -> [(&'static str, &'static str, &'static str, String); 5] {
    [
        (
            "NamespaceDeletionDiscoveryFailure",
            "False",
            "ResourcesDiscovered",
            String::from("All resources successfully discovered"),
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "False",
            "ParsedGroupVersions",
            String::from("All legacy kube types successfully parsed"),
        ),
        deletion(remains),
        content(remains),
        finalizers(remains),
    ]
}

fn deletion(remains: &Remains) -> (&'static str, &'static str, &'static str, String) {
    const KIND: &str = "NamespaceDeletionContentFailure";
    if remains.refusals.is_empty() {
        let message = "All content successfully deleted, may be waiting on finalization";
        return (KIND, "False", "ContentDeleted", String::from(message));
    }
    let message = format!(
        "Failed to delete all resource types, {} remaining: {}",
        remains.refusals.len(),
        remains.refusals.join(", ")
    );
    (KIND, "True", "ContentDeletionFailed", message)
}

fn content(remains: &Remains) -> (&'static str, &'static str, &'static str, String) {
    const KIND: &str = "NamespaceContentRemaining";
    if remains.objects.is_empty() {
        return (
            KIND,
            "False",
            "ContentRemoved",
            String::from("All content successfully removed"),
        );
    }
    let list: Vec<String> = remains
        .objects
        .iter()
        .map(|(resource, count)| {
            format!(
                "{}.{} has {count} resource instances",
                resource.plural(),
                resource.group()
            )
        })
        .collect();
    (
        KIND,
        "True",
        "SomeResourcesRemain",
        format!("Some resources are remaining: {}", list.join(", ")),
    )
}

fn finalizers(remains: &Remains) -> (&'static str, &'static str, &'static str, String) {
    const KIND: &str = "NamespaceFinalizersRemaining";
    if remains.finalizers.is_empty() {
        let message = "All content-preserving finalizers finished";
        return (
            KIND,
            "False",
            "ContentHasNoFinalizers",
            String::from(message),
        );
    }
    let list: Vec<String> = remains
        .finalizers
        .iter()
        .map(|(finalizer, count)| format!("{finalizer} in {count} resource instances"))
        .collect();
    let message = format!(
        "Some content in the namespace has finalizers remaining: {}",
        list.join(", ")
    );
    (KIND, "True", "SomeFinalizersRemain", message)
}
