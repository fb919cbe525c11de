//! What is read back.

use serde_json::{Value, json};

use super::{Fetched, binding, instance};
use crate::osb::moment::RetryAfter;
use crate::osb::{Answer, Heard};

const PLANTED: &str = "s3cr3t-planted";

fn heard(status: u16, body: &Value) -> Heard {
    Heard::Answer(Answer {
        status,
        headers: vec![("Retry-After".to_owned(), "9".to_owned())],
        body: body.to_string().into_bytes(),
    })
}

#[test]
fn an_instance_is_read_back() {
    let body = json!({
        "service_id": "s", "plan_id": "p", "dashboard_url": "https://x", "parameters": {"a": PLANTED},
        "maintenance_info": {"version": "1.0.0"}, "metadata": {"labels": {"a": "b"}},
    });
    let Fetched::Is(read) = instance(&heard(200, &body)) else {
        panic!("not read");
    };
    assert_eq!(read.service_id.as_deref(), Some("s"));
    assert_eq!(read.plan_id.as_deref(), Some("p"));
    assert_eq!(
        read.parameters.as_ref().map(|all| all["a"].clone()),
        Some(json!(PLANTED))
    );
    assert_eq!(read.metadata.labels["a"], "b");
    assert!(!format!("{read:?}").contains(PLANTED));
}

#[test]
fn a_binding_is_read_back_with_its_credentials() {
    let body = json!({
        "credentials": {"password": PLANTED}, "parameters": {"a": PLANTED},
        "metadata": {"expires_at": "1970-01-01T00:00:01Z"},
    });
    let Fetched::Is(read) = binding(&heard(200, &body)) else {
        panic!("not read");
    };
    assert_eq!(
        read.bound.credentials.as_ref().map(|all| all.len()),
        Some(1)
    );
    assert_eq!(read.bound.metadata.expires_at, Some(1_000));
    assert!(!format!("{read:?}").contains(PLANTED));
}

#[test]
fn what_is_not_there_is_told_from_what_cannot_be_read() {
    for status in [404, 410] {
        let missing = binding(&heard(status, &json!({})));
        assert!(matches!(missing, Fetched::Missing(_)), "{status}");
    }
    let concurrent = json!({"error": "ConcurrencyError"});
    for (status, body) in [
        (422, &concurrent),
        (408, &json!({})),
        (429, &json!({})),
        (500, &json!({})),
    ] {
        let Fetched::Later { retry_after, .. } = binding(&heard(status, body)) else {
            panic!("{status} is final");
        };
        assert_eq!(retry_after, Some(RetryAfter::Seconds(9)));
    }
    let lost = Heard::Lost {
        cause: "closed".to_owned(),
    };
    assert!(matches!(binding(&lost), Fetched::Later { .. }));
    for (status, body) in [
        (200, json!([])),
        (200, json!({"credentials": PLANTED})),
        (201, json!({})),
        (400, json!({})),
        (401, json!({})),
        (422, json!({})),
    ] {
        let Fetched::Refused(fault) = binding(&heard(status, &body)) else {
            panic!("{status} {body} was read");
        };
        assert!(!fault.to_string().contains(PLANTED));
    }
}
