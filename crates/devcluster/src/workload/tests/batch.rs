//! Jobs.

use super::*;

const JOBS: ResourceId = ResourceId::of("batch", "jobs");

fn job(spec: Value) -> Value {
    let mut spec = spec;
    spec["template"] = json!({
        "spec": {"restartPolicy": "Never", "containers": [{"name": "work", "image": "migrate"}]},
    });
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "work"}, "spec": spec})
}

fn has(job: &Value, kind: &str) -> bool {
    condition(job, kind)["status"] == "True"
}

#[tokio::test(start_paused = true)]
async fn a_job_completes() {
    let lab = Lab::new();
    lab.workloads.set_completion(seconds(5));
    lab.create(&JOBS, job(json!({"completions": 5, "parallelism": 2})));
    let begin = lab.clock.now();
    lab.watching("complete", seconds(60), |lab, _| {
        assert!(count(&lab.get(&JOBS, "work"), "active") <= 2);
        has(&lab.get(&JOBS, "work"), "Complete")
    })
    .await;
    assert_eq!(lab.clock.now().since(begin), seconds(15));
    insta::assert_snapshot!(shown(&lab.get(&JOBS, "work")["status"], "<none>"), @r#"
    {
      "completionTime": "2023-11-14T22:13:35Z",
      "conditions": [
        {
          "lastProbeTime": "2023-11-14T22:13:35Z",
          "lastTransitionTime": "2023-11-14T22:13:35Z",
          "message": "Reached expected number of succeeded pods",
          "reason": "CompletionsReached",
          "status": "True",
          "type": "SuccessCriteriaMet"
        },
        {
          "lastProbeTime": "2023-11-14T22:13:35Z",
          "lastTransitionTime": "2023-11-14T22:13:35Z",
          "message": "Reached expected number of succeeded pods",
          "reason": "CompletionsReached",
          "status": "True",
          "type": "Complete"
        }
      ],
      "ready": 0,
      "startTime": "2023-11-14T22:13:20Z",
      "succeeded": 5,
      "terminating": 0,
      "uncountedTerminatedPods": {}
    }
    "#);
    assert_eq!(lab.all(&PODS).len(), 5, "pods of a finished Job stay");
}

#[tokio::test(start_paused = true)]
async fn a_job_gives_up() {
    let lab = Lab::new();
    lab.workloads.add(
        Pattern::image("migrate"),
        Behaviour::Exits {
            after: seconds(1),
            code: 3,
        },
    );
    lab.create(&JOBS, job(json!({"backoffLimit": 2})));
    let begin = lab.clock.now();
    lab.until("failed", seconds(600), |lab| {
        has(&lab.get(&JOBS, "work"), "Failed")
    })
    .await;
    // Three runs of a second, pauses of 10 and 20 s between them.
    assert_eq!(lab.clock.now().since(begin), seconds(33));
    let job = lab.get(&JOBS, "work");
    assert_eq!(count(&job, "failed"), 3);
    assert!(has(&job, "FailureTarget"));
    assert_eq!(condition(&job, "Failed")["reason"], "BackoffLimitExceeded");
    let pod = &lab.all(&PODS)[0];
    assert_eq!(pod["status"]["phase"], "Failed");
    assert_eq!(
        pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"],
        3
    );
}

#[tokio::test(start_paused = true)]
async fn a_job_has_a_deadline() {
    let lab = Lab::new();
    lab.workloads.add(Pattern::Any, Behaviour::NeverReady);
    lab.create(&JOBS, job(json!({"activeDeadlineSeconds": 20})));
    lab.until("failed", seconds(60), |lab| {
        has(&lab.get(&JOBS, "work"), "Failed")
    })
    .await;
    assert_eq!(
        condition(&lab.get(&JOBS, "work"), "Failed")["reason"],
        "DeadlineExceeded"
    );
    lab.until("stopped", seconds(1), |lab| lab.all(&PODS).is_empty())
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_finished_job_is_removed_in_time() {
    let lab = Lab::new();
    lab.create(&JOBS, job(json!({"ttlSecondsAfterFinished": 100})));
    lab.until("complete", seconds(60), |lab| {
        has(&lab.get(&JOBS, "work"), "Complete")
    })
    .await;
    let begin = lab.clock.now();
    lab.until("gone", seconds(200), |lab| {
        lab.all(&JOBS).is_empty() && lab.all(&PODS).is_empty()
    })
    .await;
    assert_eq!(lab.clock.now().since(begin), seconds(100));
}

#[tokio::test(start_paused = true)]
async fn a_suspended_job_waits() {
    let lab = Lab::new();
    lab.create(&JOBS, job(json!({"suspend": true})));
    lab.until("suspended", seconds(60), |lab| {
        has(&lab.get(&JOBS, "work"), "Suspended")
    })
    .await;
    assert!(lab.all(&PODS).is_empty());
    lab.edit(&JOBS, "work", |job| job["spec"]["suspend"] = json!(false));
    lab.until("complete", seconds(60), |lab| {
        has(&lab.get(&JOBS, "work"), "Complete")
    })
    .await;
    assert_eq!(
        condition(&lab.get(&JOBS, "work"), "Suspended")["reason"],
        "JobResumed"
    );
}
