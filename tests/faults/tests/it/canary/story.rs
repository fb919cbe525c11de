//! What users do with a Deployment that a Canary looks after.

use std::time::Duration;

use oarlock_devcluster::workload::{Behaviour, Pattern};
use serde_json::{Value, json};

use super::{CANARIES, DEPLOYMENTS};
use crate::chance::Chance;
use crate::faults::Fault;
use crate::play::{Act, Deed, Place, Story, after};

/// A number of replicas, how far they may be left, and the steps.
pub(super) struct Shape {
    pub(super) replicas: u64,
    pub(super) max_surge: u64,
    pub(super) max_unavailable: u64,
    /// Percent, and the Pods of the new revision that this is.
    pub(super) steps: &'static [(u64, u64)],
}

pub(super) const SHAPES: &[Shape] = &[
    Shape {
        replicas: 3,
        max_surge: 1,
        max_unavailable: 0,
        // One of four is nearer to a fifth than one of three.
        steps: &[(20, 1), (67, 2)],
    },
    Shape {
        replicas: 4,
        max_surge: 0,
        max_unavailable: 1,
        steps: &[(50, 2)],
    },
    Shape {
        replicas: 2,
        max_surge: 1,
        max_unavailable: 1,
        steps: &[(50, 1)],
    },
    Shape {
        replicas: 1,
        max_surge: 1,
        max_unavailable: 0,
        steps: &[(10, 1)],
    },
];

type Acts = fn(&Shape) -> Vec<Act>;

const STORIES: &[(&str, Acts)] = &[
    ("rollout", |_| held(vec![deploy(5, "v2")])),
    ("edited too early", |_| vec![deploy(0, "v2")]),
    ("two rollouts", |_| {
        held(vec![
            deploy(5, "v2"),
            until("/status/phase", "Succeeded"),
            deploy(2, "v3"),
        ])
    }),
    ("back", |_| {
        // It may be back before anybody looked: the first rollout makes no difference then.
        held(vec![
            deploy(5, "v2"),
            until("/status/phase", "Succeeded"),
            deploy(5, "v3"),
            deploy(5, "v2"),
        ])
    }),
    ("third version", |_| {
        held(vec![deploy(5, "v2"), deploy(5, "v3")])
    }),
    ("there and back and there", |_| {
        held(vec![deploy(5, "v2"), deploy(4, "v1"), deploy(4, "v2")])
    }),
    ("promoted by hand", |shape| {
        held(vec![
            steps(&waits(shape)),
            deploy(5, "v2"),
            stands(),
            after(1, 5, Deed::Wish(canary(), "promote")),
        ])
    }),
    ("given up by hand", |shape| {
        held(vec![
            steps(&waits(shape)),
            deploy(5, "v2"),
            stands(),
            after(1, 5, Deed::Wish(canary(), "abort")),
            until("/status/stage", "Failed"),
        ])
    }),
    ("given up and taken back", |shape| {
        held(vec![
            steps(&waits(shape)),
            deploy(5, "v2"),
            stands(),
            after(1, 5, Deed::Wish(canary(), "abort")),
            until("/status/stage", "Failed"),
            deploy(1, "v1"),
        ])
    }),
    ("given up and tried again", |shape| {
        let again = json!({"spec": {
            "steps": [{"setWeight": shape.steps[0].0}],
            "control": {"abort": null, "retry": "once more"},
        }});
        held(vec![
            steps(&waits(shape)),
            deploy(5, "v2"),
            stands(),
            after(1, 5, Deed::Wish(canary(), "abort")),
            until("/status/stage", "Failed"),
            after(1, 5, Deed::Patch(canary(), again)),
        ])
    }),
    ("paused on the way", |_| {
        let paused = |paused: bool| Deed::Patch(canary(), json!({"spec": {"paused": paused}}));
        held(vec![
            deploy(5, "v2"),
            after(3, 10, paused(true)),
            after(20, 20, paused(false)),
        ])
    }),
    ("steps edited", |_| {
        held(vec![
            deploy(5, "v2"),
            after(
                3,
                15,
                steps(&json!([{"setWeight": 40}, {"setWeight": 80}])).deed,
            ),
        ])
    }),
    ("more replicas", |shape| {
        held(vec![deploy(5, "v2"), scale(3, shape.replicas + 2)])
    }),
    ("fewer replicas", |shape| {
        // A number that is not the one that the Deployment was given.
        let (_, given) = shape.steps[0];
        let fewer = match shape.replicas - 1 {
            fewer if fewer > given => fewer,
            _ => shape.replicas + 1,
        };
        held(vec![
            steps(&waits(shape)),
            deploy(5, "v2"),
            stands(),
            scale(3, fewer),
            after(20, 10, Deed::Wish(canary(), "promote")),
        ])
    }),
    ("no replicas", |_| {
        held(vec![scale(5, 0), deploy(5, "v2"), scale(10, 3)])
    }),
    ("the stable one by hand", |_| {
        let none = json!({"spec": {"replicas": 0}});
        held(vec![
            deploy(5, "v2"),
            after(0, 0, Deed::There(stable())),
            after(0, 15, Deed::Patch(stable(), none)),
        ])
    }),
    ("the stable one is deleted", |_| {
        held(vec![
            deploy(5, "v2"),
            after(0, 0, Deed::There(stable())),
            after(0, 15, Deed::Delete(stable())),
        ])
    }),
    ("the Deployment is made anew", |shape| {
        let mut again = deployment(shape);
        again["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image("v2"));
        held(vec![
            deploy(5, "v2"),
            after(5, 15, Deed::Delete(app())),
            after(0, 0, Deed::Gone(app())),
            after(5, 10, Deed::Apply(again)),
        ])
    }),
    ("broken for a while", |_| {
        held(vec![
            after(
                0,
                0,
                Deed::Behave(Pattern::image("v2"), Behaviour::NeverReady),
            ),
            deploy(5, "v2"),
            after(30, 20, Deed::BehaveWell),
        ])
    }),
    ("the stable one crashes for a while", |_| {
        let crash = Behaviour::CrashLoopBackOff {
            after: Duration::from_secs(4),
        };
        held(vec![
            deploy(5, "v2"),
            after(5, 5, Deed::Behave(Pattern::image("v1"), crash)),
            after(20, 10, Deed::BehaveWell),
        ])
    }),
    ("broken and given up", |_| {
        held(vec![
            after(
                0,
                0,
                Deed::Patch(canary(), json!({"spec": {"progressDeadlineSeconds": 30}})),
            ),
            after(
                0,
                0,
                Deed::Behave(Pattern::image("v2"), Behaviour::NeverReady),
            ),
            deploy(5, "v2"),
            until("/status/stage", "Failed"),
        ])
    }),
    ("deleted", |_| {
        held(vec![
            deploy(5, "v2"),
            after(5, 15, Deed::Delete(canary())),
            after(0, 0, Deed::Gone(canary())),
        ])
    }),
];

/// Stories in which nobody but the operator moves Pods, and all of them work.
pub(super) const ORDERLY: &[&str] = &[
    "rollout",
    "edited too early",
    "two rollouts",
    "back",
    "third version",
    "there and back and there",
    "promoted by hand",
    "given up by hand",
    "given up and taken back",
    "given up and tried again",
    "paused on the way",
    "steps edited",
];

/// Orderly stories in which the Deployment may be edited again while it replaces its Pods. It is not paused then, and answers
/// at once, with a surge of its own.
pub(super) const EDITED: &[&str] = &[
    "edited too early",
    "back",
    "third version",
    "there and back and there",
];

/// Stories in which one new revision is rolled out, by the steps that the shape has.
pub(super) const SHARED: &[&str] = &[
    "rollout",
    "paused on the way",
    "broken for a while",
    "broken and given up",
    "given up by hand",
    "the stable one crashes for a while",
];

/// Stories whose end is a revision that was given up.
pub(super) const GIVEN_UP: &[&str] = &["given up by hand", "broken and given up"];

/// The shape of a story, by its name.
pub(super) fn shape(name: &str) -> &'static Shape {
    SHAPES
        .iter()
        .find(|shape| name.ends_with(&told(shape)))
        .unwrap()
}

fn told(shape: &Shape) -> String {
    let Shape {
        replicas,
        max_surge,
        max_unavailable,
        ..
    } = shape;
    format!(", {replicas} replicas, {max_surge} and {max_unavailable}")
}

pub(super) fn of(chance: Chance) -> Story {
    let mut draw = chance.at("story");
    let (name, acts) = draw.pick(STORIES);
    let shape = draw.pick(SHAPES);
    let unwanted = vec![
        // Nothing is asked outside.
        Fault::EffectRefused,
        Fault::EffectFailed,
        Fault::EffectUnanswered,
    ];
    let mut acts = acts(shape);
    acts.insert(0, after(0, 5, Deed::Apply(manifest(shape))));
    Story {
        name: format!("{name}{}", told(shape)),
        before: vec![deployment(shape)],
        acts,
        unwanted,
    }
}

/// What comes after the Canary has its Deployment in its hands.
fn held(then: Vec<Act>) -> Vec<Act> {
    let paused = Deed::Until(app(), "/spec/paused", json!(true));
    let mut acts = vec![after(0, 0, paused)];
    acts.extend(then);
    acts
}

fn deployment(shape: &Shape) -> Value {
    let labels = json!({"app": "web"});
    let container = json!({"name": "web", "image": image("v1")});
    let limits = json!({"maxSurge": shape.max_surge, "maxUnavailable": shape.max_unavailable});
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "default", "labels": labels},
    "spec": {
        "replicas": shape.replicas,
        "selector": {"matchLabels": labels},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": limits},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }})
}

fn image(version: &str) -> String {
    format!("registry.example.com/web:{version}")
}

fn manifest(shape: &Shape) -> Value {
    let steps: Vec<Value> = shape
        .steps
        .iter()
        .map(|(percent, _)| json!({"setWeight": percent}))
        .collect();
    json!({"apiVersion": "canary.oarlock.dev/v1alpha1", "kind": "Canary",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "analysis": {"interval": "10s"},
        "steps": steps,
    }})
}

/// The first step alone, held until somebody decides.
fn waits(shape: &Shape) -> Value {
    let (percent, _) = shape.steps[0];
    json!([{"setWeight": percent}, {"pause": {}}])
}

/// It stands at a step that waits for a person.
fn stands() -> Act {
    until("/status/why/decision", "WaitingForPromotion")
}

fn steps(steps: &Value) -> Act {
    after(
        0,
        0,
        Deed::Patch(canary(), json!({"spec": {"steps": steps}})),
    )
}

fn until(pointer: &'static str, value: &str) -> Act {
    after(0, 0, Deed::Until(canary(), pointer, json!(value)))
}

fn deploy(seconds: u64, version: &str) -> Act {
    let container = json!({"name": "web", "image": image(version)});
    let patch = json!({"spec": {"template": {"spec": {"containers": [container]}}}});
    after(seconds, 15, Deed::Patch(app(), patch))
}

fn scale(seconds: u64, replicas: u64) -> Act {
    let patch = json!({"spec": {"replicas": replicas}});
    after(seconds, 15, Deed::Patch(app(), patch))
}

fn canary() -> Place {
    Place {
        resource: CANARIES,
        namespace: "default",
        name: "web".to_owned(),
    }
}

fn app() -> Place {
    Place {
        resource: DEPLOYMENTS,
        namespace: "default",
        name: "web".to_owned(),
    }
}

fn stable() -> Place {
    Place {
        resource: DEPLOYMENTS,
        namespace: "default",
        name: "web-stable".to_owned(),
    }
}
