//! Children: written in order, stopped at the first refusal, kept or pruned.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::cluster::Verb;
use oarlock_core::outcome::{Expect, Outcome, Owner, Propagation, Removal, Write};
use oarlock_core::reference::{Gvk, ObjectRef, Uid};
use oarlock_core::request::{RemovalStatus, Request, WriteStatus};
use serde_json::{Value, json};

use crate::world::World;
use crate::world::fake::{Fake, Wish};
use crate::world::faults::Strike;
use crate::world::objects::{
    at_map, at_widget, child, config_map, exactly, gadget_definition, grant, map_child, status,
    watch, widget,
};

async fn wished(outcome: Outcome) -> (World, Arc<Fake>, Wish) {
    let wish = Wish::new(outcome);
    let module = Arc::new(Fake::wishing(&wish));
    let world = World::with(&module).await;
    (world, module, wish)
}

#[tokio::test(start_paused = true)]
async fn children_are_written_strictly_in_the_order_given() {
    let (world, ..) = wished(exactly(["z", "a", "m"].map(map_child))).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    let writes = world.writes();
    let path = |name: &str| format!("PATCH /api/v1/namespaces/default/configmaps/{name}");
    assert_eq!(writes[..3], [path("z"), path("a"), path("m")]);
}

#[tokio::test(start_paused = true)]
async fn the_first_refusal_stops_everything_after_it() {
    let (world, module, wish) = wished(Outcome {
        status: status(json!({"phase": "Old"})),
        ..exactly([map_child("old")])
    })
    .await;
    world
        .create(config_map("taken", json!({"k": "theirs"})))
        .await;
    world.create(config_map("doomed", json!({}))).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    wish.set(Outcome {
        tag: "second".to_owned(),
        status: status(json!({"phase": "New"})),
        removals: vec![Removal {
            target: at_map("doomed"),
            uid: None,
            propagation: Propagation::Background,
        }],
        ..exactly(["first", "taken", "last"].map(map_child))
    });
    world.reconcile("a");
    let message = world
        .until_condition("a", "Ready", "False", "WriteRefused")
        .await;
    insta::assert_snapshot!(message, @"ConfigMap default/taken was not applied: ConfigMap default/taken exists and is not a child of Widget default/a; hint: delete or rename it, or let the module take it over by its uid (AlreadyExists, 409)");

    let report = module
        .call_such(|request| {
            request
                .last
                .as_ref()
                .is_some_and(|last| last.tag == "second")
        })
        .await
        .last
        .unwrap();
    assert_eq!(report.writes[0].status, WriteStatus::Applied);
    assert!(matches!(&report.writes[1].status, WriteStatus::Refused(error) if error.code == 409));
    assert_eq!(
        report.writes[2].status,
        WriteStatus::NotTried("ConfigMap default/taken was not applied".to_owned())
    );
    assert!(matches!(
        &report.removals[0].status,
        RemovalStatus::NotTried(_)
    ));

    assert!(world.get(&at_map("first")).await.is_some());
    assert!(
        world.get(&at_map("old")).await.is_some(),
        "nothing is pruned"
    );
    assert!(
        world.get(&at_map("doomed")).await.is_some(),
        "nothing is removed"
    );
    assert!(world.get(&at_map("last")).await.is_none());
    assert_eq!(world.live(&at_map("taken")).await["data"]["k"], "theirs");
    assert_eq!(world.live(&at_widget("a")).await["status"]["phase"], "Old");

    world.delete(&at_map("taken")).await;
    world.until_ready("a").await;
    assert_eq!(world.live(&at_widget("a")).await["status"]["phase"], "New");
    world.until_gone(&at_map("old")).await;
    world.until_gone(&at_map("doomed")).await;
}

#[tokio::test(start_paused = true)]
async fn keep_keeps_and_an_empty_list_prunes() {
    let (world, module, wish) = wished(exactly([map_child("one")])).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.quiet().await;
    wish.set(Outcome {
        tag: "kept".to_owned(),
        ..Outcome::nothing()
    });
    world.reconcile("a");
    world.quiet().await;
    assert!(world.get(&at_map("one")).await.is_some());
    wish.set(exactly([]));
    world.reconcile("a");
    world.until_gone(&at_map("one")).await;
    let kept = |request: &Request| request.last.as_ref().is_some_and(|last| last.tag == "kept");
    let report = module.call_such(kept).await.last.unwrap();
    assert_eq!(report.writes, Vec::new());
}

#[tokio::test(start_paused = true)]
async fn what_left_while_nobody_looked_is_pruned_after_a_restart() {
    let (mut world, _, wish) = wished(exactly([map_child("one"), map_child("two")])).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.kill().await;
    wish.set(exactly([map_child("two")]));
    world.start();
    world.until_gone(&at_map("one")).await;
    assert!(world.get(&at_map("two")).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn only_what_the_host_made_is_pruned() {
    let (world, _, wish) = wished(exactly([map_child("one")])).await;
    let owner = world.create(widget("a")).await;
    world.until_ready("a").await;
    let mut handmade = config_map("handmade", json!({}));
    handmade["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "demo.example.com/v1", "kind": "Widget", "name": "a", "uid": owner["metadata"]["uid"],
    }]);
    world.create(handmade).await;
    world.create(config_map("unrelated", json!({}))).await;
    wish.set(exactly([]));
    world.reconcile("a");
    world.until_gone(&at_map("one")).await;
    world.quiet().await;
    assert!(world.get(&at_map("handmade")).await.is_some());
    assert!(world.get(&at_map("unrelated")).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_object_of_somebody_else_is_taken_over_only_by_its_uid() {
    let (world, _, wish) = wished(exactly([map_child("theirs")])).await;
    let theirs = world
        .create(config_map("theirs", json!({"other": "x"})))
        .await;
    world.create(widget("a")).await;
    world
        .until_condition("a", "Ready", "False", "WriteRefused")
        .await;
    assert_eq!(world.live(&at_map("theirs")).await, theirs);
    let mut taking = map_child("theirs");
    taking.expect = Expect::Uid(Uid(theirs["metadata"]["uid"].as_str().unwrap().to_owned()));
    wish.set(exactly([taking]));
    world.reconcile("a");
    world.until_ready("a").await;
    let taken = world.live(&at_map("theirs")).await;
    assert_eq!(taken["data"], json!({"k": "v", "other": "x"}));
    assert_eq!(taken["metadata"]["ownerReferences"][0]["kind"], "Widget");
}

#[tokio::test(start_paused = true)]
async fn a_child_of_an_unknown_kind_waits_until_its_definition_is_applied() {
    let gadget = json!({
        "apiVersion": "demo.example.com/v1", "kind": "Gadget",
        "metadata": {"name": "g", "namespace": "default"}, "spec": {"x": 1},
    });
    let (world, module, _) = wished(exactly([child(gadget), map_child("after")])).await;
    world.create(widget("a")).await;
    let message = world
        .until_condition("a", "Ready", "False", "KindNotServed")
        .await;
    insta::assert_snapshot!(message, @"demo.example.com/v1 Gadget is not served by the API server; it is tried again when it is");
    // Nothing is tried again in vain.
    world.quiet().await;
    let calls = module.count();
    world.pass(Duration::from_secs(1200)).await;
    assert_eq!(module.count(), calls);
    assert!(world.get(&at_map("after")).await.is_none());

    world.create(gadget_definition()).await;
    let start = world.clock.now();
    world.until_ready("a").await;
    assert!(
        world.clock.now().since(start) < Duration::from_secs(5),
        "it wakes by itself"
    );
    let gadgets = Gvk::new("demo.example.com", "v1", "Gadget");
    world
        .live(&ObjectRef::new(gadgets, Some("default"), "g"))
        .await;
    world.live(&at_map("after")).await;
}

#[tokio::test(start_paused = true)]
async fn a_write_without_a_grant_is_no_call_but_a_condition() {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"}});
    let (mut world, module, _) = wished(exactly([child(secret.clone())])).await;
    world.create(widget("a")).await;
    let message = world
        .until_condition("a", "Ready", "False", "GrantMissing")
        .await;
    insta::assert_snapshot!(message, @r#"Secret default/s was not applied: no grant for create on secrets; hint: add to the watch: grants: {write: [{apiGroups: [""], resources: [secrets], namespaces: [default]}]} (GrantMissing, 403)"#);
    let secrets = |request: &String| {
        request.contains("secrets/") || request.starts_with("POST") && request.ends_with("secrets")
    };
    assert!(!world.requests().iter().any(secrets));

    let mut granting = watch();
    granting.grants.write.push(grant("", "secrets"));
    world.serve(granting, &module);
    world.until_ready("a").await;
}

#[tokio::test(start_paused = true)]
async fn writes_are_made_as_the_service_account_that_the_outcome_names() {
    let (world, ..) = wished(Outcome {
        act_as: Some("robot".to_owned()),
        ..exactly([map_child("one")])
    })
    .await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    let writes = world.writes();
    assert_eq!(
        writes[0],
        "PATCH /api/v1/namespaces/default/configmaps/one as system:serviceaccount:default:robot"
    );
    assert!(
        !writes[1].contains(" as "),
        "the status is the host's: {}",
        writes[1]
    );
}

#[tokio::test(start_paused = true)]
async fn one_object_listed_twice_is_a_bad_outcome() {
    let (world, ..) = wished(exactly([map_child("one"), map_child("one")])).await;
    world.create(widget("a")).await;
    let message = world
        .until_condition("a", "Ready", "False", "BadOutcome")
        .await;
    insta::assert_snapshot!(message, @"the module's answer is wrong: children[1]: ConfigMap default/one is listed before, as children[0]");
    assert!(world.get(&at_map("one")).await.is_none());
}

fn job(image: &str) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate", "namespace": "default"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": image}]}}},
    })
}

#[tokio::test(start_paused = true)]
async fn recreate_replaces_what_cannot_be_changed() {
    let made = |image| {
        let mut child = child(job(image));
        child.write = Write::Recreate;
        child
    };
    let (world, _, wish) = wished(exactly([made("one")])).await;
    world.create(widget("a")).await;
    let target = ObjectRef::new(Gvk::new("batch", "v1", "Job"), Some("default"), "migrate");
    let first = world.until_there(&target).await;
    world.until_ready("a").await;

    wish.set(exactly([child(job("two"))]));
    world.reconcile("a");
    let message = world
        .until_condition("a", "Ready", "False", "WriteRefused")
        .await;
    assert!(message.contains("field is immutable"), "{message}");

    // A real API server refuses to create an object whose uid it is told.
    let mut deleted = false;
    world.strike(move |call| {
        match &call.verb {
            Verb::Delete { .. } => deleted = true,
            Verb::Apply { object, .. } if deleted => {
                assert_eq!(object.pointer("/metadata/uid"), None);
            }
            _ => {}
        }
        Strike::Pass
    });
    let mut precise = made("two");
    precise.expect = Expect::Uid(Uid(first["metadata"]["uid"].as_str().unwrap().to_owned()));
    wish.set(exactly([precise]));
    world.reconcile("a");
    let image = "/spec/template/spec/containers/0/image";
    let replaced =
        |live: Option<&Value>| live.is_some_and(|live| live.pointer(image) == Some(&json!("two")));
    let second = world.until(&target, replaced).await.unwrap();
    assert_ne!(first["metadata"]["uid"], second["metadata"]["uid"]);
    wish.set(exactly([made("two")]));
    world.reconcile("a");
    world.until_ready("a").await;
}

#[tokio::test(start_paused = true)]
async fn compare_tells_where_the_live_object_differs_and_writes_nothing() {
    let mut compared = child(config_map("theirs", json!({"a": "1", "b": "2", "c": "3"})));
    compared.owner = Owner::Unowned;
    compared.write = Write::Compare;
    compared.ignore = vec!["/data/c".to_owned()];
    let (world, module, _) = wished(exactly([compared])).await;
    let theirs = world
        .create(config_map("theirs", json!({"a": "1", "b": "x"})))
        .await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    assert_eq!(world.live(&at_map("theirs")).await, theirs);
    let differs = |pointer: &'static str| {
        move |request: &Request| {
            request.last.as_ref().is_some_and(|last| {
                last.writes[0].status == WriteStatus::Differs(vec![pointer.to_owned()])
            })
        }
    };
    world.reconcile("a");
    module.call_such(differs("/data/b")).await;
    // What is compared is looked at: its changes are a reason to run.
    world.delete(&at_map("theirs")).await;
    world.quiet().await;
    world.reconcile("a");
    module.call_such(differs("")).await;
}
