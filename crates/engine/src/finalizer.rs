//! Finalizers of the reconciled object.

use oarlock_core::cluster::Verb;
use oarlock_core::object::Object;
use serde_json::{Map, Value, json};

use crate::status::precondition;

/// Whether `object` has the finalizer.
pub(crate) fn is_on(object: &Object, name: &str) -> bool {
    list(object).any(|finalizer| finalizer == name)
}

/// The write that adds one. It fails when the object has changed since: the list is written whole.
pub(crate) fn add(object: &Object, name: &str) -> Verb {
    write(object, list(object).chain([name]).collect())
}

/// The write that removes some.
pub(crate) fn remove(object: &Object, names: &[&str]) -> Verb {
    write(
        object,
        list(object)
            .filter(|finalizer| !names.contains(finalizer))
            .collect(),
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

fn write(object: &Object, finalizers: Vec<&str>) -> Verb {
    let mut metadata = precondition(object);
    metadata["finalizers"] = json!(finalizers);
    let mut patch = Map::new();
    patch.insert("metadata".to_owned(), metadata);
    Verb::Merge {
        target: object.target().clone(),
        patch,
        status: false,
    }
}
