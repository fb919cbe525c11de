//! Own writes against what others do at the same time, and against a watch that is late.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use oarlock_core::cluster::{Cluster, Verb};
use oarlock_core::object::Object;
use oarlock_core::outcome::Propagation;
use oarlock_core::reference::{ResourceVersion, Uid};
use serde_json::json;
use tokio::sync::watch;

use crate::rig::{Meddling, Rig, at, config_map, map, status};

/// A cluster whose watch of ConfigMaps is late until told otherwise.
async fn late() -> (Rig, watch::Sender<bool>) {
    let rig = Rig::new();
    for name in ["a", "b"] {
        rig.create(map(name, &json!({"k": "0"}))).await;
    }
    rig.kubernetes.watch(&config_map()).await.unwrap();
    rig.told();
    let open = watch::Sender::new(false);
    let gate = open.clone();
    rig.gate.meddle_with(move |path| {
        let watch = path.contains("configmaps?watch");
        watch.then(|| Meddling::Hold(gate.subscribe()))
    });
    rig.gate.cut();
    rig.sleep(Duration::from_secs(2)).await;
    (rig, open)
}

fn delete(name: &str, uid: Option<&str>, version: Option<&str>) -> Verb {
    Verb::Delete {
        target: at(name),
        uid: uid.map(|uid| Uid(uid.to_owned())),
        version: version.map(|version| ResourceVersion(version.to_owned())),
        propagation: Propagation::Background,
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_watch_does_not_take_own_writes_back() {
    let (rig, open) = late().await;
    // Older than ours, and told after it.
    rig.patch("a", &json!({"theirs": "1"})).await;
    rig.patch("b", &json!({"theirs": "1"})).await;
    rig.apply(map("a", &json!({"k": "1"}))).await;
    rig.apply(map("new", &json!({}))).await;
    rig.write(delete("b", None, None)).await.unwrap();
    assert_eq!(
        rig.told(),
        "~ConfigMap default/a +ConfigMap default/new -ConfigMap default/b"
    );
    let data = json!({"k": "1", "theirs": "1"});
    assert_eq!(rig.shown(&at("a")).unwrap()["data"], data);
    rig.create(map("last", &json!({}))).await;
    open.send_replace(true);
    assert_eq!(
        rig.until("+ConfigMap default/last").await,
        "+ConfigMap default/last"
    );
    assert_eq!(rig.shown(&at("a")).unwrap()["data"], data);
    assert!(rig.shown(&at("b")).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_create_that_somebody_else_wins_is_told_and_theirs_is_shown() {
    let (rig, open) = late().await;
    rig.create(map("x", &json!({"by": "them"}))).await;
    assert!(rig.shown(&at("x")).is_none());
    let object = Object::from_value(map("x", &json!({"by": "us"}))).unwrap();
    let error = rig.write(Verb::Create { object }).await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (409, "AlreadyExists"));
    open.send_replace(true);
    rig.until("+ConfigMap default/x").await;
    assert_eq!(rig.shown(&at("x")).unwrap()["data"]["by"], "them");
}

#[tokio::test(start_paused = true)]
async fn a_delete_of_what_is_gone_already_is_told_once() {
    let (rig, open) = late().await;
    rig.delete("a").await;
    let error = rig.write(delete("a", None, None)).await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (404, "NotFound"));
    open.send_replace(true);
    assert_eq!(
        rig.until("-ConfigMap default/a").await,
        "-ConfigMap default/a"
    );
}

#[tokio::test(start_paused = true)]
async fn a_delete_meets_the_object_and_the_version_that_it_names() {
    let (rig, open) = late().await;
    let seen = rig.shown(&at("a")).unwrap();
    let text = |field: &str| seen["metadata"][field].as_str().unwrap().to_owned();
    let (uid, version) = (text("uid"), text("resourceVersion"));
    rig.patch("a", &json!({"k": "1"})).await;
    let stale = rig.write(delete("a", Some(&uid), Some(&version))).await;
    assert_eq!(stale.unwrap_err().code, 409);
    // Deleted and made anew: another object of the same name.
    rig.delete("a").await;
    rig.create(map("a", &json!({"k": "new"}))).await;
    let other = rig.write(delete("a", Some(&uid), None)).await;
    assert_eq!(other.unwrap_err().code, 409);
    open.send_replace(true);
    rig.until("+ConfigMap default/a").await;
    let new = rig.shown(&at("a")).unwrap()["metadata"]["uid"].clone();
    let gone = rig.write(delete("a", new.as_str(), None)).await.unwrap();
    assert!(gone.changed && gone.object.is_none());
    assert!(rig.shown(&at("a")).is_none());
}

/// The limit of the API server, and that of the storage behind it, which arrives as an internal error.
#[tokio::test(start_paused = true)]
async fn an_object_that_is_too_large_is_refused_for_good() {
    let rig = Rig::new();
    let large = "x".repeat(3 << 20);
    let object = Object::from_value(map("a", &json!({ "k": large }))).unwrap();
    let apply = Verb::Apply {
        object,
        force: true,
    };
    let error = rig.write(apply.clone()).await.unwrap_err();
    assert_eq!(error.code, 413);
    rig.gate.break_with(|request| {
        let write = request.method() == "PATCH";
        write.then(|| status(500, "etcdserver: request is too large"))
    });
    let error = rig.write(apply).await.unwrap_err();
    assert_eq!(error.code, 413);
    assert!(!error.is_transient());
}

#[tokio::test(start_paused = true)]
async fn a_large_object_below_the_limits_is_written_watched_and_shown() {
    let rig = Rig::new();
    rig.kubernetes.watch(&config_map()).await.unwrap();
    let large = "x".repeat(1_400_000);
    rig.create(map("theirs", &json!({"k": &large}))).await;
    rig.until("+ConfigMap default/theirs").await;
    rig.apply(map("ours", &json!({"k": &large}))).await;
    for name in ["theirs", "ours"] {
        let shown = rig.shown(&at(name)).unwrap();
        assert_eq!(shown["data"]["k"].as_str().unwrap().len(), large.len());
    }
}
