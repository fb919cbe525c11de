//! What holds of any configuration.

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::{collection, option, prop_assert, prop_assert_eq, proptest};
use serde_json::{Map, Value, json};

use super::{content, owners, whole, widget};
use crate::fields::{Writer, apply};

fn writer(manager: &'static str) -> Writer<'static> {
    Writer {
        manager,
        subresource: None,
        has_status: true,
        now: "2026-01-01T00:00:00Z",
    }
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![Just("a"), Just("b"), Just("c")].prop_map(str::to_owned)
}

/// Any configuration without empty collections. An empty set or map list has no owner, and a map that
/// loses its last key is gone although its owner may say `{}`; both here and in Kubernetes.
fn spec() -> impl Strategy<Value = Value> {
    let labels = collection::btree_map(word(), word(), 1..3);
    let set = collection::btree_set(word(), 1..3);
    let ports = collection::btree_map(1..4_u16, option::of(word()), 1..3);
    let free = collection::btree_map(word(), any::<bool>(), 1..3);
    (
        0..3_i64,
        option::of(labels),
        option::of(set),
        option::of(ports),
        option::of(free),
        option::of(word()),
    )
        .prop_map(|(replicas, labels, set, ports, free, inner)| {
            let mut spec = Map::new();
            let mut put = |name: &str, value: Option<Value>| {
                spec.extend(value.map(|value| (name.to_owned(), value)));
            };
            put("replicas", Some(json!(replicas)));
            put("labels", labels.map(|labels| json!(labels)));
            put("finalizers", set.map(|set| json!(set)));
            put("free", free.map(|free| json!(free)));
            put("inner", inner.map(|word| json!({"a": word})));
            let ports = ports.map(|ports| {
                ports
                    .into_iter()
                    .map(|(port, name)| match name {
                        Some(name) => json!({"port": port, "name": name}),
                        None => json!({"port": port}),
                    })
                    .collect()
            });
            put("ports", ports);
            whole(&json!({ "spec": spec }))
        })
}

proptest! {
    #[test]
    fn applying_twice_is_applying_once(one in spec(), two in spec()) {
        let schema = widget();
        let live = apply(None, &one, false, &writer("a"), &schema).unwrap();
        let live = apply(Some(&live), &two, true, &writer("b"), &schema).unwrap();
        let again = apply(Some(&live), &two, false, &writer("b"), &schema).unwrap();
        prop_assert_eq!(again, live);
    }

    #[test]
    fn a_sole_applier_gets_what_it_gives(one in spec(), two in spec()) {
        let schema = widget();
        let live = apply(None, &one, false, &writer("a"), &schema).unwrap();
        let live = apply(Some(&live), &two, false, &writer("a"), &schema).unwrap();
        let fresh = apply(None, &two, false, &writer("a"), &schema).unwrap();
        prop_assert_eq!(owners(&live), owners(&fresh));
        prop_assert_eq!(content(&live), content(&fresh));
    }

    #[test]
    fn leaving_does_not_disturb_the_other(one in spec(), two in spec()) {
        let schema = widget();
        let live = apply(None, &one, false, &writer("a"), &schema).unwrap();
        let live = apply(Some(&live), &two, true, &writer("b"), &schema).unwrap();
        let after = apply(Some(&live), &whole(&json!({})), false, &writer("a"), &schema).unwrap();
        let theirs = owners(&after);
        prop_assert!(!theirs.contains_key("a"));
        let before = owners(&live);
        prop_assert_eq!(theirs.get("b"), before.get("b"));
        let again = apply(Some(&after), &two, false, &writer("b"), &schema).unwrap();
        prop_assert_eq!(again, after);
    }
}
