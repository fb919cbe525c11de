//! Kinds that come, go, come back as something else, and are no longer wanted.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use oarlock_core::cluster::{Change, Cluster, Listener};
use oarlock_core::reconciler::ReadError;
use oarlock_core::reference::{Gvk, ObjectRef, Uid};
use oarlock_devcluster::DevCluster;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::rig::{Rig, at, config_map, map, status};

fn greeting(version: &str) -> Gvk {
    Gvk::new("example.com", version, "Greeting")
}

fn at_greeting(version: &str) -> ObjectRef {
    ObjectRef::new(greeting(version), Some("default"), "a")
}

/// Versions by name, served or not; the first stores.
fn definition(versions: &[(&str, bool)]) -> Value {
    let versions: Vec<Value> = versions
        .iter()
        .enumerate()
        .map(|(index, (name, served))| {
            json!({"name": name, "served": served, "storage": index == 0, "schema": {"openAPIV3Schema":
                {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}})
        })
        .collect();
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "greetings.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "versions": versions,
            "names": {"kind": "Greeting", "plural": "greetings", "singular": "greeting", "listKind": "GreetingList"}},
    })
}

fn definitions(rig: &Rig) -> Api<CustomResourceDefinition> {
    Api::all(rig.dev.client())
}

async fn define(rig: &Rig, versions: &[(&str, bool)]) {
    let patch = Patch::Apply(definition(versions));
    let params = PatchParams::apply("somebody").force();
    let name = "greetings.example.com";
    let patched = definitions(rig).patch(name, &params, &patch).await;
    patched.unwrap();
}

async fn undefine(rig: &Rig) {
    let params = DeleteParams::default();
    let deleted = definitions(rig)
        .delete("greetings.example.com", &params)
        .await;
    deleted.unwrap();
}

/// Somebody else creates the one Greeting.
async fn greet(rig: &Rig, version: &str) {
    let resource = kube::api::ApiResource {
        group: "example.com".to_owned(),
        version: version.to_owned(),
        api_version: format!("example.com/{version}"),
        kind: "Greeting".to_owned(),
        plural: "greetings".to_owned(),
    };
    let api: Api<kube::api::DynamicObject> =
        Api::namespaced_with(rig.dev.client(), "default", &resource);
    let object = json!({"apiVersion": format!("example.com/{version}"), "kind": "Greeting", "metadata": {"name": "a"}});
    let object = serde_json::from_value(object).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}

async fn greeted() -> Rig {
    let rig = Rig::new();
    define(&rig, &[("v1", true)]).await;
    greet(&rig, "v1").await;
    rig.kubernetes.watch(&greeting("v1")).await.unwrap();
    assert!(rig.shown(&at_greeting("v1")).is_some());
    rig.told();
    rig
}

fn owned(name: &str) -> Value {
    let mut value = map(name, &json!({}));
    value["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "v1", "kind": "Secret", "name": "o", "uid": "owner"}]);
    value
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_no_longer_wanted_costs_nothing() {
    let rig = Rig::new();
    rig.create(owned("a")).await;
    rig.kubernetes.watch(&config_map()).await.unwrap();
    let secrets = Gvk::new("", "v1", "Secret");
    rig.kubernetes.watch(&secrets).await.unwrap();
    let owner = Uid("owner".to_owned());
    let object = Arc::downgrade(&rig.kubernetes.cached(&at("a")).unwrap());
    assert_eq!(rig.kubernetes.owned_by(&owner).len(), 1);
    rig.told();

    rig.kubernetes.unwatch(&config_map());
    assert!(rig.shown(&at("a")).is_none());
    assert_eq!(rig.kubernetes.list(&config_map(), None).len(), 0);
    assert_eq!(rig.kubernetes.owned_by(&owner).len(), 0);
    assert!(object.upgrade().is_none(), "its memory is free");
    rig.sleep(Duration::from_secs(20)).await;
    rig.gate.requests();
    rig.create(map("b", &json!({}))).await;
    rig.sleep(Duration::from_secs(3600)).await;
    let asked = rig.gate.requests();
    assert!(!asked.iter().any(|r| r.contains("configmaps")), "{asked:?}");
    assert!(asked.iter().any(|r| r.contains("secrets")), "{asked:?}");
    // Its objects are not gone, only unknown.
    assert_eq!(rig.told(), "");

    rig.kubernetes.watch(&config_map()).await.unwrap();
    assert_eq!(
        rig.told(),
        "+ConfigMap default/a +ConfigMap default/b synced ConfigMap"
    );
    assert_eq!(rig.kubernetes.owned_by(&owner).len(), 1);
    rig.delete("b").await;
    rig.until("-ConfigMap default/b").await;
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_let_go_and_wanted_again_at_once_is_watched_once() {
    let rig = Rig::new();
    rig.create(map("a", &json!({}))).await;
    for _ in 0..10 {
        rig.kubernetes.watch(&config_map()).await.unwrap();
        rig.kubernetes.unwatch(&config_map());
    }
    rig.kubernetes.watch(&config_map()).await.unwrap();
    rig.told();
    rig.create(map("b", &json!({}))).await;
    rig.until("+ConfigMap default/b").await;
    rig.sleep(Duration::from_secs(60)).await;
    assert_eq!(rig.told(), "");
    assert_eq!(rig.kubernetes.list(&config_map(), None).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_missing_kind_that_is_no_longer_wanted_is_not_looked_for() {
    let rig = Rig::new();
    let result = rig.kubernetes.watch(&greeting("v1")).await;
    assert!(matches!(result, Err(ReadError::UnknownKind(_))));
    rig.kubernetes.unwatch(&greeting("v1"));
    rig.sleep(Duration::from_secs(60)).await;
    rig.gate.requests();
    rig.sleep(Duration::from_secs(3600)).await;
    let asked = rig.gate.requests();
    assert!(!asked.iter().any(|r| r.ends_with("/apis")), "{asked:?}");
    define(&rig, &[("v1", true)]).await;
    rig.sleep(Duration::from_secs(60)).await;
    assert_eq!(rig.told(), "");
}

/// Tells when discovery has found something.
#[derive(Default)]
struct News(Notify);

impl Listener for News {
    fn changed(&self, change: Change) {
        if matches!(change, Change::Kinds) {
            self.0.notify_one();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_discovery_knows_can_be_watched() {
    let rig = Rig::new();
    let result = rig.kubernetes.watch(&greeting("v1")).await;
    assert!(matches!(result, Err(ReadError::UnknownKind(_))));
    let news = Arc::new(News::default());
    rig.kubernetes.subscribe(Arc::<News>::clone(&news));
    define(&rig, &[("v1", true)]).await;
    while rig.kubernetes.kind(&greeting("v1")).is_none() {
        news.0.notified().await;
    }
    assert_eq!(rig.kubernetes.watch(&greeting("v1")).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_definition_that_is_deleted_and_made_again_at_once_has_other_objects() {
    let rig = greeted().await;
    let first = rig.shown(&at_greeting("v1")).unwrap()["metadata"]["uid"].clone();
    undefine(&rig).await;
    define(&rig, &[("v1", true)]).await;
    greet(&rig, "v1").await;
    let told = rig.until("+Greeting default/a").await;
    assert!(told.starts_with("-Greeting default/a"), "{told}");
    let second = rig.shown(&at_greeting("v1")).unwrap()["metadata"]["uid"].clone();
    assert_ne!(first, second);
}

/// The watch of the old definition's objects breaks before their deletion is told.
#[tokio::test(start_paused = true)]
async fn objects_of_a_definition_that_was_replaced_unseen_are_told_as_deleted() {
    let rig = greeted().await;
    rig.gate
        .break_with(|_| Some(status(503, "ServiceUnavailable")));
    rig.gate.cut();
    undefine(&rig).await;
    define(&rig, &[("v1", true)]).await;
    rig.sleep(Duration::from_secs(5)).await;
    assert_eq!(rig.told(), "");
    rig.gate.mend();
    rig.until("-Greeting default/a").await;
    greet(&rig, "v1").await;
    rig.until("+Greeting default/a").await;
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_no_longer_served_is_missed_until_it_is_again() {
    let rig = Rig::new();
    define(&rig, &[("v1", true), ("v1beta1", true)]).await;
    greet(&rig, "v1").await;
    for version in ["v1", "v1beta1"] {
        rig.kubernetes.watch(&greeting(version)).await.unwrap();
        assert!(rig.shown(&at_greeting(version)).is_some());
    }
    define(&rig, &[("v1", true), ("v1beta1", false)]).await;
    rig.until("-Greeting default/a").await;
    rig.sleep(Duration::from_secs(60)).await;
    let result = rig.kubernetes.watch(&greeting("v1beta1")).await;
    assert!(
        matches!(result, Err(ReadError::UnknownKind(_))),
        "{result:?}"
    );
    assert!(rig.kubernetes.kind(&greeting("v1beta1")).is_none());
    // The other version's objects are where they were.
    assert_eq!(rig.kubernetes.watch(&greeting("v1")).await, Ok(()));
    assert!(rig.shown(&at_greeting("v1")).is_some());
    assert_eq!(rig.told(), "");

    define(&rig, &[("v1", true), ("v1beta1", true), ("v2", true)]).await;
    rig.until("synced Greeting").await;
    assert!(rig.shown(&at_greeting("v1beta1")).is_some());
    assert_eq!(rig.kubernetes.watch(&greeting("v2")).await, Ok(()));
    assert!(rig.shown(&at_greeting("v2")).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_storage_version_that_changes_is_no_news() {
    let rig = Rig::new();
    define(&rig, &[("v1", true), ("v2", true)]).await;
    greet(&rig, "v1").await;
    rig.kubernetes.watch(&greeting("v1")).await.unwrap();
    rig.told();
    define(&rig, &[("v2", true), ("v1", true)]).await;
    rig.sleep(Duration::from_secs(60)).await;
    assert_eq!(rig.told(), "");
    assert!(rig.shown(&at_greeting("v1")).is_some());
    assert_eq!(rig.kubernetes.watch(&greeting("v2")).await, Ok(()));
}

/// What a broken conversion webhook does.
#[tokio::test(start_paused = true)]
async fn a_kind_that_cannot_be_listed_leaves_the_others_alone_and_recovers() {
    let rig = Rig::new();
    define(&rig, &[("v1", true)]).await;
    greet(&rig, "v1").await;
    rig.gate.break_with(|request| {
        let broken = request.uri().path().ends_with("/greetings");
        let message = "conversion webhook for example.com/v1 failed";
        broken.then(|| status(500, message))
    });
    let error = rig.kubernetes.watch(&greeting("v1")).await.unwrap_err();
    assert!(error.to_string().contains("conversion webhook"), "{error}");
    rig.kubernetes.watch(&config_map()).await.unwrap();
    rig.create(map("a", &json!({}))).await;
    rig.until("+ConfigMap default/a").await;
    rig.gate.requests();
    rig.sleep(Duration::from_secs(300)).await;
    let mut asked = rig.gate.requests();
    asked.retain(|request| request.contains("greetings"));
    assert!((3..40).contains(&asked.len()), "{}", asked.len());
    rig.gate.mend();
    rig.until("synced Greeting").await;
    assert!(rig.shown(&at_greeting("v1")).is_some());
}

/// The aggregated form says of an API that does not answer that it is stale.
#[tokio::test(start_paused = true)]
async fn an_aggregated_api_that_is_down_keeps_its_kinds_and_stops_no_others() {
    let rig = greeted().await;
    rig.gate.break_with(|request| match request.uri().path() {
        "/apis" => Some((
            200,
            json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": [
                {"metadata": {"name": "example.com"}, "versions": [{"version": "v1", "freshness": "Stale"}]},
                {"metadata": {"name": "apiextensions.k8s.io"}, "versions": [{"version": "v1", "freshness": "Current",
                    "resources": []}]},
            ]}),
        )),
        path if path.contains("/apis/example.com") => Some(status(503, "ServiceUnavailable")),
        _ => None,
    });
    rig.gate.cut();
    rig.sleep(Duration::from_secs(2)).await;
    let unknown = ObjectRef::new(Gvk::new("example.com", "v1", "Unknown"), None, "x");
    let read = rig.kubernetes.read(&unknown, None).await;
    assert_eq!(read.unwrap_err().code, 404);
    rig.sleep(Duration::from_secs(60)).await;
    assert!(rig.kubernetes.kind(&greeting("v1")).is_some());
    assert!(rig.shown(&at_greeting("v1")).is_some());
    assert_eq!(rig.told(), "");
    rig.kubernetes.watch(&config_map()).await.unwrap();
    rig.create(map("a", &json!({}))).await;
    rig.until("+ConfigMap default/a").await;
    rig.gate.mend();
    rig.sleep(Duration::from_secs(60)).await;
    undefine(&rig).await;
    rig.until("-Greeting default/a").await;
}

/// The watch of definitions goes on in a cluster that is not as far as the one before was.
#[tokio::test(start_paused = true)]
async fn after_a_restored_backup_new_definitions_are_found() {
    let rig = greeted().await;
    rig.sleep(Duration::from_secs(60)).await;
    let backup = DevCluster::builder()
        .clock(rig.clock.clone())
        .without_controllers()
        .start();
    assert!(backup.store().revision() < rig.version());
    rig.gate.lead_to(backup.service());
    rig.gate.end();
    rig.until("-Greeting default/a").await;
    assert!(rig.kubernetes.kind(&greeting("v1")).is_none());
    let definition = serde_json::from_value(definition(&[("v1", true)])).unwrap();
    let definitions: Api<CustomResourceDefinition> = Api::all(backup.client());
    let params = PostParams::default();
    definitions.create(&params, &definition).await.unwrap();
    rig.until("synced Greeting").await;
}

/// Definitions only ring: their content, which may be megabytes, is never asked for.
#[tokio::test(start_paused = true)]
async fn where_changes_are_only_a_trigger_metadata_is_asked_for() {
    let rig = Rig::new();
    let (sender, accepts) = std::sync::mpsc::channel();
    rig.gate.break_with(move |request| {
        if request.uri().path().ends_with("/customresourcedefinitions") {
            let accept = request.headers()["accept"].to_str().unwrap();
            sender.send(accept.to_owned()).unwrap();
        }
        None
    });
    rig.sleep(Duration::from_secs(1000)).await;
    let accepts: Vec<String> = accepts.try_iter().collect();
    assert!(accepts.len() >= 3, "{accepts:?}");
    for accept in accepts {
        assert!(accept.contains("as=PartialObjectMetadata"), "{accept}");
    }
    define(&rig, &[("v1", true)]).await;
    rig.sleep(Duration::from_secs(1)).await;
    assert!(rig.kubernetes.kind(&greeting("v1")).is_some());
}
