//! What users do with a release.

use oarlock_devcluster::workload::{Behaviour, Pattern};
use serde_json::{Value, json};

use super::RELEASES;
use crate::chance::Chance;
use crate::faults::Fault;
use crate::play::{Act, Deed, Place, Story, after};

type Acts = fn() -> Vec<Act>;

/// All of them end with a release that is ready, or with none.
const STORIES: &[(&str, Acts)] = &[
    ("install", Vec::new),
    ("upgrade", || vec![ready(), greet(5, "hi")]),
    ("edited at once", || vec![greet(0, "hi")]),
    ("edited twice", || {
        vec![ready(), greet(5, "hi"), greet(1, "hey")]
    }),
    ("rolled back and put right", || {
        vec![
            ready(),
            break_it(),
            until("/status/history/0/action", &json!("rollback")),
            values(5, &json!({"image": "web:well", "greeting": "good"})),
        ]
    }),
    ("put right while it waits", || {
        vec![
            ready(),
            break_it(),
            values(10, &json!({"image": "web:well", "greeting": "good"})),
        ]
    }),
    ("with hooks and tests", || {
        let spec = json!({
            "test": {"enable": true},
            "values": {"hook": {"enabled": true}, "test": {"enabled": true}},
        });
        vec![patch(0, &json!({"spec": spec})), greet(5, "hi")]
    }),
    ("deleted", || {
        vec![
            after(1, 20, Deed::Delete(release())),
            after(0, 0, Deed::Gone(release())),
        ]
    }),
    ("deleted and made again", || {
        vec![
            ready(),
            after(1, 5, Deed::Delete(release())),
            after(0, 0, Deed::Gone(release())),
            after(1, 5, Deed::Apply(manifest())),
        ]
    }),
];

/// Stories in which some Pods are broken.
pub(super) const BROKEN: &[&str] = &["rolled back and put right", "put right while it waits"];

pub(super) fn of(chance: Chance) -> Story {
    let mut draw = chance.at("story");
    let (name, acts) = draw.pick(STORIES);
    let never = Deed::Behave(Pattern::image("never-ready"), Behaviour::NeverReady);
    let mut all = vec![after(0, 0, never), after(0, 5, Deed::Apply(manifest()))];
    all.extend(acts());
    Story {
        name: (*name).to_owned(),
        before: vec![json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "HelmRepository",
            "metadata": {"name": "charts", "namespace": "default"},
            "spec": {"url": "https://charts.example", "interval": "1h"},
        })],
        acts: all,
        unwanted: vec![
            // Nothing is asked outside.
            Fault::EffectRefused,
            Fault::EffectFailed,
            Fault::EffectUnanswered,
            // A hook that loses its Pod has failed.
            Fault::PodLost,
        ],
    }
}

fn release() -> Place {
    Place {
        resource: RELEASES,
        namespace: "default",
        name: "web".to_owned(),
    }
}

/// What fails of itself fails soon, what fails for the faults' sake is tried until it does not.
fn manifest() -> Value {
    json!({
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "interval": "1h",
            "timeout": "10m",
            "maxHistory": 4,
            "chart": {"spec": {"chart": "web", "sourceRef": {"kind": "HelmRepository", "name": "charts"}}},
            "install": {"remediation": {"retries": -1}},
            "upgrade": {"remediation": {"retries": -1}},
            "driftDetection": {"mode": "enabled"},
            "values": {"replicas": 2},
        },
    })
}

fn patch(seconds: u64, patch: &Value) -> Act {
    after(seconds, 5, Deed::Patch(release(), patch.clone()))
}

fn values(seconds: u64, values: &Value) -> Act {
    patch(seconds, &json!({"spec": {"values": values}}))
}

/// Pods of the next revision never get ready, and nobody waits for them for long.
fn break_it() -> Act {
    let values = json!({"image": "web:never-ready", "greeting": "bad"});
    patch(
        1,
        &json!({"spec": {"upgrade": {"timeout": "1m"}, "values": values}}),
    )
}

fn greet(seconds: u64, greeting: &str) -> Act {
    values(seconds, &json!({"greeting": greeting}))
}

fn until(pointer: &'static str, value: &Value) -> Act {
    after(0, 0, Deed::Until(release(), pointer, value.clone()))
}

/// A revision is deployed.
fn ready() -> Act {
    until("/status/history/0/status", &json!("deployed"))
}
