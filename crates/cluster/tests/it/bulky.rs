//! Records of Helm releases are cached without their data, which is asked for when somebody wants it.

#![expect(clippy::unwrap_used, reason = "tests")]

use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use oarlock_core::cluster::{Cluster, Verb};
use oarlock_core::object::Object;
use oarlock_core::reference::{Gvk, ObjectRef};
use oarlock_core::selector::LabelSelector;
use serde_json::{Value, json};

use crate::rig::Rig;

fn gvk() -> Gvk {
    Gvk::new("", "v1", "Secret")
}

fn at(name: &str) -> ObjectRef {
    ObjectRef::new(gvk(), Some("default"), name)
}

fn record(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
        "metadata": {"name": name, "namespace": "default", "labels": {"owner": "helm", "name": name}},
        "data": {"release": "SDRzSQ=="},
    })
}

fn others(rig: &Rig) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Secret"));
    Api::namespaced_with(rig.dev.client(), "default", &resource)
}

async fn data(rig: &Rig, name: &str) -> Option<Value> {
    let live = rig.kubernetes.cached(&at(name)).unwrap();
    assert!(live.is_abridged() && live.json().to_value().get("data").is_none());
    let whole = rig.kubernetes.whole(live).await.unwrap()?;
    Some(whole.json().to_value()["data"]["release"].clone())
}

fn gets(rig: &Rig) -> usize {
    let requests = rig.gate.requests();
    let of_one = |request: &&String| request.starts_with("GET") && request.contains("/secrets/");
    requests.iter().filter(of_one).count()
}

#[tokio::test(start_paused = true)]
async fn what_is_written_is_known_and_what_others_write_is_asked_for_once() {
    let rig = Rig::new();
    let listed = serde_json::from_value(record("listed")).unwrap();
    let others = others(&rig);
    others
        .create(&PostParams::default(), &listed)
        .await
        .unwrap();
    rig.kubernetes.watch(&gvk()).await.unwrap();
    let watched = serde_json::from_value(record("watched")).unwrap();
    others
        .create(&PostParams::default(), &watched)
        .await
        .unwrap();
    rig.until("+Secret default/watched").await;
    let object = Object::from_value(record("written")).unwrap();
    let written = rig.write(Verb::Create { object }).await.unwrap();
    assert!(!written.object.unwrap().is_abridged());

    gets(&rig);
    for name in ["written", "listed", "watched", "listed", "watched"] {
        assert_eq!(data(&rig, name).await, Some(json!("SDRzSQ==")), "{name}");
    }
    assert_eq!(gets(&rig), 2);

    let patch = Patch::Merge(json!({"data": {"release": "SDRzSg=="}}));
    let params = PatchParams::default();
    others.patch("written", &params, &patch).await.unwrap();
    rig.until("~Secret default/written").await;
    assert_eq!(data(&rig, "written").await, Some(json!("SDRzSg==")));
    assert_eq!(gets(&rig), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_by_now_has_no_data() {
    let rig = Rig::new();
    let object = serde_json::from_value(record("a")).unwrap();
    let others = others(&rig);
    others
        .create(&PostParams::default(), &object)
        .await
        .unwrap();
    rig.kubernetes.watch(&gvk()).await.unwrap();
    let live = rig.kubernetes.cached(&at("a")).unwrap();
    others
        .delete("a", &kube::api::DeleteParams::default())
        .await
        .unwrap();
    assert!(rig.kubernetes.whole(live).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_by_labels_follows_every_change() {
    let rig = Rig::new();
    rig.kubernetes.watch(&gvk()).await.unwrap();
    let selector = LabelSelector::parse("owner=helm,name=a").unwrap();
    let found = |namespace: Option<&str>| {
        let found = rig.kubernetes.select(&gvk(), namespace, &selector);
        found
            .iter()
            .map(|live| live.name().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(found(None), [""; 0]);
    rig.apply(record("a")).await;
    rig.apply(record("b")).await;
    assert_eq!(found(Some("default")), ["a"]);
    let patch = Patch::Merge(json!({"metadata": {"labels": {"name": "a"}}}));
    let others = others(&rig);
    others
        .patch("b", &PatchParams::default(), &patch)
        .await
        .unwrap();
    rig.until("~Secret default/b").await;
    assert_eq!(found(None), ["a", "b"]);
    let uid = rig.kubernetes.cached(&at("a")).unwrap().uid();
    rig.kubernetes
        .write(oarlock_core::cluster::Call {
            verb: Verb::Delete {
                target: at("a"),
                uid: Some(uid),
                propagation: oarlock_core::outcome::Propagation::Background,
                version: None,
            },
            manager: crate::rig::MANAGER.to_owned(),
            account: None,
        })
        .await
        .unwrap();
    assert_eq!(found(Some("default")), ["b"]);
}
