#![expect(clippy::expect_used, reason = "tests")]

use serde_json::{Value, json};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn set(replicas: i32) -> ReplicaSet {
    serde_json::from_value(json!({
        "metadata": {"name": "web", "namespace": "default", "uid": "u", "generation": 3},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}},
        },
    }))
    .expect("a set")
}

/// A pod on a node, ready since that second of the minute before now when given.
fn pod(name: &str, ready: Option<u32>, more: Value) -> Arc<Pod> {
    let mut pod = json!({
        "metadata": {
            "name": name, "namespace": "default", "labels": {"app": "web"},
            "creationTimestamp": "2023-11-14T22:12:00Z",
        },
        "spec": {"nodeName": "node-0", "containers": []},
        "status": {"phase": "Running", "conditions": [{
            "type": "Ready",
            "status": if ready.is_some() { "True" } else { "False" },
            "lastTransitionTime": format!("2023-11-14T22:12:{:02}Z", ready.unwrap_or(0)),
        }]},
    });
    json_patch::merge(&mut pod, &more);
    Arc::new(serde_json::from_value(pod).expect("a pod"))
}

fn deleted(actions: &[Action]) -> Vec<&str> {
    let name = |action| match action {
        &Action::Delete(Body::Pod(ref pod)) => pod.metadata.name.as_deref().unwrap_or_default(),
        other => panic!("not a deletion: {other:?}"),
    };
    actions.iter().map(name).collect()
}

#[test]
fn the_least_worth_go_first() {
    let pods = [
        pod("old", Some(1), json!({})),
        pod("young", Some(50), json!({})),
        pod(
            "cheap",
            Some(1),
            json!({"metadata": {"annotations": {
            "controller.kubernetes.io/pod-deletion-cost": "-5"}}}),
        ),
        pod(
            "dear",
            Some(59),
            json!({"metadata": {"annotations": {
            "controller.kubernetes.io/pod-deletion-cost": "100"}}}),
        ),
        pod("unready", None, json!({})),
        pod("pending", None, json!({"status": {"phase": "Pending"}})),
        pod(
            "homeless",
            None,
            json!({"status": {"phase": "Pending"}, "spec": {"nodeName": null}}),
        ),
    ];
    let order = [
        "homeless", "pending", "unready", "cheap", "young", "old", "dear",
    ];
    assert_eq!(deleted(&scale(&set(0), &pods)), order);
    assert_eq!(deleted(&scale(&set(4), &pods)), &order[..3]);
}

#[test]
fn ended_and_ending_pods_do_not_count() {
    let pods = [
        pod("fine", Some(1), json!({})),
        pod("failed", None, json!({"status": {"phase": "Failed"}})),
        pod(
            "ending",
            Some(1),
            json!({"metadata": {"deletionTimestamp": "2023-11-14T22:13:00Z"}}),
        ),
    ];
    let actions = scale(&set(3), &pods);
    assert_eq!(actions.len(), 2);
    let Action::Create(Body::Pod(pod)) = &actions[0] else {
        panic!("not a creation");
    };
    assert_eq!(pod.metadata.generate_name.as_deref(), Some("web-"));
    let owner = &pod.metadata.owner_references.as_ref().expect("owners")[0];
    assert_eq!(
        (owner.kind.as_str(), owner.controller),
        ("ReplicaSet", Some(true))
    );
}

#[test]
fn status_counts_and_waits_for_min_ready_seconds() {
    let pods = [
        pod("early", Some(1), json!({})),
        pod("late", Some(59), json!({})),
        pod("no", None, json!({})),
    ];
    let mut set = set(3);
    set.spec.as_mut().expect("a spec").min_ready_seconds = Some(60);
    let now = NOW;
    let decision = report(&set, &pods, None, now);
    let [Action::UpdateStatus(Body::ReplicaSet(reported))] = decision.actions.as_slice() else {
        panic!("one report");
    };
    let status = reported.status.as_ref().expect("a status");
    // NOW is 22:13:20: the early pod is available, the late one in 39 s.
    assert_eq!(
        (
            status.replicas,
            status.ready_replicas,
            status.available_replicas,
            status.observed_generation
        ),
        (3, Some(2), Some(1), Some(3))
    );
    assert_eq!(
        decision.wake.map(|wake| wake.since(now).as_secs()),
        Some(39)
    );
    let again = report(reported, &pods, None, now);
    assert!(again.actions.is_empty(), "nothing new to say");
}

#[test]
fn failures_are_reported_and_taken_back() {
    let failure = Failure {
        reason: "FailedCreate",
        message: String::from("no room"),
    };
    let reported = |set: &ReplicaSet, failure| {
        let decision = report(set, &[], failure, NOW);
        let [Action::UpdateStatus(Body::ReplicaSet(set))] = decision.actions.as_slice() else {
            panic!("one report");
        };
        ReplicaSet::clone(set)
    };
    let failing = reported(&set(1), Some(&failure));
    let conditions = failing
        .status
        .as_ref()
        .and_then(|status| status.conditions.clone())
        .expect("conditions");
    assert_eq!(conditions[0].reason.as_deref(), Some("FailedCreate"));
    let mended = reported(&failing, None);
    assert_eq!(mended.status.expect("a status").conditions, None);
}
