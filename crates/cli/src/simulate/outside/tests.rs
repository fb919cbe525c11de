#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::clock::Clock as _;
use oarlock_core::egress::Egress as _;
use oarlock_core::reconciler::{HttpError, HttpRequest, HttpResponse};
use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::VirtualClock;

use super::Outside;
use crate::simulate::scenario::Scenario;

const SCENARIO: &str = r#"
metrics:
  - {name: success, series: 99.5 none error timeout}
webhooks:
  - {url: "http://gate.test/confirm", answers: 500 refused timeout 200}
  - {url: "http://load.test/*", name: load, answers: 202}
"#;

/// Nothing is answered after this time.
const LIMIT: Duration = Duration::from_secs(5);

fn outside() -> Outside {
    let scenario = Scenario::parse(Path::new("scenario.yaml"), SCENARIO).unwrap();
    let clock = Arc::new(VirtualClock::new(Timestamp::from_millis(1_000_500), 1.0));
    Outside::new(clock, scenario.metrics, scenario.webhooks)
}

fn request(url: &str, headers: &[(&str, &str)]) -> HttpRequest {
    HttpRequest {
        method: "POST".to_owned(),
        url: url.to_owned(),
        headers: headers
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect(),
        body: Vec::new(),
        timeout: None,
        ca_bundle: None,
        insecure_skip_tls_verify: false,
        auth: None,
        effect: None,
    }
}

async fn send(
    outside: &Outside,
    url: &str,
    headers: &[(&str, &str)],
) -> Result<HttpResponse, HttpError> {
    outside.send(request(url, headers), None, LIMIT).await
}

fn told(outside: &Outside) -> Vec<String> {
    outside.take_told().into_iter().map(|t| t.text).collect()
}

#[tokio::test(start_paused = true)]
async fn metrics_are_answered_as_prometheus_does_by_time() {
    let outside = outside();
    let ask = async || {
        let header = [("X-Oarlock-Metric", "success")];
        let answer = send(&outside, "http://p:9090/api/v1/query?query=up", &header).await;
        answer.map(|a| format!("{} {}", a.status, String::from_utf8(a.body).unwrap()))
    };
    let minute = async |number: u64| {
        let at = outside.began.after(Duration::from_secs(60 * number));
        outside.clock.sleep_until(at).await;
    };
    insta::assert_snapshot!(ask().await.unwrap());
    minute(1).await;
    insta::assert_snapshot!(ask().await.unwrap());
    minute(2).await;
    insta::assert_snapshot!(ask().await.unwrap());
    minute(3).await;
    let before = outside.clock.now();
    assert_eq!(ask().await, Err(HttpError::TimedOut));
    assert_eq!(outside.clock.now().since(before), LIMIT);
    assert!(told(&outside).is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_the_scenario_does_not_have_is_answered_and_told_once() {
    let outside = outside();
    for _ in 0..2 {
        let header = [("x-oarlock-metric", "latency")];
        let answer = send(&outside, "http://p:9090/api/v1/query?query=up", &header).await;
        let body = String::from_utf8(answer.unwrap().body).unwrap();
        assert!(body.contains("\"result\":[]"), "{body}");
        // Nobody says what it is for, but it is a query.
        let answer = send(&outside, "http://p:9090/api/v1/query?query=up", &[]).await;
        assert_eq!(answer.unwrap().status, 200);
        let header = [("x-oarlock-webhook", "chat")];
        let answer = send(&outside, "http://chat.test/hook", &header).await;
        assert_eq!(answer.unwrap().status, 200);
    }
    insta::assert_snapshot!(told(&outside).join("\n"));
}

#[tokio::test(start_paused = true)]
async fn webhooks_are_answered_call_by_call() {
    let outside = outside();
    let call = async || send(&outside, "http://gate.test/confirm/?a=b", &[]).await;
    assert_eq!(call().await.unwrap().status, 500);
    assert!(matches!(call().await, Err(HttpError::Connect(_))));
    assert_eq!(call().await, Err(HttpError::TimedOut));
    for _ in 0..3 {
        assert_eq!(call().await.unwrap().status, 200);
    }
    // Both the URL and the name have to fit.
    let named = [("x-oarlock-webhook", "load")];
    let other = [("x-oarlock-webhook", "other")];
    let status = async |headers| {
        let answer = send(&outside, "http://load.test/start", headers).await;
        answer.unwrap().status
    };
    assert_eq!(status(&named).await, 202);
    assert_eq!(status(&other).await, 200);
    insta::assert_snapshot!(told(&outside).join("\n"));
}
