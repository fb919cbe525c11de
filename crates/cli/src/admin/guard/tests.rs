#![expect(clippy::unwrap_used, reason = "tests")]

use std::convert::Infallible;
use std::sync::Arc;

use http::{HeaderValue, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use kube::client::Body;

use super::*;

/// An API server that knows two tokens, one of which belongs to somebody who may not; and what it was asked.
fn server() -> (Guard, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let service = tower::service_fn(move |request: Request<Body>| {
        let log = Arc::clone(&log);
        async move {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let mut review: Value = serde_json::from_slice(&body).unwrap();
            let spec = review["spec"].clone();
            review["status"] = if review["kind"] == "TokenReview" {
                log.lock().push("whose".to_owned());
                let token = spec["token"].as_str().unwrap();
                json!({
                    "authenticated": token != "nobodys",
                    "user": {"username": token, "groups": ["system:authenticated"]},
                })
            } else {
                log.lock().push(format!(
                    "may {} of {} {} {}",
                    spec["user"].as_str().unwrap(),
                    spec["groups"][0].as_str().unwrap(),
                    spec["nonResourceAttributes"]["verb"].as_str().unwrap(),
                    spec["nonResourceAttributes"]["path"].as_str().unwrap(),
                ));
                json!({"allowed": spec["user"] == "prometheus"})
            };
            let body = Full::new(Bytes::from(review.to_string()));
            Ok::<_, Infallible>(Response::new(body))
        }
    });
    (Guard::new(kube::Client::new(service, "default")), asked)
}

fn with(text: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_str(text).unwrap());
    headers
}

async fn status(guard: &Guard, headers: &HeaderMap) -> u16 {
    match guard.check(headers).await {
        Ok(()) => 200,
        Err(refusal) => refusal.status().as_u16(),
    }
}

#[tokio::test]
async fn a_user_needs_the_right_to_get_the_path() {
    let (guard, asked) = server();
    assert_eq!(status(&guard, &with("Bearer prometheus")).await, 200);
    assert_eq!(
        *asked.lock(),
        [
            "whose",
            "may prometheus of system:authenticated get /metrics"
        ]
    );
    let refused = guard.check(&with("bearer visitor")).await.unwrap_err();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    insta::assert_snapshot!(refused, @"visitor may not get /metrics; hint: bind a ClusterRole with nonResourceURLs: [/metrics], verbs: [get]");
    assert_eq!(status(&guard, &with("Bearer nobodys")).await, 401);
}

#[tokio::test]
async fn who_sends_no_token_is_not_asked_about() {
    let (guard, asked) = server();
    for headers in [
        HeaderMap::new(),
        with("Basic eA=="),
        with("Bearer "),
        with("Bearer"),
    ] {
        assert_eq!(status(&guard, &headers).await, 401);
    }
    assert!(asked.lock().is_empty());
}

#[tokio::test(start_paused = true)]
async fn answers_hold_for_a_while_and_refusals_for_a_shorter_one() {
    let (guard, asked) = server();
    let questions = || asked.lock().len();
    for _ in 0..3 {
        assert_eq!(status(&guard, &with("Bearer prometheus")).await, 200);
        assert_eq!(status(&guard, &with("Bearer visitor")).await, 403);
    }
    assert_eq!(questions(), 4);
    tokio::time::advance(REFUSED_FOR).await;
    assert_eq!(status(&guard, &with("Bearer prometheus")).await, 200);
    assert_eq!(status(&guard, &with("Bearer visitor")).await, 403);
    assert_eq!(questions(), 6);
    tokio::time::advance(KNOWN_FOR).await;
    assert_eq!(status(&guard, &with("Bearer prometheus")).await, 200);
    assert_eq!(questions(), 8);
    assert!(
        guard
            .answers
            .lock()
            .keys()
            .all(|key| !key.as_str().contains("prometheus")),
        "tokens are not kept"
    );
}
