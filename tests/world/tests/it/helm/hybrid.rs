//! The example of a hybrid, as its README has it typed: chart and steps together.

use std::sync::Arc;

use oarlock_devcluster::resource::ResourceId;
use serde_json::{Value, json};

use super::charts::Charts;
use super::site::{CONFIG_MAPS, DEPLOYMENTS, Record, SECRETS};
use crate::components::{component_with_all, serving, text};
use crate::world::{Circumstances, World, condition, watches};

const BOARDS: ResourceId = ResourceId::of("boards.oarlock.dev", "boards");
const JOBS: ResourceId = ResourceId::of("batch", "jobs");

fn document(name: &str) -> Value {
    serde_saphyr::from_str(&text(&format!("examples/hybrid/{name}"))).unwrap()
}

async fn world() -> World {
    let charts = Charts::new();
    charts.publish("examples/hybrid/charts/board", "board", "");
    let libraries = [
        ("oarlock:helm/engine", "modules/helm-engine"),
        ("oarlock:helm/steps", "modules/board"),
    ];
    let module = serving(component_with_all("modules/helm-hybrid", &libraries).await);
    let served = watches(&text("examples/hybrid/watches.yaml")).into_iter();
    let served = served.map(|watch| (watch, module.clone())).collect();
    let circumstances = Circumstances {
        artifacts: charts as _,
        ..Circumstances::default()
    };
    World::with(&[document("crd.yaml")], served, circumstances)
}

/// Waits for what `Ready` says of the object as it is now.
async fn told(world: &mut World, wanted: &str) {
    let what = format!("Ready={wanted}");
    world
        .until(&what, |world| {
            let board = world.get(&BOARDS, "harbour")?;
            let all = board["status"]["conditions"].as_array()?;
            let seen = &all.iter().find(|c| c["type"] == "Ready")?["observedGeneration"];
            let is_told = condition(&board, "Ready")?.starts_with(wanted);
            (is_told && *seen == board["metadata"]["generation"]).then_some(())
        })
        .await;
}

fn names(world: &World, id: &ResourceId) -> Vec<String> {
    let mut names: Vec<String> = world
        .list(id)
        .iter()
        .map(|object| object["metadata"]["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

fn message(world: &World) -> Value {
    let serving = world.get(&DEPLOYMENTS, "harbour").unwrap();
    serving["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"].clone()
}

async fn ready() -> World {
    let mut world = world().await;
    world.apply(document("board.yaml")).unwrap();
    told(&mut world, "True").await;
    world
}

#[tokio::test(start_paused = true)]
async fn values_are_computed_and_steps_stand_beside_the_release() {
    let world = ready().await;
    let serving = world.get(&DEPLOYMENTS, "harbour").unwrap();
    assert_eq!(serving["spec"]["replicas"], 3);
    let container = &serving["spec"]["template"]["spec"]["containers"][0];
    // `overrideValues` of the watch.
    assert_eq!(container["image"], "docker.io/stefanprodan/podinfo:6.9.1");
    assert_eq!(message(&world), "Harbour");
    let secret = world.get(&SECRETS, "harbour-database").unwrap();
    assert_eq!(secret["metadata"]["ownerReferences"][0]["kind"], "Board");
    let board: Arc<Value> = world.get(&BOARDS, "harbour").unwrap();
    assert_eq!(board["status"]["url"], "http://harbour.boards.example");
    assert_eq!(board["status"]["chart"], "1.0.0");
    assert_eq!(names(&world, &JOBS), ["harbour-serves-1"]);
    // The Secret was there before anything of the release, and the Job after all of it.
    let made = |object: &Value| {
        let at = object["metadata"]["uid"].as_str().unwrap().to_owned();
        (
            object["metadata"]["creationTimestamp"]
                .as_str()
                .unwrap()
                .to_owned(),
            at,
        )
    };
    let job = world.get(&JOBS, "harbour-serves-1").unwrap();
    assert!(made(&secret).0 <= made(&serving).0 && made(&serving).0 <= made(&job).0);
}

#[tokio::test(start_paused = true)]
async fn at_rest_nothing_is_written() {
    let mut world = ready().await;
    world.pass(std::time::Duration::from_secs(300)).await;
    let before = world.store().revision();
    world.pass(std::time::Duration::from_secs(3600)).await;
    assert_eq!(world.store().revision(), before);
    world.restart().await;
    world.pass(std::time::Duration::from_secs(600)).await;
    assert_eq!(names(&world, &JOBS), ["harbour-serves-1"]);
}

#[tokio::test(start_paused = true)]
async fn what_steps_read_makes_a_revision() {
    let mut world = ready().await;
    let notice = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "notice", "namespace": "default"}, "data": {"text": "Ebb at six"},
    });
    world.apply(notice).unwrap();
    world
        .until("the second revision is served", |world| {
            (names(world, &JOBS) == ["harbour-serves-2"]).then_some(())
        })
        .await;
    told(&mut world, "True").await;
    assert_eq!(message(&world), "Harbour Ebb at six");
    assert_eq!(names(&world, &CONFIG_MAPS).last().unwrap(), "notice");
    let records: Vec<u64> = world
        .list(&SECRETS)
        .iter()
        .filter_map(|secret| Some(Record::of(secret)?.revision))
        .collect();
    assert_eq!(records, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_field_that_a_step_refuses_leaves_what_runs() {
    let mut world = ready().await;
    let wrong = json!({"spec": {"database": "", "readers": 1}});
    world.edit(&BOARDS, "harbour", &wrong).unwrap();
    told(&mut world, "False").await;
    let board = world.get(&BOARDS, "harbour").unwrap();
    let said = condition(&board, "Ready").unwrap();
    assert!(said.contains("spec.database: expected a host"), "{said}");
    assert_eq!(names(&world, &JOBS), ["harbour-serves-1"]);
    assert_eq!(
        world.get(&DEPLOYMENTS, "harbour").unwrap()["spec"]["replicas"],
        3
    );
}

#[tokio::test(start_paused = true)]
async fn a_deleted_object_takes_all_of_it_along() {
    let mut world = ready().await;
    world.delete(&BOARDS, "harbour");
    world
        .until("it is gone", |world| {
            world.get(&BOARDS, "harbour").is_none().then_some(())
        })
        .await;
    assert_eq!(names(&world, &DEPLOYMENTS), [""; 0]);
    world.pass(std::time::Duration::from_secs(60)).await;
    assert_eq!(names(&world, &SECRETS), [""; 0]);
    assert_eq!(names(&world, &JOBS), [""; 0]);
}
