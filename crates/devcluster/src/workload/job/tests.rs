#![expect(clippy::expect_used, reason = "tests")]

use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn job(spec: serde_json::Value) -> Job {
    serde_json::from_value(json!({"metadata": {"name": "work", "uid": "j"}, "spec": spec}))
        .expect("a job")
}

fn pod(uid: &str, phase: &str) -> Arc<Pod> {
    let pod = json!({"metadata": {"name": uid, "uid": uid}, "status": {"phase": phase}});
    Arc::new(serde_json::from_value(pod).expect("a pod"))
}

/// Pods created and deleted by a decision.
fn moves(decision: &Decision) -> (usize, usize) {
    let count = |wanted: fn(&Action) -> bool| {
        decision
            .actions
            .iter()
            .filter(|action| wanted(action))
            .count()
    };
    (
        count(|action| matches!(action, Action::Create(Body::Pod(_)))),
        count(|action| matches!(action, Action::Delete(Body::Pod(_)))),
    )
}

#[test]
fn how_many_pods_run() {
    let template = json!({"spec": {"restartPolicy": "Never", "containers": []}});
    let cases = [
        // completions, parallelism, succeeded, active, created, deleted
        (Some(5), 2, 0, 0, 2, 0),
        (Some(5), 2, 4, 0, 1, 0),
        (Some(5), 2, 1, 2, 0, 0),
        (Some(5), 2, 0, 3, 0, 1),
        (None, 3, 0, 0, 3, 0),
        (None, 3, 1, 2, 0, 0),
        (Some(1), 0, 0, 1, 0, 1),
    ];
    for case in cases {
        let (completions, parallelism, succeeded, active, created, deleted) = case;
        let job = job(
            json!({"completions": completions, "parallelism": parallelism, "template": template.clone()}),
        );
        let mut pods: Vec<_> = (0..succeeded)
            .map(|n| pod(&format!("s{n}"), "Succeeded"))
            .collect();
        pods.extend((0..active).map(|n| pod(&format!("a{n}"), "Running")));
        let mut tally = Tally::default();
        tally.count(&pods, NOW);
        assert_eq!(
            moves(&decide(&job, &pods, &tally, NOW)),
            (created, deleted),
            "{case:?}"
        );
    }
}

#[test]
fn pods_that_were_counted_stay_counted() {
    let job = job(json!({"completions": 2, "parallelism": 2, "template": {}}));
    let mut tally = Tally::default();
    tally.count(&[pod("one", "Succeeded")], NOW);
    // Deleted by somebody; another one succeeds.
    let pods = [pod("two", "Succeeded")];
    tally.count(&pods, NOW);
    let decision = decide(&job, &pods, &tally, NOW);
    let Some(Action::UpdateStatus(Body::Job(job))) = decision.actions.first() else {
        panic!("no report");
    };
    assert_eq!(
        job.status.as_ref().and_then(|status| status.succeeded),
        Some(2)
    );
    assert!(ended_at(job).is_some());
}

#[test]
fn failed_pods_are_replaced_after_a_pause() {
    let job = job(json!({"completions": 1, "parallelism": 1, "template": {}}));
    let pods = [pod("one", "Failed")];
    let mut tally = Tally::default();
    tally.count(&pods, NOW);
    let decision = decide(&job, &pods, &tally, NOW);
    assert_eq!(moves(&decision), (0, 0));
    let retry = NOW.after(FIRST_PAUSE);
    assert_eq!(decision.wake, Some(retry));
    assert_eq!(moves(&decide(&job, &pods, &tally, retry)), (1, 0));
}
