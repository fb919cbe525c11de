#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use oarlock_sdk::testing::World;
use oarlock_sdk::{Child, ObjectRef, Value, Write, json, merge_patch};

use crate::canary::reconcile;

fn deployment(name: &str, replicas: u32, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "d"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "web", "image": image, "envFrom": [
                    {"configMapRef": {"name": name.replace("web", "config")}},
                ]}]},
            },
        },
    })
}

fn named(kind: &str, name: &str) -> ObjectRef {
    let version = match kind {
        "Deployment" => "apps/v1",
        "HorizontalPodAutoscaler" => "autoscaling/v2",
        _ => "v1",
    };
    ObjectRef::new(version, kind, name).in_namespace("d")
}

/// What a Flagger left: the primary serves, by its Canary.
fn left(spec: &Value, owner: &str) -> World {
    let mut canary = json!({
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
        "metadata": {"name": "web", "namespace": "d"},
        "spec": {"targetRef": {"name": "web"}, "service": {"port": 80}, "analysis": {"stepWeight": 10}},
    });
    merge_patch::apply(&mut canary, &json!({"spec": spec}));
    let mut world = World::new(canary);
    let owners = match owner {
        "" => json!([]),
        owner => {
            json!([{"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "web", "uid": owner, "controller": true}])
        }
    };
    let mut add = |mut object: Value| {
        object["metadata"]["ownerReferences"] = owners.clone();
        world.foreign(object);
    };
    let mut primary = deployment("web-primary", 3, "web:1");
    primary["spec"]["template"]["metadata"]["annotations"] = json!({"flagger-id": "2f0c"});
    add(primary);
    for (name, pods) in [
        ("web", "web-primary"),
        ("web-primary", "web-primary"),
        ("web-canary", "web"),
    ] {
        add(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "d"},
            "spec": {"selector": {"app": pods}, "ports": [{"name": "http", "port": 80}]},
        }));
    }
    world.foreign(deployment("web", 0, "web:1"));
    follow(&mut world);
    world
}

/// The Deployment controllers catch up.
fn follow(world: &mut World) {
    world.each_object(|object| {
        if object["kind"] == "Deployment" {
            let pods = object["spec"]["replicas"].clone();
            object["status"] = json!({
                "observedGeneration": object["metadata"]["generation"],
                "replicas": pods, "updatedReplicas": pods, "readyReplicas": pods, "availableReplicas": pods,
            });
        }
    });
}

/// What is waited for, as people are told.
fn told(world: &World) -> String {
    let why = &world.status()["why"];
    let decision = why["decision"].as_str().unwrap_or_default();
    if !["TakingOver", "FlaggerServes"].contains(&decision) {
        return String::from("done");
    }
    let inputs = why["inputs"].as_array().unwrap().iter();
    let inputs: Vec<_> = inputs
        .map(|wait| {
            let text = |key: &str| wait[key].as_str().unwrap();
            format!("{}: {}", text("name"), text("value"))
        })
        .collect();
    inputs.join("; ")
}

/// Available Pods that the Service sends requests to.
fn serving(world: &World) -> u64 {
    let service = world.live(&named("Service", "web")).unwrap();
    let selected = &service["spec"]["selector"]["app"];
    world
        .objects()
        .filter(|object| object["kind"] == "Deployment")
        .filter(|object| object["spec"]["template"]["metadata"]["labels"]["app"] == *selected)
        .map(|object| object["status"]["availableReplicas"].as_u64().unwrap_or(0))
        .sum()
}

fn tell(world: &World, story: &mut Vec<String>) {
    let waits = told(world);
    // Killed before anything was told.
    if !world.status()["why"].is_null() && story.last() != Some(&waits) {
        story.push(waits);
    }
}

/// To its end, checking after every single write that nobody is without Pods; killed after each in turn.
fn to_the_end(world: &mut World) -> Vec<String> {
    let mut story = Vec::new();
    let mut kills = 0;
    for _ in 0..100 {
        let outcome = world.call(reconcile).unwrap();
        kills = (kills + 1) % 7;
        world.perform(&outcome, if kills == 0 { usize::MAX } else { kills });
        assert_eq!(world.refusal(), None);
        assert!(serving(world) >= 3, "{story:?}");
        tell(world, &mut story);
        let outcome = world.call(reconcile).unwrap();
        let changed = world.perform(&outcome, usize::MAX);
        assert!(serving(world) >= 3, "{story:?}");
        if world.live(&named("Deployment", "web-primary")).is_none() {
            let gone = |child: &Child| {
                child.object()["metadata"]["name"] == "web-primary" && child.write() == Write::Share
            };
            assert!(
                !outcome.exactly().unwrap_or_default().iter().any(gone),
                "what is gone is listed"
            );
        }
        tell(world, &mut story);
        follow(world);
        if !changed {
            match world.wake() {
                Some(wake) if wake > world.now() => world.set_now(wake),
                _ => return story,
            }
        }
    }
    panic!("never ends: {story:?}");
}

#[test]
fn a_flagger_is_taken_over_without_a_moment_without_pods() {
    let mut world = left(&json!({"takeover": "flagger"}), "the-object");
    assert_eq!(serving(&world), 3);
    let began = world.now();
    let story = to_the_end(&mut world);
    assert_eq!(
        story,
        [
            "pods of web: 0 available",
            "service web: selects app=web-primary",
            "pods of web-primary: still finish what they began",
            "deployment web-primary: gets no requests any more, and is removed",
            "done",
        ]
        .map(String::from)
    );
    assert!(world.now().since(began) >= Duration::from_secs(30));
    assert!(world.live(&named("Deployment", "web-primary")).is_none());
    let app = world.live(&named("Deployment", "web")).unwrap();
    assert_eq!(app["spec"]["replicas"], 3);
    assert_eq!(app["spec"]["paused"], true, "held, as any other");
    assert_eq!(serving(&world), 3);
}

#[test]
fn what_was_taken_over_stays_when_a_pod_is_lost_meanwhile() {
    let mut world = left(&json!({"takeover": "flagger"}), "the-object");
    while !told(&world).starts_with("pods of web-primary") {
        world.run(reconcile).unwrap();
        follow(&mut world);
    }
    world.each_object(|object| {
        if object["metadata"]["name"] == "web" && object["kind"] == "Deployment" {
            object["status"]["availableReplicas"] = json!(2);
        }
    });
    world.run(reconcile).unwrap();
    assert_eq!(told(&world), "pods of web: 2 available");
    let services = world.children().filter(|child| child["kind"] == "Service");
    assert_eq!(services.count(), 3);
    follow(&mut world);
    assert_eq!(to_the_end(&mut world).last().unwrap(), "done");
}

#[test]
fn what_a_deleted_canary_left_is_taken_over_by_another() {
    let mut world = left(&json!({"takeover": "flagger"}), "");
    world.edit(json!({"apiVersion": "canary.oarlock.dev/v1alpha1"}));
    assert_eq!(to_the_end(&mut world).last().unwrap(), "done");
    assert!(world.live(&named("Deployment", "web-primary")).is_none());
}

#[test]
fn the_primarys_autoscaler_goes_with_it() {
    let mut world = left(
        &json!({"takeover": "flagger", "autoscalerRef": {"name": "web"}}),
        "the-object",
    );
    world.foreign(json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web-primary", "namespace": "d"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web-primary"}},
    }));
    to_the_end(&mut world);
    assert!(
        world
            .live(&named("HorizontalPodAutoscaler", "web-primary"))
            .is_none()
    );
}

#[test]
fn nothing_is_touched_before_it_can_be_taken_over() {
    for (spec, owner, expected) in [
        (
            json!({}),
            "the-object",
            "deployment web-primary: is a Flagger's, and serves",
        ),
        (
            json!({"takeover": "flagger"}),
            "another",
            "deployment web-primary: belongs to Flagger's Canary web",
        ),
    ] {
        let mut world = left(&spec, owner);
        let before: Vec<_> = world.objects().cloned().collect();
        assert_eq!(to_the_end(&mut world), [expected]);
        assert!(world.objects().eq(before.iter()));
    }
    let mut world = left(&json!({"takeover": "flagger"}), "the-object");
    let app = named("Deployment", "web");
    let image = |image: &str| {
        json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image, "envFrom": [
            {"configMapRef": {"name": "config"}},
        ]}]}}}})
    };
    world.edit_foreign(&app, &image("web:2"));
    assert_eq!(
        to_the_end(&mut world),
        ["deployment web-primary: runs another Pod template than web"]
    );
    world.edit_foreign(&app, &image("web:1"));
    assert_eq!(to_the_end(&mut world).last().unwrap(), "done");
}

#[test]
fn a_deployment_of_that_name_that_is_nobodys_business_is_left_alone() {
    let mut world = left(&json!({}), "the-object");
    let primary = named("Deployment", "web-primary");
    let plain = json!({
        "metadata": {"ownerReferences": null},
        "spec": {"template": {"metadata": {"annotations": null}}},
    });
    world.edit_foreign(&primary, &plain);
    assert!(world.run(reconcile).unwrap().changed);
    assert_eq!(told(&world), "done");
}
