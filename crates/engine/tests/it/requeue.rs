//! When a module is called again without anything having changed.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::outcome::{Failure, Outcome, Requeue};
use oarlock_core::timestamp::Timestamp;
use serde_json::json;

use crate::world::World;
use crate::world::fake::{Fake, Wish, field, name_of};
use crate::world::objects::{at_widget, status, watch, widget};

fn requeue(requeue: Requeue) -> Outcome {
    Outcome {
        requeue,
        ..Outcome::nothing()
    }
}

/// Seconds between the calls of a module, rounded.
fn gaps(module: &Fake) -> Vec<u64> {
    let times: Vec<Timestamp> = module
        .requests()
        .iter()
        .map(|request| request.now)
        .collect();
    times
        .windows(2)
        .map(|pair| (pair[1].since(pair[0]).as_millis() as u64 + 500) / 1000)
        .collect()
}

/// Regular, and within a tenth of what the watch says: each object has a period of its own.
fn assert_periodic(module: &Fake, period: u64) {
    let gaps = gaps(module);
    assert!(
        gaps.iter()
            .all(|gap| (period - period / 10..=period + period / 10).contains(gap)),
        "{gaps:?}"
    );
    assert_eq!(gaps.iter().min(), gaps.iter().max());
}

async fn wished(outcome: Outcome) -> (World, Arc<Fake>, Wish) {
    let wish = Wish::new(outcome);
    let module = Arc::new(Fake::wishing(&wish));
    let world = World::with(&module).await;
    (world, module, wish)
}

#[tokio::test(start_paused = true)]
async fn after_so_long() {
    let (world, module, _) = wished(requeue(Requeue::After(Duration::from_secs(40)))).await;
    world.create(widget("a")).await;
    module.call(4).await;
    assert_eq!(gaps(&module), [40, 40, 40]);
}

#[tokio::test(start_paused = true)]
async fn at_an_instant_which_may_be_past() {
    let module = Arc::new(Fake::new(|request| {
        Ok(match field(request, "/status/step").as_u64() {
            None => Outcome {
                status: status(json!({"step": 1})),
                ..requeue(Requeue::At(request.now.after(Duration::from_secs(90))))
            },
            Some(1) => Outcome {
                status: status(json!({"step": 2})),
                ..requeue(Requeue::At(Timestamp::from_millis(1)))
            },
            Some(_) => requeue(Requeue::OnChange),
        })
    }));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    module.call(3).await;
    assert_eq!(gaps(&module), [90, 0]);
    world.pass(Duration::from_secs(3600)).await;
    assert_eq!(module.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_module_that_always_asks_for_now_does_not_stop_the_others() {
    let module = Arc::new(Fake::new(|request| {
        Ok(if name_of(request) == "greedy" {
            requeue(Requeue::After(Duration::ZERO))
        } else {
            Outcome::nothing()
        })
    }));
    let world = World::with(&module).await;
    world.create(widget("greedy")).await;
    module.call(1).await;
    world.create(widget("modest")).await;
    world.until_ready("modest").await;
    // Virtual time goes on, which it does only while nobody spins.
    world.pass(Duration::from_secs(60)).await;
    let calls = module
        .requests()
        .iter()
        .filter(|r| name_of(r) == "greedy")
        .count();
    assert!(calls < 1000, "{calls} calls in a minute");
}

#[tokio::test(start_paused = true)]
async fn every_object_is_looked_at_once_a_period() {
    let module = Arc::new(Fake::wishing(&Wish::new(Outcome::nothing())));
    let mut world = World::new().await;
    let mut often = watch();
    often.period = Duration::from_secs(600);
    world.serve(often, &module);
    world.create(widget("a")).await;
    module.call(3).await;
    assert_periodic(&module, 600);
}

#[tokio::test(start_paused = true)]
async fn objects_that_were_first_seen_together_do_not_come_back_together() {
    let module = Arc::new(Fake::wishing(&Wish::new(Outcome::nothing())));
    let mut world = World::new().await;
    for number in 0..60 {
        world.create(widget(&format!("w-{number}"))).await;
    }
    let mut often = watch();
    often.period = Duration::from_secs(600);
    world.serve(often, &module);
    module.call(120).await;
    // All are there at the start, and the first period spreads them already.
    let again: Vec<Timestamp> = module.requests()[60..120].iter().map(|r| r.now).collect();
    let first = again.iter().min().copied().unwrap_or_default();
    let last = again.iter().max().copied().unwrap_or_default();
    assert!(
        last.since(first) > Duration::from_secs(60),
        "{first:?} {last:?}"
    );
    let most_at_once = again
        .iter()
        .map(|at| {
            let within = again
                .iter()
                .filter(|other| other.since(*at) < Duration::from_secs(5));
            within.filter(|other| *other >= at).count()
        })
        .max();
    assert!(most_at_once < Some(15), "{most_at_once:?}");
}

#[tokio::test(start_paused = true)]
async fn the_period_cuts_a_longer_wish_short() {
    let module = Arc::new(Fake::wishing(&Wish::new(requeue(Requeue::After(
        Duration::from_secs(7000),
    )))));
    let mut world = World::new().await;
    let mut often = watch();
    often.period = Duration::from_secs(600);
    world.serve(often, &module);
    world.create(widget("a")).await;
    module.call(3).await;
    assert_periodic(&module, 600);
}

#[tokio::test(start_paused = true)]
async fn failures_back_off_and_a_good_run_begins_anew() {
    let (world, module, wish) = wished(Outcome::nothing()).await;
    wish.fail(Failure::Retry("no".to_owned()));
    world.create(widget("a")).await;
    let last = module.call(12).await;
    assert_eq!(last.attempt, 11);
    let gaps = gaps(&module);
    for (gap, exact) in gaps
        .iter()
        .zip([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300])
    {
        assert!(
            (exact..=exact + exact / 10 + 1).contains(gap),
            "{gap} for {exact}: {gaps:?}"
        );
    }
    wish.set(Outcome::nothing());
    assert_eq!(module.call(13).await.attempt, 12);
    world.until_ready("a").await;
    wish.fail(Failure::Retry("again".to_owned()));
    world.reconcile("a");
    assert_eq!(module.call(14).await.attempt, 0);
    assert_eq!(module.call(15).await.attempt, 1);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_the_modules_own_backoff() {
    let (world, module, wish) = wished(Outcome::nothing()).await;
    wish.fail(Failure::RetryAfter(
        Duration::from_secs(77),
        "busy".to_owned(),
    ));
    world.create(widget("a")).await;
    module.call(4).await;
    assert_eq!(gaps(&module), [77, 77, 77]);
}

#[tokio::test(start_paused = true)]
async fn what_must_survive_a_restart_is_in_the_status() {
    let module = Arc::new(Fake::new(|request| {
        let due = field(request, "/status/step").as_u64();
        Ok(match due {
            None => {
                let due = request.now.after(Duration::from_secs(1000));
                Outcome {
                    status: status(json!({"step": due.as_millis()})),
                    ..requeue(Requeue::At(due))
                }
            }
            Some(due) if request.now.as_millis() < due => {
                requeue(Requeue::At(Timestamp::from_millis(due)))
            }
            Some(_) => Outcome {
                status: status(json!({"phase": "Due"})),
                ..Outcome::nothing()
            },
        })
    }));
    let mut world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.pass(Duration::from_secs(400)).await;
    world.restart().await;
    let again = module.call(2).await;
    assert_eq!(
        (again.attempt, again.last),
        (0, None),
        "timers and reports do not survive"
    );
    module.call(3).await;
    assert_eq!(gaps(&module).iter().sum::<u64>(), 1000);
    world
        .until(&at_widget("a"), |live| {
            live.is_some_and(|l| l["status"]["phase"] == "Due")
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn live_changes_go_before_what_nobody_waits_for() {
    let held = tokio::sync::watch::Sender::new(true);
    let gate = held.clone();
    let module = Arc::new(Fake::reading(move |_, _| {
        let mut held = gate.subscribe();
        Box::pin(async move {
            let _open = held.wait_for(|held| !*held).await;
            Ok(Outcome::nothing())
        })
    }));
    let mut world = World::new().await.workers(1);
    for name in ["a", "b", "c", "d"] {
        world.create(widget(name)).await;
    }
    world.serve(watch(), &module);
    // One runs; the others wait as objects of the first list, which nobody waits for.
    module.busy(1).await;
    let running = name_of(&module.latest());
    let urgent = if running == "d" { "c" } else { "d" };
    world
        .patch(&at_widget(urgent), json!({"spec": {"size": 2}}))
        .await;
    world.quiet().await;
    held.send_replace(false);
    assert_eq!(name_of(&module.call(2).await), urgent);
    module.call(4).await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_asks_for_now_keeps_no_core_busy() {
    let (world, module, wish) = wished(Outcome::nothing()).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    wish.fail(Failure::RetryAfter(Duration::ZERO, "busy".to_owned()));
    let before = module.count();
    world.reconcile("a");
    world.pass(Duration::from_secs(10)).await;
    let calls = module.count() - before;
    assert!((2..=101).contains(&calls), "{calls}");
}
