//! Others who want something else: noticed, named, and left alone after a while.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::outcome::{Child, Outcome, Requeue};
use serde_json::{Value, json};

use crate::world::World;
use crate::world::fake::{Fake, Wish, field};
use crate::world::objects::{at_map, at_widget, exactly, map_child, status, widget};

fn forced(name: &str) -> Child {
    let mut child = map_child(name);
    child.force = true;
    child
}

async fn settled(outcome: Outcome) -> (World, Arc<Fake>, Wish) {
    let wish = Wish::new(outcome);
    let module = Arc::new(Fake::wishing(&wish));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.quiet().await;
    (world, module, wish)
}

/// Changes the child back as often as the host repairs it, until it does not; how often that was.
async fn fight(world: &World, patch: &Value) -> usize {
    for round in 0..1000 {
        world.patch_as("rival", &at_map("one"), patch.clone()).await;
        world.quiet().await;
        if world.live(&at_map("one")).await["data"]["k"] != "v" {
            return round;
        }
    }
    panic!("it never ends");
}

fn theirs() -> Value {
    json!({"data": {"k": "theirs"}})
}

#[tokio::test(start_paused = true)]
async fn a_fight_over_a_field_ends_and_names_the_other() {
    let (world, ..) = settled(exactly([forced("one"), map_child("two")])).await;
    let rounds = fight(&world, &theirs()).await;
    assert!((20..30).contains(&rounds), "{rounds}");
    let message = world
        .until_condition("a", "Ready", "False", "Contested")
        .await;
    assert!(
        message.starts_with("ConfigMap default/one was not applied: \"rival\" keeps changing it back: it is left alone until "),
        "{message}"
    );
    let events = world.events("a").await;
    assert!(
        events.iter().any(|e| e.starts_with("Warning Contested: ")),
        "{events:#?}"
    );

    world.requests();
    world
        .patch_as("rival", &at_map("one"), json!({"data": {"k": "more"}}))
        .await;
    world.pass(Duration::from_secs(200)).await;
    assert_eq!(world.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_field_that_is_taken_away_again_and_again_is_a_fight_too() {
    let (world, ..) = settled(exactly([map_child("one")])).await;
    let rounds = fight(&world, &json!({"data": {"k": null}})).await;
    assert!((20..30).contains(&rounds), "{rounds}");
    world
        .until_condition("a", "Ready", "False", "Contested")
        .await;
}

#[tokio::test(start_paused = true)]
async fn after_five_minutes_one_repair_probes_whether_the_other_has_given_up() {
    let (world, ..) = settled(exactly([forced("one")])).await;
    fight(&world, &theirs()).await;
    let start = world.clock.now();
    let repaired = |live: Option<&Value>| live.is_some_and(|live| live["data"]["k"] == "v");
    world.until(&at_map("one"), repaired).await;
    let after = world.clock.now().since(start);
    assert!(
        (Duration::from_secs(290)..Duration::from_secs(320)).contains(&after),
        "{after:?}"
    );
    world.until_ready("a").await;
    // It has not.
    assert_eq!(
        fight(&world, &theirs()).await,
        1,
        "undone once, and that was it"
    );
    world
        .until_condition("a", "Ready", "False", "Contested")
        .await;
    // It has.
    world.until(&at_map("one"), repaired).await;
    world.until_ready("a").await;
    world.pass(Duration::from_secs(400)).await;
    assert!(fight(&world, &theirs()).await >= 20);
}

#[tokio::test(start_paused = true)]
async fn a_changed_spec_ends_the_rest() {
    let (world, ..) = settled(exactly([forced("one")])).await;
    fight(&world, &theirs()).await;
    world
        .until_condition("a", "Ready", "False", "Contested")
        .await;
    let start = world.clock.now();
    world
        .patch(&at_widget("a"), json!({"spec": {"size": 2}}))
        .await;
    world.until_ready("a").await;
    assert!(world.clock.now().since(start) < Duration::from_secs(60));
    assert_eq!(world.live(&at_map("one")).await["data"]["k"], "v");
}

#[tokio::test(start_paused = true)]
async fn drift_now_and_then_is_no_fight() {
    let (world, ..) = settled(exactly([forced("one")])).await;
    for _ in 0..60 {
        world.patch_as("rival", &at_map("one"), theirs()).await;
        world.pass(Duration::from_secs(31)).await;
        assert_eq!(world.live(&at_map("one")).await["data"]["k"], "v");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fight_over_the_status_ends_too() {
    let (world, ..) = settled(Outcome {
        status: status(json!({"phase": "Mine"})),
        ..exactly([])
    })
    .await;
    let mut rounds = 0;
    loop {
        world
            .patch_status(&at_widget("a"), json!({"phase": "Theirs"}))
            .await;
        world.quiet().await;
        if world.live(&at_widget("a")).await["status"]["phase"] == "Theirs" {
            break;
        }
        rounds += 1;
        assert!(rounds < 1000, "it never ends");
    }
    assert!((20..30).contains(&rounds), "{rounds}");
    let message = world
        .until_condition("a", "Ready", "False", "Contested")
        .await;
    assert!(
        message.starts_with("the status was not written: \""),
        "{message}"
    );
    let mine = |live: Option<&Value>| live.is_some_and(|live| live["status"]["phase"] == "Mine");
    world.until(&at_widget("a"), mine).await;
}

#[tokio::test(start_paused = true)]
async fn a_module_that_never_comes_to_an_end_of_its_steps_is_slowed_down() {
    let module = Arc::new(Fake::new(|request| {
        let step = field(request, "/status/step").as_u64().unwrap_or(0);
        Ok(Outcome {
            status: status(json!({"step": step + 1})),
            requeue: Requeue::OnceWritten,
            ..exactly([])
        })
    }));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    module.call(300).await;
    let start = world.clock.now();
    module.call(330).await;
    let after = world.clock.now().since(start);
    assert!(
        (Duration::from_secs(29)..Duration::from_secs(32)).contains(&after),
        "{after:?}"
    );
}
