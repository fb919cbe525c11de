//! Bodies as brokers write them.

#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};

use super::{Answer, Endpoint, Fault, Stage};
use crate::osb::{LARGEST_ANSWER, LONGEST_DESCRIPTION};

const PLANTED: &str = "s3cr3t-planted";

fn answer(body: &Value) -> Answer {
    Answer {
        status: 200,
        headers: vec![("X-Token".to_owned(), PLANTED.to_owned())],
        body: body.to_string().into_bytes(),
    }
}

fn text(body: &str) -> Answer {
    Answer {
        body: body.as_bytes().to_vec(),
        ..answer(&Value::Null)
    }
}

#[test]
fn a_body_has_to_be_an_object_and_is_never_told() {
    for (body, expected) in [
        ("", "the body is empty"),
        ("s3cr3t-planted", "the body is not JSON"),
        ("{\"a\": \"s3cr3t-planted", "the body is not JSON"),
        ("[\"s3cr3t-planted\"]", "the body is not an object"),
        ("null", "the body is not an object"),
    ] {
        let misfit = text(body).bound().unwrap_err();
        assert_eq!(misfit.to_string(), expected, "{body}");
    }
    let deep = format!("{}{}", "{\"a\":".repeat(10_000), "1");
    assert_eq!(
        text(&deep).bound().unwrap_err().to_string(),
        "the body is not JSON"
    );
}

#[test]
fn more_than_is_read_is_unreadable() {
    let long = text(&" ".repeat(LARGEST_ANSWER + 1));
    assert_eq!(
        long.bound().unwrap_err().to_string(),
        "the body has 4194305 bytes, 4194304 are allowed"
    );
}

#[test]
fn a_binding_has_all_that_there_is() {
    let bound = answer(&json!({
        "credentials": {"uri": "db://x", "ports": [1], "tls": {"ca": "x"}},
        "syslog_drain_url": "syslog://x",
        "route_service_url": "https://x",
        "volume_mounts": [{"driver": "nfs"}],
        "endpoints": [
            {"host": "db.example", "ports": ["5432", "6000-6010"]},
            {"host": "log.example", "ports": ["514"], "protocol": "udp"},
        ],
        "metadata": {"expires_at": "1994-11-06T08:49:37Z", "renew_before": "1994-11-06T08:49:36.5Z"},
    }))
    .bound()
    .unwrap();
    assert_eq!(bound.credentials.as_ref().unwrap().len(), 3);
    assert_eq!(bound.syslog_drain_url.as_deref(), Some("syslog://x"));
    assert_eq!(bound.route_service_url.as_deref(), Some("https://x"));
    assert_eq!(bound.volume_mounts, [json!({"driver": "nfs"})]);
    assert_eq!(
        bound.endpoints[1],
        Endpoint {
            host: "log.example".to_owned(),
            ports: vec!["514".to_owned()],
            protocol: "udp".to_owned(),
        }
    );
    assert_eq!(bound.endpoints[0].protocol, "tcp");
    assert_eq!(bound.metadata.expires_at, Some(784_111_777_000));
    assert_eq!(bound.metadata.renew_before, Some(784_111_776_500));
    assert_eq!(bound.odd, [""; 0]);
}

#[test]
fn what_is_only_shown_is_passed_over_and_named() {
    let bound = answer(&json!({
        "credentials": null,
        "syslog_drain_url": 5,
        "volume_mounts": {},
        "endpoints": [{"ports": ["1"]}, "x", {"host": "h", "ports": 1}],
        "metadata": {"expires_at": "tomorrow", "renew_before": 5},
    }))
    .bound()
    .unwrap();
    assert_eq!(bound.credentials, None);
    assert_eq!(bound.metadata.expires_at, None);
    assert_eq!(bound.endpoints.len(), 1);
    assert_eq!(
        bound.odd,
        [
            "metadata.expires_at",
            "metadata.renew_before",
            "syslog_drain_url",
            "volume_mounts",
            "endpoints",
        ]
    );
    let provisioned = answer(&json!({
        "dashboard_url": ["x"],
        "metadata": {"labels": {"team": "blue"}, "attributes": 1},
    }))
    .provisioned()
    .unwrap();
    assert_eq!(provisioned.metadata.labels["team"], "blue");
    assert_eq!(provisioned.odd, ["dashboard_url", "metadata.attributes"]);
}

#[test]
fn credentials_have_to_be_an_object() {
    let misfit = answer(&json!({"credentials": [PLANTED]})).bound();
    assert_eq!(
        misfit.unwrap_err().to_string(),
        "credentials is not an object"
    );
}

#[test]
fn progress_has_to_say_one_of_three_words() {
    for (state, expected) in [
        ("in progress", Stage::InProgress),
        ("succeeded", Stage::Succeeded),
        ("failed", Stage::Failed),
    ] {
        let progress = answer(&json!({"state": state, "description": "a\u{1b}[2Jb"}));
        let progress = progress.progress().unwrap();
        assert_eq!(progress.state, expected);
        assert_eq!(progress.description.as_deref(), Some("a [2Jb"));
    }
    for (body, expected) in [
        (json!({}), "state is missing"),
        (json!({"state": 1}), "state is not a string"),
        (
            json!({"state": "done"}),
            "state is \"done\", not in progress, succeeded or failed",
        ),
    ] {
        let misfit = answer(&body).progress().unwrap_err();
        assert_eq!(misfit.to_string(), expected);
    }
}

#[test]
fn a_fault_says_what_the_broker_says_in_one_line_and_not_without_end() {
    let fault =
        answer(&json!({"error": "Nope", "description": "one\ntwo", "instance_usable": "x"}));
    let fault = fault.fault();
    assert_eq!(fault.to_string(), "the broker answered 200 Nope: one two");
    assert_eq!(fault.instance_usable, None);
    assert_eq!(
        text("<html>").fault().to_string(),
        "the broker answered 200"
    );
    let long = answer(&json!({"description": "ä ".repeat(LONGEST_DESCRIPTION)})).fault();
    assert_eq!(long.description.chars().count(), LONGEST_DESCRIPTION);
    assert!(long.description.ends_with("ä…"));
}

/// Whoever hides secrets in what is told, as the host does, has to find them whole.
#[test]
fn a_long_text_is_cut_between_words() {
    let shown = |text: &str| answer(&json!({"description": text})).fault().description;
    let word = "planted-word-of-some-length";
    for before in LONGEST_DESCRIPTION - word.len() - 1..=LONGEST_DESCRIPTION {
        let told = shown(&format!("{} {word} and more", "x".repeat(before)));
        assert!(!told.contains("planted") || told.contains(word), "{told}");
        assert!(told.chars().count() <= LONGEST_DESCRIPTION + 1);
    }
    let words = format!("{}{word}", "x, ".repeat(LONGEST_DESCRIPTION / 3));
    assert!(shown(&words).ends_with("x,…"));
    let json = format!("{}{word}", r#"{"a":1},"#.repeat(LONGEST_DESCRIPTION / 8));
    assert!(shown(&json).ends_with(r#"{"a":1}…"#));
    assert_eq!(shown(&"x".repeat(LONGEST_DESCRIPTION + 1)), "…");
    let whole = "x".repeat(LONGEST_DESCRIPTION);
    assert_eq!(shown(&whole), whole);
}

#[test]
fn a_fault_is_kept_in_a_status_as_it_is() {
    let fault = Fault {
        status: Some(500),
        code: None,
        description: "no".to_owned(),
        instance_usable: Some(false),
        update_repeatable: None,
    };
    let kept = serde_json::to_value(&fault).unwrap();
    assert_eq!(
        kept,
        json!({"status": 500, "description": "no", "instanceUsable": false})
    );
    assert_eq!(serde_json::from_value::<Fault>(kept).unwrap(), fault);
}

#[test]
fn no_secret_shows_in_debug() {
    let answer =
        answer(&json!({"credentials": {"password": PLANTED}, "syslog_drain_url": PLANTED}));
    let bound = answer.bound().unwrap();
    let shown = format!("{answer:?} {bound:?}");
    assert!(shown.contains("password"), "{shown}");
    assert!(!shown.contains(PLANTED), "{shown}");
}
