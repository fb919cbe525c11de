//! Webhooks of a Canary, by real HTTP: gates, checks, what is sent, and servers that behave badly.

use serde_json::json;

use crate::webhooks::{Answer, Received, Web};
use crate::webhooks_podinfo::{Podinfo, input};

/// Much faster than the world: an interval of ten seconds is half of one.
const SPEED: &str = "20";

/// What a test looks at in a request: its body, and the headers that are the project's.
fn shown(received: &Received) -> String {
    let mut body = received.json();
    // Hashes of templates depend on their fields.
    let revision = body["checksum"].take();
    body["checksum"] = json!(if revision.is_string() { "REVISION" } else { "" });
    format!(
        "{} {} x-oarlock-webhook={}\n{body:#}",
        received.method,
        received.header("content-type"),
        received.header("x-oarlock-webhook")
    )
}

#[tokio::test]
async fn row_22_gates_checks_and_courtesies_are_called_in_their_turn() {
    let web = Web::new(|received| match received.path.as_str() {
        "/confirm" => Answer::Says(403, String::from("not on a Friday")),
        _ => Answer::status(200),
    })
    .await;
    let mut podinfo = Podinfo::new(SPEED, &[&web.url], None).await;
    let hook = |kind: &str, name: &str, path: &str| json!({"type": kind, "name": name, "url": format!("{}{path}", web.url)});
    let mut load = hook("rollout", "load-test", "/load");
    load["metadata"] = json!({"cmd": "hey -z 2m -q 10 -c 2 http://podinfo:9898/"});
    let mut before = hook("pre-rollout", "smoke-test", "/smoke");
    before["retries"] = json!(3);
    podinfo
        .apply(json!({
            "interval": "10s", "threshold": 2, "stepWeight": 50,
            "webhooks": [
                hook("confirm-rollout", "gate", "/confirm"),
                before,
                load,
                hook("confirm-promotion", "last-gate", "/promotion"),
                hook("post-rollout", "report", "/report"),
            ],
        }))
        .await;
    assert!(web.received().is_empty(), "nothing is rolled out");

    podinfo.change_version("3.1.1").await;
    let held = podinfo
        .comes_to(|canary| input(canary, "webhook gate").is_some())
        .await;
    assert_eq!(input(&held, "webhook gate").unwrap()["verdict"], "hold");
    // It is asked again and again, and nothing moves meanwhile.
    web.comes("/confirm", 3).await;
    assert_eq!(podinfo.pods().await, [(String::from("podinfo:3.1.0"), 10)]);
    assert!(web.received().iter().all(|all| all.path == "/confirm"));

    // Open, but the smoke test fails once.
    let failed = std::sync::atomic::AtomicBool::new(false);
    web.answers(move |received| {
        let first =
            received.path == "/smoke" && !failed.swap(true, std::sync::atomic::Ordering::Relaxed);
        Answer::status(if first { 500 } else { 200 })
    });
    let smoke = web.comes("/smoke", 2).await;
    let keys: Vec<&str> = smoke
        .iter()
        .map(|received| received.header("idempotency-key"))
        .collect();
    assert!(!keys[0].is_empty());
    assert_eq!(keys[0], keys[1], "the call is the same call");

    let load = web.comes("/load", 1).await;
    insta::assert_snapshot!(shown(&load[0]), @r#"
    POST application/json x-oarlock-webhook=load-test
    {
      "checksum": "REVISION",
      "metadata": {
        "cmd": "hey -z 2m -q 10 -c 2 http://podinfo:9898/"
      },
      "name": "podinfo",
      "namespace": "default",
      "phase": "Progressing"
    }
    "#);
    podinfo.phase("Succeeded").await;
    assert_eq!(podinfo.pods().await, [(String::from("podinfo:3.1.1"), 10)]);
    let report = web.comes("/report", 1).await;
    insta::assert_snapshot!(shown(&report[0]), @r#"
    POST application/json x-oarlock-webhook=report
    {
      "checksum": "REVISION",
      "metadata": {},
      "name": "podinfo",
      "namespace": "default",
      "phase": "Finalising"
    }
    "#);

    // In their turn, and each check with a key of its own.
    let mut order: Vec<String> = Vec::new();
    for received in web.received() {
        if order.last() != Some(&received.path) {
            order.push(received.path);
        }
    }
    assert_eq!(order.first().map(String::as_str), Some("/confirm"));
    let place = |path: &str| order.iter().position(|seen| seen == path).unwrap();
    assert!(place("/smoke") < place("/load"), "{order:?}");
    assert!(place("/load") < place("/promotion"), "{order:?}");
    assert!(place("/promotion") < place("/report"), "{order:?}");
    let mut keys: Vec<String> = web
        .received_at("/load")
        .iter()
        .map(|received| received.header("idempotency-key").to_owned())
        .collect();
    let checks = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), checks, "{keys:?}");
}

#[tokio::test]
async fn a_rollback_webhook_takes_it_back() {
    let web = Web::new(|_| Answer::status(404)).await;
    let mut podinfo = Podinfo::new(SPEED, &[&web.url], None).await;
    podinfo
        .apply(json!({
            "interval": "10s", "threshold": 2, "stepWeight": 20, "maxWeight": 80,
            "webhooks": [{"type": "rollback", "name": "alarm", "url": format!("{}/alarm", web.url)}],
        }))
        .await;
    podinfo.change_version("3.1.1").await;
    podinfo
        .comes_to(|canary| canary.data["status"]["canaryWeight"] == 40)
        .await;
    web.answers(|_| Answer::status(200));
    let failed = podinfo.phase("Failed").await;
    assert!(failed.data["status"]["rejectedRevisions"][0].is_string());
    let back = podinfo.stage("Failed").await;
    assert_eq!(back.data["status"]["canaryWeight"], 0);
    assert_eq!(podinfo.pods().await, [(String::from("podinfo:3.1.0"), 10)]);
}

/// How a check ends whose webhook answers so: what the Canary says of it when it is given up.
async fn failure(answer: Answer) -> String {
    let web = Web::new(move |_| answer.clone()).await;
    let mut podinfo = Podinfo::new(SPEED, &[&web.url], None).await;
    podinfo
        .apply(json!({
            "interval": "10s", "threshold": 1, "stepWeight": 50,
            "webhooks": [{"type": "rollout", "name": "load-test", "url": format!("{}/load", web.url), "timeout": "1s"}],
        }))
        .await;
    podinfo.change_version("3.1.1").await;
    let failed = podinfo.phase("Failed").await;
    let failure = failed.data["status"]["failure"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    podinfo.stage("Failed").await;
    assert_eq!(podinfo.pods().await, [(String::from("podinfo:3.1.0"), 10)]);
    failure
}

#[tokio::test]
async fn row_22_an_error_gives_it_up() {
    let answer = Answer::Says(500, String::from("out of load"));
    insta::assert_snapshot!(failure(answer).await, @r#"webhook load-test: answered 500: "out of load" (failed check 1 of 1)"#);
}

#[tokio::test]
async fn row_22_a_server_that_hangs_gives_it_up() {
    insta::assert_snapshot!(failure(Answer::Hangs).await, @"webhook load-test: no answer within 1s (failed check 1 of 1)");
}

#[tokio::test]
async fn row_22_an_answer_without_end_gives_it_up() {
    insta::assert_snapshot!(failure(Answer::Floods(64)).await, @"webhook load-test: the answer is larger than 8388608 bytes (failed check 1 of 1)");
}
