//! Watches: resuming, selections, bookmarks, the end of history.

use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::conversation::{CONFIG_MAPS, Conversation};

/// `ADDED a`.
fn brief(event: &Value) -> String {
    let name = event["object"]["metadata"]["name"]
        .as_str()
        .unwrap_or_default();
    format!("{} {name}", event["type"].as_str().unwrap())
        .trim_end()
        .to_owned()
}

#[tokio::test]
async fn a_watch_resumes_where_a_list_ended() {
    let cluster = Conversation::new();
    cluster.config_map("a", &json!({})).await;
    let revision = cluster.get(CONFIG_MAPS).await.revision();
    cluster.config_map("b", &json!({})).await;
    let mut events = cluster
        .watch(&format!("{CONFIG_MAPS}?watch=1&resourceVersion={revision}"))
        .await;
    assert_eq!(brief(&events.next().await.unwrap()), "ADDED b");
    cluster
        .merge(
            &format!("{CONFIG_MAPS}/a"),
            &json!({"data": {"key": "new"}}),
        )
        .await
        .ok();
    assert_eq!(brief(&events.next().await.unwrap()), "MODIFIED a");
    let before = cluster.get(CONFIG_MAPS).await.revision();
    cluster
        .delete(&format!("{CONFIG_MAPS}/a"), &Value::Null)
        .await
        .ok();
    let deleted = events.next().await.unwrap();
    assert_eq!(brief(&deleted), "DELETED a");
    let revision: u64 = deleted["object"]["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(revision > before, "a removal has a revision of its own");
}

#[tokio::test]
async fn without_a_revision_the_state_comes_first() {
    let cluster = Conversation::new();
    cluster.config_map("a", &json!({})).await;
    let mut events = cluster.watch(&format!("{CONFIG_MAPS}?watch=true")).await;
    assert_eq!(brief(&events.next().await.unwrap()), "ADDED a");
}

#[tokio::test]
async fn objects_enter_and_leave_a_selection() {
    let cluster = Conversation::new();
    let path = format!("{CONFIG_MAPS}/a");
    let mut events = cluster
        .watch(&format!("{CONFIG_MAPS}?watch=1&labelSelector=app%3Dweb"))
        .await;
    cluster.config_map("a", &json!({"app": "api"})).await;
    for app in ["web", "web", "api", "web"] {
        let data = json!({"metadata": {"labels": {"app": app}}, "data": {"n": app, "x": "1"}});
        cluster.merge(&path, &data).await.ok();
    }
    cluster
        .merge(&path, &json!({"data": {"n": "2"}}))
        .await
        .ok();
    cluster.delete(&path, &Value::Null).await.ok();
    let seen: Vec<String> = events
        .by_ref()
        .take(5)
        .map(|event| brief(&event))
        .collect()
        .await;
    assert_eq!(
        seen,
        ["ADDED a", "DELETED a", "ADDED a", "MODIFIED a", "DELETED a"]
    );
}

#[tokio::test]
async fn one_object_is_watched() {
    let cluster = Conversation::new();
    cluster.config_map("a", &json!({})).await;
    cluster.config_map("b", &json!({})).await;
    let path = format!("{CONFIG_MAPS}?watch=1&fieldSelector=metadata.name%3Db");
    let mut events = cluster.watch(&path).await;
    assert_eq!(brief(&events.next().await.unwrap()), "ADDED b");
    for name in ["a", "b"] {
        let path = format!("{CONFIG_MAPS}/{name}");
        cluster
            .merge(&path, &json!({"data": {"key": "new"}}))
            .await
            .ok();
    }
    assert_eq!(brief(&events.next().await.unwrap()), "MODIFIED b");
}

#[tokio::test]
async fn all_namespaces_or_one() {
    let cluster = Conversation::new();
    let mut all = cluster.watch("/api/v1/configmaps?watch=1").await;
    let mut system = cluster
        .watch("/api/v1/namespaces/kube-system/configmaps?watch=1")
        .await;
    cluster.config_map("a", &json!({})).await;
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "s"}});
    cluster
        .post("/api/v1/namespaces/kube-system/configmaps", &body)
        .await
        .ok();
    assert_eq!(brief(&all.next().await.unwrap()), "ADDED a");
    assert_eq!(brief(&all.next().await.unwrap()), "ADDED s");
    assert_eq!(brief(&system.next().await.unwrap()), "ADDED s");
}

#[tokio::test]
async fn a_streamed_list_ends_with_its_bookmark() {
    let cluster = Conversation::new();
    cluster.config_map("a", &json!({})).await;
    cluster.config_map("b", &json!({})).await;
    let path = format!(
        "{CONFIG_MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    );
    let mut events = cluster.watch(&path).await;
    assert_eq!(brief(&events.next().await.unwrap()), "ADDED a");
    assert_eq!(brief(&events.next().await.unwrap()), "ADDED b");
    let bookmark = events.next().await.unwrap();
    assert_eq!(bookmark["type"], "BOOKMARK");
    assert_eq!(bookmark["object"]["kind"], "ConfigMap");
    assert_eq!(
        bookmark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"],
        "true"
    );
}

#[tokio::test]
async fn the_past_is_bounded() {
    let cluster = Conversation::with_history(4);
    let revision = cluster.config_map("a", &json!({})).await.revision();
    for n in 0..6 {
        cluster
            .merge(
                &format!("{CONFIG_MAPS}/a"),
                &json!({"data": {"n": n.to_string()}}),
            )
            .await
            .ok();
    }
    let mut events = cluster
        .watch(&format!("{CONFIG_MAPS}?watch=1&resourceVersion={revision}"))
        .await;
    let event = events.next().await.unwrap();
    assert_eq!(event["type"], "ERROR");
    assert_eq!(
        (&event["object"]["code"], &event["object"]["reason"]),
        (&json!(410), &json!("Expired"))
    );
    assert!(
        event["object"]["message"]
            .as_str()
            .unwrap()
            .starts_with("too old resource version: ")
    );
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_watch_that_falls_behind_ends() {
    let cluster = Conversation::with_history(4);
    let mut events = cluster.watch(&format!("{CONFIG_MAPS}?watch=1")).await;
    for n in 0..200 {
        cluster.config_map(&format!("m{n}"), &json!({})).await;
    }
    assert_eq!(events.next().await.unwrap()["type"], "ERROR");
    assert!(events.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn quiet_watches_are_bookmarked_and_end_in_time() {
    let cluster = Conversation::new();
    let path = format!("{CONFIG_MAPS}?watch=1&allowWatchBookmarks=true&timeoutSeconds=90");
    let mut events = cluster.watch(&path).await;
    // A write to another resource moves the bookmark, so that a quiet kind never falls behind.
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}});
    let revision = cluster.post("/api/v1/namespaces", &body).await.revision();
    let started = tokio::time::Instant::now();
    for _ in 0..2 {
        let event = events.next().await.unwrap();
        assert_eq!(event["type"], "BOOKMARK");
        assert_eq!(
            event["object"]["metadata"]["resourceVersion"],
            revision.to_string()
        );
    }
    assert!(events.next().await.is_none());
    assert_eq!(started.elapsed().as_secs(), 90);
}

#[tokio::test]
async fn shutdown_ends_watches() {
    let cluster = Conversation::new();
    let mut events = cluster.watch(&format!("{CONFIG_MAPS}?watch=1")).await;
    cluster.cluster.shutdown().await;
    assert!(events.next().await.is_none());
}
