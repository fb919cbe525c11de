#![expect(clippy::unwrap_used, reason = "tests")]

use oarlock_core::timestamp::Timestamp;
use serde_json::{Value, json};

use super::render;
use crate::explain::account::{Account, Told};

fn account(object: Value) -> Account {
    let object = serde_json::from_value(object).unwrap();
    let now = Timestamp::parse_rfc3339("2026-11-02T09:10:00Z").unwrap();
    Account::read("Canary prod/podinfo", "Canary", &object, now)
}

fn whole() -> Account {
    let mut account = account(json!({
        "metadata": {"name": "podinfo", "generation": 4},
        "spec": {"control": {"promote": "5d9c/1", "abort": null}, "paused": true},
        "status": {
            "observedGeneration": 3,
            "phase": "Progressing", "currentStep": 2,
            "stepStartedAt": "2026-11-02T09:08:30Z", "stepEndsAt": "2026-11-02T09:10:30Z",
            "stableRevision": "4c1f", "currentRevision": "5d9c", "rejectedRevisions": ["77aa"],
            "why": {
                "decision": "CheckFailed",
                "because": "request-success-rate is 97.2,\nand at least 99 is wanted",
                "inputs": [
                    {"name": "pods of podinfo", "value": "2 of 2 available", "expected": "2", "verdict": "pass"},
                    {"name": "metric request-success-rate", "value": "97.2", "expected": ">= 99", "verdict": "fail"},
                    {"name": "webhook load-test", "value": "\u{1b}[31m503", "verdict": "hold"},
                    {"name": "failed checks", "value": "2", "expected": "< 5", "verdict": "info"},
                ],
                "nextWakeUp": "2026-11-02T09:10:10Z",
            },
            "tracks": [
                {"name": "podinfo", "role": "canary", "revision": "5d9c", "desired": 2, "ready": 2, "available": 2, "weight": 20},
                {"name": "podinfo-stable", "role": "stable", "revision": "4c1f", "desired": 8, "ready": 8, "available": 7, "weight": 80},
            ],
            "conditions": [
                {"type": "Ready", "status": "False", "reason": "Progressing", "message": "step 2", "lastTransitionTime": "2026-11-02T09:00:00Z"},
                {"type": "Progressing", "status": "True", "reason": "StepEntered", "message": "step 2"},
                {"type": "Degraded", "status": "True", "reason": "CheckFailed", "message": "2 of 5 checks\nfailed"},
                {"type": "Paused", "status": "False", "reason": "NotPaused", "message": ""},
                {"type": "Promoted", "status": "Unknown", "reason": "Progressing", "message": ""},
            ],
        },
    }));
    account.events = vec![
        Told {
            last: Some("2026-11-02T09:00:00.000000Z".to_owned()),
            severity: "Normal".to_owned(),
            reason: "StepEntered".to_owned(),
            message: "step 1: 10%".to_owned(),
            count: 1,
        },
        Told {
            last: None,
            severity: "Warning".to_owned(),
            reason: "CheckFailed".to_owned(),
            message: "request-success-rate".to_owned(),
            count: 2,
        },
    ];
    account
}

#[test]
fn everything_that_is_known() {
    insta::assert_snapshot!(render(&whole()), @r"
    Canary prod/podinfo: Progressing, step 2
      revision    5d9c; 4c1f is stable
      step began  1m30s ago (2026-11-02T09:08:30Z)
      step ends   in 30s (2026-11-02T09:10:30Z)
      asked for   spec.control.promote: 5d9c/1
      asked for   spec.paused: true
      behind      the operator has not looked at the newest spec yet

    CheckFailed: request-success-rate is 97.2, and at least 99 is wanted
      decided again in 10s (2026-11-02T09:10:10Z), or when something changes

    INPUT                        VALUE             EXPECTED  VERDICT
    pods of podinfo              2 of 2 available  2         pass
    metric request-success-rate  97.2              >= 99     fail
    webhook load-test            [31m503           -         hold
    failed checks                2                 < 5       info

    TRACK           ROLE    REVISION  WEIGHT  DESIRED  READY  AVAILABLE
    podinfo         canary  5d9c      20%     2        2      2
    podinfo-stable  stable  4c1f      80%     8        8      7

    CONDITION      REASON       SINCE    MESSAGE
    Ready=False    Progressing  10m ago  step 2
    Degraded=True  CheckFailed  -        2 of 5 checks failed

    EVENT    TYPE     REASON       MESSAGE
    10m ago  Normal   StepEntered  step 1: 10%
    -        Warning  CheckFailed  request-success-rate (x2)
    ");
}

#[test]
fn the_same_for_programs() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&whole()).unwrap(), @r#"
    {
      "apiVersion": "",
      "kind": "Canary",
      "namespace": null,
      "name": "podinfo",
      "now": "2026-11-02T09:10:00Z",
      "behind": true,
      "phase": "Progressing",
      "currentStep": 2,
      "stepStartedAt": "2026-11-02T09:08:30Z",
      "stepEndsAt": "2026-11-02T09:10:30Z",
      "currentRevision": "5d9c",
      "stableRevision": "4c1f",
      "rejectedRevisions": [
        "77aa"
      ],
      "wishes": {
        "spec.control.promote": "5d9c/1",
        "spec.paused": "true"
      },
      "why": {
        "decision": "CheckFailed",
        "because": "request-success-rate is 97.2,\nand at least 99 is wanted",
        "inputs": [
          {
            "name": "pods of podinfo",
            "value": "2 of 2 available",
            "expected": "2",
            "verdict": "pass"
          },
          {
            "name": "metric request-success-rate",
            "value": "97.2",
            "expected": ">= 99",
            "verdict": "fail"
          },
          {
            "name": "webhook load-test",
            "value": "\u001b[31m503",
            "expected": null,
            "verdict": "hold"
          },
          {
            "name": "failed checks",
            "value": "2",
            "expected": "< 5",
            "verdict": "info"
          }
        ],
        "nextWakeUp": "2026-11-02T09:10:10Z"
      },
      "tracks": [
        {
          "name": "podinfo",
          "role": "canary",
          "revision": "5d9c",
          "desired": 2,
          "ready": 2,
          "available": 2,
          "weight": 20
        },
        {
          "name": "podinfo-stable",
          "role": "stable",
          "revision": "4c1f",
          "desired": 8,
          "ready": 8,
          "available": 7,
          "weight": 80
        }
      ],
      "failing": [
        {
          "type": "Ready",
          "status": "False",
          "reason": "Progressing",
          "message": "step 2",
          "lastTransitionTime": "2026-11-02T09:00:00Z"
        },
        {
          "type": "Degraded",
          "status": "True",
          "reason": "CheckFailed",
          "message": "2 of 5 checks\nfailed",
          "lastTransitionTime": null
        }
      ],
      "events": [
        {
          "last": "2026-11-02T09:00:00.000000Z",
          "type": "Normal",
          "reason": "StepEntered",
          "message": "step 1: 10%",
          "count": 1
        },
        {
          "last": null,
          "type": "Warning",
          "reason": "CheckFailed",
          "message": "request-success-rate",
          "count": 2
        }
      ]
    }
    "#);
}

#[test]
fn where_nobody_tells_why() {
    let mut nobody = account(json!({"metadata": {"name": "podinfo"}}));
    nobody.events_unknown = Some("events is forbidden".to_owned());
    insta::assert_snapshot!(render(&nobody), @r"
    Canary prod/podinfo

    No status: no operator has looked at it yet. Is one running that serves Canary?

    Its Events cannot be read: events is forbidden
    ");
    let silent = account(json!({
        "metadata": {"name": "podinfo"},
        "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "InvalidSpec", "message": "steps"}]},
    }));
    insta::assert_snapshot!(render(&silent), @r"
    Canary prod/podinfo

    No status.why: the module that serves Canary does not tell why. What else is known of it:

    CONDITION    REASON       SINCE  MESSAGE
    Ready=False  InvalidSpec  -      steps
    ");
}

#[test]
fn what_is_given_up_or_new_is_said() {
    let revision = |status: Value| {
        let text = render(&account(
            json!({"metadata": {"name": "a"}, "status": status}),
        ));
        text.lines().nth(1).unwrap().trim().to_owned()
    };
    insta::assert_snapshot!(revision(json!({"currentRevision": "b", "stableRevision": "a", "rejectedRevisions": ["b"]})), @"revision    b, given up; a is stable");
    insta::assert_snapshot!(revision(json!({"currentRevision": "a", "stableRevision": "a"})), @"revision    a");
    insta::assert_snapshot!(revision(json!({"currentRevision": "a"})), @"revision    a, the first");
}
