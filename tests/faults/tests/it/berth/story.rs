//! What users do with a Berth.

use oarlock_devcluster::resource::ResourceId;
use serde_json::{Value, json};

use super::definition::DEFINITION;
use super::{BERTHS, CLUSTER_ROLES, CONFIG_MAPS, SERVICES};
use crate::chance::Chance;
use crate::faults::Fault;
use crate::play::{Act, Deed, Place, Story, after};

type Acts = fn() -> Vec<Act>;

const STORIES: &[(&str, Acts)] = &[
    ("changed", || {
        vec![
            create(),
            spec(10, json!({"color": "blue"})),
            spec(5, json!({"parts": 4})),
        ]
    }),
    ("shrunk", || {
        vec![
            create(),
            spec(0, json!({"parts": 3})),
            spec(10, json!({"parts": 0})),
        ]
    }),
    ("changed and changed back", || {
        vec![
            create(),
            spec(10, json!({"color": "blue", "parts": 3})),
            spec(0, json!({"color": "red", "parts": 2})),
        ]
    }),
    ("deleted", || vec![create(), delete(10)]),
    ("deleted at once", || vec![create(), delete(0)]),
    ("deleted and created again", || {
        vec![
            create(),
            delete(8),
            after(0, 0, Deed::Gone(berth())),
            after(0, 3, Deed::Apply(manifest())),
        ]
    }),
    ("changed while it is deleted", || {
        vec![create(), delete(10), spec(0, json!({"color": "blue"}))]
    }),
    ("another task", || {
        vec![
            create(),
            spec(10, json!({"task": "b"})),
            spec(5, json!({"task": "a"})),
        ]
    }),
    ("many tasks", || {
        vec![
            create(),
            spec(0, json!({"task": "b"})),
            spec(0, json!({"task": "c"})),
            spec(0, json!({"task": "d"})),
        ]
    }),
    ("maps by hand", || {
        let data = json!({"data": {"color": "mine", "more": "stays"}});
        vec![
            create(),
            after(0, 0, Deed::There(map("kube-public", "moor-notice"))),
            after(
                5,
                10,
                Deed::Patch(map("default", "moor-config"), data.clone()),
            ),
            after(3, 10, Deed::Patch(map("kube-public", "moor-notice"), data)),
        ]
    }),
    ("others by hand", || {
        let selector = json!({"spec": {"selector": {"berth": "mine"}}});
        let rules = json!({"rules": []});
        let service = Place {
            resource: SERVICES,
            namespace: "default",
            name: "moor".to_owned(),
        };
        let role = Place {
            resource: CLUSTER_ROLES,
            namespace: "",
            name: "berth-moor".to_owned(),
        };
        vec![
            create(),
            after(0, 0, Deed::There(role.clone())),
            after(5, 10, Deed::Patch(role, rules)),
            after(3, 10, Deed::Patch(service, selector)),
        ]
    }),
    ("children deleted", || {
        vec![
            create(),
            after(10, 10, Deed::Delete(map("default", "moor-config"))),
            after(0, 5, Deed::Delete(map("default", "moor-part-0"))),
            after(0, 5, Deed::Delete(map("kube-public", "moor-notice"))),
            after(0, 5, Deed::Delete(map("default", "moor-frozen"))),
            after(0, 5, Deed::Delete(map("default", "moor-registry"))),
        ]
    }),
    ("input comes and goes", || {
        vec![
            create(),
            after(5, 10, Deed::Apply(input("one"))),
            after(5, 10, Deed::Apply(input("two"))),
            after(5, 10, Deed::Delete(map("default", "input"))),
        ]
    }),
    ("input comes late", || {
        vec![create(), after(20, 20, Deed::Apply(input("late")))]
    }),
    ("somebody is in the way", || {
        let part = map("default", "moor-part-3");
        vec![
            after(0, 0, Deed::Apply(stranger())),
            create(),
            spec(10, json!({"parts": 5})),
            after(20, 20, Deed::Delete(part)),
        ]
    }),
    ("not ours for a while", || {
        let team = |team: &str| json!({"metadata": {"labels": {"team": team}}});
        let data = json!({"data": {"color": "mine"}});
        vec![
            create(),
            there("moor-config"),
            after(10, 10, Deed::Patch(berth(), team("nobody"))),
            after(2, 5, Deed::Patch(map("default", "moor-config"), data)),
            after(2, 5, Deed::Patch(berth(), team("web"))),
        ]
    }),
    ("shared by hand", || {
        let data = json!({"data": {"mode": "mine", "other": "changed"}});
        vec![
            create(),
            after(10, 10, Deed::Patch(map("default", "shared"), data)),
        ]
    }),
    ("shared by hand and given back", || {
        let data = json!({"data": {"other": "changed"}});
        vec![
            create(),
            after(10, 10, Deed::Patch(map("default", "shared"), data)),
            delete(10),
        ]
    }),
    ("a field is taken", || {
        let data = json!({"data": {"berth": "mine"}});
        let registry = map("default", "moor-registry");
        vec![
            create(),
            there("moor-registry"),
            after(5, 10, Deed::Patch(registry.clone(), data)),
            spec(5, json!({"color": "blue"})),
            after(10, 10, Deed::Delete(registry)),
        ]
    }),
    ("the definition comes and goes", || {
        let definition = Place {
            resource: ResourceId::of("apiextensions.k8s.io", "customresourcedefinitions"),
            namespace: "",
            name: "berths.faults.oarlock.dev".to_owned(),
        };
        vec![
            create(),
            after(5, 10, Deed::Delete(definition.clone())),
            after(0, 0, Deed::Gone(definition)),
            after(0, 10, Deed::Apply(DEFINITION.clone())),
            create(),
        ]
    }),
    ("shared is made anew", || {
        vec![
            create(),
            after(10, 10, Deed::Delete(map("default", "shared"))),
            after(3, 10, Deed::Apply(shared())),
        ]
    }),
];

/// Stories in which nobody but the operator takes children away.
pub(super) const ORDERLY: &[&str] = &[
    "changed",
    "shrunk",
    "changed and changed back",
    "another task",
    "many tasks",
    "maps by hand",
    "others by hand",
    "input comes and goes",
    "input comes late",
    "not ours for a while",
    "shared by hand",
];

pub(super) fn of(chance: Chance) -> Story {
    let (name, acts) = chance.at("story").pick(STORIES);
    Story {
        name: (*name).to_owned(),
        before: vec![shared(), foreign()],
        acts: acts(),
        // A Job whose Pod is deleted runs again: that is no fault of anybody here.
        unwanted: vec![Fault::PodLost],
    }
}

fn manifest() -> Value {
    json!({"apiVersion": "faults.oarlock.dev/v1", "kind": "Berth",
        "metadata": {"name": "moor", "namespace": "default", "labels": {"team": "web"}},
        "spec": {"color": "red", "parts": 2, "task": "a"}})
}

fn shared() -> Value {
    config("shared", &json!({"mode": "user", "other": "x"}))
}

/// Not granted to be touched by anybody.
pub(super) fn foreign() -> Value {
    config("moor", &json!({"foreign": "yes"}))
}

/// Stands where a child shall be.
fn stranger() -> Value {
    config("moor-part-3", &json!({"part": "strange"}))
}

fn input(text: &str) -> Value {
    config("input", &json!({"input": text}))
}

fn config(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"}, "data": data})
}

fn create() -> Act {
    after(0, 5, Deed::Apply(manifest()))
}

fn delete(seconds: u64) -> Act {
    after(seconds, 15, Deed::Delete(berth()))
}

fn spec(seconds: u64, spec: Value) -> Act {
    after(seconds, 10, Deed::Patch(berth(), json!({"spec": spec})))
}

fn there(name: &str) -> Act {
    after(0, 0, Deed::There(map("default", name)))
}

fn berth() -> Place {
    Place {
        resource: BERTHS,
        namespace: "default",
        name: "moor".to_owned(),
    }
}

fn map(namespace: &'static str, name: &str) -> Place {
    Place {
        resource: CONFIG_MAPS,
        namespace,
        name: name.to_owned(),
    }
}
