//! The module's finalizer: before the first effect, gone after the last.

use std::sync::Arc;

use oarlock_core::outcome::{Outcome, Propagation, Removal};
use oarlock_core::request::ApiError;
use serde_json::{Value, json};

use crate::world::World;
use crate::world::fake::{Fake, Wish, field};
use crate::world::faults::Strike;
use crate::world::objects::{at_map, at_widget, exactly, map_child, status, watch, widget};

const NAME: &str = "demo.example.com/cleanup";

/// Has a ConfigMap without marks, which it deletes before it lets its object go.
fn cleaning() -> Fake {
    Fake::new(|request| {
        if !request.deleting {
            let mut child = map_child("one");
            child.owner = oarlock_core::outcome::Owner::Unowned;
            return Ok(exactly([child]));
        }
        let gone = request.last.as_ref().is_some_and(|last| {
            last.removals
                .iter()
                .any(|r| r.status == oarlock_core::request::RemovalStatus::Absent)
        });
        Ok(Outcome {
            removals: vec![Removal {
                target: at_map("one"),
                uid: None,
                propagation: Propagation::Background,
            }],
            finalized: gone,
            status: status(json!({"phase": "Cleaning"})),
            requeue: if gone {
                oarlock_core::outcome::Requeue::OnChange
            } else {
                oarlock_core::outcome::Requeue::After(std::time::Duration::from_secs(5))
            },
            ..Outcome::nothing()
        })
    })
    .finalizer(NAME)
}

fn finalizers(live: &Value) -> Value {
    live["metadata"]["finalizers"].clone()
}

#[tokio::test(start_paused = true)]
async fn it_is_added_before_the_module_is_called() {
    let module = Arc::new(cleaning());
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    let request = module.call(1).await;
    assert_eq!(field(&request, "/metadata/finalizers"), json!([NAME]));
    world.until_ready("a").await;
    world.quiet().await;
    assert_eq!(module.count(), 1, "the finalizer is an own write");
}

#[tokio::test(start_paused = true)]
async fn the_object_goes_when_the_module_says_so() {
    let module = Arc::new(cleaning());
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.delete(&at_widget("a")).await;
    module.call_such(|request| request.deleting).await;
    assert!(world.get(&at_widget("a")).await.is_some());
    world.until_gone(&at_widget("a")).await;
    assert!(world.get(&at_map("one")).await.is_none());
    let last = module.latest();
    assert!(last.deleting && last.last.is_some());
}

#[tokio::test(start_paused = true)]
async fn killed_while_deleting_the_restart_goes_on() {
    let module = Arc::new(cleaning());
    let mut world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.strike(|call| match call.verb {
        oarlock_core::cluster::Verb::Delete { .. } => Strike::HangAfter,
        _ => Strike::Pass,
    });
    world.delete(&at_widget("a")).await;
    world.struck(1).await;
    world.restart().await;
    world.until_gone(&at_widget("a")).await;
    assert!(world.get(&at_map("one")).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn without_its_finalizer_an_object_is_given_to_no_module() {
    let module = Arc::new(cleaning());
    let world = World::with(&module).await;
    let mut refusals = 3;
    world.strike(move |call| {
        let first = matches!(
            call.verb,
            oarlock_core::cluster::Verb::Merge { status: false, .. }
        );
        if first && refusals > 0 {
            refusals -= 1;
            return Strike::Refuse(ApiError::new(409, "Conflict", "written meanwhile"));
        }
        Strike::Pass
    });
    world.create(widget("a")).await;
    world.struck(3).await;
    assert_eq!(module.count(), 0);
    assert_eq!(
        field(&module.call(1).await, "/metadata/finalizers"),
        json!([NAME])
    );
    world.until_ready("a").await;
}

#[tokio::test(start_paused = true)]
async fn finalized_without_a_deletion_is_ignored() {
    let wish = Wish::new(Outcome {
        finalized: true,
        ..Outcome::nothing()
    });
    let module = Arc::new(Fake::wishing(&wish).finalizer(NAME));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    assert_eq!(
        finalizers(&world.live(&at_widget("a")).await),
        json!([NAME])
    );
}

#[tokio::test(start_paused = true)]
async fn finalizers_of_others_stay() {
    let wish = Wish::new(Outcome {
        finalized: true,
        ..Outcome::nothing()
    });
    let module = Arc::new(Fake::wishing(&wish).finalizer(NAME));
    let world = World::with(&module).await;
    let mut guarded = widget("a");
    guarded["metadata"]["finalizers"] = json!(["example.com/theirs"]);
    world.create(guarded).await;
    world.until_ready("a").await;
    world.delete(&at_widget("a")).await;
    let mine_gone = |live: Option<&Value>| {
        live.is_some_and(|live| finalizers(live) == json!(["example.com/theirs"]))
    };
    world.until(&at_widget("a"), mine_gone).await;
    world.quiet().await;
    let calls = module.count();
    world.reconcile("a");
    world.quiet().await;
    assert_eq!(
        module.count(),
        calls,
        "without the finalizer it is none of the module's business"
    );
}

#[tokio::test(start_paused = true)]
async fn the_files_finalizer_replaces_the_modules() {
    let module = Arc::new(cleaning());
    let mut world = World::new().await;
    let mut named = watch();
    named.finalizer = Some("file.example.com/other".to_owned());
    world.serve(named, &module);
    world.create(widget("a")).await;
    world.until_ready("a").await;
    assert_eq!(
        finalizers(&world.live(&at_widget("a")).await),
        json!(["file.example.com/other"])
    );
    world.delete(&at_widget("a")).await;
    world.until_gone(&at_widget("a")).await;
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_already_being_deleted_gets_no_finalizer_and_no_call() {
    let module = Arc::new(cleaning());
    let mut world = World::new().await;
    let mut guarded = widget("a");
    guarded["metadata"]["finalizers"] = json!(["example.com/theirs"]);
    world.create(guarded).await;
    world.delete(&at_widget("a")).await;
    world.serve(watch(), &module);
    world.quiet().await;
    assert_eq!(module.count(), 0);
    assert_eq!(world.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_deleted_and_made_again_during_a_run_starts_afresh() {
    let held = tokio::sync::watch::Sender::new(true);
    let gate = held.clone();
    let module = Arc::new(Fake::reading(move |request, _| {
        let mut held = gate.subscribe();
        Box::pin(async move {
            let _open = held.wait_for(|held| !*held).await;
            let uid = field(&request, "/metadata/uid");
            Ok(Outcome {
                tag: uid.to_string(),
                status: status(json!({ "phase": uid })),
                ..exactly([map_child("one")])
            })
        })
    }));
    let world = World::with(&module).await;
    let first = world.create(widget("a")).await;
    module.busy(1).await;
    world.delete(&at_widget("a")).await;
    let second = world.create(widget("a")).await;
    assert_ne!(first["metadata"]["uid"], second["metadata"]["uid"]);
    world.quiet().await;
    held.send_replace(false);
    let own = second["metadata"]["uid"].clone();
    let wanted = own.clone();
    world
        .until(&at_widget("a"), move |live| {
            live.is_some_and(|l| l["status"]["phase"] == wanted)
        })
        .await;
    world.until_ready("a").await;
    let child = world.live(&at_map("one")).await;
    assert_eq!(
        child["metadata"]["ownerReferences"],
        json!([child["metadata"]["ownerReferences"][0]])
    );
    assert_eq!(child["metadata"]["ownerReferences"][0]["uid"], own);
    let fresh = module.call_such(|r| field(r, "/metadata/uid") == own).await;
    assert_eq!(fresh.attempt, 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_former_object_of_the_same_name_left_behind_is_not_remembered() {
    let wish = Wish::new(Outcome {
        tag: "first life".to_owned(),
        ..exactly([map_child("one")])
    });
    let module = Arc::new(Fake::wishing(&wish));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.delete(&at_widget("a")).await;
    world.until_gone(&at_map("one")).await;
    world.quiet().await;
    let calls = module.count();
    wish.set(Outcome::nothing());
    world.create(widget("a")).await;
    assert_eq!(module.call(calls + 1).await.last, None);
    world.quiet().await;
    assert!(
        world.get(&at_map("one")).await.is_none(),
        "keep does not bring back another object's children"
    );
}

#[tokio::test(start_paused = true)]
async fn the_last_outcome_tells_its_events_too() {
    let module = Arc::new(
        Fake::new(|request| {
            Ok(Outcome {
                finalized: request.deleting,
                events: request
                    .deleting
                    .then(|| oarlock_core::outcome::Event {
                        key: "gone".to_owned(),
                        warning: false,
                        reason: "Released".to_owned(),
                        message: "nothing is left".to_owned(),
                        about: None,
                    })
                    .into_iter()
                    .collect(),
                ..Outcome::nothing()
            })
        })
        .finalizer(NAME),
    );
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.delete(&at_widget("a")).await;
    world.until_gone(&at_widget("a")).await;
    assert_eq!(
        world.events("a").await,
        ["Normal Released: nothing is left (1)"]
    );
}
