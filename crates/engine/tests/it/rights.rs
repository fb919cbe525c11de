//! What a watch does not grant, and ways around it that must stay shut.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use oarlock_core::outcome::{Event, Expect, OnLeave, Outcome, Owner, Propagation, Removal, Write};
use oarlock_core::reconciler::Host;
use oarlock_core::reference::{Gvk, ObjectRef, Uid};
use serde_json::{Value, json};

use crate::world::World;
use crate::world::fake::{Answer, Fake, Wish};
use crate::world::objects::{
    at_map, child, exactly, map_child, status, watch, watch_reading, widget,
};

fn at_secret(name: &str) -> ObjectRef {
    ObjectRef::new(Gvk::new("", "v1", "Secret"), Some("default"), name)
}

fn secret(name: &str, data: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "default"}, "data": {"k": data}})
}

fn said(phase: impl Into<String>) -> Answer {
    Ok(Outcome {
        status: status(json!({"phase": phase.into()})),
        ..Outcome::nothing()
    })
}

#[tokio::test(start_paused = true)]
async fn reads_are_made_as_the_watchs_service_account() {
    let read = |host: Arc<dyn Host>| async move {
        host.get(at_secret("s"), None).await.unwrap();
        host.get_live(at_secret("s"), None).await.unwrap();
        said("read")
    };
    let module = Arc::new(Fake::reading(move |_, host| Box::pin(read(host))));
    let mut world = World::new().await;
    let mut confined = watch_reading("", "secrets");
    confined.service_account = Some("robot".to_owned());
    world.create(secret("s", "")).await;
    world.create(widget("a")).await;
    world.serve(confined, &module);
    world.until_ready("a").await;
    let requests = world.requests();
    let asked = |part: &str| requests.iter().any(|request| request.contains(part));
    assert!(asked("subjectaccessreviews"), "{requests:#?}");
    assert!(
        asked("secrets/s as system:serviceaccount:default:robot"),
        "{requests:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_owner_reference_that_somebody_sets_opens_nothing_that_the_module_may_not_write() {
    let read = |host: Arc<dyn Host>| async move {
        let found = host.get(at_secret("s"), None).await;
        let children = host.children().await.unwrap();
        said(format!("{} {}", found.is_err(), children.len()))
    };
    let module = Arc::new(Fake::reading(move |_, host| Box::pin(read(host))));
    let reader = Arc::new(Fake::reading(|_, host| {
        Box::pin(async move {
            // Somebody else has Secrets in the cache.
            host.get(at_secret("other"), None).await.unwrap();
            said("read")
        })
    }));
    let mut world = World::new().await;
    let a = world.create(widget("a")).await;
    let mut owned = secret("s", "");
    owned["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "demo.example.com/v1", "kind": "Widget", "name": "a", "uid": a["metadata"]["uid"],
    }]);
    world.create(owned).await;
    world.serve(watch_reading("", "secrets"), &reader);
    world.until_ready("a").await;
    world.serve(watch(), &module);
    let met = |live: Option<&Value>| live.is_some_and(|l| l["status"]["phase"] == "true 0");
    world
        .until(&crate::world::objects::at_widget("a"), met)
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_wish_tells_nothing_of_what_is_not_granted() {
    let wish = Wish::new(Outcome::nothing());
    let module = Arc::new(Fake::wishing(&wish));
    let world = World::with(&module).await;
    let live = world.create(secret("s", "aGVsbG8=")).await;
    let uid = live["metadata"]["uid"].as_str().unwrap().to_owned();
    world.create(widget("a")).await;
    world.until_ready("a").await;
    let guess = |data: &str, write, expect| {
        let mut guess = child(secret("s", data));
        (guess.owner, guess.write, guess.expect) = (Owner::Unowned, write, expect);
        guess.on_leave = OnLeave::Keep;
        exactly([guess])
    };
    let removal = Outcome {
        removals: vec![Removal {
            target: at_secret("nobody"),
            uid: None,
            propagation: Propagation::Background,
        }],
        ..Outcome::nothing()
    };
    for outcome in [
        guess("aGVsbG8=", Write::Compare, Expect::Any),
        guess("", Write::Share, Expect::Any),
        guess("", Write::Apply, Expect::Absent),
        guess("", Write::Apply, Expect::Uid(Uid("wrong".to_owned()))),
        removal,
    ] {
        wish.set(Outcome::nothing());
        world.reconcile("a");
        world.until_ready("a").await;
        let _earlier = world.requests();
        wish.set(outcome);
        world.reconcile("a");
        let message = world
            .until_condition("a", "Ready", "False", "GrantMissing")
            .await;
        assert!(!message.contains(&uid), "{message}");
        let requests = world.requests();
        assert!(
            !requests.iter().any(|request| request.contains("/secrets")),
            "a kind that is not granted is not watched: {requests:#?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_name_of_another_module_is_no_field_manager() {
    let mut forged = map_child("one");
    forged.manager = Some("oarlock/other".to_owned());
    let module = Arc::new(Fake::wishing(&Wish::new(exactly([forged]))));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    let message = world
        .until_condition("a", "Ready", "False", "WriteRefused")
        .await;
    insta::assert_snapshot!(message, @"ConfigMap default/one was not applied: ConfigMap default/one: field manager oarlock/other is another module's (Invalid, 422)");
    assert!(world.get(&at_map("one")).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn marks_are_the_hosts_to_set() {
    let mut forged = map_child("one");
    let mut value = Value::Object(forged.object.content().clone());
    value["metadata"]["labels"] = json!({"oarlock.dev/owner-uid": "somebody", "app": "x"});
    value["metadata"]["annotations"] = json!({
        "oarlock.dev/owner": "x", "oarlock.dev/on-leave": "keep", "share.oarlock.dev/somebody": "{}", "note": "y",
    });
    forged = child(value);
    forged.owner = Owner::Unowned;
    let module = Arc::new(Fake::wishing(&Wish::new(exactly([forged]))));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    let live = world.live(&at_map("one")).await;
    assert_eq!(live["metadata"]["labels"], json!({"app": "x"}));
    assert_eq!(live["metadata"]["annotations"], json!({"note": "y"}));
}

#[tokio::test(start_paused = true)]
async fn a_module_may_answer_with_what_it_read() {
    let read = |host: Arc<dyn Host>| async move {
        let live = host.get(at_map("one"), None).await.unwrap();
        let Some(live) = live else {
            return Ok(exactly([map_child("one")]));
        };
        let mut value = live.to_value();
        let metadata = value["metadata"].as_object_mut().unwrap();
        metadata.retain(|key, _| !matches!(key.as_str(), "resourceVersion" | "creationTimestamp"));
        value["data"] = json!({"k": "new"});
        Ok(exactly([child(value)]))
    };
    let module = Arc::new(Fake::reading(move |_, host| Box::pin(read(host))));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.reconcile("a");
    let met = |live: Option<&Value>| live.is_some_and(|l| l["data"]["k"] == "new");
    let live = world.until(&at_map("one"), met).await.unwrap();
    let references = live["metadata"]["ownerReferences"].as_array().unwrap();
    assert_eq!(references.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_event_about_what_is_not_granted_is_refused_and_told() {
    let about = |key: &str, target: ObjectRef| Event {
        key: key.to_owned(),
        warning: false,
        reason: "Told".to_owned(),
        message: key.to_owned(),
        about: Some(target),
    };
    let module = Arc::new(Fake::wishing(&Wish::new(Outcome {
        events: vec![
            about("of-secret", at_secret("theirs")),
            about("of-child", at_map("one")),
            about("of-granted", at_map("other")),
        ],
        ..exactly([map_child("one")])
    })));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.quiet().await;
    insta::assert_snapshot!(world.events("a").await.join("\n"), @r#"Warning GrantMissing: an Event Told about Secret default/theirs was not recorded: no grant for get on secrets; hint: add to the watch: grants: {read: [{apiGroups: [""], resources: [secrets], namespaces: [default], resourceNames: [theirs]}]} (1)"#);
    let events = Gvk::new("events.k8s.io", "v1", "Event");
    let mut told: Vec<String> = world
        .list(&events, Some("default"))
        .await
        .iter()
        .filter(|event| event["reason"] == "Told")
        .map(|event| event["regarding"]["name"].as_str().unwrap().to_owned())
        .collect();
    told.sort();
    assert_eq!(told, ["one", "other"]);
}
