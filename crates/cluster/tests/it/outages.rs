//! What an API server, and what is between it and us, can do to a watch.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::PostParams;
use oarlock_cluster::Options;
use oarlock_core::cluster::Cluster;
use serde_json::{Value, json};

use crate::rig::{Meddling, REFUSED, Rig, SILENCE, at, config_map, map, status};

async fn watching() -> Rig {
    let rig = Rig::new();
    rig.create(map("old", &json!({}))).await;
    rig.kubernetes.watch(&config_map()).await.unwrap();
    rig.told();
    rig.gate.requests();
    rig
}

#[tokio::test(start_paused = true)]
async fn lists_and_watches_wait_as_long_as_a_busy_server_asks() {
    for streamed_lists in [true, false] {
        let rig = Rig::with(Options {
            streamed_lists,
            ..Options::default()
        });
        // Every second request, so that list and watch meet it.
        let mut refuse = false;
        rig.gate.break_with(move |request| {
            if !request.uri().path().ends_with("configmaps") {
                return None;
            }
            refuse = !refuse;
            refuse.then(|| status(429, "TooManyRequests"))
        });
        let before = rig.clock.now();
        // No failure: nobody is told of it.
        rig.kubernetes.watch(&config_map()).await.unwrap();
        rig.create(map("a", &json!({}))).await;
        rig.until("+ConfigMap default/a").await;
        let waited = rig.clock.now().since(before);
        assert!(waited >= Duration::from_secs(1), "{waited:?}");
        assert_eq!(rig.lists(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_refused_or_reset_goes_on_where_it_was() {
    for code in [500, 502, 503, REFUSED] {
        let rig = watching().await;
        let mut left = 3;
        rig.gate.break_with(move |request| {
            let refused = left > 0 && request.uri().path().ends_with("configmaps");
            refused.then(|| {
                left -= 1;
                status(code, "Broken")
            })
        });
        rig.gate.cut();
        rig.create(map("new", &json!({}))).await;
        rig.delete("old").await;
        let told = rig.until("-ConfigMap default/old").await;
        assert_eq!(
            told, "+ConfigMap default/new -ConfigMap default/old",
            "{code}"
        );
        assert_eq!(rig.lists(), 0, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_breaks_off_in_the_middle_is_told_once() {
    let rig = watching().await;
    // In the middle of the second event.
    let mut left = 1;
    rig.gate.meddle_with(move |path| {
        let broken = left > 0 && path.contains("configmaps?");
        broken.then(|| {
            left -= 1;
            Meddling::BreakAfter(500)
        })
    });
    rig.gate.cut();
    for name in ["a", "b", "c"] {
        rig.create(map(name, &json!({}))).await;
    }
    let told = rig.until("+ConfigMap default/c").await;
    assert_eq!(
        told,
        "+ConfigMap default/a +ConfigMap default/b +ConfigMap default/c"
    );
    assert_eq!(rig.lists(), 0);
}

#[tokio::test(start_paused = true)]
async fn while_an_api_server_restarts_the_cache_is_served_and_nothing_is_lost() {
    let rig = watching().await;
    rig.gate.break_with(|_| Some((REFUSED, Value::Null)));
    rig.gate.cut();
    rig.create(map("new", &json!({}))).await;
    rig.delete("old").await;
    rig.sleep(Duration::from_secs(120)).await;
    assert_eq!(rig.told(), "");
    assert!(rig.shown(&at("old")).is_some());
    assert_eq!(rig.kubernetes.watch(&config_map()).await, Ok(()));
    // Not asked in a loop.
    let asked = rig.gate.requests().len();
    assert!(asked < 100, "{asked}");
    rig.gate.mend();
    assert_eq!(
        rig.until("-ConfigMap default/old").await,
        "+ConfigMap default/new -ConfigMap default/old"
    );
    assert_eq!(rig.lists(), 0);
    // Discovery has not taken the silence for the end of all kinds.
    assert!(rig.kubernetes.kind(&config_map()).is_some());
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_is_silent_from_the_start_is_said_and_waited_for() {
    let rig = Rig::new();
    rig.gate.break_with(|_| Some((SILENCE, Value::Null)));
    let error = rig.kubernetes.watch(&config_map()).await.unwrap_err();
    insta::assert_snapshot!(error, @"cannot list v1 ConfigMap: no answer from the API server within 60s (Unreachable, 0)");
    rig.gate.mend();
    rig.until("synced ConfigMap").await;
}

fn short() -> Options {
    Options {
        watch_timeout: Duration::from_secs(100),
        ..Options::default()
    }
}

/// Objects of other kinds come, and the storage forgets what was before.
async fn time_passes(rig: &Rig, round: u32) {
    let secrets: Api<Secret> = Api::namespaced(rig.dev.client(), "default");
    let secret = json!({"metadata": {"name": format!("s{round}")}});
    let secret = serde_json::from_value(secret).unwrap();
    let params = PostParams::default();
    secrets.create(&params, &secret).await.unwrap();
    rig.sleep(Duration::from_secs(130)).await;
    rig.dev.store().compact();
}

#[tokio::test(start_paused = true)]
async fn bookmarks_alone_keep_a_quiet_watch_young() {
    let rig = Rig::with(short());
    rig.kubernetes.watch(&config_map()).await.unwrap();
    rig.gate.requests();
    for round in 0..5 {
        time_passes(&rig, round).await;
    }
    rig.create(map("a", &json!({}))).await;
    rig.until("+ConfigMap default/a").await;
    assert_eq!(rig.lists(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_bookmarks_a_quiet_watch_expires_and_loses_nothing() {
    let rig = Rig::with(short());
    rig.gate.meddle_with(|path| {
        let wanted = |event: &Value| {
            event["type"] != "BOOKMARK" || event["object"]["metadata"]["annotations"].is_object()
        };
        let watch = path.contains("configmaps?watch");
        watch.then(|| Meddling::Events(Box::new(wanted)))
    });
    rig.kubernetes.watch(&config_map()).await.unwrap();
    rig.gate.requests();
    for round in 0..5 {
        time_passes(&rig, round).await;
    }
    rig.create(map("a", &json!({}))).await;
    rig.until("+ConfigMap default/a").await;
    assert!(rig.lists() > 0);
}

/// Intermediate states that nobody sees.
#[tokio::test(start_paused = true)]
async fn events_that_never_come_leave_the_last_state_in_the_cache() {
    let rig = Rig::new();
    rig.gate.meddle_with(|path| {
        let mut number = 0;
        let every_second = move |event: &Value| {
            number += usize::from(event["type"] != "BOOKMARK");
            number % 2 == 0
        };
        path.contains("configmaps?watch")
            .then(|| Meddling::Events(Box::new(every_second)))
    });
    rig.kubernetes.watch(&config_map()).await.unwrap();
    // Its creation is not told, its change is; its deletion is not told, that of its successor is.
    rig.create(map("a", &json!({"k": "1"}))).await;
    rig.patch("a", &json!({"k": "2"})).await;
    rig.until("+ConfigMap default/a").await;
    let first = rig.shown(&at("a")).unwrap()["metadata"]["uid"].clone();
    rig.delete("a").await;
    rig.create(map("a", &json!({"k": "3"}))).await;
    let told = rig.until("+ConfigMap default/a").await;
    assert_eq!(told, "-ConfigMap default/a +ConfigMap default/a");
    assert_ne!(rig.shown(&at("a")).unwrap()["metadata"]["uid"], first);
}
