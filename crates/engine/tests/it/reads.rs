//! What a module read, or looked for and did not find, calls it again when it changes.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::outcome::{Failure, Outcome};
use oarlock_core::reconciler::{Health, Host, ReadError, Selection};
use oarlock_core::reference::{Gvk, ObjectRef};
use serde_json::{Value, json};

use crate::world::World;
use crate::world::fake::{Answer, Fake};
use crate::world::objects::{at_map, at_widget, exactly, map_child, status, watch_reading, widget};

fn secret(name: &str, labels: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "default", "labels": labels}})
}

fn secrets() -> Gvk {
    Gvk::new("", "v1", "Secret")
}

fn at_secret(name: &str) -> ObjectRef {
    ObjectRef::new(secrets(), Some("default"), name)
}

fn said(phase: impl Into<String>) -> Answer {
    Ok(Outcome {
        status: status(json!({"phase": phase.into()})),
        ..Outcome::nothing()
    })
}

fn failed(error: &ReadError) -> Answer {
    Err(Failure::Retry(error.to_string()).into())
}

async fn look(host: Arc<dyn Host>) -> Answer {
    match host.get(at_secret("s"), None).await {
        Ok(None) => said("absent"),
        Ok(Some(object)) => {
            let labels = object.to_value()["metadata"]["labels"].clone();
            said(labels.to_string())
        }
        Err(error) => failed(&error),
    }
}

async fn select(host: Arc<dyn Host>) -> Answer {
    let selection = Selection {
        gvk: secrets(),
        namespace: Some("default".to_owned()),
        labels: Some("app=web".to_owned()),
        fields: vec!["/metadata/labels".to_owned()],
        act_as: None,
    };
    match host.query(selection).await {
        Ok(found) => {
            let names = found.iter().map(|json| {
                json.to_value()["metadata"]["name"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            });
            said(names.collect::<Vec<_>>().join(" "))
        }
        Err(error) => failed(&error),
    }
}

async fn until_phase(world: &World, phase: &str) {
    let start = world.clock.now();
    let met = |live: Option<&Value>| live.is_some_and(|l| l["status"]["phase"] == phase);
    world.until(&at_widget("a"), met).await;
    assert!(
        world.clock.now().since(start) < Duration::from_secs(30),
        "not by the period"
    );
}

#[tokio::test(start_paused = true)]
async fn an_object_that_comes_changes_and_goes_calls_its_reader() {
    let module = Arc::new(Fake::reading(|_, host| Box::pin(look(host))));
    let mut world = World::new().await;
    world.serve(watch_reading("", "secrets"), &module);
    world.create(widget("a")).await;
    until_phase(&world, "absent").await;
    world.create(secret("s", json!({"x": "1"}))).await;
    until_phase(&world, r#"{"x":"1"}"#).await;
    world
        .patch(&at_secret("s"), json!({"metadata": {"labels": {"x": "2"}}}))
        .await;
    until_phase(&world, r#"{"x":"2"}"#).await;
    world.delete(&at_secret("s")).await;
    until_phase(&world, "absent").await;
    let calls = module.count();
    world.create(secret("other", json!({}))).await;
    world.quiet().await;
    assert_eq!(module.count(), calls);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_enters_or_leaves_a_query_calls_the_asker() {
    let module = Arc::new(Fake::reading(|_, host| Box::pin(select(host))));
    let mut world = World::new().await;
    world.serve(watch_reading("", "secrets"), &module);
    world.create(secret("one", json!({"app": "web"}))).await;
    world.create(widget("a")).await;
    until_phase(&world, "one").await;
    world.create(secret("two", json!({"app": "db"}))).await;
    world.quiet().await;
    assert_eq!(module.count(), 1);
    world
        .patch(
            &at_secret("two"),
            json!({"metadata": {"labels": {"app": "web"}}}),
        )
        .await;
    until_phase(&world, "one two").await;
    world
        .patch(
            &at_secret("one"),
            json!({"metadata": {"labels": {"app": null}}}),
        )
        .await;
    until_phase(&world, "two").await;
}

/// Whether a record of a release is seen with its data: by its name, by its labels, and as metadata alone.
async fn unpack(host: Arc<dyn Host>) -> Answer {
    let has_data = |found: &[oarlock_core::json::Json]| {
        let found: Vec<Value> = found
            .iter()
            .map(|json| json.to_value()["data"].clone())
            .collect();
        json!(found).to_string()
    };
    let query = |fields: Vec<String>| Selection {
        gvk: secrets(),
        namespace: Some("default".to_owned()),
        labels: Some("owner=helm".to_owned()),
        fields,
        act_as: None,
    };
    let mut seen = Vec::new();
    match host.get(at_secret("s"), None).await {
        Ok(found) => seen.push(has_data(&found.into_iter().collect::<Vec<_>>())),
        Err(error) => return failed(&error),
    }
    for fields in [
        vec![],
        vec!["/data".to_owned()],
        vec!["/metadata/labels".to_owned()],
    ] {
        match host.query(query(fields)).await {
            Ok(found) => seen.push(has_data(&found)),
            Err(error) => return failed(&error),
        }
    }
    said(seen.join(" "))
}

#[tokio::test(start_paused = true)]
async fn records_that_are_cached_without_their_data_are_read_with_it() {
    let module = Arc::new(Fake::reading(|_, host| Box::pin(unpack(host))));
    let mut world = World::new().await;
    world.serve(watch_reading("", "secrets"), &module);
    let mut record = secret("s", json!({"owner": "helm"}));
    record["type"] = json!("helm.sh/release.v1");
    record["data"] = json!({"release": "MQ=="});
    world.create(record).await;
    world.create(widget("a")).await;
    let all = |data: &str| format!(r#"[{{"release":"{data}"}}]"#);
    until_phase(&world, &format!("{0} {0} {0} [null]", all("MQ=="))).await;
    // Nothing but the data changes.
    world
        .patch(&at_secret("s"), json!({"data": {"release": "Mg=="}}))
        .await;
    until_phase(&world, &format!("{0} {0} {0} [null]", all("Mg=="))).await;
}

#[tokio::test(start_paused = true)]
async fn what_changes_between_the_read_and_the_end_of_the_run_is_not_missed() {
    let held = tokio::sync::watch::Sender::new(true);
    let gate = held.clone();
    let module = Arc::new(Fake::reading(move |_, host| {
        let mut held = gate.subscribe();
        Box::pin(async move {
            let answer = look(host).await;
            let _open = held.wait_for(|held| !*held).await;
            answer
        })
    }));
    let mut world = World::new().await;
    world.serve(watch_reading("", "secrets"), &module);
    world.create(widget("a")).await;
    module.busy(1).await;
    world.quiet().await;
    world.create(secret("s", json!({"x": "1"}))).await;
    world.quiet().await;
    held.send_replace(false);
    until_phase(&world, r#"{"x":"1"}"#).await;
}

#[tokio::test(start_paused = true)]
async fn a_read_without_a_grant_is_denied_with_the_grant_that_is_missing() {
    let module = Arc::new(Fake::reading(|_, host| Box::pin(look(host))));
    let world = World::with(&module).await;
    world.create(secret("s", json!({}))).await;
    world.create(widget("a")).await;
    let message = world
        .until_condition("a", "Ready", "False", "Retrying")
        .await;
    insta::assert_snapshot!(message, @r#"no grant for get on secrets; hint: add to the watch: grants: {read: [{apiGroups: [""], resources: [secrets], namespaces: [default], resourceNames: [s]}]}"#);
    assert!(
        !world
            .requests()
            .iter()
            .any(|request| request.contains("secrets"))
    );
}

#[tokio::test(start_paused = true)]
async fn the_servers_version_needs_no_grant_and_is_asked_once() {
    let module = Arc::new(Fake::reading(|_, host| {
        Box::pin(async move {
            match host.server_version().await {
                Ok(version) => said(version),
                Err(error) => failed(&error),
            }
        })
    }));
    let world = World::with(&module).await;
    for name in ["a", "b"] {
        world.create(widget(name)).await;
        world.until_ready(name).await;
    }
    until_phase(&world, "v1.34.0").await;
    let requests = world.requests();
    let asked = requests.iter().filter(|r| r.contains("/version"));
    assert_eq!(asked.count(), 1, "{requests:?}");
}

#[tokio::test(start_paused = true)]
async fn own_children_are_read_without_a_grant_whether_they_are_there_or_not() {
    async fn children(host: Arc<dyn Host>) -> Answer {
        let states = host.observe(vec![at_map("one")]).await;
        let got = host.get(at_map("one"), None).await;
        let all = host.children().await;
        match (states, got, all) {
            (Ok(states), Ok(got), Ok(all)) => {
                let there = states[0].health != Health::NotFound;
                assert_eq!(there, got.is_some());
                Ok(Outcome {
                    status: status(
                        json!({"phase": if there { "there" } else { "gone" }, "step": all.len()}),
                    ),
                    ..exactly([map_child("one")])
                })
            }
            (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => failed(&error),
        }
    }
    let module = Arc::new(Fake::reading(|_, host| Box::pin(children(host))));
    let mut world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    until_phase(&world, "gone").await;
    world.reconcile("a");
    until_phase(&world, "there").await;
    // Also after a restart, when nothing is remembered.
    world.kill().await;
    world.delete(&at_map("one")).await;
    world.start();
    until_phase(&world, "gone").await;
    world.until_there(&at_map("one")).await;
}

#[tokio::test(start_paused = true)]
async fn a_foreign_object_of_a_kind_that_may_be_written_still_needs_a_grant() {
    let module = Arc::new(Fake::reading(|_, host| {
        Box::pin(async move {
            match host.get(at_map("theirs"), None).await {
                Ok(_) => said("leaked"),
                Err(error) => failed(&error),
            }
        })
    }));
    let world = World::with(&module).await;
    world
        .create(crate::world::objects::config_map(
            "theirs",
            json!({"k": "secret"}),
        ))
        .await;
    world.create(widget("a")).await;
    let message = world
        .until_condition("a", "Ready", "False", "Retrying")
        .await;
    assert!(
        message.starts_with("no grant for get on configmaps"),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_children_are_seen_before_the_module_is_called() {
    let module = Arc::new(Fake::reading(|_, host| {
        Box::pin(async move {
            let count = host
                .children()
                .await
                .map(|all| all.len())
                .unwrap_or_default();
            Ok(Outcome {
                status: status(json!({"step": count})),
                ..exactly([map_child("one"), map_child("two")])
            })
        })
    }));
    let mut world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.restart().await;
    let met = |live: Option<&Value>| live.is_some_and(|l| l["status"]["step"] == 2);
    world.until(&at_widget("a"), met).await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_kind_is_told_and_calls_again_when_it_is_served() {
    let gadgets = || Gvk::new("demo.example.com", "v1", "Gadget");
    let module = Arc::new(Fake::reading(move |_, host| {
        Box::pin(async move {
            match host
                .get(ObjectRef::new(gadgets(), Some("default"), "g"), None)
                .await
            {
                Err(ReadError::UnknownKind(_)) => said("unknown"),
                Ok(None) => said("absent"),
                other => said(format!("{other:?}")),
            }
        })
    }));
    let mut world = World::new().await;
    world.serve(watch_reading("demo.example.com", "gadgets"), &module);
    world.create(widget("a")).await;
    until_phase(&world, "unknown").await;
    world
        .create(crate::world::objects::gadget_definition())
        .await;
    until_phase(&world, "absent").await;
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_read_for_the_first_time_is_no_news() {
    let module = Arc::new(Fake::reading(|_, host| Box::pin(look(host))));
    let mut world = World::new().await;
    world.serve(watch_reading("", "secrets"), &module);
    world.create(secret("s", json!({"x": "1"}))).await;
    world.create(widget("a")).await;
    until_phase(&world, r#"{"x":"1"}"#).await;
    world.quiet().await;
    assert_eq!(module.count(), 1);
}
