//! What changed between two versions of an object, as sets of fields.

use std::collections::BTreeMap;

use serde_json::Value;

use super::atom::{Atom, Slot, equal, field_slot, identity, is_blank};
use super::path::PathElement;
use super::set::FieldSet;
use crate::schema::{ListShape, TypeSchema};

/// The differences between two values.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// Fields the later value no longer has.
    pub(super) removed: FieldSet,
    /// Fields both have with different values.
    pub(super) modified: FieldSet,
    /// Fields only the later value has.
    pub(super) added: FieldSet,
}

impl Comparison {
    /// Compares two versions of an object.
    pub(super) fn between(old: &Value, new: &Value, schema: &TypeSchema) -> Self {
        let mut walk = Walk::default();
        walk.value(Slot::root(schema), Some(old), Some(new));
        walk.comparison
    }

    /// The same without the fields of `ignored` and everything below them.
    pub(super) fn without(self, ignored: &FieldSet) -> Self {
        Self {
            removed: self.removed.without(ignored),
            modified: self.modified.without(ignored),
            added: self.added.without(ignored),
        }
    }
}

#[derive(Default)]
struct Walk {
    path: Vec<PathElement>,
    comparison: Comparison,
}

impl Walk {
    fn value(&mut self, slot: Slot<'_>, old: Option<&Value>, new: Option<&Value>) {
        let atoms = (old.map(|old| slot.atom(old)), new.map(|new| slot.atom(new)));
        let (present, other) = match atoms {
            (None, None) => return,
            (Some(atom), None) | (None, Some(atom)) => (atom, atom),
            (Some(old), Some(new)) => (new, old),
        };
        if present.kind() != other.kind() && !is_null(old) && !is_null(new) {
            // The value has become another kind of value: its old parts are gone, the new ones
            // are there, and the value itself is modified.
            self.value(slot, old, None);
            self.value(slot, None, new);
            self.forget(|comparison| (&mut comparison.removed, &mut comparison.added));
            self.comparison.modified.insert(&self.path);
            return;
        }
        let atom = if is_null(new) { other } else { present };
        let blank = is_blank(old) && is_blank(new);
        match atom {
            Atom::Map(schema) if !blank => self.map(schema, old, new),
            Atom::List(list) if !blank => self.list(list, old, new),
            Atom::Leaf(_) | Atom::Map(_) | Atom::List(_) => {
                self.leaf(old, new);
                return;
            }
        }
        if old.is_none() {
            self.comparison.added.insert(&self.path);
        } else if new.is_none() {
            self.comparison.removed.insert(&self.path);
        }
    }

    /// Takes the current path itself, not what is below it, out of two sets.
    fn forget(&mut self, sets: impl Fn(&mut Comparison) -> (&mut FieldSet, &mut FieldSet)) {
        let mut here = FieldSet::default();
        here.insert(&self.path);
        let (first, second) = sets(&mut self.comparison);
        *first = first.difference(&here);
        *second = second.difference(&here);
    }

    fn leaf(&mut self, old: Option<&Value>, new: Option<&Value>) {
        match (old, new) {
            (None, _) => self.comparison.added.insert(&self.path),
            (_, None) => self.comparison.removed.insert(&self.path),
            (Some(old), Some(new)) => {
                if !equal(old, new) {
                    self.comparison.modified.insert(&self.path);
                }
            }
        }
    }

    fn map(&mut self, schema: &TypeSchema, old: Option<&Value>, new: Option<&Value>) {
        let old = old.and_then(Value::as_object);
        let new = new.and_then(Value::as_object);
        let mut names: Vec<&String> = old
            .into_iter()
            .chain(new)
            .flat_map(|map| map.keys())
            .collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            self.path.push(PathElement::field(name));
            self.value(
                field_slot(schema, name),
                old.and_then(|old| old.get(name)),
                new.and_then(|new| new.get(name)),
            );
            self.path.pop();
        }
    }

    fn list(&mut self, list: &ListShape, old: Option<&Value>, new: Option<&Value>) {
        let slot = Slot::root(list.items.get());
        let mut elements: BTreeMap<PathElement, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
        for (element, item) in identified(list, old) {
            elements.entry(element).or_default().0.push(item);
        }
        for (element, item) in identified(list, new) {
            elements.entry(element).or_default().1.push(item);
        }
        for (element, (old, new)) in elements {
            self.path.push(element);
            match (old.as_slice(), new.as_slice()) {
                ([_, _, ..], [_, _, ..]) => {
                    // Duplicates on both sides are compared as one leaf.
                    let same =
                        old.len() == new.len() && old.iter().zip(&new).all(|(a, b)| equal(a, b));
                    if !same {
                        self.comparison.modified.insert(&self.path);
                    }
                }
                ([_, _, ..], new) => {
                    if let [new, ..] = new {
                        self.value(slot, None, Some(new));
                    }
                    self.comparison.removed.insert(&self.path);
                }
                (old, [_, _, ..]) => {
                    if let [old, ..] = old {
                        self.value(slot, Some(old), None);
                    }
                    self.comparison.added.insert(&self.path);
                }
                (old, new) => {
                    self.value(slot, old.first().copied(), new.first().copied());
                }
            }
            self.path.pop();
        }
    }
}

fn is_null(value: Option<&Value>) -> bool {
    matches!(value, Some(Value::Null))
}

fn identified<'a>(
    list: &'a ListShape,
    value: Option<&'a Value>,
) -> impl Iterator<Item = (PathElement, &'a Value)> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|item| Some((identity(list, item).ok()?, item)))
}
