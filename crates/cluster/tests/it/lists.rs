//! How a kind's objects get into the cache, and what a list may not undo.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::PostParams;
use oarlock_cluster::Options;
use oarlock_core::cluster::Cluster;
use oarlock_core::reference::Gvk;
use oarlock_devcluster::DevCluster;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::rig::{Meddling, Rig, at, config_map, map, status};

fn is_list(path: &str) -> bool {
    path.contains("configmaps?limit") && !path.ends_with("limit=1")
}

fn is_streamed(path: &str) -> bool {
    path.contains("sendInitialEvents")
}

/// Watches, not lists, of ConfigMaps.
fn is_watch(path: &str) -> bool {
    path.contains("configmaps?watch") && !is_streamed(path)
}

fn by_pages() -> Options {
    Options {
        streamed_lists: false,
        ..Options::default()
    }
}

/// Makes the watch of ConfigMaps begin anew with a list.
fn expire(rig: &Rig) {
    let mut left = 1;
    rig.gate.break_with(move |request| {
        let refused = left > 0 && is_watch(&request.uri().to_string());
        refused.then(|| {
            left -= 1;
            status(410, "Expired")
        })
    });
    rig.gate.cut();
}

#[tokio::test(start_paused = true)]
async fn a_streamed_list_and_its_watch_are_one_request() {
    let rig = Rig::new();
    rig.create(map("a", &json!({"k": "1"}))).await;
    rig.kubernetes.watch(&config_map()).await.unwrap();
    assert_eq!(rig.shown(&at("a")).unwrap()["data"], json!({"k": "1"}));
    rig.create(map("b", &json!({}))).await;
    rig.patch("a", &json!({"k": "2"})).await;
    rig.until("~ConfigMap default/a").await;
    let mut asked = rig.gate.requests();
    asked.retain(|request| request.contains("configmaps"));
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(is_streamed(&asked[0]));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_streams_no_lists_is_asked_for_pages() {
    let rig = Rig::new();
    rig.create(map("a", &json!({}))).await;
    rig.gate.break_with(|request| {
        is_streamed(&request.uri().to_string()).then(|| status(422, "Invalid"))
    });
    rig.kubernetes.watch(&config_map()).await.unwrap();
    assert!(rig.shown(&at("a")).is_some());
    assert_eq!(rig.lists(), 2);
    // What one kind has learned holds for all.
    let secret = Gvk::new("", "v1", "Secret");
    rig.kubernetes.watch(&secret).await.unwrap();
    let asked = rig.gate.requests();
    assert!(
        !asked.iter().any(|request| is_streamed(request)),
        "{asked:?}"
    );
}

/// An API that does not know the parameter sends its objects and then waits for changes.
#[tokio::test(start_paused = true)]
async fn a_streamed_list_without_an_end_is_given_up_for_pages() {
    let rig = Rig::new();
    rig.create(map("a", &json!({}))).await;
    rig.gate.meddle_with(|path| {
        let not_bookmark = |event: &Value| event["type"] != "BOOKMARK";
        is_streamed(path).then(|| Meddling::Events(Box::new(not_bookmark)))
    });
    let before = rig.clock.now();
    assert!(rig.kubernetes.watch(&config_map()).await.is_err());
    rig.until("synced ConfigMap").await;
    assert!(rig.shown(&at("a")).is_some());
    let waited = rig.clock.now().since(before);
    assert!(waited < Duration::from_secs(90), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_breaks_off_in_the_middle_is_asked_for_again() {
    for streamed_lists in [true, false] {
        let rig = Rig::with(Options {
            streamed_lists,
            ..Options::default()
        });
        for name in ["a", "b", "c"] {
            rig.create(map(name, &json!({}))).await;
        }
        let mut left = 1;
        rig.gate.meddle_with(move |path| {
            let broken = left > 0 && (is_list(path) || is_streamed(path));
            broken.then(|| {
                left -= 1;
                Meddling::BreakAfter(400)
            })
        });
        let result = rig.kubernetes.watch(&config_map()).await;
        let error = result.unwrap_err().to_string();
        assert!(error.contains("broke off"), "{error}");
        // Half a list is none.
        assert_eq!(rig.kubernetes.list(&config_map(), None).len(), 0);
        let told = rig.until("synced ConfigMap").await;
        assert_eq!(told.matches("+ConfigMap").count(), 3, "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_relist_serves_the_old_cache_until_the_last_page_and_then_swaps() {
    let rig = Rig::with(Options {
        page_size: 2,
        ..by_pages()
    });
    for name in ["changed", "gone", "kept", "other"] {
        rig.create(map(name, &json!({"k": "1"}))).await;
    }
    rig.kubernetes.watch(&config_map()).await.unwrap();
    rig.told();
    let open = watch::Sender::new(false);
    let gate = open.clone();
    rig.gate.meddle_with(move |path| {
        let last = path.contains("configmaps") && path.contains("continue=");
        last.then(|| Meddling::Hold(gate.subscribe()))
    });
    expire(&rig);
    // Before the watch is back.
    rig.delete("gone").await;
    rig.patch("changed", &json!({"k": "2"})).await;
    rig.create(map("new", &json!({}))).await;
    rig.sleep(Duration::from_secs(10)).await;
    assert!(rig.lists() > 1, "the first page has come");
    assert_eq!(rig.told(), "");
    assert!(rig.shown(&at("gone")).is_some() && rig.shown(&at("new")).is_none());
    assert_eq!(rig.shown(&at("changed")).unwrap()["data"]["k"], "1");
    open.send_replace(true);
    let told = rig.until("-ConfigMap default/gone").await;
    assert_eq!(
        told,
        "~ConfigMap default/changed +ConfigMap default/new -ConfigMap default/gone"
    );
}

/// A second API server that lags behind the first.
#[tokio::test(start_paused = true)]
async fn a_list_that_is_older_than_the_cache_takes_nothing_back() {
    let rig = Rig::with(by_pages());
    rig.create(map("theirs", &json!({"k": "1"}))).await;
    rig.create(map("deleted", &json!({}))).await;
    rig.kubernetes.watch(&config_map()).await.unwrap();
    let past = rig.version();
    rig.patch("theirs", &json!({"k": "2"})).await;
    rig.delete("deleted").await;
    rig.apply(map("ours", &json!({"k": "1"}))).await;
    rig.until("-ConfigMap default/deleted").await;
    let mut lagging = 3;
    rig.gate.redirect(move |path| {
        let behind = lagging > 0 && is_list(path);
        behind.then(|| {
            lagging -= 1;
            format!("{path}&resourceVersion={past}&resourceVersionMatch=Exact")
        })
    });
    expire(&rig);
    rig.create(map("later", &json!({}))).await;
    rig.gate.requests();
    assert_eq!(
        rig.until("+ConfigMap default/later").await,
        "+ConfigMap default/later"
    );
    assert_eq!(rig.lists(), 4);
    assert_eq!(rig.shown(&at("theirs")).unwrap()["data"]["k"], "2");
    assert!(rig.shown(&at("ours")).is_some() && rig.shown(&at("deleted")).is_none());
}

/// A cluster that was restored from a backup: all versions are smaller than what was cached, and stay so.
async fn restored(rig: &Rig) -> DevCluster {
    let backup = DevCluster::builder()
        .clock(rig.clock.clone())
        .without_controllers()
        .start();
    for name in ["older", "restored"] {
        create(&backup, map(name, &json!({"k": "0"}))).await;
    }
    assert!(backup.store().revision() < rig.version());
    rig.gate.lead_to(backup.service());
    backup
}

async fn create(cluster: &DevCluster, object: Value) {
    let api: Api<ConfigMap> = Api::namespaced(cluster.client(), "default");
    let object = serde_json::from_value(object).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}

/// A real API server takes a watch from a version that is ahead of it, and says nothing until it has got there.
#[tokio::test(start_paused = true)]
async fn after_a_restored_backup_the_cache_becomes_what_is_there() {
    for (streamed_lists, courteous) in [(true, true), (true, false), (false, true), (false, false)]
    {
        let rig = Rig::with(Options {
            streamed_lists,
            ..Options::default()
        });
        rig.create(map("lost", &json!({}))).await;
        rig.create(map("older", &json!({}))).await;
        for round in 0..50 {
            let data = json!({"k": round.to_string()});
            rig.patch("older", &data).await;
        }
        rig.kubernetes.watch(&config_map()).await.unwrap();
        rig.sleep(Duration::from_secs(20)).await;
        rig.told();
        let backup = restored(&rig).await;
        if courteous {
            rig.gate.end();
        } else {
            rig.gate.cut();
        }
        let before = rig.clock.now();
        rig.until("-ConfigMap default/lost").await;
        let waited = rig.clock.now().since(before);
        assert!(waited < Duration::from_secs(60), "{waited:?}");
        assert_eq!(rig.shown(&at("older")).unwrap()["data"]["k"], "0");
        assert!(rig.shown(&at("restored")).is_some());
        // What is written and told from now on is shown, though its versions have been there before.
        rig.apply(map("ours", &json!({}))).await;
        assert!(rig.shown(&at("ours")).is_some());
        create(&backup, map("theirs", &json!({}))).await;
        rig.until("+ConfigMap default/theirs").await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_while_nobody_watches_is_told_as_deleted() {
    let rig = Rig::forgetful(2, Options::default());
    for name in ["gone", "kept"] {
        rig.create(map(name, &json!({}))).await;
    }
    rig.kubernetes.watch(&config_map()).await.unwrap();
    rig.told();
    rig.gate
        .break_with(|_| Some(status(503, "ServiceUnavailable")));
    rig.gate.cut();
    rig.delete("gone").await;
    for round in 0..5 {
        rig.patch("kept", &json!({"k": round.to_string()})).await;
    }
    rig.sleep(Duration::from_secs(10)).await;
    rig.gate.mend();
    let told = rig.until("-ConfigMap default/gone").await;
    assert_eq!(told, "~ConfigMap default/kept -ConfigMap default/gone");
}
