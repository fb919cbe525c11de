//! What `.status` says, and that intent never goes backwards.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::cluster::Verb;
use oarlock_core::outcome::{Condition, ConditionStatus, Failure, FieldError, Outcome, Requeue};
use oarlock_core::request::ApiError;
use serde_json::{Value, json};

use crate::world::World;
use crate::world::fake::{Fake, Wish, field};
use crate::world::faults::Strike;
use crate::world::objects::{at_map, at_widget, condition, exactly, map_child, status, widget};

async fn wished(outcome: Outcome) -> (World, Arc<Fake>, Wish) {
    let wish = Wish::new(outcome);
    let module = Arc::new(Fake::wishing(&wish));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    (world, module, wish)
}

fn phase(phase: &str) -> Outcome {
    Outcome {
        status: status(json!({ "phase": phase })),
        ..Outcome::nothing()
    }
}

fn own(kind: &str, status: ConditionStatus) -> Condition {
    Condition {
        kind: kind.to_owned(),
        status,
        reason: "Because".to_owned(),
        message: "as told".to_owned(),
    }
}

fn is_status(verb: &Verb) -> bool {
    matches!(verb, Verb::Merge { status: true, .. })
}

/// Counts up what the newest object says: a lost update would show as a number that comes twice.
fn counting() -> Fake {
    Fake::new(|request| {
        let size = field(request, "/spec/size");
        Ok(phase(&format!("seen-{size}")))
    })
}

#[tokio::test(start_paused = true)]
async fn on_a_conflict_the_outcome_is_thrown_away_and_the_module_sees_the_newer_object() {
    let module = Arc::new(counting());
    let mut world = World::new().await;
    // The status write waits for as long as the module's second call has not come: it never does while it hangs.
    world.strike(|call| {
        if is_status(&call.verb) {
            Strike::Hang
        } else {
            Strike::Pass
        }
    });
    world.serve(crate::world::objects::watch(), &module);
    world.create(widget("a")).await;
    world.struck(1).await;
    world
        .patch(&at_widget("a"), json!({"spec": {"size": 2}}))
        .await;
    world.restart().await;
    let done = |live: Option<&Value>| live.is_some_and(|l| l["status"]["phase"] == "seen-2");
    world.until(&at_widget("a"), done).await;
}

#[tokio::test(start_paused = true)]
async fn intent_in_the_status_never_goes_backwards() {
    // Somebody writes between the call and the status write, every first time.
    let (world, module, wish) = wished(phase("one")).await;
    world.until_ready("a").await;
    world.quiet().await;
    let calls = module.count();
    let dev = world.dev.clone();
    let mut first = true;
    world.strike(move |call| {
        if is_status(&call.verb) && std::mem::take(&mut first) {
            // Behind the cache's back: the version that the module saw is not the newest any more.
            let resource = dev
                .store()
                .resource_of("demo.example.com/v1", "Widget")
                .unwrap();
            let write = oarlock_devcluster::store::Write::by("somebody");
            dev.store()
                .modify(&resource.id, "default", "a", None, &write, |object| {
                    object["spec"]["size"] = json!(2);
                    Ok(())
                })
                .unwrap();
        }
        Strike::Pass
    });
    wish.set(phase("two"));
    world.reconcile("a");
    let newer = module.call(calls + 2).await;
    assert_eq!(field(&newer, "/spec/size"), 2);
    assert_eq!(
        field(&newer, "/status/phase"),
        "one",
        "the outcome on the older object was dropped"
    );
    let done = |live: Option<&Value>| live.is_some_and(|l| l["status"]["phase"] == "two");
    world.until(&at_widget("a"), done).await;
    assert_eq!(module.latest().attempt, 0, "a conflict is no failure");
}

#[tokio::test(start_paused = true)]
async fn conflicts_without_end_are_no_hot_loop() {
    let module = Arc::new(Fake::wishing(&Wish::new(phase("x"))));
    let world = World::with(&module).await;
    world.strike(|call| {
        if is_status(&call.verb) {
            Strike::Refuse(ApiError::new(409, "Conflict", "somebody else again"))
        } else {
            Strike::Pass
        }
    });
    world.create(widget("a")).await;
    world.pass(Duration::from_secs(600)).await;
    let calls = module.count();
    assert!((10..40).contains(&calls), "{calls} calls in ten minutes");
    world.mend();
    world.until_ready("a").await;
}

#[tokio::test(start_paused = true)]
async fn once_written_calls_again_with_the_stored_status() {
    let module = Arc::new(Fake::new(|request| {
        Ok(match field(request, "/status/phase") {
            Value::Null => Outcome {
                requeue: Requeue::OnceWritten,
                ..phase("Intended")
            },
            _ => phase("Done"),
        })
    }));
    let world = World::with(&module).await;
    let start = world.clock.now();
    world.create(widget("a")).await;
    let second = module.call(2).await;
    assert_eq!(field(&second, "/status/phase"), "Intended");
    assert!(world.clock.now().since(start) < Duration::from_millis(100));
    let done = |live: Option<&Value>| live.is_some_and(|l| l["status"]["phase"] == "Done");
    world.until(&at_widget("a"), done).await;
    world.quiet().await;
    assert_eq!(module.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_intent_survives_a_kill_between_status_and_effect() {
    let module = Arc::new(Fake::new(|request| {
        Ok(match field(request, "/status/phase") {
            Value::Null => Outcome {
                requeue: Requeue::OnceWritten,
                ..phase("Intended")
            },
            _ => Outcome {
                status: status(json!({"phase": "Done"})),
                ..exactly([map_child("effect")])
            },
        })
    }));
    let mut world = World::with(&module).await;
    world.strike(|call| {
        if is_status(&call.verb) {
            Strike::HangAfter
        } else {
            Strike::Pass
        }
    });
    world.create(widget("a")).await;
    world.struck(1).await;
    assert!(world.get(&at_map("effect")).await.is_none());
    world.restart().await;
    assert_eq!(field(&module.call(2).await, "/status/phase"), "Intended");
    world.until_there(&at_map("effect")).await;
}

#[tokio::test(start_paused = true)]
async fn once_written_without_a_change_is_a_failed_run_with_backoff() {
    let (world, module, _) = wished(Outcome {
        requeue: Requeue::OnceWritten,
        ..phase("Same")
    })
    .await;
    let message = world
        .until_condition("a", "Ready", "False", "NoProgress")
        .await;
    insta::assert_snapshot!(message, @"the module asked to be called again once its outcome is stored, but the outcome changes nothing");
    let calls = module.count();
    world.pass(Duration::from_secs(3600)).await;
    let more = module.count() - calls;
    assert!((5..30).contains(&more), "{more} calls in an hour");
}

#[tokio::test(start_paused = true)]
async fn ready_is_the_hosts_where_the_module_says_nothing_and_the_modules_where_it_does() {
    let (world, _, wish) = wished(phase("x")).await;
    let message = world
        .until_condition("a", "Ready", "True", "Reconciled")
        .await;
    insta::assert_snapshot!(message, @"everything that the module asked for is in place");
    wish.set(Outcome {
        conditions: vec![
            own("Ready", ConditionStatus::Unknown),
            own("Synced", ConditionStatus::True),
        ],
        ..phase("x")
    });
    world.reconcile("a");
    world
        .until_condition("a", "Ready", "Unknown", "Because")
        .await;
    world
        .until_condition("a", "Synced", "True", "Because")
        .await;
}

#[tokio::test(start_paused = true)]
async fn conditions_of_others_stay_and_times_move_only_with_the_status() {
    let (world, _, wish) = wished(phase("x")).await;
    world.until_ready("a").await;
    let first = world.live(&at_widget("a")).await;
    let mut list = first["status"]["conditions"].as_array().unwrap().clone();
    list.push(json!({"type": "Foreign", "status": "True", "reason": "R", "message": "m", "lastTransitionTime": "2020-01-01T00:00:00Z"}));
    world
        .patch_status(&at_widget("a"), json!({ "conditions": list }))
        .await;
    world.pass(Duration::from_secs(60)).await;
    world
        .patch(&at_widget("a"), json!({"spec": {"size": 2}}))
        .await;
    let observed = |live: Option<&Value>| {
        live.and_then(|l| condition(l, "Ready"))
            .is_some_and(|c| c["observedGeneration"] == 2)
    };
    let second = world.until(&at_widget("a"), observed).await.unwrap();
    let time =
        |object: &Value, kind: &str| condition(object, kind).unwrap()["lastTransitionTime"].clone();
    assert_eq!(time(&second, "Ready"), time(&first, "Ready"));
    assert_eq!(time(&second, "Foreign"), "2020-01-01T00:00:00Z");

    wish.fail(Failure::Retry("not yet".to_owned()));
    world.reconcile("a");
    world
        .until_condition("a", "Ready", "False", "Retrying")
        .await;
    let third = world.live(&at_widget("a")).await;
    assert_ne!(time(&third, "Ready"), time(&first, "Ready"));
    assert_eq!(time(&third, "Foreign"), "2020-01-01T00:00:00Z");
}

#[tokio::test(start_paused = true)]
async fn a_module_that_says_stalled_itself_is_written_once() {
    let (world, module, _) = wished(Outcome {
        conditions: vec![own("Stalled", ConditionStatus::True)],
        ..phase("x")
    })
    .await;
    world
        .until_condition("a", "Stalled", "True", "Because")
        .await;
    world.quiet().await;
    let (calls, _) = (module.count(), world.requests());
    world.pass(Duration::from_secs(5)).await;
    world.reconcile("a");
    module.call(calls + 1).await;
    world.quiet().await;
    assert_eq!(world.writes(), Vec::<String>::new());
    world
        .until_condition("a", "Stalled", "True", "Because")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_terminal_failure_stalls_until_the_object_changes() {
    let (world, module, wish) = wished(phase("x")).await;
    world.until_ready("a").await;
    for (failure, reason, text) in [
        (
            Failure::Terminal("no such plan".to_owned()),
            "Failed",
            "no such plan",
        ),
        (
            Failure::Invalid(vec![FieldError {
                path: "spec.size".to_owned(),
                message: "must be even".to_owned(),
            }]),
            "InvalidSpec",
            "spec.size: must be even",
        ),
    ] {
        wish.fail(failure);
        world.reconcile("a");
        for kind in ["Ready", "Stalled"] {
            let status = if kind == "Ready" { "False" } else { "True" };
            assert_eq!(world.until_condition("a", kind, status, reason).await, text);
        }
        world.quiet().await;
        let calls = module.count();
        world.pass(Duration::from_secs(3600)).await;
        assert_eq!(module.count(), calls, "nobody tries again");

        wish.set(phase("x"));
        let size = module.count();
        world
            .patch(&at_widget("a"), json!({"spec": {"size": size}}))
            .await;
        world.until_ready("a").await;
        let live = world.live(&at_widget("a")).await;
        assert!(condition(&live, "Stalled").is_none());
        assert_eq!(
            live["status"]["phase"], "x",
            "the module's own status stays"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_run_writes_nothing_but_the_hosts_conditions() {
    let (world, _, wish) = wished(Outcome {
        status: status(json!({"phase": "x"})),
        ..exactly([map_child("one")])
    })
    .await;
    world.until_ready("a").await;
    wish.fail(Failure::Retry("later".to_owned()));
    world.requests();
    world.reconcile("a");
    world
        .until_condition("a", "Ready", "False", "Retrying")
        .await;
    world.quiet().await;
    let writes: Vec<String> = world
        .writes()
        .into_iter()
        .filter(|w| !w.contains("events"))
        .collect();
    assert_eq!(
        writes,
        ["PATCH /apis/demo.example.com/v1/namespaces/default/widgets/a/status"]
    );
    let live = world.live(&at_widget("a")).await;
    assert_eq!(live["status"]["phase"], "x");
    assert!(world.get(&at_map("one")).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_does_not_manage_status_gets_the_modules_words_only() {
    let wish = Wish::new(Outcome {
        conditions: vec![own("Mine", ConditionStatus::True)],
        ..phase("x")
    });
    let module = Arc::new(Fake::wishing(&wish));
    let mut world = World::new().await;
    let mut watch = crate::world::objects::watch();
    watch.manage_status = false;
    world.serve(watch, &module);
    world.create(widget("a")).await;
    world.until_condition("a", "Mine", "True", "Because").await;
    let live = world.live(&at_widget("a")).await;
    assert!(condition(&live, "Ready").is_none());
    wish.fail(Failure::Retry("later".to_owned()));
    world.requests();
    world.reconcile("a");
    world.quiet().await;
    assert!(!world.writes().iter().any(|write| write.contains("widgets")));
}

#[tokio::test(start_paused = true)]
async fn a_null_in_the_patch_removes_a_field() {
    let (world, _, wish) = wished(Outcome {
        status: status(json!({"phase": "x", "step": 1})),
        ..Outcome::nothing()
    })
    .await;
    world.until_ready("a").await;
    wish.set(Outcome {
        status: status(json!({"step": null, "conditions": []})),
        ..Outcome::nothing()
    });
    world.reconcile("a");
    let gone = |live: Option<&Value>| live.is_some_and(|l| l["status"].get("step").is_none());
    let live = world.until(&at_widget("a"), gone).await.unwrap();
    assert_eq!(live["status"]["phase"], "x");
    assert!(
        condition(&live, "Ready").is_some(),
        "conditions have a field of their own"
    );
}
