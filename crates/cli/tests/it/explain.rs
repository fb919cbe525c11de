//! `oarlock explain`.

use std::time::Duration;

use kube::api::{Api, DynamicObject, PostParams};
use oarlock_core::timestamp::Timestamp;
use serde_json::{Value, json};

use crate::guarded::Guarded;
use crate::process::oarlock;
use crate::rollout::{api, define_as};
use crate::steered::{Steered, text};

/// A rollout whose checks fail, told at this time of the cluster's clock, which stands.
fn failing(now: Timestamp) -> Value {
    let at = |seconds: u64| now.after(Duration::from_secs(seconds)).rfc3339();
    json!({
        "observedGeneration": 1, "phase": "Progressing", "currentStep": 2,
        "stepEndsAt": at(90), "currentRevision": "5d9c", "stableRevision": "4c1f",
        "why": {
            "decision": "CheckFailed",
            "because": "request-success-rate is 97.2, and at least 99 is wanted",
            "inputs": [
                {"name": "pods of app", "value": "2 of 2 available", "expected": "2", "verdict": "pass"},
                {"name": "metric request-success-rate", "value": "97.2", "expected": ">= 99", "verdict": "fail"},
            ],
            "nextWakeUp": at(10),
        },
        "tracks": [
            {"name": "app", "role": "canary", "revision": "5d9c", "desired": 2, "ready": 2, "available": 2, "weight": 20},
            {"name": "app-stable", "role": "stable", "revision": "4c1f", "desired": 8, "ready": 8, "available": 8, "weight": 80},
        ],
        "conditions": [
            {"type": "Ready", "status": "False", "reason": "Progressing", "message": "step 2", "lastTransitionTime": now.rfc3339()},
            {"type": "Degraded", "status": "True", "reason": "CheckFailed", "message": "1 of 5 checks failed", "lastTransitionTime": now.rfc3339()},
        ],
    })
}

/// An Event about the object, as an operator writes it.
async fn event(site: &Steered, now: Timestamp) {
    let object = site.object().await;
    let events: Api<DynamicObject> =
        api(&site.site.cluster.client(), "events.k8s.io", "v1", "Event");
    let told = json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "a.1"},
        "regarding": {
            "apiVersion": "example.com/v1", "kind": "Rollout", "namespace": "default", "name": "a",
            "uid": object.metadata.uid,
        },
        "type": "Warning", "reason": "CheckFailed", "action": "CheckFailed",
        "note": "request-success-rate is 97.2", "reportingController": "oarlock/canary",
        "reportingInstance": "x", "eventTime": now.rfc3339_micro(),
        "series": {"count": 3, "lastObservedTime": now.rfc3339_micro()},
    });
    let told = serde_json::from_value(told).unwrap();
    drop(events.create(&PostParams::default(), &told).await.unwrap());
}

/// Without the cluster's time, which is that of the host when it began.
fn timeless(text: &str) -> String {
    let words = text.split_inclusive([' ', '\n', '(', ')', '"']);
    words
        .map(|word| {
            let bare = word.trim_end_matches([' ', '\n', '(', ')', '"']);
            match Timestamp::parse_rfc3339(bare) {
                Some(_) => word.replace(bare, "TIME"),
                None => word.to_owned(),
            }
        })
        .collect()
}

async fn at_step_two() -> Steered {
    let site = Steered::new(json!({})).await;
    // Whole seconds: that is how exact the server's date is.
    let seconds = site.site.cluster.now().await.div_ceil(1000);
    site.site.cluster.advance_to(seconds * 1000).await;
    let now = Timestamp::from_millis(seconds * 1000);
    site.tell("a", failing(now)).await;
    event(&site, now).await;
    site
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_decision_is_told_with_all_that_it_was_made_of() {
    let site = at_step_two().await;
    let told = site.done(&["explain", "ro/a"]).await;
    insta::assert_snapshot!(timeless(&told), @r"
    Rollout default/a: Progressing, step 2
      revision    5d9c; 4c1f is stable
      step ends   in 1m30s (TIME)

    CheckFailed: request-success-rate is 97.2, and at least 99 is wanted
      decided again in 10s (TIME), or when something changes

    INPUT                        VALUE             EXPECTED  VERDICT
    pods of app                  2 of 2 available  2         pass
    metric request-success-rate  97.2              >= 99     fail

    TRACK       ROLE    REVISION  WEIGHT  DESIRED  READY  AVAILABLE
    app         canary  5d9c      20%     2        2      2
    app-stable  stable  4c1f      80%     8        8      8

    CONDITION      REASON       SINCE  MESSAGE
    Ready=False    Progressing  now    step 2
    Degraded=True  CheckFailed  now    1 of 5 checks failed

    EVENT  TYPE     REASON       MESSAGE
    now    Warning  CheckFailed  request-success-rate is 97.2 (x3)
    ");
    // A quarter of a minute later, by the cluster's clock.
    let now = site.site.cluster.now().await;
    site.site.cluster.advance_to(now + 15_000).await;
    let told = site.done(&["explain", "ro/a"]).await;
    assert!(told.contains("decided again 5s ago"), "{told}");
    assert!(told.contains("step ends   in 1m15s"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_are_told_the_same() {
    let site = at_step_two().await;
    let told = site.done(&["explain", "ro/a", "-o", "json"]).await;
    let whole: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(whole["apiVersion"], "example.com/v1");
    assert_eq!(whole["why"]["inputs"][1]["verdict"], "fail");
    assert_eq!(whole["events"][0]["count"], 3);
    insta::assert_snapshot!(timeless(&told), @r#"
    {
      "apiVersion": "example.com/v1",
      "kind": "Rollout",
      "namespace": "default",
      "name": "a",
      "now": "TIME",
      "behind": false,
      "phase": "Progressing",
      "currentStep": 2,
      "stepStartedAt": null,
      "stepEndsAt": "TIME",
      "currentRevision": "5d9c",
      "stableRevision": "4c1f",
      "rejectedRevisions": [],
      "wishes": {},
      "why": {
        "decision": "CheckFailed",
        "because": "request-success-rate is 97.2, and at least 99 is wanted",
        "inputs": [
          {
            "name": "pods of app",
            "value": "2 of 2 available",
            "expected": "2",
            "verdict": "pass"
          },
          {
            "name": "metric request-success-rate",
            "value": "97.2",
            "expected": ">= 99",
            "verdict": "fail"
          }
        ],
        "nextWakeUp": "TIME"
      },
      "tracks": [
        {
          "name": "app",
          "role": "canary",
          "revision": "5d9c",
          "desired": 2,
          "ready": 2,
          "available": 2,
          "weight": 20
        },
        {
          "name": "app-stable",
          "role": "stable",
          "revision": "4c1f",
          "desired": 8,
          "ready": 8,
          "available": 8,
          "weight": 80
        }
      ],
      "failing": [
        {
          "type": "Ready",
          "status": "False",
          "reason": "Progressing",
          "message": "step 2",
          "lastTransitionTime": "TIME"
        },
        {
          "type": "Degraded",
          "status": "True",
          "reason": "CheckFailed",
          "message": "1 of 5 checks failed",
          "lastTransitionTime": "TIME"
        }
      ],
      "events": [
        {
          "last": "TIME",
          "type": "Warning",
          "reason": "CheckFailed",
          "message": "request-success-rate is 97.2",
          "count": 3
        }
      ]
    }
    "#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_explained_is_said() {
    let site = Steered::new(json!({})).await;
    insta::assert_snapshot!(site.done(&["explain", "ro/a"]).await, @r"
    Rollout default/a

    No status: no operator has looked at it yet. Is one running that serves Rollout?
    ");
    site.tell("a", json!({"phase": "Progressing", "why": "because"}))
        .await;
    insta::assert_snapshot!(site.done(&["explain", "ro/a"]).await, @r"
    Rollout default/a: Progressing

    No status.why: the module that serves Rollout does not tell why. What else is known of it:
    ");
    insta::assert_snapshot!(site.refused(&["explain", "ro/b"]).await, @r"
    error: Rollout default/b does not exist
      hint: -n names another namespace, `kubectl get rollouts.example.com -A` lists all there are
    ");
    insta::assert_snapshot!(site.refused(&["explain", "gadget/b"]).await, @r"
    error: the API server serves no kind gadget
      hint: `kubectl api-resources` lists what it serves
    ");
    let output = site.run(&["explain", "a"]).await;
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(text(&output.stderr), @r#"
    error: invalid value 'a' for '<KIND/NAME>': "a" is no object; expected KIND/NAME such as widgets.example.com/a

    For more information, try '--help'.
    "#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_right_to_events_the_rest_is_told() {
    let guarded = Guarded::new().await;
    let admin = guarded.cluster.client();
    define_as(&admin, crate::steered::definition()).await;
    let rollouts = api(&admin, "example.com", "v1", "Rollout");
    crate::steered::write(&rollouts, "a", json!({}), json!({})).await;
    let reader = guarded.account("reader", &["get"]).await;
    let args = ["explain", "ro/a", "--kubeconfig", reader.to_str().unwrap()];
    let output = oarlock(&args, guarded.path()).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    insta::assert_snapshot!(text(&output.stdout), @r#"
    Rollout default/a

    No status: no operator has looked at it yet. Is one running that serves Rollout?

    Its Events cannot be read: events is forbidden: User "system:serviceaccount:default:reader" cannot list resource "events" in API group "" in the namespace "default"
    "#);
}
