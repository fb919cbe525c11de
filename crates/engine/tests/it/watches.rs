//! Which kinds are watched, and how long.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::outcome::{Failure, Outcome};
use oarlock_core::reconciler::{Host, ReadError, Selection};
use oarlock_core::reference::{Gvk, ObjectRef};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::world::World;
use crate::world::fake::{Fake, Wish};
use crate::world::objects::{
    at_map, at_widget, child, config_map, config_map_kind, exactly, grant, map_child, status,
    watch, watch_reading, widget, widget_kind,
};

/// Longer than a kind without a use stays.
const LONG: Duration = Duration::from_secs(30 * 60);

fn secrets() -> Gvk {
    Gvk::new("", "v1", "Secret")
}

async fn secret(world: &World) {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"}});
    world.create(secret).await;
}

/// A module that reads a Secret as long as it is told to, and says what it saw.
fn reader(reads: &Arc<Mutex<bool>>) -> Arc<Fake> {
    let reads = Arc::clone(reads);
    Arc::new(Fake::reading(move |_, host| {
        let reads = *reads.lock();
        Box::pin(async move {
            let target = ObjectRef::new(secrets(), Some("default"), "s");
            let phase = if reads {
                match host.get(target, None).await {
                    Ok(Some(_)) => "there",
                    Ok(None) => "absent",
                    Err(error) => return Err(Failure::Retry(error.to_string()).into()),
                }
            } else {
                "blind"
            };
            Ok(Outcome {
                status: status(json!({ "phase": phase })),
                ..Outcome::nothing()
            })
        })
    }))
}

async fn until_phase(world: &World, phase: &str) {
    world
        .until(&at_widget("a"), |live| {
            live.is_some_and(|live| live["status"]["phase"] == phase)
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn kinds_of_an_entry_that_was_taken_out_are_no_longer_watched() {
    let module = Arc::new(Fake::wishing(&Wish::new(exactly([map_child("one")]))));
    let mut world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.pass(LONG).await;
    assert_eq!(world.cached(&widget_kind()), 1);
    assert!(world.cached(&config_map_kind()) > 0);

    world.serve_all(Vec::new());
    world.quiet().await;
    assert_eq!(world.cached(&widget_kind()), 1, "not at once");
    world.pass(LONG).await;
    assert_eq!(world.cached(&widget_kind()), 0);
    assert_eq!(world.cached(&config_map_kind()), 0);

    // As if it had never been away.
    world.serve(watch(), &module);
    world.pass(Duration::from_secs(5)).await;
    assert_eq!(world.cached(&widget_kind()), 1);
    world.delete(&at_map("one")).await;
    world.until_there(&at_map("one")).await;
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_is_back_soon_is_not_listed_again() {
    let module = Arc::new(Fake::wishing(&Wish::new(exactly([map_child("one")]))));
    let mut world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.serve_all(Vec::new());
    world.pass(Duration::from_secs(300)).await;
    world.requests();
    world.serve(watch(), &module);
    world.pass(LONG).await;
    let mut reads = world.requests();
    reads.retain(|request| request.starts_with("GET"));
    assert_eq!(reads, Vec::<String>::new());
    assert_eq!(world.cached(&widget_kind()), 1);
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_was_taken_out_is_watched_until_nothing_waits_for_the_host() {
    let module = Fake::wishing(&Wish::new(Outcome::nothing())).finalizer("fake.example.com/x");
    let mut world = World::with(&Arc::new(module)).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.serve_all(Vec::new());
    world.create(widget("b")).await;
    world.pass(4 * LONG).await;
    assert_eq!(world.cached(&widget_kind()), 2);
    let released = json!({"metadata": {"finalizers": null}});
    world.patch(&at_widget("a"), released).await;
    world.pass(LONG).await;
    assert_eq!(world.cached(&widget_kind()), 0);
}

#[tokio::test(start_paused = true)]
async fn a_kind_is_watched_as_long_as_a_module_reads_it() {
    let reads = Arc::new(Mutex::new(true));
    let module = reader(&reads);
    let mut world = World::new().await;
    world.serve(watch_reading("", "secrets"), &module);
    secret(&world).await;
    world.create(widget("a")).await;
    until_phase(&world, "there").await;
    world.pass(4 * LONG).await;
    assert_eq!(world.cached(&secrets()), 1);

    *reads.lock() = false;
    world.reconcile("a");
    until_phase(&world, "blind").await;
    world.pass(LONG).await;
    assert_eq!(world.cached(&secrets()), 0);

    // Not taken for an empty cluster.
    *reads.lock() = true;
    let before = module.count();
    world.reconcile("a");
    until_phase(&world, "there").await;
    assert_eq!(module.count(), before + 1);
    assert_eq!(world.cached(&secrets()), 1);
}

#[tokio::test(start_paused = true)]
async fn a_kind_is_watched_as_long_as_a_child_of_it_is_there() {
    let wish = Wish::new(exactly([map_child("one")]));
    let module = Arc::new(Fake::wishing(&wish));
    let mut world = World::with(&module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    // Neither written nor read any more, by what the watch says.
    wish.set(exactly([]));
    let mut poorer = watch();
    poorer.grants.write = vec![grant("batch", "jobs")];
    world.serve(poorer, &module);
    world.pass(4 * LONG).await;
    assert!(world.cached(&config_map_kind()) > 0);

    world.delete(&at_map("one")).await;
    world.pass(2 * LONG).await;
    assert_eq!(world.cached(&config_map_kind()), 0);
}

/// A module that writes the size of the Widget into its child.
fn sizing() -> Arc<Fake> {
    Arc::new(Fake::new(|request| {
        let size = request.object.to_value()["spec"]["size"].to_string();
        let mut one = child(config_map("one", json!({ "size": size })));
        one.force = true;
        Ok(Outcome {
            status: status(json!({ "phase": size })),
            ..exactly([one])
        })
    }))
}

fn has_size(size: &'static str) -> impl Fn(Option<&Value>) -> bool {
    move |live| live.is_some_and(|live| live["data"]["size"] == size)
}

#[tokio::test(start_paused = true)]
async fn a_child_that_is_seen_before_its_owner_is_brought_to_the_owners_newest_state() {
    let module = sizing();
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    until_phase(&world, "1").await;
    world.quiet().await;
    world.delay(Some("/widgets"));
    world
        .patch(&at_widget("a"), json!({"spec": {"size": 2}}))
        .await;
    world.delete(&at_map("one")).await;
    // By what the operator knows of its owner: it is not wrong, only old.
    world.until(&at_map("one"), has_size("1")).await;
    world.pass(Duration::from_secs(30)).await;
    let stored = world.live(&at_widget("a")).await;
    assert_eq!(stored["spec"]["size"], 2);
    world.delay(None);
    world.until(&at_map("one"), has_size("2")).await;
    until_phase(&world, "2").await;
    world.pass(Duration::from_secs(60)).await;
    world.requests();
    world.pass(Duration::from_secs(600)).await;
    assert_eq!(world.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_is_seen_before_its_child_is_brought_to_the_same_end() {
    let module = sizing();
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    until_phase(&world, "1").await;
    world.quiet().await;
    world.delay(Some("/configmaps"));
    // Unseen.
    world.delete(&at_map("one")).await;
    world
        .patch(&at_widget("a"), json!({"spec": {"size": 2}}))
        .await;
    world.until(&at_map("one"), has_size("2")).await;
    // Own writes are seen though the watch is late: nothing is written twice.
    until_phase(&world, "2").await;
    world.quiet().await;
    world.requests();
    world.reconcile("a");
    world.pass(Duration::from_secs(30)).await;
    assert_eq!(world.writes(), Vec::<String>::new());
    world
        .patch(&at_map("one"), json!({"data": {"size": "theirs"}}))
        .await;
    world.delay(None);
    world.until(&at_map("one"), has_size("2")).await;
    world.pass(Duration::from_secs(60)).await;
    world.requests();
    world.pass(Duration::from_secs(600)).await;
    assert_eq!(world.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_is_observed_or_listed_is_watched_from_then_on() {
    async fn look(host: Arc<dyn Host>) -> Result<String, ReadError> {
        let states = host.observe(vec![at_map("x")]).await?;
        let everywhere = Selection {
            gvk: secrets(),
            namespace: None,
            labels: Some("app in (web, db)".to_owned()),
            fields: Vec::new(),
            act_as: None,
        };
        let found = host.query(everywhere).await?.len();
        Ok(format!("{:?} {found}", states[0].health))
    }
    let module = Arc::new(Fake::reading(|_, host| {
        Box::pin(async move {
            match look(host).await {
                Ok(phase) => Ok(Outcome {
                    status: status(json!({ "phase": phase })),
                    ..Outcome::nothing()
                }),
                Err(error) => Err(Failure::Retry(error.to_string()).into()),
            }
        })
    }));
    let mut world = World::new().await;
    let mut reading = watch_reading("", "secrets");
    reading.grants.read.push(grant("", "configmaps"));
    for grant in &mut reading.grants.read {
        grant.namespaces = vec!["*".to_owned()];
    }
    world.serve(reading, &module);
    world.create(widget("a")).await;
    until_phase(&world, "NotFound 0").await;
    world.create(config_map("x", json!({}))).await;
    until_phase(&world, "Current 0").await;
    let labelled = |namespace: &str, app: &str| {
        json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": app, "namespace": namespace, "labels": {"app": app}}})
    };
    world.create(labelled("kube-system", "db")).await;
    until_phase(&world, "Current 1").await;
    let calls = module.count();
    world.create(labelled("default", "other")).await;
    world.create(config_map("y", json!({}))).await;
    world.quiet().await;
    assert_eq!(module.count(), calls, "neither was looked at");
    world.delete(&at_map("x")).await;
    until_phase(&world, "NotFound 1").await;
}
