#![expect(clippy::expect_used, reason = "tests")]

use serde_json::json;

use super::*;
use crate::pointer::Pattern;

fn normal(answers: Vec<Value>) -> Vec<Value> {
    let surroundings = Surroundings {
        namespace: String::from("conformance-1234"),
        directory: String::from("/scratch/x"),
    };
    let steps = answers
        .into_iter()
        .map(|answer| Answered {
            step: String::from("step"),
            answer,
        })
        .collect();
    let views = |_: &str| View {
        sorted: vec![Pattern::from(String::from("/items"))],
        ..View::default()
    };
    normalise(Transcript { steps }, &surroundings, views)
        .steps
        .into_iter()
        .map(|answered| answered.answer)
        .collect()
}

#[test]
fn identity_survives_and_order_of_versions() {
    let now = jiff::Timestamp::now();
    let seconds = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let uid = "0b0e1a3c-1f5e-4b1a-9a68-0d4c2b1a0f00";
    let object = |version: &str| json!({"metadata": {"uid": uid, "resourceVersion": version, "creationTimestamp": seconds}});
    let answers = normal(vec![
        json!({"body": object("7")}),
        json!({"body": object("9")}),
        json!({"body": object("7")}),
        json!({"body": {"items": [], "metadata": {"resourceVersion": "12"}}}),
        json!({"body": {"items": [], "metadata": {"resourceVersion": "7"}}}),
        json!({"body": {"at": "2001-01-01T00:00:00Z", "owner": uid, "in": "conformance-1234"}}),
    ]);
    let object = |version: &str| json!({"body": {"metadata": {"uid": "<uid-1>", "resourceVersion": version, "creationTimestamp": "<time>"}}});
    assert_eq!(
        answers,
        vec![
            object("<version-1>"),
            object("<version-2>"),
            object("<version-1, past>"),
            json!({"body": {"items": [], "metadata": {"resourceVersion": "<revision>"}}}),
            json!({"body": {"items": [], "metadata": {"resourceVersion": "<version-1, past>"}}}),
            json!({"body": {"at": "2001-01-01T00:00:00Z", "owner": "<uid-1>", "in": "<namespace>"}}),
        ]
    );
}

#[test]
fn generated_names_are_known_also_before_they_are_explained() {
    let answers = normal(vec![
        json!({"body": {"message": "made web-abc12-zzz99"}}),
        json!({"body": {"items": [
            {"metadata": {"generateName": "web-abc12-", "name": "web-abc12-zzz99", "labels": {"pod-template-hash": "abc12"}}},
            {"metadata": {"generateName": "web-abc12-", "name": "web-abc12-aaa11", "labels": {"app": "a"}}},
        ]}}),
    ]);
    assert_eq!(
        answers[0],
        json!({"body": {"message": "made web-<hash-1>-<random-1>"}})
    );
    let items = answers[1]["body"]["items"].as_array().expect("items");
    assert_eq!(items[0]["metadata"]["name"], "web-<hash-1>-<random-2>");
    assert_eq!(items[1]["metadata"]["name"], "web-<hash-1>-<random-1>");
}

#[test]
fn the_output_of_kubectl_keeps_its_words_only() {
    let answers = normal(vec![json!({"exit": 0, "stdout": [
        "NAME       READY   AGE",
        "web        1/1     2m3s",
        "diff -u -N /scratch/tmp/LIVE-123/v1 /scratch/tmp/MERGED-9/v1",
        "--- /scratch/tmp/LIVE-123/v1\t2026-11-21 17:14:19.123 +0000",
        "Start Time:   Sat, 21 Nov 2026 17:14:19 +0000",
        "  in /scratch/x",
    ], "stderr": []})]);
    assert_eq!(
        answers[0]["stdout"],
        json!([
            "NAME  READY  AGE",
            "web  1/1  <age>",
            "diff -u -N <scratch>/LIVE/v1 <scratch>/MERGED/v1",
            "--- <scratch>/LIVE/v1\t<time>",
            "Start Time:  <time>",
            "  in <dir>",
        ])
    );
}
