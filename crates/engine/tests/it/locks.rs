//! `create` with `expect: absent`, as a lock between objects.

use std::sync::Arc;

use oarlock_core::outcome::{Expect, Outcome, Write};
use oarlock_core::request::WriteStatus;
use serde_json::json;

use crate::world::World;
use crate::world::fake::{Fake, Wish, field, name_of};
use crate::world::objects::{at_map, at_widget, child, config_map, exactly, status, widget};

fn lock(holder: &str) -> oarlock_core::outcome::Child {
    let mut lock = child(config_map("lock", json!({"holder": holder})));
    lock.write = Write::Create;
    lock.expect = Expect::Absent;
    lock
}

/// Takes the lock, remembers in its status that it has it, and gives it back when `spec.done` says so.
fn locking() -> Arc<Fake> {
    Arc::new(Fake::new(|request| {
        let name = name_of(request);
        let taken = request
            .last
            .as_ref()
            .and_then(|last| last.writes.first())
            .is_some_and(|write| write.status == WriteStatus::Applied);
        Ok(if field(request, "/spec/done") == true {
            exactly([])
        } else if taken || field(request, "/status/phase") == "Holding" {
            Outcome {
                status: status(json!({"phase": "Holding"})),
                ..Outcome::nothing()
            }
        } else {
            Outcome {
                status: status(json!({"phase": "Holding"})),
                ..exactly([lock(&name)])
            }
        })
    }))
}

#[tokio::test(start_paused = true)]
async fn of_two_objects_one_gets_the_lock_and_the_other_gets_it_afterwards() {
    let world = World::with(&locking()).await;
    world.create(widget("a")).await;
    world.create(widget("b")).await;
    let holder = world.until_there(&at_map("lock")).await["data"]["holder"].clone();
    let (winner, loser) = if holder == "a" {
        ("a", "b")
    } else {
        ("b", "a")
    };
    world.until_ready(winner).await;
    let message = world
        .until_condition(loser, "Ready", "False", "WriteRefused")
        .await;
    assert!(message.contains("ConfigMap default/lock"), "{message}");
    assert_eq!(
        world.live(&at_widget(loser)).await["status"].get("phase"),
        None
    );

    let start = world.clock.now();
    world
        .patch(&at_widget(winner), json!({"spec": {"done": true}}))
        .await;
    world.until_ready(loser).await;
    assert_eq!(world.live(&at_map("lock")).await["data"]["holder"], loser);
    assert!(
        world.clock.now().since(start) < std::time::Duration::from_secs(15),
        "the loser is woken by the lock's going"
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_holds_a_lock_may_keep_it() {
    let wish = Wish::new(exactly([lock("a")]));
    let module = Arc::new(Fake::wishing(&wish));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    wish.set(Outcome {
        status: status(json!({"phase": "Kept"})),
        ..Outcome::nothing()
    });
    world.reconcile("a");
    world
        .until(&at_widget("a"), |live| {
            live.is_some_and(|l| l["status"]["phase"] == "Kept")
        })
        .await;
    world.quiet().await;
    world.until_ready("a").await;
    assert_eq!(module.latest().attempt, 0);
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_somebody_holds_is_refused_by_the_api_server_too() {
    // The cache does not show the lock yet: the API server's word counts.
    let module = Arc::new(Fake::wishing(&Wish::new(exactly([lock("a")]))));
    let world = World::with(&module).await;
    world.strike(|call| {
        if call.verb.target().name == "lock" {
            crate::world::faults::Strike::Refuse(oarlock_core::request::ApiError::new(
                409,
                "AlreadyExists",
                "configmaps \"lock\" already exists",
            ))
        } else {
            crate::world::faults::Strike::Pass
        }
    });
    world.create(widget("a")).await;
    let message = world
        .until_condition("a", "Ready", "False", "WriteRefused")
        .await;
    insta::assert_snapshot!(message, @r#"ConfigMap default/lock was not applied: configmaps "lock" already exists (AlreadyExists, 409)"#);
}
