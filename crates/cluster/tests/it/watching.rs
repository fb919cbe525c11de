#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use kube::api::{DeleteParams, Patch, PatchParams};
use oarlock_cluster::Options;
use oarlock_core::cluster::Cluster;
use oarlock_core::reconciler::ReadError;
use oarlock_core::reference::Gvk;
use serde_json::json;

use crate::rig::{Rig, SILENCE, at, config_map, map, status};

#[tokio::test(start_paused = true)]
async fn what_others_do_is_told_and_shown() {
    let rig = Rig::new();
    let others = rig.others();
    rig.create(map("a", &json!({"k": "1"}))).await;
    rig.kubernetes.watch(&config_map()).await.unwrap();
    assert!(
        rig.told()
            .ends_with("+ConfigMap default/a synced ConfigMap")
    );

    rig.create(map("b", &json!({}))).await;
    rig.until("+ConfigMap default/b").await;
    let patch = Patch::Merge(json!({"data": {"k": "2"}}));
    others
        .patch("a", &PatchParams::default(), &patch)
        .await
        .unwrap();
    rig.until("~ConfigMap default/a").await;
    let shown = rig.shown(&at("a")).unwrap();
    assert_eq!(shown["data"], json!({"k": "2"}));
    assert_eq!(shown["metadata"].get("managedFields"), None);
    others.delete("b", &DeleteParams::default()).await.unwrap();
    rig.until("-ConfigMap default/b").await;
    assert!(rig.shown(&at("b")).is_none());
    assert_eq!(rig.kubernetes.list(&config_map(), Some("default")).len(), 1);
    // A second watch of the kind is the same one.
    rig.gate.requests();
    rig.kubernetes.watch(&config_map()).await.unwrap();
    assert_eq!(rig.gate.requests(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn lists_come_in_pages() {
    let rig = Rig::with(Options {
        page_size: 2,
        streamed_lists: false,
        ..Options::default()
    });
    for name in ["a", "b", "c", "d", "e"] {
        rig.create(map(name, &json!({}))).await;
    }
    rig.kubernetes.watch(&config_map()).await.unwrap();
    let names: Vec<String> = rig
        .kubernetes
        .list(&config_map(), Some("default"))
        .iter()
        .map(|cached| cached.target().name.clone())
        .collect();
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
    let pages = rig
        .gate
        .requests()
        .iter()
        .filter(|r| r.contains("/configmaps?limit=2"))
        .count();
    assert!(pages >= 3, "{pages}");
}

#[tokio::test(start_paused = true)]
async fn an_expired_page_is_answered_with_one_whole_list() {
    let rig = Rig::with(Options {
        page_size: 2,
        streamed_lists: false,
        ..Options::default()
    });
    for name in ["a", "b", "c"] {
        rig.create(map(name, &json!({}))).await;
    }
    rig.gate.break_with(|request| {
        let path = request.uri().to_string();
        (path.contains("configmaps") && path.contains("continue=")).then(|| status(410, "Expired"))
    });
    rig.kubernetes.watch(&config_map()).await.unwrap();
    assert_eq!(rig.kubernetes.list(&config_map(), None).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_relist_after_410_serves_the_old_cache_and_tells_what_was_missed() {
    let rig = Rig::with(Options {
        watch_timeout: Duration::from_secs(10),
        ..Options::default()
    });
    let others = rig.others();
    for name in ["gone", "kept", "touched"] {
        rig.create(map(name, &json!({"k": "1"}))).await;
    }
    rig.kubernetes.watch(&config_map()).await.unwrap();
    rig.told();
    // The watch ends after its time and cannot come back.
    rig.gate.break_with(|request| {
        request
            .uri()
            .to_string()
            .contains("configmaps")
            .then(|| status(503, "ServiceUnavailable"))
    });
    rig.sleep(Duration::from_secs(30)).await;
    others
        .delete("gone", &DeleteParams::default())
        .await
        .unwrap();
    rig.create(map("new", &json!({}))).await;
    let patch = Patch::Merge(json!({"data": {"k": "2"}}));
    others
        .patch("touched", &PatchParams::default(), &patch)
        .await
        .unwrap();
    rig.dev.store().compact();
    assert_eq!(rig.told(), "");
    assert!(rig.shown(&at("gone")).is_some());
    assert_eq!(rig.kubernetes.watch(&config_map()).await, Ok(()));

    rig.gate.mend();
    let told = rig.until("-ConfigMap default/gone").await;
    assert_eq!(
        told,
        "+ConfigMap default/new ~ConfigMap default/touched -ConfigMap default/gone"
    );
    assert!(rig.shown(&at("kept")).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_never_accepted_ends_in_a_list() {
    let rig = Rig::with(Options {
        watch_timeout: Duration::from_secs(1),
        ..Options::default()
    });
    rig.kubernetes.watch(&config_map()).await.unwrap();
    // What an API server says that was restored from a backup: the version is ahead of it.
    let mut refusals = 0;
    rig.gate.break_with(move |request| {
        let path = request.uri().to_string();
        let refused = path.contains("configmaps?watch") && refusals < 6;
        refused.then(|| {
            refusals += 1;
            status(504, "Timeout")
        })
    });
    rig.gate.requests();
    rig.sleep(Duration::from_secs(60)).await;
    assert!(rig.lists() > 0);
    rig.create(map("a", &json!({}))).await;
    rig.until("+ConfigMap default/a").await;
}

#[tokio::test(start_paused = true)]
async fn watches_that_end_every_second_lose_nothing() {
    let rig = Rig::with(Options {
        watch_timeout: Duration::from_secs(1),
        ..Options::default()
    });
    rig.kubernetes.watch(&config_map()).await.unwrap();
    rig.told();
    for round in 0..5 {
        rig.sleep(Duration::from_millis(1700)).await;
        rig.create(map(&format!("a{round}"), &json!({}))).await;
    }
    let told = rig.until("+ConfigMap default/a4").await;
    assert_eq!(told.matches('+').count(), 5, "{told}");
    assert_eq!(rig.lists(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_went_silent_is_given_up() {
    let rig = Rig::with(Options {
        watch_timeout: Duration::from_secs(100),
        streamed_lists: false,
        ..Options::default()
    });
    let mut silent = 1;
    rig.gate.break_with(move |request| {
        let watch = request.uri().to_string().contains("configmaps?watch");
        (watch && silent > 0).then(|| {
            silent -= 1;
            (SILENCE, json!(null))
        })
    });
    rig.kubernetes.watch(&config_map()).await.unwrap();
    rig.told();
    rig.create(map("a", &json!({}))).await;
    let before = rig.clock.now();
    rig.until("+ConfigMap default/a").await;
    let waited = rig.clock.now().since(before);
    assert!(
        waited > Duration::from_secs(50) && waited < Duration::from_secs(150),
        "{waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_idle_host_calls_nobody() {
    let rig = Rig::with(Options {
        watch_timeout: Duration::from_secs(7200),
        ..Options::default()
    });
    rig.kubernetes.watch(&config_map()).await.unwrap();
    rig.kubernetes
        .watch(&Gvk::new("apps", "v1", "Deployment"))
        .await
        .unwrap();
    // Discovery looks again twice after it has begun to watch.
    rig.sleep(Duration::from_secs(60)).await;
    rig.gate.requests();
    rig.sleep(Duration::from_secs(3600)).await;
    assert_eq!(rig.gate.requests(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_is_said_and_tried_again() {
    let rig = Rig::new();
    rig.gate.break_with(|request| {
        request
            .uri()
            .path()
            .contains("configmaps")
            .then(|| status(500, "InternalError"))
    });
    let result = rig.kubernetes.watch(&config_map()).await;
    assert_eq!(
        result,
        Err(ReadError::Unavailable(
            "cannot list v1 ConfigMap: InternalError (InternalError, 500)".to_owned()
        ))
    );
    rig.gate.mend();
    rig.until("synced ConfigMap").await;
    assert_eq!(rig.kubernetes.watch(&config_map()).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn tasks_end_with_the_last_handle() {
    let rig = Rig::new();
    rig.kubernetes.watch(&config_map()).await.unwrap();
    rig.kubernetes.shutdown().await;
    rig.gate.requests();
    rig.sleep(Duration::from_secs(3600)).await;
    assert_eq!(rig.gate.requests(), Vec::<String>::new());
    let gvk = Gvk::new("", "v1", "Secret");
    assert!(matches!(
        rig.kubernetes.watch(&gvk).await,
        Err(ReadError::Unavailable(_))
    ));
}
