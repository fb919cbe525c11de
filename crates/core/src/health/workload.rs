//! Kinds with replicas.

use super::{Look, Verdict, current, failed, in_progress};

pub(super) fn deployment(look: Look<'_>) -> Verdict {
    let progress = look.condition("Progressing");
    if let Some(progress) = &progress
        && progress.reason == "ProgressDeadlineExceeded"
    {
        return failed(progress.words("progress deadline exceeded"));
    }
    let progressed = look.at("/spec/progressDeadlineSeconds").is_none()
        || progress.is_some_and(|p| p.is_true() && p.reason == "NewReplicaSetAvailable");
    let wanted = look.number("/spec/replicas").unwrap_or(1);
    let status = look.count("/status/replicas");
    let updated = look.count("/status/updatedReplicas");
    let available = look.count("/status/availableReplicas");
    let ready = look.count("/status/readyReplicas");
    let waiting = [
        (wanted > status, format!("replicas: {status}/{wanted}")),
        (wanted > updated, format!("updated: {updated}/{wanted}")),
        (
            status > wanted,
            format!("pending termination: {}", status - wanted),
        ),
        (
            updated > available,
            format!("available: {available}/{updated}"),
        ),
        (wanted > ready, format!("ready: {ready}/{wanted}")),
        (!progressed, "new ReplicaSet is not available".to_owned()),
        (
            !look.condition("Available").is_some_and(|c| c.is_true()),
            "not available".to_owned(),
        ),
    ];
    first(waiting, || format!("available; replicas: {status}"))
}

pub(super) fn stateful_set(look: Look<'_>) -> Verdict {
    if look.text("/spec/updateStrategy/type") == "OnDelete" {
        return current("update strategy is OnDelete");
    }
    let wanted = look.number("/spec/replicas").unwrap_or(1);
    let status = look.count("/status/replicas");
    let ready = look.count("/status/readyReplicas");
    let updated = look.count("/status/updatedReplicas");
    let at_current = look.count("/status/currentReplicas");
    let partition = look
        .number("/spec/updateStrategy/rollingUpdate/partition")
        .filter(|partition| *partition != 0);
    let mut waiting = vec![
        (wanted > status, format!("replicas: {status}/{wanted}")),
        (wanted > ready, format!("ready: {ready}/{wanted}")),
        (
            status > wanted,
            format!("pending termination: {}", status - wanted),
        ),
    ];
    if let Some(partition) = partition {
        let due = wanted - partition;
        waiting.push((updated < due, format!("updated: {updated}/{due}")));
        return first(waiting, || {
            format!("partition rolled out; updated: {updated}")
        });
    }
    let revisions = (
        look.text("/status/currentRevision"),
        look.text("/status/updateRevision"),
    );
    waiting.push((
        wanted > at_current,
        format!("current: {at_current}/{wanted}"),
    ));
    waiting.push((
        revisions.0 != revisions.1,
        "the updated revision is not the current one yet".to_owned(),
    ));
    first(waiting, || {
        format!("all replicas scheduled; replicas: {status}")
    })
}

pub(super) fn daemon_set(look: Look<'_>) -> Verdict {
    let Some(wanted) = look.number("/status/desiredNumberScheduled") else {
        return in_progress("number of nodes is not known yet");
    };
    let scheduled = look.count("/status/currentNumberScheduled");
    let updated = look.count("/status/updatedNumberScheduled");
    let available = look.count("/status/numberAvailable");
    let ready = look.count("/status/numberReady");
    let waiting = [
        (
            wanted > scheduled,
            format!("scheduled: {scheduled}/{wanted}"),
        ),
        (wanted > updated, format!("updated: {updated}/{wanted}")),
        (
            wanted > available,
            format!("available: {available}/{wanted}"),
        ),
        (wanted > ready, format!("ready: {ready}/{wanted}")),
    ];
    first(waiting, || {
        format!("all replicas scheduled; replicas: {wanted}")
    })
}

pub(super) fn replica_set(look: Look<'_>) -> Verdict {
    if let Some(failure) = look.condition("ReplicaFailure")
        && failure.is_true()
    {
        return in_progress(failure.words("replica failure"));
    }
    let wanted = look.number("/spec/replicas").unwrap_or(1);
    let status = look.count("/status/replicas");
    let labelled = look.count("/status/fullyLabeledReplicas");
    let available = look.count("/status/availableReplicas");
    let ready = look.count("/status/readyReplicas");
    let waiting = [
        (wanted > labelled, format!("labelled: {labelled}/{wanted}")),
        (
            wanted > available,
            format!("available: {available}/{wanted}"),
        ),
        (wanted > ready, format!("ready: {ready}/{wanted}")),
        (
            status > wanted,
            format!("pending termination: {}", status - wanted),
        ),
    ];
    first(waiting, || format!("available; replicas: {status}"))
}

/// The first thing that is waited for.
fn first(
    waiting: impl IntoIterator<Item = (bool, String)>,
    done: impl FnOnce() -> String,
) -> Verdict {
    match waiting.into_iter().find(|(waits, _)| *waits) {
        Some((_, message)) => in_progress(message),
        None => current(done()),
    }
}
