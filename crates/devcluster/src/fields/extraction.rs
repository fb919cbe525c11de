//! The set of fields that an object mentions.

use std::collections::BTreeMap;

use serde_json::Value;

use super::atom::{Atom, Slot, field_slot, identity, is_declared};
use super::path::PathElement;
use super::set::FieldSet;
use crate::schema::TypeSchema;

/// What an applier of `object` owns: leaves, elements, keys of maps, and empty or null values.
pub(super) fn field_set(object: &Value, schema: &TypeSchema) -> FieldSet {
    let mut walk = Walk::default();
    walk.value(Slot::root(schema), object);
    walk.set
}

#[derive(Default)]
struct Walk {
    path: Vec<PathElement>,
    set: FieldSet,
}

impl Walk {
    fn here(&mut self) {
        self.set.insert(&self.path);
    }

    fn value(&mut self, slot: Slot<'_>, value: &Value) {
        match (slot.atom(value), value) {
            (Atom::Leaf(_), _) => self.here(),
            (Atom::Map(schema), Value::Object(object)) => {
                for (name, value) in object {
                    self.path.push(PathElement::field(name));
                    self.value(field_slot(schema, name), value);
                    let empty = value.as_object().is_some_and(serde_json::Map::is_empty);
                    if value.is_null() || empty || !is_declared(schema, name) {
                        self.here();
                    }
                    self.path.pop();
                }
            }
            (Atom::List(list), Value::Array(items)) => {
                let mut count: BTreeMap<PathElement, usize> = BTreeMap::new();
                for element in items.iter().filter_map(|item| identity(list, item).ok()) {
                    *count.entry(element).or_default() += 1;
                }
                for item in items {
                    let Ok(element) = identity(list, item) else {
                        continue;
                    };
                    // Of an element that occurs twice, only its presence is owned.
                    let unique = count.get(&element) == Some(&1);
                    self.path.push(element);
                    if unique {
                        self.value(Slot::root(list.items.get()), item);
                    }
                    self.here();
                    self.path.pop();
                }
            }
            _ => {}
        }
    }
}
