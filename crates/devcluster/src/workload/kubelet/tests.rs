#![expect(clippy::expect_used, reason = "tests")]

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::workload::settings::{Program, Settings};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn pod(more: Value) -> Pod {
    let mut pod = json!({
        "metadata": {"name": "one", "namespace": "default", "uid": "u"},
        "spec": {"nodeName": "node-0", "containers": [{"name": "a", "image": "a"}, {"name": "b", "image": "b"}]},
    });
    json_patch::merge(&mut pod, &more);
    serde_json::from_value(pod).expect("a pod")
}

fn life(conduct: Conduct) -> Life {
    Life {
        started: NOW,
        began: NOW,
        conduct,
        address: 1,
    }
}

fn runs(ready: Option<u64>) -> Program {
    Program::Runs {
        ready: ready.map(Duration::from_secs),
        exit: None,
    }
}

fn exits(code: i32) -> Program {
    Program::Runs {
        ready: None,
        exit: Some((Duration::from_secs(1), code)),
    }
}

/// Phase and reason of Ready when the containers run these programs, `seconds` after the start.
fn phase(more: Value, programs: [Program; 2], seconds: u64) -> (String, String) {
    let conduct = Conduct::Runs(programs.into());
    let now = NOW.after(Duration::from_secs(seconds));
    let step = step(
        &pod(more),
        &conduct,
        Some(&life(conduct.clone())),
        Duration::ZERO,
        now,
    );
    let Step::Report(pod) = step else {
        panic!("no report: {step:?}");
    };
    let status = pod.status.expect("a status");
    let ready = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "Ready");
    let reason = ready.map(|ready| ready.reason.clone().unwrap_or_else(|| ready.status.clone()));
    (
        status.phase.expect("a phase"),
        reason.expect("a Ready condition"),
    )
}

#[test]
fn phases_of_a_pod_of_two_containers() {
    let never = || json!({"spec": {"restartPolicy": "Never"}});
    let cases = [
        (
            json!({}),
            [runs(Some(0)), runs(Some(5))],
            4,
            ("Running", "ContainersNotReady"),
        ),
        (
            json!({}),
            [runs(Some(0)), runs(Some(5))],
            5,
            ("Running", "True"),
        ),
        (
            json!({}),
            [runs(Some(0)), Program::NoImage],
            9,
            ("Pending", "ContainersNotReady"),
        ),
        (
            json!({}),
            [runs(Some(0)), exits(1)],
            1,
            ("Running", "ContainersNotReady"),
        ),
        (
            never(),
            [exits(0), exits(0)],
            1,
            ("Succeeded", "PodCompleted"),
        ),
        (never(), [exits(0), exits(2)], 1, ("Failed", "PodFailed")),
        (
            never(),
            [exits(0), runs(Some(0))],
            1,
            ("Running", "ContainersNotReady"),
        ),
    ];
    for (more, programs, seconds, (wanted, reason)) in cases {
        let found = phase(more, programs, seconds);
        assert_eq!(
            found,
            (String::from(wanted), String::from(reason)),
            "{programs:?} after {seconds} s"
        );
    }
}

#[test]
fn a_pod_is_bound_refused_or_left_to_its_gates() {
    let conduct = Settings::default().conduct(&pod(json!({})));
    let homeless = |more: Value| {
        let mut patch = json!({"spec": {"nodeName": null}});
        json_patch::merge(&mut patch, &more);
        pod(patch)
    };
    let look = |pod: &Pod, conduct: &Conduct| step(pod, conduct, None, Duration::ZERO, NOW);
    let Step::Bind(bound) = look(&homeless(json!({})), &conduct) else {
        panic!("not bound");
    };
    assert_eq!(
        bound.spec.and_then(|spec| spec.node_name).as_deref(),
        Some("node-0")
    );
    let Step::Refuse(refused) = look(&homeless(json!({})), &Conduct::Unschedulable) else {
        panic!("not refused");
    };
    assert_eq!(
        look(&refused, &Conduct::Unschedulable),
        Step::Wait(None),
        "said once"
    );
    let gated = homeless(json!({"spec": {"schedulingGates": [{"name": "example.com/gate"}]}}));
    assert_eq!(look(&gated, &conduct), Step::Wait(None));
    assert_eq!(
        look(&pod(json!({"spec": {"nodeName": "elsewhere"}})), &conduct),
        Step::Wait(None)
    );
}

#[test]
fn the_end_of_a_pod() {
    let conduct = Settings::default().conduct(&pod(json!({})));
    let deleted = |grace: i64| {
        pod(json!({"metadata": {
            // 30 s after NOW.
            "deletionTimestamp": "2023-11-14T22:13:50Z",
            "deletionGracePeriodSeconds": grace,
        }}))
    };
    let look = |pod: &Pod, termination: u64, seconds: u64| {
        let now = NOW.after(Duration::from_secs(seconds));
        step(
            pod,
            &conduct,
            Some(&life(conduct.clone())),
            Duration::from_secs(termination),
            now,
        )
    };
    assert_eq!(look(&deleted(30), 0, 0), Step::Remove);
    assert_eq!(
        look(&deleted(30), 5, 0),
        Step::Wait(Some(NOW.after(Duration::from_secs(5))))
    );
    assert_eq!(look(&deleted(30), 5, 5), Step::Remove);
    // No longer than its grace period.
    assert_eq!(look(&deleted(30), 500, 30), Step::Remove);
    // Forced already: a finalizer holds it.
    assert_eq!(look(&deleted(0), 5, 60), Step::Wait(None));
}

#[test]
fn addresses_differ() {
    assert_eq!(node::pod_address(1), "10.128.0.2");
    assert_eq!(node::pod_address(254), "10.128.0.255");
    assert_eq!(node::pod_address(65_536), "10.129.0.1");
}
