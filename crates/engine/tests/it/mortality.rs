//! Objects that go, are made again, or are changed by force while the host is at work on them.

use std::sync::Arc;

use oarlock_config::Watch;
use oarlock_core::cluster::Verb;
use oarlock_core::outcome::{Expect, Outcome};
use oarlock_core::reference::{Gvk, ObjectRef, Uid};
use oarlock_core::request::ApiError;
use serde_json::{Value, json};
use tokio::sync::watch::Sender;

use crate::world::fake::{Fake, Wish, field};
use crate::world::faults::Strike;
use crate::world::objects::{
    at_map, at_widget, child, condition, exactly, gadget_definition, grant, map_child, status,
    watch, widget, widget_definition,
};
use crate::world::{World, serving};

const NAME: &str = "demo.example.com/cleanup";

/// A module whose runs wait until they are let through.
fn waiting(outcome: Outcome) -> (Fake, Sender<bool>) {
    let held = Sender::new(true);
    let gate = held.clone();
    let module = Fake::reading(move |request, _| {
        let mut held = gate.subscribe();
        let outcome = Outcome {
            finalized: request.deleting,
            ..outcome.clone()
        };
        Box::pin(async move {
            let _open = held.wait_for(|held| !*held).await;
            Ok(outcome)
        })
    });
    (module, held)
}

fn finalizers(live: &Value) -> Value {
    live["metadata"]["finalizers"].clone()
}

#[tokio::test(start_paused = true)]
async fn the_finalizer_is_there_before_the_first_effect() {
    let wish = Wish::new(exactly([map_child("one")]));
    let module = Arc::new(Fake::wishing(&wish).finalizer(NAME));
    let world = World::with(&module).await;
    world.strike(|call| match call.verb {
        Verb::Apply { .. } => Strike::Hang,
        _ => Strike::Pass,
    });
    world.create(widget("a")).await;
    world.struck(1).await;
    assert_eq!(
        finalizers(&world.live(&at_widget("a")).await),
        json!([NAME])
    );
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_deleted_during_a_run_is_given_to_the_module_again_as_deleting() {
    let (module, held) = waiting(exactly([map_child("one")]));
    let module = Arc::new(module.finalizer(NAME));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    module.busy(1).await;
    world.delete(&at_widget("a")).await;
    world.quiet().await;
    assert_eq!(module.running().now, 1, "one run at a time");
    held.send_replace(false);
    world.until_gone(&at_widget("a")).await;
    assert!(module.latest().deleting);
    world.until_gone(&at_map("one")).await;
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_deleted_and_made_again_while_it_waits_for_a_worker_starts_afresh() {
    let (module, held) = waiting(exactly([]));
    let module = Arc::new(module);
    let mut world = World::new().await.workers(1);
    world.serve(watch(), &module);
    world.create(widget("busy")).await;
    module.busy(1).await;
    let first = world.create(widget("a")).await;
    world.quiet().await;
    world.delete(&at_widget("a")).await;
    let second = world.create(widget("a")).await;
    assert_ne!(first["metadata"]["uid"], second["metadata"]["uid"]);
    world.quiet().await;
    held.send_replace(false);
    world.until_ready("a").await;
    let uids: Vec<Value> = module
        .requests()
        .iter()
        .filter(|request| field(request, "/metadata/name") == "a")
        .map(|request| field(request, "/metadata/uid"))
        .collect();
    assert!(
        uids.iter().all(|uid| *uid == second["metadata"]["uid"]),
        "{uids:?}"
    );
}

fn granting() -> Watch {
    let mut watch = watch();
    let mut everywhere = grant("", "configmaps");
    everywhere.namespaces = vec!["other".to_owned()];
    watch.grants.write.push(everywhere);
    watch
}

fn at_far(name: &str) -> ObjectRef {
    ObjectRef::new(Gvk::new("", "v1", "ConfigMap"), Some("other"), name)
}

/// Takes the object away by force while a run is about to make more children that no garbage collector would find; `again` makes
/// another of the name.
async fn forced_away(again: bool) {
    let far = |name: &str| {
        child(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "other"}}),
        )
    };
    let held = Sender::new(false);
    let gate = held.clone();
    let module = Arc::new(Fake::reading(move |request, _| {
        let mut held = gate.subscribe();
        let mut children = vec![far("first")];
        if request.last.is_some() {
            children.extend([far("more"), map_child("one")]);
        }
        let outcome = Outcome {
            status: status(json!({"phase": children.len().to_string()})),
            ..exactly(children)
        };
        Box::pin(async move {
            let _open = held.wait_for(|held| !*held).await;
            Ok(outcome)
        })
    }));
    let mut world = World::new().await;
    world
        .create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}}))
        .await;
    world.serve(granting(), &module);
    let first = world.create(widget("a")).await;
    world.until_ready("a").await;
    world.quiet().await;
    held.send_replace(true);
    world.reconcile("a");
    module.busy(1).await;
    world.delete(&at_widget("a")).await;
    world
        .patch(&at_widget("a"), json!({"metadata": {"finalizers": null}}))
        .await;
    if again {
        world.create(widget("a")).await;
    }
    world.quiet().await;
    held.send_replace(false);
    if again {
        world.until_ready("a").await;
        world.quiet().await;
        for name in ["first", "more"] {
            if let Some(live) = world.get(&at_far(name)).await {
                let owner = &live["metadata"]["labels"]["oarlock.dev/owner-uid"];
                assert_ne!(*owner, first["metadata"]["uid"], "{name}");
            }
        }
    } else {
        world.quiet().await;
        for name in ["first", "more"] {
            assert!(
                world.get(&at_far(name)).await.is_none(),
                "{name} is nobody's"
            );
        }
        world.until_gone(&at_map("one")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_run_made_for_an_object_that_was_taken_away_by_force_goes_too() {
    forced_away(false).await;
}

#[tokio::test(start_paused = true)]
async fn also_when_another_object_of_the_name_has_been_made_by_then() {
    forced_away(true).await;
}

#[tokio::test(start_paused = true)]
async fn a_finalizer_whose_removal_conflicts_is_taken_off_in_the_end() {
    let wish = Wish::new(Outcome {
        finalized: true,
        ..Outcome::nothing()
    });
    let module = Arc::new(Fake::wishing(&wish).finalizer(NAME));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    let mut refusals = 3;
    world.strike(move |call| {
        let metadata = matches!(call.verb, Verb::Merge { status: false, .. });
        if metadata && refusals > 0 {
            refusals -= 1;
            return Strike::Refuse(ApiError::new(409, "Conflict", "written meanwhile"));
        }
        Strike::Pass
    });
    world.delete(&at_widget("a")).await;
    world.struck(3).await;
    world.until_gone(&at_widget("a")).await;
    let requests = module.requests();
    let last: Vec<bool> = requests.iter().rev().take(4).map(|r| r.deleting).collect();
    assert_eq!(last, [true; 4], "asked again each time");
}

#[tokio::test(start_paused = true)]
async fn an_owner_does_not_become_the_child_of_its_child() {
    let taking = |target: &Value| {
        let mut child = child(json!({
            "apiVersion": target["apiVersion"], "kind": target["kind"],
            "metadata": {"name": target["metadata"]["name"], "namespace": "default"},
        }));
        let uid = target["metadata"]["uid"].as_str().unwrap_or_default();
        child.expect = Expect::Uid(Uid(uid.to_owned()));
        child
    };
    let mut world = World::new().await;
    world.create(gadget_definition()).await;
    let owner = world.create(widget("a")).await;
    let mut gadget = widget("g");
    gadget["kind"] = json!("Gadget");
    let gadget = world.create(gadget).await;
    let mut both = watch();
    both.grants.write.push(grant("demo.example.com", "widgets"));
    let down = Arc::new(Fake::wishing(&Wish::new(exactly([taking(&gadget)]))));
    world.serve(both.clone(), &down);
    world.until_ready("a").await;
    let mut gadgets = both.clone();
    gadgets.gvk = Gvk::new("demo.example.com", "v1", "Gadget");
    let up = Arc::new(Fake::wishing(&Wish::new(exactly([taking(&owner)]))));
    world.serve_all(vec![
        (both, serving(&down)),
        (gadgets.clone(), serving(&up)),
    ]);
    let target = ObjectRef::new(gadgets.gvk, Some("default"), "g");
    let refused = |live: Option<&Value>| {
        let ready = live.and_then(|live| condition(live, "Ready"));
        ready.is_some_and(|ready| ready["reason"] == "WriteRefused")
    };
    let live = world.until(&target, refused).await.unwrap_or_default();
    let message = condition(&live, "Ready").map(|ready| ready["message"].clone());
    insta::assert_snapshot!(message.unwrap_or_default(), @r#""Widget default/a was not applied: Widget default/a owns Gadget default/g: it cannot be its child as well; hint: owner `unowned` (Invalid, 422)""#);
    assert_eq!(
        world.live(&at_widget("a")).await["metadata"].get("ownerReferences"),
        None
    );
}

fn without_subresource() -> Value {
    let mut definition = widget_definition();
    let version = &mut definition["spec"]["versions"][0];
    version
        .as_object_mut()
        .map(|version| version.remove("subresources"));
    definition["metadata"]["name"] = json!("plains.demo.example.com");
    definition["spec"]["names"] = json!({"kind": "Plain", "plural": "plains"});
    definition
}

#[tokio::test(start_paused = true)]
async fn a_kind_without_the_status_subresource_has_a_status_all_the_same() {
    let mut world = World::new().await;
    world.create(without_subresource()).await;
    let mut plains = watch();
    plains.gvk = Gvk::new("demo.example.com", "v1", "Plain");
    let target = ObjectRef::new(plains.gvk.clone(), Some("default"), "p");
    let module = Arc::new(Fake::wishing(&Wish::new(Outcome {
        status: status(json!({"phase": "Done"})),
        ..exactly([map_child("one")])
    })));
    world.serve(plains, &module);
    let mut plain = widget("p");
    plain["kind"] = json!("Plain");
    world.create(plain).await;
    let ready = |live: Option<&Value>| {
        let ready = live.and_then(|live| condition(live, "Ready"));
        ready.is_some_and(|ready| ready["status"] == "True")
    };
    let live = world.until(&target, ready).await.unwrap_or_default();
    assert_eq!(live["status"]["phase"], "Done");
    world.quiet().await;
    // Each write makes a new generation: a status that named it would be written for ever.
    let calls = module.count();
    world.requests();
    for _ in 0..3 {
        world.restart().await;
        world.quiet().await;
    }
    assert_eq!(module.count(), calls + 3);
    let writes = world.writes();
    let own: Vec<&String> = writes
        .iter()
        .filter(|write| write.contains("plains"))
        .collect();
    assert!(own.is_empty(), "{own:?}");
}

#[tokio::test(start_paused = true)]
async fn a_status_that_somebody_else_writes_into_stays_as_they_wrote_it() {
    let module = Arc::new(Fake::wishing(&Wish::new(Outcome {
        status: status(json!({"phase": "Mine"})),
        ..exactly([])
    })));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world
        .patch_status(&at_widget("a"), json!({"step": 7}))
        .await;
    world.quiet().await;
    let live = world.live(&at_widget("a")).await;
    assert_eq!(
        (&live["status"]["phase"], &live["status"]["step"]),
        (&json!("Mine"), &json!(7))
    );
    world.requests();
    world.reconcile("a");
    world.quiet().await;
    assert_eq!(world.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn the_observed_generation_never_goes_back() {
    let (module, held) = waiting(exactly([]));
    let module = Arc::new(module);
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    module.busy(1).await;
    // Two newer specs while the run for the first is on its way.
    for size in [2, 3] {
        world
            .patch(&at_widget("a"), json!({"spec": {"size": size}}))
            .await;
    }
    held.send_replace(false);
    let mut seen = Vec::new();
    let observed = |live: &Value| {
        condition(live, "Ready").and_then(|ready| ready["observedGeneration"].as_i64())
    };
    let seen_by = std::sync::Mutex::new(&mut seen);
    let latest = |live: Option<&Value>| {
        let generation = live.and_then(observed);
        if let (Some(generation), Ok(mut seen)) = (generation, seen_by.lock()) {
            seen.push(generation);
        }
        generation == Some(3)
    };
    world.until(&at_widget("a"), latest).await;
    assert!(
        seen.is_sorted() && seen == [3],
        "{seen:?}: an outcome for an older spec is not written"
    );
}

#[tokio::test(start_paused = true)]
async fn a_status_that_is_too_large_is_told_and_not_tried_again() {
    for answer in [
        ApiError::new(
            413,
            "RequestEntityTooLarge",
            "Request entity too large: limit is 3145728",
        ),
        ApiError::new(500, "InternalError", "etcdserver: request is too large"),
    ] {
        let module = Arc::new(Fake::wishing(&Wish::new(Outcome {
            status: status(json!({"phase": "much"})),
            ..exactly([])
        })));
        let world = World::with(&module).await;
        world.strike(move |call| match &call.verb {
            Verb::Merge {
                patch,
                status: true,
                ..
            } if patch["status"].get("phase").is_some() => Strike::Refuse(answer.clone()),
            _ => Strike::Pass,
        });
        world.create(widget("a")).await;
        let message = world
            .until_condition("a", "Stalled", "True", "TooLarge")
            .await;
        assert!(
            message.starts_with("the status was not written: "),
            "{message}"
        );
        assert!(message.contains("hint: "), "{message}");
        world.quiet().await;
        let calls = module.count();
        world.pass(std::time::Duration::from_secs(3600)).await;
        assert_eq!(module.count(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn a_child_that_its_schema_refuses_is_no_failure_of_the_api_server() {
    let gadget = json!({
        "apiVersion": "demo.example.com/v1", "kind": "Gadget", "metadata": {"name": "g", "namespace": "default"},
        "undeclared": 1,
    });
    let module = Arc::new(Fake::wishing(&Wish::new(exactly([child(gadget)]))));
    let world = World::with(&module).await;
    world.create(gadget_definition()).await;
    world.create(widget("a")).await;
    let message = world
        .until_condition("a", "Ready", "False", "WriteRefused")
        .await;
    assert!(message.contains("undeclared"), "{message}");
}
