#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use kube::api::{Patch, PatchParams};
use oarlock_core::cluster::{Cluster, ServiceAccount, Verb};
use oarlock_core::manifest::Access;
use oarlock_core::object::Object;
use oarlock_core::outcome::Propagation;
use oarlock_core::reference::{ObjectRef, ResourceVersion, Uid};
use serde_json::{Value, json};

use crate::rig::{MANAGER, Rig, at, config_map, map, status};

fn delete(target: ObjectRef, uid: Option<Uid>, version: Option<ResourceVersion>) -> Verb {
    Verb::Delete {
        target,
        uid,
        version,
        propagation: Propagation::Background,
    }
}

fn merge(name: &str, patch: &Value) -> Verb {
    Verb::Merge {
        target: at(name),
        patch: patch.as_object().unwrap().clone(),
        status: false,
    }
}

#[tokio::test(start_paused = true)]
async fn own_writes_are_visible_at_once() {
    let rig = Rig::new();
    rig.kubernetes.watch(&config_map()).await.unwrap();
    rig.told();
    let written = rig.apply(map("a", &json!({"k": "1"}))).await;
    assert!(written.changed);
    assert_eq!(rig.told(), "+ConfigMap default/a");
    assert_eq!(rig.shown(&at("a")).unwrap()["data"], json!({"k": "1"}));

    let again = rig.apply(map("a", &json!({"k": "1"}))).await;
    assert!(!again.changed);
    assert_eq!(rig.told(), "");

    assert!(
        rig.write(merge("a", &json!({"data": {"k": "2"}})))
            .await
            .unwrap()
            .changed
    );
    assert_eq!(rig.shown(&at("a")).unwrap()["data"], json!({"k": "2"}));
    assert_eq!(rig.told(), "~ConfigMap default/a");

    let gone = rig.write(delete(at("a"), None, None)).await.unwrap();
    assert!(gone.changed && gone.object.is_none());
    assert!(rig.shown(&at("a")).is_none());
    assert_eq!(rig.told(), "-ConfigMap default/a");
    // The watch tells all of it once more; nothing comes of that.
    rig.sleep(Duration::from_secs(60)).await;
    assert_eq!(rig.told(), "");
    assert!(rig.shown(&at("a")).is_none());
}

#[tokio::test(start_paused = true)]
async fn refusals_are_the_api_servers() {
    let rig = Rig::new();
    rig.kubernetes.watch(&config_map()).await.unwrap();
    let object = Object::from_value(map("a", &json!({"k": "1"}))).unwrap();
    let create = Verb::Create { object };
    rig.write(create.clone()).await.unwrap();
    let error = rig.write(create).await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (409, "AlreadyExists"));

    let wrong = delete(at("a"), Some(Uid("other".to_owned())), None);
    assert_eq!(rig.write(wrong).await.unwrap_err().code, 409);
    let wrong = delete(at("a"), None, Some(ResourceVersion("1".to_owned())));
    assert_eq!(rig.write(wrong).await.unwrap_err().code, 409);
    assert!(rig.shown(&at("a")).is_some());
    assert_eq!(
        rig.write(delete(at("b"), None, None))
            .await
            .unwrap_err()
            .code,
        404
    );

    // A field of another manager, not taken by force.
    let patch = Patch::Merge(json!({"data": {"k": "theirs"}}));
    let params = PatchParams {
        field_manager: Some("kubectl".to_owned()),
        ..PatchParams::default()
    };
    rig.others().patch("a", &params, &patch).await.unwrap();
    let object = Object::from_value(map("a", &json!({"k": "ours"}))).unwrap();
    let error = rig
        .write(Verb::Apply {
            object,
            force: false,
        })
        .await
        .unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (409, "Conflict"));
    assert!(error.message.contains("kubectl"), "{error}");

    let unknown =
        json!({"apiVersion": "example.com/v1", "kind": "Nothing", "metadata": {"name": "a"}});
    let object = Object::from_value(unknown).unwrap();
    let error = rig
        .write(Verb::Apply {
            object,
            force: true,
        })
        .await
        .unwrap_err();
    assert_eq!(error.code, 404);
    insta::assert_snapshot!(error.message, @"the API server does not serve example.com/v1 Nothing; hint: is its CustomResourceDefinition installed?");
}

#[tokio::test(start_paused = true)]
async fn throttled_writes_wait_and_broken_ones_go_back() {
    let rig = Rig::new();
    rig.kubernetes.watch(&config_map()).await.unwrap();
    let mut left = 2;
    rig.gate.break_with(move |request| {
        (request.method() == "PATCH" && left > 0).then(|| {
            left -= 1;
            status(429, "TooManyRequests")
        })
    });
    rig.apply(map("a", &json!({}))).await;
    rig.gate.requests();
    rig.gate.break_with(|request| {
        (request.method() == "PATCH").then(|| status(503, "ServiceUnavailable"))
    });
    let object = Object::from_value(map("b", &json!({}))).unwrap();
    let error = rig
        .write(Verb::Apply {
            object,
            force: true,
        })
        .await
        .unwrap_err();
    assert!(error.is_transient());
    assert_eq!(rig.gate.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn finalizers_hold_what_is_deleted() {
    let rig = Rig::new();
    rig.kubernetes.watch(&config_map()).await.unwrap();
    let mut value = map("a", &json!({}));
    value["metadata"]["finalizers"] = json!(["example.com/hold"]);
    rig.apply(value).await;
    let held = rig.write(delete(at("a"), None, None)).await.unwrap();
    assert!(held.object.unwrap().deleting());
    assert!(rig.shown(&at("a")).unwrap()["metadata"]["deletionTimestamp"].is_string());
    rig.told();
    let patch = json!({"metadata": {"finalizers": null}});
    let gone = rig.write(merge("a", &patch)).await.unwrap();
    assert!(gone.object.is_none());
    assert!(rig.shown(&at("a")).is_none());
    assert_eq!(rig.told(), "-ConfigMap default/a");
}

#[tokio::test(start_paused = true)]
async fn a_release_leaves_values_and_takes_marks_and_ownership() {
    let rig = Rig::new();
    rig.kubernetes.watch(&config_map()).await.unwrap();
    let patch = Patch::Apply(map("a", &json!({"theirs": "1", "both": "0"})));
    rig.others()
        .patch("a", &PatchParams::apply("kubectl"), &patch)
        .await
        .unwrap();
    let mut ours = map("a", &json!({"both": "1", "ours": "2"}));
    ours["metadata"]["ownerReferences"] = json!([
        {"apiVersion": "v1", "kind": "Secret", "name": "o", "uid": "me"},
        {"apiVersion": "v1", "kind": "Secret", "name": "p", "uid": "you"},
    ]);
    ours["metadata"]["labels"] = json!({"oarlock.dev/owner-uid": "me", "app": "x"});
    ours["metadata"]["annotations"] = json!({"oarlock.dev/owner": "Secret default/o", "share.oarlock.dev/me": "{}", "share.oarlock.dev/you": "{}"});
    let written = rig.apply(ours).await.object.unwrap();
    assert!(written.field_set(MANAGER).is_some());
    assert_eq!(rig.kubernetes.owned_by(&Uid("me".to_owned())).len(), 1);

    // What was there is given back before the fields are given up.
    rig.write(merge("a", &json!({"data": {"both": "0"}})))
        .await
        .unwrap();
    // The first attempt meets somebody else's write.
    let mut conflicts = 1;
    rig.gate.break_with(move |request| {
        (request.method() == "PATCH" && conflicts > 0).then(|| {
            conflicts -= 1;
            status(409, "Conflict")
        })
    });
    let release = Verb::Release {
        target: at("a"),
        owner: Uid("me".to_owned()),
    };
    let released = rig.write(release.clone()).await.unwrap();
    assert!(released.changed);
    let live = rig.others().get("a").await.unwrap();
    let live = serde_json::to_value(live).unwrap();
    assert_eq!(
        live["data"],
        json!({"theirs": "1", "both": "0", "ours": "2"})
    );
    let metadata = &live["metadata"];
    assert_eq!(metadata["labels"], json!({"app": "x"}));
    assert_eq!(
        metadata["annotations"],
        json!({"share.oarlock.dev/you": "{}"})
    );
    assert_eq!(metadata["ownerReferences"].as_array().unwrap().len(), 1);
    let managers: Vec<&str> = metadata["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["manager"].as_str().unwrap())
        .collect();
    assert!(!managers.contains(&MANAGER), "{managers:?}");
    assert!(rig.kubernetes.owned_by(&Uid("me".to_owned())).is_empty());

    // Nothing is left to release: no write.
    rig.gate.requests();
    assert!(!rig.write(release).await.unwrap().changed);
    assert_eq!(
        rig.gate.requests(),
        ["GET /api/v1/namespaces/default/configmaps/a"]
    );
    let absent = Verb::Release {
        target: at("absent"),
        owner: Uid("me".to_owned()),
    };
    assert!(rig.write(absent).await.unwrap().object.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_release_by_the_only_manager_leaves_fields_to_nobody() {
    let rig = Rig::new();
    rig.apply(map("a", &json!({"k": "1"}))).await;
    let release = Verb::Release {
        target: at("a"),
        owner: Uid("me".to_owned()),
    };
    assert!(rig.write(release).await.unwrap().changed);
    let live = rig.others().get("a").await.unwrap();
    assert_eq!(live.data.unwrap()["k"], "1");
    assert_eq!(live.metadata.managed_fields.unwrap_or_default(), []);
}

#[tokio::test(start_paused = true)]
async fn reads_are_live_and_reviews_are_remembered() {
    let rig = Rig::new();
    assert!(rig.kubernetes.read(&at("a"), None).await.unwrap().is_none());
    rig.apply(map("a", &json!({"k": "1"}))).await;
    let read = rig.kubernetes.read(&at("a"), None).await.unwrap().unwrap();
    assert_eq!(read.json().to_value()["data"], json!({"k": "1"}));
    // Nobody watches: nothing is cached.
    assert!(rig.kubernetes.cached(&at("a")).is_none());

    let account = ServiceAccount {
        namespace: "default".to_owned(),
        name: "robot".to_owned(),
    };
    let access = Access {
        verb: "get",
        group: "",
        resource: "configmaps",
        namespace: Some("default"),
        name: None,
        all_namespaces: false,
    };
    let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    rig.gate.break_with(move |request| {
        (request.uri().path() == path).then(|| (201, json!({"status": {"allowed": true}})))
    });
    rig.gate.requests();
    assert!(rig.kubernetes.allowed(&account, access).await.unwrap());
    assert!(rig.kubernetes.allowed(&account, access).await.unwrap());
    assert_eq!(rig.gate.requests().len(), 1);
    rig.sleep(Duration::from_secs(31)).await;
    let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    rig.gate.break_with(move |request| {
        (request.uri().path() == path).then(|| (201, json!({"status": {"allowed": false}})))
    });
    assert!(!rig.kubernetes.allowed(&account, access).await.unwrap());
}
