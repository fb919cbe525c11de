//! Namespaces on their way out, under paused time.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::timestamp::Timestamp;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::*;
use crate::clock::VirtualClock;
use crate::store::HISTORY;

const MAPS: ResourceId = ResourceId::of("", "configmaps");

fn lab() -> (Store, JoinSet<()>) {
    let clock = VirtualClock::new(Timestamp::from_millis(1_700_000_000_000), 1.0);
    let store = Store::new(Arc::new(clock), HISTORY, 7);
    let mut tasks = JoinSet::new();
    tasks.spawn(run(store.clone()));
    let write = Write::by("test");
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}});
    store.create(&NAMESPACES, "", namespace, &write).unwrap();
    for (name, finalizers) in [("plain", json!([])), ("held", json!(["example.com/hold"]))] {
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "finalizers": finalizers},
        });
        store.create(&MAPS, "team", map, &write).unwrap();
    }
    (store, tasks)
}

async fn settle(store: &Store) {
    let clock = Arc::clone(store.clock());
    clock
        .sleep_until(clock.now().after(Duration::from_secs(1)))
        .await;
}

#[tokio::test(start_paused = true)]
async fn content_goes_then_the_namespace() {
    let (store, _tasks) = lab();
    settle(&store).await;
    store
        .delete(&NAMESPACES, "", "team", &DeleteOptions::default())
        .unwrap();
    settle(&store).await;
    let namespace = store.get(&NAMESPACES, "", "team").unwrap();
    assert_eq!(namespace["status"]["phase"], "Terminating");
    let conditions: Vec<String> = namespace["status"]["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|condition| {
            let text = |field: &str| condition[field].as_str().unwrap_or_default();
            format!(
                "{}={} {}: {}",
                text("type"),
                text("status"),
                text("reason"),
                text("message")
            )
        })
        .collect();
    insta::assert_snapshot!(conditions.join("\n"), @r#"
    NamespaceDeletionDiscoveryFailure=False ResourcesDiscovered: All resources successfully discovered
    NamespaceDeletionGroupVersionParsingFailure=False ParsedGroupVersions: All legacy kube types successfully parsed
    NamespaceDeletionContentFailure=False ContentDeleted: All content successfully deleted, may be waiting on finalization
    NamespaceContentRemaining=True SomeResourcesRemain: Some resources are remaining: configmaps. has 1 resource instances
    NamespaceFinalizersRemaining=True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances
    "#);
    assert!(store.get(&MAPS, "team", "plain").is_err());
    let write = Write::by("test");
    let free = |object: &mut Value| {
        object["metadata"]["finalizers"] = json!([]);
        Ok(())
    };
    store
        .modify(&MAPS, "team", "held", None, &write, free)
        .unwrap();
    settle(&store).await;
    assert!(
        store
            .get(&NAMESPACES, "", "team")
            .unwrap_err()
            .is_not_found()
    );
}

#[tokio::test(start_paused = true)]
async fn other_finalizers_hold_the_namespace() {
    let (store, _tasks) = lab();
    store
        .delete(&MAPS, "team", "plain", &DeleteOptions::default())
        .unwrap();
    let write = Write::by("test");
    let free = |object: &mut Value| {
        object["metadata"]["finalizers"] = json!([]);
        Ok(())
    };
    store
        .modify(&MAPS, "team", "held", None, &write, free)
        .unwrap();
    let hold = |object: &mut Value| {
        object["metadata"]["finalizers"] = json!(["example.com/hold"]);
        Ok(())
    };
    store
        .modify(&NAMESPACES, "", "team", None, &write, hold)
        .unwrap();
    store
        .delete(&NAMESPACES, "", "team", &DeleteOptions::default())
        .unwrap();
    settle(&store).await;
    let namespace = store.get(&NAMESPACES, "", "team").unwrap();
    assert!(
        namespace["spec"]["finalizers"]
            .as_array()
            .is_none_or(Vec::is_empty)
    );
    store
        .modify(&NAMESPACES, "", "team", None, &write, free)
        .unwrap();
    assert!(store.get(&NAMESPACES, "", "team").is_err());
}

#[tokio::test(start_paused = true)]
async fn nothing_new_comes_into_a_terminating_namespace() {
    let (store, _tasks) = lab();
    settle(&store).await;
    store
        .delete(&NAMESPACES, "", "team", &DeleteOptions::default())
        .unwrap();
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late"}});
    let refusal = store
        .create(&MAPS, "team", map, &Write::by("test"))
        .unwrap_err();
    assert_eq!(refusal.code, 403);
}
