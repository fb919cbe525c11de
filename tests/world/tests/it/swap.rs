//! A new component takes over while objects come, change and go.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::reconciler::Reconciler as _;
use oarlock_devcluster::resource::ResourceId;
use serde_json::json;

use crate::components::{component, rebuilt, serving};
use crate::languages::{BOTH, definition, greeting, greetings, secret};
use crate::witness::Witness;
use crate::world::{World, condition, watch};

const GREETINGS: ResourceId = ResourceId::of("guests.oarlock.dev", "greetings");
const CONFIG_MAPS: ResourceId = ResourceId::of("", "configmaps");

const OBJECTS: usize = 500;

fn name(number: usize) -> String {
    format!("g{number:03}")
}

fn names(witness: &Witness) -> BTreeSet<String> {
    let runs = witness.runs();
    runs.iter()
        .map(|ran| ran.object.target().name.clone())
        .collect()
}

/// The message of each ConfigMap is that of its Greeting.
fn all_greeted(world: &World) -> Option<()> {
    let all = world.list(&GREETINGS);
    let greeted = all.iter().all(|greeting| {
        let name = greeting["metadata"]["name"].as_str().unwrap();
        let map = world.get(&CONFIG_MAPS, &format!("{name}-greeting"));
        let ready = condition(greeting, "Ready").is_some_and(|ready| ready.starts_with("True"));
        ready && map.is_some_and(|map| map["data"]["message"] == greeting["spec"]["message"])
    });
    greeted.then_some(())
}

#[tokio::test(start_paused = true)]
async fn every_object_is_served_by_the_new_one_and_nothing_is_listed() {
    let old = Witness::of(component("guests/guest-rust").await);
    let new = Witness::of(rebuilt("guests/guest-rust", "second").await);
    assert_ne!(old.digest(), new.digest());
    let watch = watch(&greetings(BOTH));
    let mut world = World::new(&[definition()], vec![(watch.clone(), serving(old.clone()))]);
    world.apply(secret()).unwrap();
    for number in 0..OBJECTS {
        world.apply(greeting(&name(number), "first")).unwrap();
    }
    world.until("all are greeted", all_greeted).await;
    // Past the looks of discovery, and in the middle of the minute after which each is called again.
    world.pass(Duration::from_secs(20)).await;
    world.gate().requests();
    let before = old.runs().len();

    // The new one takes over between changes of all sorts: some objects are about to be run by the old one.
    for number in 0..200 {
        let edit = json!({"spec": {"message": "second"}});
        world.edit(&GREETINGS, &name(number), &edit).unwrap();
        if number % 10 == 0 {
            tokio::task::yield_now().await;
        }
    }
    world.serve(vec![(watch, serving(Arc::clone(&new)))]);
    for number in 100..300 {
        let edit = json!({"spec": {"message": "third"}});
        world.edit(&GREETINGS, &name(number), &edit).unwrap();
        if number % 10 == 0 {
            tokio::task::yield_now().await;
        }
    }
    for number in OBJECTS..OBJECTS + 20 {
        world.apply(greeting(&name(number), "late")).unwrap();
    }
    for number in OBJECTS - 20..OBJECTS {
        world.delete(&GREETINGS, &name(number));
    }
    world.pass(Duration::from_secs(10)).await;

    all_greeted(&world).unwrap();
    let there: BTreeSet<String> = world
        .list(&GREETINGS)
        .iter()
        .map(|greeting| greeting["metadata"]["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(there.len(), OBJECTS);
    assert!(
        names(&new).is_superset(&there),
        "the new one has seen all objects"
    );
    // The last generation of each was seen by the new one.
    let runs = new.runs();
    for greeting in world.list(&GREETINGS) {
        let generation = &greeting["metadata"]["generation"];
        let seen = runs.iter().any(|ran| {
            ran.object.target().name == greeting["metadata"]["name"].as_str().unwrap()
                && ran.object.pointer("/metadata/generation") == Some(generation)
        });
        assert!(seen, "{} {generation}", greeting["metadata"]["name"]);
    }
    // The old one only ended what it had begun.
    let after = old.runs().len() - before;
    assert!(after <= 200, "the old one still ran {after} times");
    let listed = world.gate().requests();
    let lists: Vec<&String> = listed
        .iter()
        .filter(|line| line.starts_with("GET") && !line.contains("watch=true"))
        .collect();
    assert_eq!(lists, Vec::<&String>::new(), "nothing is listed again");
    assert_eq!(world.metric("oarlock_problems_total"), 0);
}

/// What does not change is not disturbed: neither by the same file again, nor by another entry.
#[tokio::test(start_paused = true)]
async fn the_same_again_is_no_change() {
    let module = Witness::of(component("guests/guest-rust").await);
    let again = Witness::of(component("guests/guest-rust").await);
    let watch = watch(&greetings(BOTH));
    let mut world = World::new(
        &[definition()],
        vec![(watch.clone(), serving(module.clone()))],
    );
    world.apply(secret()).unwrap();
    world.apply(greeting("hello", "first")).unwrap();
    world.until("it is greeted", all_greeted).await;
    world.pass(Duration::from_secs(10)).await;
    let runs = module.runs().len();
    world.serve(vec![(watch, serving(again.clone()))]);
    world.pass(Duration::from_secs(10)).await;
    assert_eq!((module.runs().len(), again.runs().len()), (runs, 0));
}
