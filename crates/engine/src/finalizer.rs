//! Finalizers of the reconciled object.
//!
//! Two kinds are the host's to put there and to take away: the module's, whose name the object remembers in an annotation,
//! and the host's own, for children that no garbage collector would find. All others are somebody else's.

use std::collections::BTreeSet;

use oarlock_core::cluster::Verb;
use oarlock_core::marks::{
    CHILD_KINDS_ANNOTATION, CHILDREN_FINALIZER, FINALIZER_ANNOTATION, finalizer_reserved_for,
};
use oarlock_core::object::Object;
use oarlock_core::reference::Gvk;
use serde_json::{Map, Value, json};

use crate::status::precondition;

/// Whether `object` has the finalizer.
pub(crate) fn is_on(object: &Object, name: &str) -> bool {
    list(object).any(|finalizer| finalizer == name)
}

/// The finalizers on `object` that wait for a module: `current`, and the one that the host remembers to have put there for
/// this module or for one before it.
pub(crate) fn of_module<'a>(object: &'a Object, current: Option<&str>) -> Vec<&'a str> {
    let remembered = remembered(object);
    list(object)
        .filter(|name| Some(*name) == current || Some(*name) == remembered)
        .collect()
}

/// All finalizers on `object` that are the host's to take away.
pub(crate) fn of_host<'a>(object: &'a Object, current: Option<&str>) -> Vec<&'a str> {
    let mut names = of_module(object, current);
    names.extend(list(object).filter(|name| *name == CHILDREN_FINALIZER));
    names
}

/// What the annotation says; not what only Kubernetes or the host itself may put there, whoever wrote it.
fn remembered(object: &Object) -> Option<&str> {
    annotation(object, FINALIZER_ANNOTATION).filter(|name| finalizer_reserved_for(name).is_none())
}

/// Whether `object` has the finalizer and remembers it as the host's.
pub(crate) fn is_noted(object: &Object, name: &str) -> bool {
    is_on(object, name) && remembered(object) == Some(name)
}

/// The write that puts the module's finalizer there, and takes away the one that a module before it had: what was to be
/// cleaned up is the new one's to clean up. It fails when the object has changed since: the list is written whole.
pub(crate) fn add(object: &Object, name: &str) -> Verb {
    let old = remembered(object).filter(|old| *old != name);
    let mut finalizers: Vec<&str> = list(object).filter(|on| Some(*on) != old).collect();
    if !finalizers.contains(&name) {
        finalizers.push(name);
    }
    write(
        object,
        Some(finalizers),
        &[(FINALIZER_ANNOTATION, json!(name))],
    )
}

/// The write that makes `object` remember the kinds of children that nothing else tells of, and the host hold it for those that
/// no garbage collector would find; `None` when that is so already.
pub(crate) fn hold(
    object: &Object,
    hidden: &BTreeSet<Gvk>,
    untold: &BTreeSet<Gvk>,
) -> Option<Verb> {
    let held = held_kinds(object);
    let missing = !hidden.is_empty() && !is_on(object, CHILDREN_FINALIZER);
    if !missing && hidden.is_subset(&held) && untold.is_subset(&held) {
        return None;
    }
    let finalizers = missing.then(|| list(object).chain([CHILDREN_FINALIZER]).collect());
    let all: BTreeSet<&Gvk> = held.iter().chain(hidden).chain(untold).collect();
    let all: Vec<String> = all.into_iter().map(Gvk::to_string).collect();
    Some(write(
        object,
        finalizers,
        &[(CHILD_KINDS_ANNOTATION, json!(all.join(",")))],
    ))
}

/// The kinds of children that `object` remembers.
pub(crate) fn held_kinds(object: &Object) -> BTreeSet<Gvk> {
    annotation(object, CHILD_KINDS_ANNOTATION)
        .into_iter()
        .flat_map(|text| text.split(','))
        .filter_map(|kind| kind.split_once(' '))
        .map(|(api_version, kind)| Gvk::from_api_version(api_version, kind))
        .collect()
}

/// The write that removes some, and what was remembered with them.
pub(crate) fn remove(object: &Object, names: &[&str]) -> Verb {
    let finalizers = list(object)
        .filter(|finalizer| !names.contains(finalizer))
        .collect();
    let mut notes = Vec::new();
    if names.contains(&CHILDREN_FINALIZER) && annotation(object, CHILD_KINDS_ANNOTATION).is_some() {
        notes.push((CHILD_KINDS_ANNOTATION, Value::Null));
    }
    if remembered(object).is_some_and(|name| names.contains(&name)) {
        notes.push((FINALIZER_ANNOTATION, Value::Null));
    }
    write(object, Some(finalizers), &notes)
}

/// An annotation of `object`.
pub(crate) fn annotation<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.pointer("/metadata/annotations")?.get(name)?.as_str()
}

fn list(object: &Object) -> impl Iterator<Item = &str> {
    object
        .pointer("/metadata/finalizers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

fn write(object: &Object, finalizers: Option<Vec<&str>>, notes: &[(&str, Value)]) -> Verb {
    let mut metadata = precondition(object);
    if let Some(finalizers) = finalizers {
        metadata["finalizers"] = json!(finalizers);
    }
    for (name, value) in notes {
        metadata["annotations"][*name] = value.clone();
    }
    let mut patch = Map::new();
    patch.insert("metadata".to_owned(), metadata);
    Verb::Merge {
        target: object.target().clone(),
        patch,
        status: false,
    }
}
