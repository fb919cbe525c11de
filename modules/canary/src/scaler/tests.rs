#![expect(clippy::unwrap_used, reason = "tests")]

use oarlock_sdk::testing::World;
use oarlock_sdk::{AnyObject, Context, Failure, ObjectRef, Outcome, ReadError, Value, json};
use rollout::analysis::Settings;

use super::{Seen, decide};
use crate::plan::Plan;

fn hpa() -> ObjectRef {
    ObjectRef::new("autoscaling/v2", "HorizontalPodAutoscaler", "web").in_namespace("d")
}

fn scaler(name: &str, target: &str) -> Value {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": "d"},
        "spec": {
            "minReplicas": 2, "maxReplicas": 9,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
        },
    })
}

fn world(spec: Value) -> World {
    let mut canary = json!({
        "apiVersion": "canary.oarlock.dev/v1alpha1", "kind": "Canary",
        "metadata": {"name": "web", "namespace": "d"},
        "spec": {"targetRef": {"name": "web"}, "analysis": {"stepWeight": 10}},
    });
    oarlock_sdk::merge_patch::apply(&mut canary, &json!({"spec": spec}));
    World::new(canary)
}

/// The scaler alone, with the Deployment at 4 replicas.
fn scale(canary: AnyObject, cx: &Context) -> Result<Outcome, Failure> {
    let (_, mut plan) = Plan::read(canary, &Settings::default())?;
    let seen = Seen::of(cx, &plan)?;
    seen.settle(&mut plan);
    let scaling = decide(&plan, plan.replicas.unwrap_or(4), &seen);
    let warnings = [plan.warnings, scaling.warnings].concat();
    let outcome = Outcome::new().patch_status(json!({"warnings": warnings}));
    Ok(outcome.children(match cx.deleting() {
        true => Vec::new(),
        false => scaling.children,
    }))
}

fn target(world: &World) -> String {
    let target = &world.live(&hpa()).unwrap()["spec"]["scaleTargetRef"];
    let text = |key: &str| target[key].as_str().unwrap();
    format!("{} {} {}", text("apiVersion"), text("kind"), text("name"))
}

fn settle(world: &mut World) -> usize {
    (0..10)
        .take_while(|_| world.run(scale).unwrap().changed)
        .count()
}

#[test]
fn row_19_an_autoscaler_scales_the_canary_and_both_revisions_with_it() {
    let mut world = world(json!({"autoscalerRef": {"name": "web"}}));
    world.foreign(scaler("web", "web"));
    assert_eq!(
        settle(&mut world),
        2,
        "the number first, then the autoscaler"
    );
    assert_eq!(world.refusal(), None);
    assert_eq!(world.object()["spec"]["replicas"], 4);
    assert_eq!(target(&world), "canary.oarlock.dev/v1alpha1 Canary web");

    // What the autoscaler writes stays.
    world.edit(json!({"spec": {"replicas": 7}}));
    assert_eq!(settle(&mut world), 0, "no ping-pong");
    assert_eq!(world.object()["spec"]["replicas"], 7);
}

#[test]
fn row_19_a_number_is_there_before_an_autoscaler_asks_for_it() {
    let mut world = world(json!({"autoscalerRef": {"name": "web"}}));
    world.foreign(scaler("web", "web"));
    world.run(scale).unwrap();
    assert_eq!(world.object()["spec"]["replicas"], 4);
    assert_eq!(target(&world), "apps/v1 Deployment web");
}

#[test]
fn row_19_an_autoscaler_is_given_back() {
    for leave in [
        json!({"spec": {"autoscalerRef": null}}),
        json!({"metadata": {"deletionTimestamp": "2026-11-01T12:00:00Z"}}),
    ] {
        let mut world = world(json!({"autoscalerRef": {"name": "web"}}));
        world.foreign(scaler("web", "web"));
        settle(&mut world);
        world.edit(leave);
        settle(&mut world);
        assert_eq!(target(&world), "apps/v1 Deployment web");
        assert_eq!(
            world.live(&hpa()).unwrap()["metadata"]["annotations"],
            json!({})
        );
    }
}

#[test]
fn what_an_autoscaler_scaled_before_is_known_after_a_restart() {
    let mut world = world(json!({"autoscalerRef": {"name": "web"}, "replicas": 3}));
    let mut old = scaler("web", "web");
    old["spec"]["scaleTargetRef"]["apiVersion"] = json!("apps/v1beta2");
    world.foreign(old);
    settle(&mut world);
    world.edit(json!({"spec": {"autoscalerRef": null}}));
    settle(&mut world);
    assert_eq!(target(&world), "apps/v1beta2 Deployment web");
}

#[test]
fn row_19_the_number_of_an_autoscaler_that_is_not_named_is_the_deployments_own() {
    let mut world = world(json!({"autoscalerRef": {"name": "web"}}));
    world.foreign(scaler("web", "web"));
    settle(&mut world);
    world.edit(json!({"spec": {"autoscalerRef": null}}));
    settle(&mut world);
    assert_eq!(target(&world), "apps/v1 Deployment web");
    let any = <AnyObject as oarlock_sdk::Subject>::from_json(world.object().to_string()).unwrap();
    let (_, mut plan) = Plan::read(any, &Settings::default()).unwrap();
    assert_eq!(
        plan.replicas,
        Some(4),
        "what the autoscaler wrote is still there"
    );
    let seen = Seen {
        named: None,
        others: vec![String::from("web")],
    };
    seen.settle(&mut plan);
    assert_eq!(plan.replicas, None);
    assert!(plan.obstacle.is_some());
    assert_eq!(
        plan.warnings[0],
        "spec.replicas: not used: HorizontalPodAutoscaler web scales web itself\n\
         hint: name it in spec.autoscalerRef, or remove spec.replicas"
    );
}

#[test]
fn what_cannot_work_is_told() {
    let warnings = |world: &mut World| {
        settle(world);
        world.status()["warnings"].clone()
    };
    let mut unnamed = world(json!({}));
    unnamed.foreign(scaler("web", "web"));
    unnamed.foreign(scaler("other", "other"));
    assert_eq!(
        warnings(&mut unnamed),
        json!([
            "HorizontalPodAutoscaler web scales web itself, and would fight with a rollout; none begins\n\
                hint: name it in spec.autoscalerRef"
        ])
    );
    let denied = ReadError::Denied(String::from("not granted"));
    unnamed.fails("autoscaling/v2", "HorizontalPodAutoscaler", denied);
    assert_eq!(warnings(&mut unnamed), json!([]));

    let mut absent = world(json!({"autoscalerRef": {"name": "web"}}));
    assert_eq!(
        warnings(&mut absent),
        json!([
            "spec.autoscalerRef: there is no HorizontalPodAutoscaler web\nhint: create it, or leave autoscalerRef out"
        ])
    );
    absent.foreign(scaler("web", "api"));
    assert_eq!(
        warnings(&mut absent),
        json!([
            "spec.autoscalerRef: HorizontalPodAutoscaler web scales Deployment api, not web, and is left alone\n\
                hint: name the one of web"
        ])
    );
    absent.foreign(scaler("web", "web"));
    absent.foreign(scaler("second", "web"));
    assert_eq!(
        warnings(&mut absent),
        json!([
            "spec.autoscalerRef: HorizontalPodAutoscaler second scales web, too, and would fight with web; no rollout begins\n\
                hint: delete one of the two"
        ])
    );
}
