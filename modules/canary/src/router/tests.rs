#![expect(clippy::unwrap_used, reason = "tests")]

mod routes;
mod services;

use oarlock_sdk::testing::World;
use oarlock_sdk::{AnyObject, Context, Failure, ObjectRef, Outcome, Value, json, merge_patch};
use rollout::analysis::Settings;

use super::observed::Observed;
use super::{Pods, Routes, Target, Traffic, decide};
use crate::deployment::DeploymentSpec;
use crate::plan::Plan;

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "d", "uid": "web-uid"},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web", "team": "a"}},
                "spec": {"containers": [{"name": "web", "image": "web:2", "ports": [
                    {"name": "http", "containerPort": 8080}, {"name": "metrics", "containerPort": 9090},
                    {"containerPort": 7070},
                ]}]},
            },
        },
    })
}

fn service(name: &str, selector: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "d"},
        "spec": {"selector": selector, "ports": [{"port": 80}]},
    })
}

/// A Canary with its Deployment.
fn world(spec: &Value) -> World {
    let mut canary = json!({
        "apiVersion": "canary.oarlock.dev/v1alpha1", "kind": "Canary",
        "metadata": {"name": "web", "namespace": "d"},
        "spec": {"targetRef": {"name": "web"}, "service": {"port": 80, "targetPort": 8080}, "analysis": {"stepWeight": 10}},
    });
    merge_patch::apply(&mut canary, &json!({"spec": spec}));
    let mut world = World::new(canary);
    world.foreign(deployment());
    world
}

fn gateway() -> World {
    world(
        &json!({"service": {"gatewayRefs": [{"name": "public", "namespace": "infra"}], "hosts": ["web.example.com"]}}),
    )
}

fn blue_green() -> World {
    world(&json!({"analysis": {"iterations": 3}}))
}

fn decided(canary: AnyObject, cx: &Context, traffic: &Traffic) -> Result<Routes, Failure> {
    let (_, plan) = Plan::read(canary, &Settings::default())?;
    let live = cx.get::<DeploymentSpec>("d", "web")?.unwrap();
    let seen = Observed::of(cx, &plan)?;
    Ok(decide(&plan, &Target::of(&live), traffic, &seen))
}

/// The router alone, going where the test says. What is missing is in the status.
fn run(world: &mut World, traffic: &Traffic) -> bool {
    let route = |canary: AnyObject, cx: &Context| -> Result<Outcome, Failure> {
        if cx.deleting() {
            return Ok(Outcome::new().children([]).finalized());
        }
        let routes = decided(canary, cx, traffic)?;
        let waits: Vec<_> = routes
            .waits
            .iter()
            .map(|wait| {
                let expected = wait.expected.as_deref().unwrap_or_default();
                format!("{}: {}, not {expected}", wait.name, wait.value)
            })
            .collect();
        Ok(Outcome::new()
            .patch_status(json!({"waits": waits, "live": routes.live}))
            .children(routes.children))
    };
    let ran = world.run(route).unwrap();
    assert_eq!(world.refusal(), None);
    ran.changed
}

fn waits(world: &World) -> Vec<&str> {
    let waits = world.status()["waits"].as_array().unwrap();
    waits.iter().map(|wait| wait.as_str().unwrap()).collect()
}

fn settle(world: &mut World, traffic: &Traffic) {
    for _ in 0..10 {
        if !run(world, traffic) {
            return;
        }
    }
    panic!("never comes to rest: {:?}", waits(world));
}

/// The gateway takes its routes as they are.
fn gateways_follow(world: &mut World) {
    world.each_object(|object| {
        if object["kind"] == "HTTPRoute" {
            let generation = object["metadata"]["generation"].clone();
            let condition = |kind: &str| json!({"type": kind, "status": "True", "observedGeneration": generation});
            object["status"]["parents"] = json!([{
                "parentRef": {"name": "public"}, "conditions": [condition("Accepted"), condition("ResolvedRefs")],
            }]);
        }
    });
}

fn stable() -> Traffic {
    Traffic {
        stable: Pods::Stable,
        ..Traffic::idle()
    }
}

fn at(weight: u32) -> Traffic {
    Traffic {
        stable: Pods::Stable,
        canary: Some(Pods::Hash(String::from("abc"))),
        weight,
    }
}

fn selector(world: &World, name: &str) -> String {
    let target = ObjectRef::new("v1", "Service", name).in_namespace("d");
    let selector = &world.live(&target).unwrap()["spec"]["selector"];
    let pairs = selector.as_object().unwrap().iter();
    let mut pairs: Vec<_> = pairs
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap()))
        .collect();
    pairs.sort();
    pairs.join(",")
}

fn route() -> ObjectRef {
    ObjectRef::new("gateway.networking.k8s.io/v1", "HTTPRoute", "web").in_namespace("d")
}

fn weights(world: &World) -> Vec<(String, u64)> {
    let rules = world.live(&route()).unwrap()["spec"]["rules"].clone();
    let backends = rules.as_array().unwrap().iter().flat_map(|rule| {
        let backends = rule["backendRefs"].as_array().cloned();
        backends.unwrap_or_default()
    });
    backends
        .map(|backend| {
            let name = backend["name"].as_str().unwrap().to_owned();
            (name, backend["weight"].as_u64().unwrap_or(1))
        })
        .collect()
}

fn split(primary: u64, canary: u64) -> Vec<(String, u64)> {
    vec![
        (String::from("web-primary"), primary),
        (String::from("web-canary"), canary),
    ]
}
