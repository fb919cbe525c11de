//! An engine with a share: what it takes up, what it gives up, and what it never touches.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::outcome::Outcome;
use oarlock_core::shard::{Member, Part, Share, View};
use serde_json::json;
use tokio::sync::watch as channel;

use crate::world::World;
use crate::world::fake::{Fake, name_of, never};
use crate::world::objects::{at_widget, exactly, map_child, watch, widget};

fn member(name: &str) -> Member {
    Member::new(name).unwrap()
}

/// The share of `a`, beside `b`.
fn half() -> Share {
    let views = vec![View::new([member("a"), member("b")])];
    Share::Part(Part {
        member: member("a"),
        views,
        claims: Vec::new(),
    })
}

const NAMES: [&str; 12] = [
    "w0", "w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8", "w9", "w10", "w11",
];

/// Names that [`half`] has, and those that it has not.
fn halves() -> (Vec<&'static str>, Vec<&'static str>) {
    let share = half();
    let (ours, others): (Vec<_>, Vec<_>) =
        NAMES.iter().partition(|name| share.owns(&at_widget(name)));
    assert!(ours.len() > 2 && others.len() > 2, "{ours:?} {others:?}");
    (ours, others)
}

fn called(module: &Fake, from: usize) -> Vec<String> {
    let mut names: Vec<String> = module.requests()[from..].iter().map(name_of).collect();
    names.sort();
    names.dedup();
    names
}

fn sorted(names: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    names.sort();
    names
}

#[tokio::test(start_paused = true)]
async fn whoever_stands_by_has_warm_caches_and_takes_over_without_a_list() {
    let module = Arc::new(Fake::new(|request| {
        Ok(exactly([map_child(&format!("of-{}", name_of(request)))]))
    }));
    let mut world = World::new().await;
    world.create(widget("a")).await;
    world.serve(watch(), &module);
    let stands_by = world.engine().own(Share::Nothing, true);
    stands_by.await;
    world.create(widget("b")).await;
    world.pass(Duration::from_secs(3600)).await;
    assert_eq!(module.count(), 0);
    assert_eq!(world.writes(), [""; 0]);

    let _before = (world.requests(), world.watched());
    world.engine().own(Share::Everything, false).await;
    world.until_ready("a").await;
    world.until_ready("b").await;
    let mut lists = world.requests();
    lists.retain(|request| request.contains("limit="));
    assert_eq!(lists, [""; 0]);
    let mut watched = world.watched();
    // A watch is renewed now and then.
    watched.retain(|path| !path.contains("/apiextensions.k8s.io/"));
    assert_eq!(watched, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_engine_reconciles_its_share_and_nothing_else() {
    let module = Arc::new(Fake::new(|_| Ok(Outcome::nothing())));
    let world = World::with(&module).await;
    world.engine().own(half(), false).await;
    for name in NAMES {
        world.create(widget(name)).await;
    }
    let (ours, others) = halves();
    for name in &ours {
        world.until_ready(name).await;
    }
    // Neither changes nor periods nor requests of others' objects count.
    for name in &others {
        world
            .patch(&at_widget(name), json!({"spec": {"size": 2}}))
            .await;
        world.reconcile(name);
    }
    world.pass(Duration::from_secs(24 * 3600)).await;
    assert_eq!(called(&module, 0), sorted(&ours));
}

#[tokio::test(start_paused = true)]
async fn what_is_new_in_a_share_is_run_and_what_was_in_it_is_not_run_again() {
    let module = Arc::new(Fake::new(|_| Ok(Outcome::nothing())));
    let world = World::with(&module).await;
    world.engine().own(half(), false).await;
    for name in NAMES {
        world.create(widget(name)).await;
    }
    let (ours, others) = halves();
    for name in &ours {
        world.until_ready(name).await;
    }
    world.quiet().await;
    let before = module.count();
    world.engine().own(Share::Everything, false).await;
    for name in &others {
        world.until_ready(name).await;
    }
    world.quiet().await;
    assert_eq!(called(&module, before), sorted(&others));
}

#[tokio::test(start_paused = true)]
async fn what_is_given_up_comes_to_the_end_of_its_run_first() {
    let (release, gate) = channel::channel(false);
    let module = Arc::new(Fake::reading(move |_, _| {
        let mut gate = gate.clone();
        Box::pin(async move {
            let _open = gate.wait_for(|open| *open).await;
            Ok(Outcome::nothing())
        })
    }));
    let world = World::with(&module).await;
    let (_, others) = halves();
    let given = others[0];
    world.create(widget(given)).await;
    module.busy(1).await;
    let mut given_up = std::pin::pin!(world.engine().own(half(), false));
    let early = tokio::time::timeout(Duration::from_millis(200), &mut given_up).await;
    assert!(early.is_err(), "a run is going on");
    release.send_replace(true);
    given_up.await;
    assert_eq!(module.running().now, 0);
    // It was carried out to its end, and is none of ours from now on.
    world.until_ready(given).await;
    world
        .patch(&at_widget(given), json!({"spec": {"size": 2}}))
        .await;
    world.pass(Duration::from_secs(24 * 3600)).await;
    assert_eq!(module.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn runs_of_whoever_may_not_write_any_more_are_dropped() {
    let module = Arc::new(Fake::reading(|_, _| Box::pin(never())));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    module.busy(1).await;
    let _before = world.writes();
    let at = world.clock.now();
    world.engine().own(Share::Nothing, true).await;
    module.busy(0).await;
    assert!(world.clock.now().since(at) < Duration::from_secs(1));
    assert_eq!(world.writes(), [""; 0]);
    // And begin anew for whoever may write again.
    world.engine().own(Share::Everything, false).await;
    module.call(2).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_has_no_share_is_not_on_duty() {
    let world = World::with(&Arc::new(Fake::new(|_| Ok(Outcome::nothing())))).await;
    let engine = world.engine();
    assert!(engine.is_on_duty());
    engine.own(Share::Nothing, true).await;
    assert!(!engine.is_on_duty());
    engine.own(half(), false).await;
    assert!(engine.is_on_duty());
}
