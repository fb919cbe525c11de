//! Taking a set of fields out of an object.

use serde_json::{Map, Value};

use super::atom::{Atom, Slot, field_slot, identity};
use super::path::PathElement;
use super::set::FieldSet;
use crate::schema::TypeSchema;

/// `object` without the members of `fields`. A field whose last part goes becomes null: it may be
/// owned itself. Defaulting drops that null where the type has none.
pub(super) fn remove(object: &Value, fields: &FieldSet, schema: &TypeSchema) -> Value {
    value(Slot::root(schema), object, fields).unwrap_or_else(|| Value::Object(Map::new()))
}

/// What is left of a value, if anything.
fn value(slot: Slot<'_>, whole: &Value, fields: &FieldSet) -> Option<Value> {
    match (slot.atom(whole), whole) {
        (Atom::Map(schema), Value::Object(object)) if !object.is_empty() => {
            let mut kept = Map::new();
            for (name, field) in object {
                let slot = field_slot(schema, name);
                match fields.node(&PathElement::field(name)) {
                    Some(node) if node.member => {}
                    Some(node) if !node.children.is_empty() => {
                        let left = value(slot, field, &node.children).unwrap_or(Value::Null);
                        kept.insert(name.clone(), left);
                    }
                    _ => {
                        kept.insert(name.clone(), field.clone());
                    }
                }
            }
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        (Atom::List(list), Value::Array(items)) if !items.is_empty() => {
            let slot = Slot::root(list.items.get());
            let mut kept = Vec::with_capacity(items.len());
            for item in items {
                let element = identity(list, item).ok();
                match element.and_then(|element| fields.node(&element)) {
                    Some(node) if node.member => {}
                    Some(node) if !node.children.is_empty() => {
                        kept.extend(value(slot, item, &node.children));
                    }
                    _ => kept.push(item.clone()),
                }
            }
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        _ => Some(whole.clone()),
    }
}
