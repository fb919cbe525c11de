//! Taking a set of fields out of an object.

use serde_json::{Map, Value};

use super::atom::{Atom, Slot, field_slot, identity};
use super::path::PathElement;
use super::set::{FieldSet, Node};
use crate::schema::TypeSchema;

/// `object` without the members of `fields`. Maps and lists that lose their last part go with it.
pub(super) fn remove(object: &Value, fields: &FieldSet, schema: &TypeSchema) -> Value {
    value(Slot::root(schema), object, fields).unwrap_or_else(|| Value::Object(Map::new()))
}

fn value(slot: Slot<'_>, whole: &Value, fields: &FieldSet) -> Option<Value> {
    match (slot.atom(whole), whole) {
        (Atom::Map(schema), Value::Object(object)) if !object.is_empty() => {
            let kept: Map<String, Value> = object
                .iter()
                .filter_map(|(name, value)| {
                    let kept = part(
                        field_slot(schema, name),
                        value,
                        fields.node(&PathElement::field(name)),
                    )?;
                    Some((name.clone(), kept))
                })
                .collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        (Atom::List(list), Value::Array(items)) if !items.is_empty() => {
            let slot = Slot::root(list.items.get());
            let kept: Vec<Value> = items
                .iter()
                .filter_map(|item| match identity(list, item) {
                    Ok(element) => part(slot, item, fields.node(&element)),
                    Err(_) => Some(item.clone()),
                })
                .collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        _ => Some(whole.clone()),
    }
}

fn part(slot: Slot<'_>, whole: &Value, node: Option<&Node>) -> Option<Value> {
    match node {
        None => Some(whole.clone()),
        Some(node) if node.member => None,
        Some(node) if node.children.is_empty() => Some(whole.clone()),
        Some(node) => value(slot, whole, &node.children),
    }
}
