//! The API server's version.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use futures_util::future::join_all;
use http::Request;
use kube::client::Body;
use oarlock_core::cluster::Cluster;
use serde_json::Value;

use crate::rig::{Meddling, REFUSED, Rig, status};

/// How often it was asked for since the requests were last read.
fn asked(rig: &Rig) -> usize {
    let requests = rig.gate.requests();
    let version = |request: &&String| *request == "GET /version";
    requests.iter().filter(version).count()
}

/// Answers for an API server that tells no version.
fn silent(code: u16) -> impl FnMut(&Request<Body>) -> Option<(u16, Value)> {
    move |request| (request.uri().path() == "/version").then(|| status(code, "Broken"))
}

#[tokio::test(start_paused = true)]
async fn it_is_asked_once_for_many_and_again_after_minutes() {
    let rig = Rig::new();
    assert_eq!(asked(&rig), 0);
    for answer in join_all((0..100).map(|_| rig.kubernetes.server_version())).await {
        assert_eq!(answer.unwrap(), "v1.34.0");
    }
    assert_eq!(asked(&rig), 1);
    rig.clock.advance_by(Duration::from_secs(599));
    rig.kubernetes.server_version().await.unwrap();
    assert_eq!(asked(&rig), 0);
    rig.clock.advance_by(Duration::from_secs(1));
    rig.kubernetes.server_version().await.unwrap();
    assert_eq!(asked(&rig), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_told_is_an_error_until_it_does() {
    let rig = Rig::new();
    for code in [403, 500, REFUSED] {
        rig.gate.break_with(silent(code));
        let error = rig.kubernetes.server_version().await.unwrap_err();
        assert_eq!(error.code, if code == REFUSED { 0 } else { code });
        // Not once for each who asks.
        assert_eq!(rig.kubernetes.server_version().await.unwrap_err(), error);
        assert!(asked(&rig) <= 1);
        rig.gate.mend();
        rig.clock.advance_by(Duration::from_secs(1));
    }
    assert_eq!(rig.kubernetes.server_version().await.unwrap(), "v1.34.0");
}

#[tokio::test(start_paused = true)]
async fn what_it_said_before_holds_while_it_is_away() {
    let rig = Rig::new();
    rig.kubernetes.server_version().await.unwrap();
    assert_eq!(asked(&rig), 1);
    rig.gate.break_with(silent(503));
    for _ in 0..3 {
        rig.clock.advance_by(Duration::from_secs(600));
        assert_eq!(rig.kubernetes.server_version().await.unwrap(), "v1.34.0");
        assert_eq!(asked(&rig), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn half_an_answer_is_none() {
    let rig = Rig::new();
    rig.gate
        .meddle_with(|path| (path == "/version").then_some(Meddling::BreakAfter(20)));
    assert_eq!(rig.kubernetes.server_version().await.unwrap_err().code, 0);
}
