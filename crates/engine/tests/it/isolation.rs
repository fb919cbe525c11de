//! One bad object hurts nobody else.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::outcome::{Outcome, Requeue};
use oarlock_core::reconciler::{Fault, Host, LibraryFault};
use oarlock_core::request::{ApiError, WriteStatus};
use oarlock_engine::Module;

use crate::world::fake::{Fake, name_of, never};
use crate::world::faults::Strike;
use crate::world::objects::{at_map, exactly, gadget_definition, map_child, watch, widget};
use crate::world::{World, serving};

#[tokio::test(start_paused = true)]
async fn a_panic_in_one_reconcile_leaves_the_others_running() {
    let module = Arc::new(Fake::new(|request| {
        assert!(
            name_of(request) != "bad" || request.now.as_millis() % 7 == 8,
            "a bug of the host"
        );
        Ok(Outcome::nothing())
    }));
    let world = World::with(&module).await;
    world.create(widget("bad")).await;
    module.call(1).await;
    for name in ["a", "b", "c"] {
        world.create(widget(name)).await;
        world.until_ready(name).await;
    }
    // The object itself is tried again, but not at once.
    let bad = |module: &Fake| {
        module
            .requests()
            .iter()
            .filter(|r| name_of(r) == "bad")
            .count()
    };
    world.pass(Duration::from_secs(60)).await;
    let calls = bad(&module);
    assert!((2..=20).contains(&calls), "{calls} calls in a minute");
}

#[tokio::test(start_paused = true)]
async fn an_object_whose_module_never_answers_delays_nobody() {
    let module = Arc::new(Fake::reading(|request, _| {
        Box::pin(async move {
            if name_of(&request) == "slow" {
                never().await
            } else {
                Ok(Outcome::nothing())
            }
        })
    }));
    let world = World::with(&module).await;
    let start = world.clock.now();
    world.create(widget("slow")).await;
    module.busy(1).await;
    for name in ["a", "b", "c"] {
        world.create(widget(name)).await;
        world.until_ready(name).await;
    }
    assert!(world.clock.now().since(start) < Duration::from_secs(1));
    let message = world
        .until_condition("slow", "Ready", "False", "DeadlineExceeded")
        .await;
    insta::assert_snapshot!(message, @"the module did not answer within 30s; hint: raise limits.deadline of the watch");
    assert!(world.clock.now().since(start) >= Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn workers_are_bounded_over_all_and_per_watch() {
    for (workers, per_watch) in [(2, None), (4, NonZeroU32::new(3))] {
        let module = Arc::new(Fake::reading(|_, _| Box::pin(never())));
        let mut world = World::new().await.workers(workers);
        let mut narrow = watch();
        narrow.workers = per_watch;
        world.serve(narrow, &module);
        for name in ["a", "b", "c", "d", "e", "f"] {
            world.create(widget(name)).await;
        }
        let most = per_watch.map_or(workers, |own| own.get() as usize);
        module.busy(most).await;
        world.quiet().await;
        assert_eq!(module.running().most, most);
        // All get their turn.
        module.call(6).await;
        assert_eq!(module.running().most, most);
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_room_holds_no_worker() {
    let module = Arc::new(Fake::reading(|request, host: Arc<dyn Host>| {
        Box::pin(async move {
            if name_of(&request) == "waits" {
                let waiting = host.waiting();
                tokio::time::sleep(Duration::from_secs(20)).await;
                drop(waiting);
            }
            Ok(Outcome::nothing())
        })
    }));
    let mut world = World::new().await.workers(1);
    world.serve(watch(), &module);
    let start = world.clock.now();
    world.create(widget("waits")).await;
    module.busy(1).await;
    world.create(widget("quick")).await;
    world.until_ready("quick").await;
    assert!(world.clock.now().since(start) < Duration::from_secs(1));
    world.until_ready("waits").await;
}

#[tokio::test(start_paused = true)]
async fn a_timer_that_is_due_while_all_workers_are_taken_waits_its_turn() {
    let module = Arc::new(Fake::reading(|request, _| {
        Box::pin(async move {
            if name_of(&request) == "slow" {
                never().await
            } else {
                Ok(Outcome {
                    requeue: Requeue::After(Duration::from_secs(5)),
                    ..Outcome::nothing()
                })
            }
        })
    }));
    let mut world = World::new().await.workers(1);
    world.serve(watch(), &module);
    world.create(widget("quick")).await;
    world.until_ready("quick").await;
    world.create(widget("slow")).await;
    let slow = module.call_such(|request| name_of(request) == "slow").await;
    // Virtual time goes on, which it does only while nobody spins.
    world
        .until_condition("slow", "Ready", "False", "DeadlineExceeded")
        .await;
    let next = module
        .call_such(|request| name_of(request) == "quick" && request.now > slow.now)
        .await;
    assert_eq!(next.now.since(slow.now), Duration::from_secs(30));
    // The backoff begins when the run is over.
    let again = module
        .call_such(|request| name_of(request) == "slow" && request.attempt == 1)
        .await;
    assert!(again.now.since(slow.now) >= Duration::from_secs(31));
}

#[tokio::test(start_paused = true)]
async fn a_watch_without_a_module_does_not_hold_up_another() {
    let module = Arc::new(Fake::new(|_| Ok(Outcome::nothing())));
    let mut world = World::new().await;
    world.create(gadget_definition()).await;
    let mut gadgets = watch();
    gadgets.gvk = gadgets.gvk.with_kind("Gadget");
    world.serve_all(vec![
        (gadgets, Module::Down("gadget.wasm is not there".to_owned())),
        (watch(), serving(&module)),
    ]);
    let mut gadget = widget("g");
    gadget["kind"] = "Gadget".into();
    world.create(gadget).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    assert_eq!(module.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn faults_become_conditions_and_are_tried_again() {
    for (fault, reason) in [
        (
            Fault::Trapped {
                message: "unreachable".to_owned(),
            },
            "ModuleTrapped",
        ),
        (
            Fault::CpuExceeded {
                limit: Duration::from_secs(1),
            },
            "CpuLimitExceeded",
        ),
        (Fault::MemoryExceeded { limit: 1 }, "MemoryLimitExceeded"),
        (Fault::OutputExceeded { limit: 1 }, "OutputLimitExceeded"),
        (
            Fault::NoInstance {
                message: "full".to_owned(),
            },
            "HostBusy",
        ),
        (
            Fault::Library {
                library: "local:oar/oar@0.1.0".to_owned(),
                fault: LibraryFault::MemoryExceeded { limit: 1 },
            },
            "MemoryLimitExceeded",
        ),
    ] {
        let module = Arc::new(Fake::new(move |request| {
            if request.attempt < 3 {
                Err(fault.clone().into())
            } else {
                Ok(Outcome::nothing())
            }
        }));
        let world = World::with(&module).await;
        world.create(widget("a")).await;
        world.until_condition("a", "Ready", "False", reason).await;
        world.until_ready("a").await;
        assert_eq!(module.latest().attempt, 3);
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_cannot_be_reached_is_waited_for() {
    let module = Arc::new(Fake::new(|_| Ok(exactly([map_child("one")]))));
    let world = World::with(&module).await;
    world.strike(|_| Strike::Refuse(ApiError::new(0, "Unreachable", "no route")));
    world.create(widget("a")).await;
    assert_eq!(module.call(3).await.attempt, 2);
    world.mend();
    world.until_ready("a").await;
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_was_lost_is_made_again_and_changes_nothing() {
    let module = Arc::new(Fake::new(|_| Ok(exactly([map_child("one")]))));
    let world = World::with(&module).await;
    let mut first = true;
    world.strike(move |call| {
        let child = call.verb.target().name == "one";
        if child && std::mem::take(&mut first) {
            Strike::Lose
        } else {
            Strike::Pass
        }
    });
    world.create(widget("a")).await;
    let report = module
        .call(2)
        .await
        .last
        .map(|last| last.writes[0].status.clone());
    assert!(matches!(report, Some(WriteStatus::Refused(error)) if error.code == 0));
    let made = world.live(&at_map("one")).await;
    world.until_ready("a").await;
    assert_eq!(world.live(&at_map("one")).await, made);
}
