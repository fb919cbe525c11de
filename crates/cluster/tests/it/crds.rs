#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::DeleteParams;
use oarlock_cluster::crd::{InstallCrd, install};
use oarlock_core::clock::Clock;
use oarlock_core::cluster::{Cluster, Verb};
use oarlock_core::object::Object;
use oarlock_core::reconciler::ReadError;
use oarlock_core::reference::{Gvk, ObjectRef};
use serde_json::{Value, json};

use crate::rig::{Rig, status};

fn greeting() -> Gvk {
    Gvk::new("example.com", "v1", "Greeting")
}

fn definition(versions: &[&str]) -> Object {
    let versions: Vec<Value> = versions
        .iter()
        .enumerate()
        .map(|(index, name)| {
            json!({"name": name, "served": true, "storage": index == 0, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}})
        })
        .collect();
    Object::from_value(json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "greetings.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "versions": versions,
            "names": {"kind": "Greeting", "plural": "greetings", "singular": "greeting", "listKind": "GreetingList"}},
    }))
    .unwrap()
}

async fn put(rig: &Rig, versions: &[&str]) -> Result<(), InstallCrd> {
    let clock = Arc::clone(&rig.clock) as Arc<dyn Clock>;
    install(
        rig.client(),
        clock,
        &[definition(versions)],
        Duration::from_secs(30),
    )
    .await
}

async fn greet(rig: &Rig) {
    let object = json!({"apiVersion": "example.com/v1", "kind": "Greeting",
        "metadata": {"name": "a", "namespace": "default"}, "spec": {"who": "you"}});
    rig.apply(object).await;
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_comes_and_goes_and_comes_back() {
    let rig = Rig::new();
    let result = rig.kubernetes.watch(&greeting()).await;
    assert_eq!(
        result,
        Err(ReadError::UnknownKind("example.com/v1 Greeting".to_owned()))
    );
    assert!(rig.kubernetes.kind(&greeting()).is_none());

    put(&rig, &["v1"]).await.unwrap();
    rig.until("synced Greeting").await;
    assert_eq!(rig.kubernetes.watch(&greeting()).await, Ok(()));
    let kind = rig.kubernetes.kind(&greeting()).unwrap();
    assert!(kind.namespaced && kind.status_subresource);
    greet(&rig).await;
    let target = ObjectRef::new(greeting(), Some("default"), "a");
    let status = Verb::Merge {
        target: target.clone(),
        patch: json!({"status": {"said": true}})
            .as_object()
            .unwrap()
            .clone(),
        status: true,
    };
    rig.write(status).await.unwrap();
    assert_eq!(rig.shown(&target).unwrap()["status"], json!({"said": true}));
    rig.told();

    let api: Api<CustomResourceDefinition> = Api::all(rig.dev.client());
    api.delete("greetings.example.com", &DeleteParams::default())
        .await
        .unwrap();
    rig.until("-Greeting default/a").await;
    rig.sleep(Duration::from_secs(60)).await;
    let result = rig.kubernetes.watch(&greeting()).await;
    assert!(
        matches!(result, Err(ReadError::UnknownKind(_))),
        "{result:?}"
    );
    assert!(rig.kubernetes.list(&greeting(), None).is_empty());

    put(&rig, &["v1"]).await.unwrap();
    rig.until("synced Greeting").await;
    greet(&rig).await;
    assert!(rig.shown(&target).is_some());
}

#[tokio::test(start_paused = true)]
async fn versions_in_use_are_not_taken_away() {
    let rig = Rig::new();
    put(&rig, &["v1", "v1beta1"]).await.unwrap();
    put(&rig, &["v1", "v1beta1"]).await.unwrap();
    let error = put(&rig, &["v1"]).await.unwrap_err();
    insta::assert_snapshot!(error, @"CustomResourceDefinition greetings.example.com would lose versions: v1beta1 (served); hint: keep them in spec.versions, or migrate their objects and remove them by hand");
    put(&rig, &["v1", "v1beta1", "v2"]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_definition_that_is_never_served_is_said() {
    let rig = Rig::new();
    rig.gate.break_with(|request| {
        let path = request.uri().to_string();
        if path.contains("fieldSelector") {
            return Some((200, Value::Null));
        }
        let read = request.method() == "GET" && path.ends_with("/greetings.example.com");
        read.then(|| {
            let mut value = definition(&["v1"]).into_value();
            value["metadata"]["resourceVersion"] = "1".into();
            value["status"] = json!({"conditions": [{"type": "NamesAccepted", "status": "False",
                "reason": "PluralConflict", "message": "\"greetings\" is already in use"}]});
            (200, value)
        })
    });
    let clock = Arc::clone(&rig.clock) as Arc<dyn Clock>;
    let definitions = [definition(&["v1"])];
    let error = install(rig.client(), clock, &definitions, Duration::from_secs(30))
        .await
        .unwrap_err();
    insta::assert_snapshot!(error, @r#"CustomResourceDefinition greetings.example.com is not served after 30s: "greetings" is already in use"#);
}

#[tokio::test(start_paused = true)]
async fn other_kinds_are_no_definitions() {
    let rig = Rig::new();
    let object = Object::from_value(crate::rig::map("a", &json!({}))).unwrap();
    let clock = Arc::clone(&rig.clock) as Arc<dyn Clock>;
    let result = install(rig.client(), clock, &[object], Duration::from_secs(1)).await;
    assert!(matches!(result, Err(InstallCrd::NotADefinition(_))));
}

#[tokio::test(start_paused = true)]
async fn one_broken_group_takes_nothing_away() {
    let rig = Rig::new();
    put(&rig, &["v1"]).await.unwrap();
    rig.kubernetes.watch(&greeting()).await.unwrap();
    greet(&rig).await;
    rig.told();
    // The old form of discovery, in which each group is asked on its own, and one does not answer.
    rig.gate.break_with(|request| {
        let path = request.uri().path().to_owned();
        match path.as_str() {
            "/apis" => Some((200, json!({"kind": "APIGroupList", "groups": [
                {"name": "example.com", "versions": [{"groupVersion": "example.com/v1", "version": "v1"}]},
                {"name": "apps", "versions": [{"groupVersion": "apps/v1", "version": "v1"}]},
                {"name": "apiextensions.k8s.io", "versions": [{"groupVersion": "apiextensions.k8s.io/v1", "version": "v1"}]},
            ]}))),
            "/apis/example.com/v1" => Some(status(503, "ServiceUnavailable")),
            _ => None,
        }
    });
    // A kind that is not known makes discovery look, though not at once after it has looked.
    rig.sleep(Duration::from_secs(2)).await;
    let unknown = Gvk::new("example.com", "v1", "Unknown");
    let read = rig
        .kubernetes
        .read(&ObjectRef::new(unknown, None, "x"), None)
        .await;
    assert_eq!(read.unwrap_err().code, 404);
    assert!(rig.kubernetes.kind(&greeting()).is_some());
    assert!(
        rig.kubernetes
            .kind(&Gvk::new("apps", "v1", "Deployment"))
            .is_some()
    );
    // batch was in neither list.
    assert!(
        rig.kubernetes
            .kind(&Gvk::new("batch", "v1", "Job"))
            .is_none()
    );
    assert_eq!(rig.told(), "");
}

/// A proxy that ends each watch of definitions at once is not asked again in a loop.
#[tokio::test(start_paused = true)]
async fn definitions_whose_watch_ends_at_once_are_asked_for_with_care() {
    for code in [200, 410] {
        let rig = Rig::new();
        rig.gate.break_with(move |request| {
            let uri = request.uri().to_string();
            let definitions =
                uri.contains("customresourcedefinitions") && uri.contains("watch=true");
            definitions.then(|| match code {
                200 => (200, Value::Null),
                _ => status(410, "Expired"),
            })
        });
        rig.sleep(Duration::from_secs(600)).await;
        let asked = rig.gate.requests();
        let watches = asked.iter().filter(|line| line.contains("watch=true"));
        let watches = watches.count();
        assert!((5..60).contains(&watches), "{code}: asked {watches} times");
    }
}
