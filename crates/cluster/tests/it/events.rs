#![expect(clippy::unwrap_used, reason = "tests")]

use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::{DeleteParams, ListParams};
use oarlock_core::cluster::{Cluster, EventRecord};
use oarlock_core::reference::Uid;

use crate::rig::{Rig, at};

fn event(rig: &Rig, key: &str) -> EventRecord {
    EventRecord {
        about: at("a"),
        uid: Some(Uid("u".to_owned())),
        key: key.to_owned(),
        warning: true,
        reason: "Refused".to_owned(),
        message: "x".repeat(3000),
        reporter: "oarlock/test".to_owned(),
        now: rig.clock.now(),
    }
}

async fn events(rig: &Rig) -> Vec<Event> {
    let api: Api<Event> = Api::namespaced(rig.dev.client(), "default");
    api.list(&ListParams::default()).await.unwrap().items
}

#[tokio::test(start_paused = true)]
async fn repetitions_are_counted_across_restarts() {
    let rig = Rig::new();
    for key in ["one", "two", "one"] {
        rig.kubernetes.record(event(&rig, key)).await.unwrap();
    }
    let rig = rig.restarted();
    rig.kubernetes.record(event(&rig, "one")).await.unwrap();
    rig.kubernetes.record(event(&rig, "one")).await.unwrap();
    let mut counts: Vec<Option<i32>> = events(&rig)
        .await
        .into_iter()
        .map(|event| event.series.map(|series| series.count))
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, [None, Some(4)]);
    let one = events(&rig).await.remove(0);
    assert!(one.note.as_ref().unwrap().len() <= 1024);
    assert_eq!(one.regarding.unwrap().name.as_deref(), Some("a"));
    assert_eq!(one.type_.as_deref(), Some("Warning"));
}

#[tokio::test(start_paused = true)]
async fn an_expired_event_begins_anew() {
    let rig = Rig::new();
    rig.kubernetes.record(event(&rig, "one")).await.unwrap();
    let api: Api<Event> = Api::namespaced(rig.dev.client(), "default");
    let name = events(&rig).await[0].metadata.name.clone().unwrap();
    api.delete(&name, &DeleteParams::default()).await.unwrap();
    rig.kubernetes.record(event(&rig, "one")).await.unwrap();
    let all = events(&rig).await;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].series, None);
}
