//! Finalizers of the reconciled object.

use std::collections::BTreeSet;

use oarlock_core::cluster::Verb;
use oarlock_core::marks::{CHILD_KINDS_ANNOTATION, CHILDREN_FINALIZER};
use oarlock_core::object::Object;
use oarlock_core::reference::Gvk;
use serde_json::{Map, Value, json};

use crate::status::precondition;

/// Whether `object` has the finalizer.
pub(crate) fn is_on(object: &Object, name: &str) -> bool {
    list(object).any(|finalizer| finalizer == name)
}

/// The write that adds one. It fails when the object has changed since: the list is written whole.
pub(crate) fn add(object: &Object, name: &str) -> Verb {
    write(object, list(object).chain([name]).collect(), None)
}

/// The write that makes the host hold `object` for children of these kinds; `None` when it does already.
pub(crate) fn hold(object: &Object, kinds: &BTreeSet<Gvk>) -> Option<Verb> {
    let held = held_kinds(object);
    let on = is_on(object, CHILDREN_FINALIZER);
    if kinds.is_empty() || on && kinds.is_subset(&held) {
        return None;
    }
    let finalizers = list(object).chain((!on).then_some(CHILDREN_FINALIZER));
    let all: Vec<String> = held.union(kinds).map(Gvk::to_string).collect();
    Some(write(
        object,
        finalizers.collect(),
        Some(json!(all.join(","))),
    ))
}

/// The kinds that the host holds `object` for.
pub(crate) fn held_kinds(object: &Object) -> BTreeSet<Gvk> {
    let annotations = object.pointer("/metadata/annotations");
    annotations
        .and_then(|map| map.get(CHILD_KINDS_ANNOTATION)?.as_str())
        .into_iter()
        .flat_map(|text| text.split(','))
        .filter_map(|kind| kind.split_once(' '))
        .map(|(api_version, kind)| Gvk::from_api_version(api_version, kind))
        .collect()
}

/// The write that removes some.
pub(crate) fn remove(object: &Object, names: &[&str]) -> Verb {
    write(
        object,
        list(object)
            .filter(|finalizer| !names.contains(finalizer))
            .collect(),
        (names.contains(&CHILDREN_FINALIZER) && !held_kinds(object).is_empty())
            .then_some(Value::Null),
    )
}

fn list(object: &Object) -> impl Iterator<Item = &str> {
    object
        .pointer("/metadata/finalizers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

fn write(object: &Object, finalizers: Vec<&str>, kinds: Option<Value>) -> Verb {
    let mut metadata = precondition(object);
    metadata["finalizers"] = json!(finalizers);
    if let Some(kinds) = kinds {
        metadata["annotations"] = json!({ CHILD_KINDS_ANNOTATION: kinds });
    }
    let mut patch = Map::new();
    patch.insert("metadata".to_owned(), metadata);
    Verb::Merge {
        target: object.target().clone(),
        patch,
        status: false,
    }
}
