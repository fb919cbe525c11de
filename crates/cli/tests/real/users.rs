//! What users do to objects besides changing their spec, and what other programs do to children.

use futures_util::StreamExt as _;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use crate::deletion::{greeting, greetings};
use crate::ground::{Ground, is_ready};
use crate::process::{PATIENCE, oarlock};
use crate::watching::{changes, conditions};

async fn annotate(api: &Api<DynamicObject>, name: &str, annotation: &str, value: Value) {
    let patch = json!({"metadata": {"annotations": {annotation: value}}});
    api.patch(name, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused_nothing_happens_and_resumed_all_of_it_does() {
    let Some(ground) = Ground::new("paused").await else {
        return;
    };
    let bundles = ground.bundles().await;
    let _operator = ground.operator().await;
    ground.bundle("b", &[ground.config_map("c", "one")]).await;
    ground.when(&bundles, "b", is_ready).await;
    annotate(&bundles, "b", "oarlock.dev/paused", json!("true")).await;
    ground
        .conditions(&bundles, "b", |c| c.contains("Paused=True"))
        .await;
    ground.bundle("b", &[ground.config_map("c", "two")]).await;
    ground
        .when(&bundles, "b", |b| {
            let conditions = b.data["status"]["conditions"].as_array();
            conditions.into_iter().flatten().any(|condition| {
                condition["type"] == "Paused"
                    && condition["observedGeneration"].as_i64() == b.metadata.generation
            })
        })
        .await;
    let kept = ground.config_maps().get("c").await.unwrap();
    assert_eq!(kept.data["data"]["text"], "one");

    annotate(&bundles, "b", "oarlock.dev/paused", Value::Null).await;
    ground
        .when(&ground.config_maps(), "c", |c| {
            c.data["data"]["text"] == "two"
        })
        .await;
    ground
        .when(&bundles, "b", |b| {
            is_ready(b) && !conditions(b).contains("Paused=True")
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_for_a_run_is_answered() {
    let Some(ground) = Ground::new("requested").await else {
        return;
    };
    let bundles = ground.bundles().await;
    let _operator = ground.operator().await;
    ground.bundle("b", &[ground.config_map("c", "one")]).await;
    ground.when(&bundles, "b", is_ready).await;
    annotate(&bundles, "b", "oarlock.dev/requested-at", json!("first")).await;
    ground
        .when(&bundles, "b", |b| {
            let annotations = b.metadata.annotations.as_ref();
            annotations.is_some_and(|all| {
                all.get("oarlock.dev/handled-at")
                    .is_some_and(|v| v == "first")
            })
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_read_and_was_not_there_is_noticed_when_it_comes() {
    let Some(ground) = Ground::new("missing").await else {
        return;
    };
    let greetings = greetings(&ground).await;
    let secrets = ground.api("", "v1", "Secret");
    secrets
        .delete("key", &DeleteParams::default())
        .await
        .unwrap();
    let _operator = ground.operator().await;
    ground.apply(&greetings, greeting("hello")).await;
    ground
        .conditions(&greetings, "hello", |c| c.contains("SecretMissing"))
        .await;
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"token": "long"},
    });
    ground.apply(&secrets, secret).await;
    ground.when(&greetings, "hello", is_ready).await;
    let child = ground.config_maps().get("hello-greeting").await.unwrap();
    let first = child.data["data"]["token-length"].clone();

    // And when it changes.
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"token": "much longer"},
    });
    ground.apply(&secrets, secret).await;
    ground
        .when(&ground.config_maps(), "hello-greeting", |c| {
            c.data["data"]["token-length"] != first
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_module_an_object_in_deletion_is_released() {
    let Some(ground) = Ground::new("released").await else {
        return;
    };
    let greetings = greetings(&ground).await;
    let operator = ground.operator().await;
    ground.apply(&greetings, greeting("hello")).await;
    ground.when(&greetings, "hello", is_ready).await;
    operator.process.kill().await;
    std::fs::remove_file(ground.path("modules/guest.wasm")).unwrap();
    let _operator = ground.operator().await;
    greetings
        .delete("hello", &DeleteParams::default())
        .await
        .unwrap();
    ground
        .conditions(&greetings, "hello", |c| c.contains("FinalizerBlocked"))
        .await;
    let uid = greetings.get("hello").await.unwrap().metadata.uid.unwrap();
    let admin = ground.admin.to_str().unwrap();
    let arguments = [
        "release",
        "--kubeconfig",
        admin,
        "greetings.guests.oarlock.dev/hello",
        "-n",
        &ground.namespace,
        "--reason",
        "the module is lost",
        "--yes",
    ];
    let output = oarlock(&arguments, &ground.path("modules")).await;
    assert!(output.status.success(), "{output:?}");
    let gone = kube::runtime::wait::await_condition(
        greetings,
        "hello",
        kube::runtime::conditions::is_deleted(&uid),
    );
    tokio::time::timeout(PATIENCE, gone)
        .await
        .expect("it is let go")
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fight_over_a_field_ends() {
    let Some(ground) = Ground::new("fight").await else {
        return;
    };
    let bundles = ground.bundles().await;
    let _operator = ground.operator().await;
    let forced = json!([{"manifest": ground.config_map("c", "ours"), "force": true}]);
    ground.bundle_of("b", forced).await;
    ground.when(&bundles, "b", is_ready).await;
    let config_maps = ground.config_maps();
    let theirs = ground.config_map("c", "theirs");
    let rival = PatchParams::apply("rival").force();
    let mut states = std::pin::pin!(changes(config_maps.clone()));
    // The other takes the field whenever it is the operator's, until the operator leaves it.
    let fight = async {
        let mut rounds = 0;
        while let Some(state) = states.next().await {
            if state.metadata.name.as_deref() == Some("c") && state.data["data"]["text"] == "ours" {
                config_maps
                    .patch("c", &rival, &Patch::Apply(&theirs))
                    .await
                    .unwrap();
                rounds += 1;
            }
        }
        rounds
    };
    let noticed = ground.conditions(&bundles, "b", |c| c.contains("Contested"));
    let shown = tokio::select! {
        shown = noticed => shown,
        rounds = fight => panic!("the watch ended after {rounds} rounds"),
    };
    assert!(shown.contains("rival"), "{shown}");
    let left = config_maps.get("c").await.unwrap();
    assert_eq!(left.data["data"]["text"], "theirs");
}
