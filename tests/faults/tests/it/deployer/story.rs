//! What users do with a Deployer.

use oarlock_devcluster::workload::{Behaviour, Pattern};
use serde_json::{Value, json};

use super::{DEPLOYERS, DEPLOYMENTS, MANIFEST};
use crate::chance::Chance;
use crate::faults::Fault;
use crate::play::{Act, Deed, Place, Story, after};

/// Replicas and steps.
const SHAPES: &[(u64, &[(u64, u64)])] = &[
    (2, &[(50, 10), (100, 0)]),
    (3, &[(34, 10), (67, 5), (100, 0)]),
    (1, &[]),
];

type Acts = fn(&Value) -> Vec<Act>;

const STORIES: &[(&str, Acts)] = &[
    ("rollout", |first| vec![apply(first), deploy(40, "1.7.8")]),
    ("rollout too early", |first| {
        vec![apply(first), deploy(0, "1.7.8")]
    }),
    ("back", |first| {
        vec![apply(first), deploy(20, "1.7.8"), deploy(8, "1.7.7")]
    }),
    ("third version", |first| {
        vec![apply(first), deploy(20, "1.7.8"), deploy(8, "1.7.9")]
    }),
    ("there and back and there", |first| {
        vec![
            apply(first),
            deploy(20, "1.7.8"),
            deploy(10, "1.7.7"),
            deploy(5, "1.7.8"),
        ]
    }),
    ("steps edited", |first| {
        let steps = json!({"spec": {"steps": [{"percent": 20, "sleep": 3}, {"percent": 100}]}});
        vec![
            apply(first),
            deploy(20, "1.7.8"),
            after(10, 15, Deed::Patch(deployer(), steps)),
        ]
    }),
    ("more replicas", |first| {
        vec![apply(first), deploy(20, "1.7.8"), replicas(10, 4)]
    }),
    ("fewer replicas", |first| {
        vec![apply(first), deploy(20, "1.7.8"), replicas(10, 1)]
    }),
    ("nothing at all", |first| {
        vec![apply(first), replicas(20, 0), deploy(5, "1.7.8")]
    }),
    ("deleted", |first| {
        vec![
            apply(first),
            deploy(20, "1.7.8"),
            after(5, 15, Deed::Delete(deployer())),
        ]
    }),
    ("deleted and created again", |first| {
        vec![
            apply(first),
            deploy(20, "1.7.8"),
            after(5, 15, Deed::Delete(deployer())),
            after(0, 0, Deed::Gone(deployer())),
            after(0, 3, Deed::Apply(first.clone())),
        ]
    }),
    ("replicas by hand", |first| {
        let patch = |replicas: u64| json!({"spec": {"replicas": replicas}});
        vec![
            apply(first),
            after(20, 10, Deed::Patch(deployment("1.7.7"), patch(5))),
            deploy(5, "1.7.8"),
            after(5, 10, Deed::Patch(deployment("1.7.8"), patch(0))),
        ]
    }),
    ("labels by hand", |first| {
        let labels = json!({"metadata": {"labels": {"operator": "nobody", "mine": "stays"}}});
        vec![
            apply(first),
            after(10, 0, Deed::There(deployment("1.7.7"))),
            after(0, 30, Deed::Patch(deployment("1.7.7"), labels)),
        ]
    }),
    ("a Deployment is deleted", |first| {
        vec![
            apply(first),
            deploy(20, "1.7.8"),
            after(5, 10, Deed::Delete(deployment("1.7.7"))),
            after(3, 10, Deed::Delete(deployment("1.7.8"))),
        ]
    }),
    ("broken for a while", |first| {
        let broken = Deed::Behave(Pattern::image("1.7.8"), Behaviour::NeverReady);
        vec![
            apply(first),
            after(20, 0, broken),
            deploy(0, "1.7.8"),
            after(30, 20, Deed::BehaveWell),
        ]
    }),
    ("crashing for a while", |first| {
        let after_ready = std::time::Duration::from_secs(4);
        let crash = Behaviour::CrashLoopBackOff { after: after_ready };
        vec![
            apply(first),
            deploy(20, "1.7.8"),
            after(5, 5, Deed::Behave(Pattern::image("1.7.7"), crash)),
            after(20, 10, Deed::BehaveWell),
        ]
    }),
    ("wrong and right again", |first| {
        let wrong = json!({"spec": {"deployment": {"image": "no image"}}});
        let right = json!({"spec": {"deployment": {"image": "nginx"}}});
        vec![
            apply(first),
            deploy(20, "1.7.8"),
            after(5, 10, Deed::Patch(deployer(), wrong)),
            after(10, 10, Deed::Patch(deployer(), right)),
        ]
    }),
    ("blue and green", |first| {
        let mut first = first.clone();
        first["spec"]["type"] = json!("blueGreen");
        first["spec"]["blueGreen"] = json!({"autoPromotionDelay": 5, "scaleDownDelay": "10s"});
        vec![apply(&first), deploy(20, "1.7.8"), deploy(10, "1.7.9")]
    }),
    ("recreated", |first| {
        let mut first = first.clone();
        first["spec"]["type"] = json!("recreate");
        vec![apply(&first), deploy(20, "1.7.8"), deploy(3, "1.7.9")]
    }),
    ("paused for a while", |first| {
        let paused = |paused: bool| json!({"spec": {"paused": paused}});
        vec![
            apply(first),
            deploy(20, "1.7.8"),
            after(5, 10, Deed::Patch(deployer(), paused(true))),
            after(20, 10, Deed::Patch(deployer(), paused(false))),
        ]
    }),
    ("other labels", |first| {
        let labels = json!({"spec": {"deployment": {"labels": {"app": "web"}}}});
        // Labels that come before their Deployment need no second one.
        vec![
            apply(first),
            after(10, 0, Deed::There(deployment("1.7.7"))),
            after(0, 20, Deed::Patch(deployer(), labels)),
        ]
    }),
];

/// Stories in which nobody but the operator moves Pods, and all of them work.
pub(super) const ORDERLY: &[&str] = &[
    "rollout",
    "rollout too early",
    "back",
    "third version",
    "there and back and there",
    "steps edited",
    "wrong and right again",
];

pub(super) fn of(chance: Chance) -> Story {
    let mut draw = chance.at("story");
    let (name, acts) = draw.pick(STORIES);
    let (replicas, steps) = draw.pick(SHAPES);
    let mut first = MANIFEST.clone();
    first["metadata"]["namespace"] = "default".into();
    first["spec"]["deployment"]["replicas"] = json!(replicas);
    first["spec"]["steps"] = steps
        .iter()
        .map(|(percent, sleep)| json!({"percent": percent, "sleep": sleep}))
        .collect();
    // A Pod that crashed at the end is late.
    let unwanted = vec![
        Fault::EffectRefused,
        Fault::EffectFailed,
        Fault::EffectUnanswered,
    ];
    Story {
        name: format!("{name}, {replicas} replicas, {} steps", steps.len()),
        before: vec![foreign()],
        acts: acts(&first),
        unwanted,
    }
}

/// Looks like one of the operator's, and is not.
pub(super) fn foreign() -> Value {
    let labels = json!({"app": "nginx", "operator": "deployer"});
    let container = json!({"name": "nginx", "image": "nginx:1.7.7"});
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "nginx", "namespace": "default", "labels": labels},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"other": "one"}}, "template": {
            "metadata": {"labels": {"other": "one"}}, "spec": {"containers": [container]}}}})
}

fn apply(object: &Value) -> Act {
    after(0, 5, Deed::Apply(object.clone()))
}

fn deploy(seconds: u64, version: &str) -> Act {
    let patch = json!({"spec": {"deployment": {"version": version}}});
    after(seconds, 15, Deed::Patch(deployer(), patch))
}

fn replicas(seconds: u64, replicas: u64) -> Act {
    let patch = json!({"spec": {"deployment": {"replicas": replicas}}});
    after(seconds, 10, Deed::Patch(deployer(), patch))
}

fn deployer() -> Place {
    Place {
        resource: DEPLOYERS,
        namespace: "default",
        name: "nginx".to_owned(),
    }
}

fn deployment(version: &str) -> Place {
    Place {
        resource: DEPLOYMENTS,
        namespace: "default",
        name: format!("nginx-{version}"),
    }
}
