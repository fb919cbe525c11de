//! Deletions by name, and notices.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use oarlock_core::outcome::{Notice, Outcome, Propagation, Removal};
use oarlock_core::reference::{Gvk, ObjectRef, Uid};
use oarlock_core::request::RemovalStatus;
use serde_json::json;

use crate::world::World;
use crate::world::fake::{Fake, Wish};
use crate::world::faults::Strike;
use crate::world::objects::{at_map, config_map, map_child, watch, widget};

fn removal(target: ObjectRef, uid: Option<&str>) -> Removal {
    Removal {
        target,
        uid: uid.map(|uid| Uid(uid.to_owned())),
        propagation: Propagation::Background,
    }
}

#[tokio::test(start_paused = true)]
async fn removals_delete_and_report_one_by_one() {
    let wish = Wish::new(Outcome::nothing());
    let module = Arc::new(Fake::wishing(&wish));
    let world = World::with(&module).await;
    for name in ["one", "other", "exact"] {
        world.create(config_map(name, json!({}))).await;
    }
    let exact = world.live(&at_map("exact")).await["metadata"]["uid"].clone();
    wish.set(Outcome {
        tag: "removing".to_owned(),
        removals: vec![
            removal(at_map("one"), None),
            removal(at_map("nobody"), None),
            removal(at_map("other"), Some("another-uid")),
            removal(at_map("exact"), exact.as_str()),
        ],
        ..Outcome::nothing()
    });
    world.create(widget("a")).await;
    world.until_ready("a").await;
    assert!(world.get(&at_map("one")).await.is_none());
    assert!(world.get(&at_map("exact")).await.is_none());
    assert!(
        world.get(&at_map("other")).await.is_some(),
        "another object stands under the name"
    );
    world.reconcile("a");
    let report = module.call(2).await.last.unwrap();
    let statuses: Vec<RemovalStatus> = report.removals.into_iter().map(|r| r.status).collect();
    assert_eq!(
        statuses,
        [
            RemovalStatus::Deleted,
            RemovalStatus::Absent,
            RemovalStatus::Absent,
            RemovalStatus::Deleted
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_object_that_was_replaced_behind_the_cache_is_not_deleted() {
    let wish = Wish::new(Outcome::nothing());
    let module = Arc::new(Fake::wishing(&wish));
    let world = World::with(&module).await;
    let first = world.create(config_map("one", json!({}))).await;
    wish.set(Outcome {
        removals: vec![removal(at_map("one"), first["metadata"]["uid"].as_str())],
        ..Outcome::nothing()
    });
    let dev = world.dev.clone();
    world.strike(move |call| {
        if matches!(call.verb, oarlock_core::cluster::Verb::Delete { .. }) {
            let resource = dev.store().resource_of("v1", "ConfigMap").unwrap();
            let options = oarlock_devcluster::store::DeleteOptions::default();
            dev.store()
                .delete(&resource.id, "default", "one", &options)
                .unwrap();
            let write = oarlock_devcluster::store::Write::by("somebody");
            let new = config_map("one", json!({}));
            dev.store()
                .create(&resource.id, "default", new, &write)
                .unwrap();
        }
        Strike::Pass
    });
    world.create(widget("a")).await;
    world.until_ready("a").await;
    let live = world.live(&at_map("one")).await;
    assert_ne!(live["metadata"]["uid"], first["metadata"]["uid"]);
}

#[tokio::test(start_paused = true)]
async fn a_removal_needs_a_grant() {
    let secrets = Gvk::new("", "v1", "Secret");
    let target = ObjectRef::new(secrets, Some("default"), "s");
    let module = Arc::new(Fake::wishing(&Wish::new(Outcome {
        removals: vec![removal(target.clone(), None)],
        ..Outcome::nothing()
    })));
    let world = World::with(&module).await;
    world
        .create(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"}}))
        .await;
    world.create(widget("a")).await;
    let message = world
        .until_condition("a", "Ready", "False", "GrantMissing")
        .await;
    insta::assert_snapshot!(message, @r#"Secret default/s was not deleted: no grant for delete on secrets; hint: add to the watch: grants: {write: [{apiGroups: [""], resources: [secrets], namespaces: [default]}]} (GrantMissing, 403)"#);
    assert!(world.get(&target).await.is_some());
}

fn notice(key: &str, url: &str) -> Notice {
    Notice {
        key: key.to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        body: "hello".to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_notice_goes_out_once_per_key_and_only_where_it_is_granted() {
    let notices = || {
        vec![
            notice("rolled-out", "http://chat.example.com/hook"),
            notice("denied", "http://elsewhere.example.com/hook"),
        ]
    };
    let wish = Wish::new(Outcome {
        notices: notices(),
        ..Outcome::nothing()
    });
    let module = Arc::new(Fake::wishing(&wish));
    let mut world = World::new().await;
    let mut granting = watch();
    granting.grants.http = vec!["http://chat.example.com".to_owned()];
    world.serve(granting, &module);
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.quiet().await;
    assert_eq!(
        world.outbox.sent(),
        ["POST http://chat.example.com/hook hello"]
    );
    world.reconcile("a");
    world.quiet().await;
    assert_eq!(world.outbox.sent(), Vec::<String>::new());
    wish.set(Outcome {
        notices: notices()
            .into_iter()
            .chain([notice("next", "http://chat.example.com/hook")])
            .collect(),
        ..Outcome::nothing()
    });
    world.reconcile("a");
    world.quiet().await;
    assert_eq!(
        world.outbox.sent(),
        ["POST http://chat.example.com/hook hello"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_notice_of_an_outcome_that_was_refused_is_not_sent() {
    let mut refused = crate::world::objects::exactly([map_child("taken")]);
    refused.notices = vec![notice("done", "http://chat.example.com/hook")];
    let module = Arc::new(Fake::wishing(&Wish::new(refused)));
    let mut world = World::new().await;
    world.create(config_map("taken", json!({}))).await;
    let mut granting = watch();
    granting.grants.http = vec!["http://chat.example.com".to_owned()];
    world.serve(granting, &module);
    world.create(widget("a")).await;
    world
        .until_condition("a", "Ready", "False", "WriteRefused")
        .await;
    world.quiet().await;
    assert_eq!(world.outbox.sent(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_was_removed_by_name_is_not_kept() {
    let wish = Wish::new(crate::world::objects::exactly([map_child("one")]));
    let module = Arc::new(Fake::wishing(&wish));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    wish.set(Outcome {
        removals: vec![removal(at_map("one"), None)],
        ..Outcome::nothing()
    });
    world.reconcile("a");
    world.until_gone(&at_map("one")).await;
    world.quiet().await;
    let calls = module.count();
    wish.set(Outcome::nothing());
    world.reconcile("a");
    module.call(calls + 1).await;
    world.quiet().await;
    assert!(world.get(&at_map("one")).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_removal_of_a_namespaced_kind_needs_a_namespace() {
    let target = ObjectRef::new(Gvk::new("", "v1", "ConfigMap"), None, "one");
    let module = Arc::new(Fake::wishing(&Wish::new(Outcome {
        removals: vec![removal(target, None)],
        ..Outcome::nothing()
    })));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    let message = world
        .until_condition("a", "Ready", "False", "WriteRefused")
        .await;
    assert!(
        message.contains("metadata.namespace is required"),
        "{message}"
    );
}
