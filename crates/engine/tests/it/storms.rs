//! A lot happens at once: who runs then, and who waits.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::outcome::{Failure, Outcome};
use serde_json::json;

use crate::world::fake::{Fake, Wish, field, name_of};
use crate::world::objects::{
    at_map, at_widget, config_map, exactly, gadget_definition, map_child, watch, watch_reading,
    widget,
};
use crate::world::{World, serving};

/// An object that has one child, and whose module fails from now on.
async fn failing() -> (World, Arc<Fake>, Wish) {
    let wish = Wish::new(exactly([map_child("one")]));
    let module = Arc::new(Fake::wishing(&wish));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    wish.fail(Failure::Retry("no".to_owned()));
    world.reconcile("a");
    let calls = module.count();
    module.call(calls + 1).await;
    (world, module, wish)
}

#[tokio::test(start_paused = true)]
async fn a_thousand_changes_around_a_failing_object_neither_run_it_in_a_loop_nor_inflate_its_backoff()
 {
    let (world, module, _) = failing().await;
    let (calls, began) = (module.count(), world.clock.now());
    for number in 0..1000 {
        let change = json!({"data": {"n": number.to_string()}});
        world.patch(&at_map("one"), change).await;
        world.pass(Duration::from_millis(60)).await;
    }
    let took = world.clock.now().since(began).as_secs();
    assert!((60..90).contains(&took), "{took} s");
    let runs = module.count() - calls;
    // 1, 2, 4, 8 seconds after each other, then every ten: not one per change.
    assert!((6..=12).contains(&runs), "{runs} runs");
    // One step per failed run.
    assert_eq!(module.latest().attempt as usize, runs);
}

#[tokio::test(start_paused = true)]
async fn its_users_change_of_a_failing_object_is_tried_at_once() {
    let (world, module, wish) = failing().await;
    // Until the backoff is long.
    world.pass(Duration::from_secs(900)).await;
    wish.set(Outcome::nothing());
    let (calls, began) = (module.count(), world.clock.now());
    world
        .patch(&at_widget("a"), json!({"spec": {"size": 7}}))
        .await;
    assert_eq!(field(&module.call(calls + 1).await, "/spec/size"), 7);
    assert!(world.clock.now().since(began) < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn what_a_failing_object_waited_for_is_noticed_soon_however_long_its_backoff() {
    let module = Arc::new(Fake::reading(|_, host| {
        Box::pin(async move {
            let found = host.get(at_map("needed"), None).await;
            match found {
                Ok(Some(_)) => Ok(Outcome::nothing()),
                _ => Err(Failure::Retry("needed is not there".to_owned()).into()),
            }
        })
    }));
    let mut world = World::new().await;
    world.serve(watch_reading("", "configmaps"), &module);
    world.create(widget("a")).await;
    world.pass(Duration::from_secs(1000)).await;
    let began = world.clock.now();
    world.create(config_map("needed", json!({}))).await;
    world.until_ready("a").await;
    let waited = world.clock.now().since(began);
    assert!(waited <= Duration::from_secs(10), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_storm_on_a_healthy_object_is_run_with_what_it_is_then_and_hides_nothing() {
    let module = Arc::new(Fake::new(|_| Ok(Outcome::nothing())));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    for size in 2..200 {
        world
            .patch(&at_widget("a"), json!({"spec": {"size": size}}))
            .await;
    }
    world.quiet().await;
    assert_eq!(field(&module.latest(), "/spec/size"), 199);
    let sizes: Vec<_> = module
        .requests()
        .iter()
        .filter_map(|request| field(request, "/spec/size").as_u64())
        .collect();
    assert!(sizes.is_sorted(), "never older than before: {sizes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_with_many_waiting_objects_does_not_delay_another_watch() {
    let order = Arc::new(Fake::reading(|_, _| {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(Outcome::nothing())
        })
    }));
    let mut world = World::new().await.workers(1);
    world.create(gadget_definition()).await;
    for number in 0..50 {
        world.create(widget(&format!("w-{number:02}"))).await;
    }
    let mut gadget = widget("g");
    gadget["kind"] = json!("Gadget");
    world.create(gadget).await;
    let mut gadgets = watch();
    gadgets.gvk = gadgets.gvk.with_kind("Gadget");
    world.serve_all(vec![(watch(), serving(&order)), (gadgets, serving(&order))]);
    order.call(50).await;
    let place = order.requests().iter().position(|r| name_of(r) == "g");
    assert!(place.is_some_and(|place| place <= 3), "{place:?}");
}

#[tokio::test(start_paused = true)]
async fn a_new_module_is_tried_at_once_by_objects_that_were_failing() {
    let (mut world, _, _) = failing().await;
    world.pass(Duration::from_secs(900)).await;
    let better = Arc::new(Fake::new(|_| Ok(Outcome::nothing())).version("2.0.0"));
    let began = world.clock.now();
    world.serve(watch(), &better);
    world.until_ready("a").await;
    assert!(world.clock.now().since(began) < Duration::from_secs(1));
}
