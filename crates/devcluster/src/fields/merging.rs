//! Laying an applied configuration over a live object.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value};

use super::atom::{Atom, Slot, field_slot, identity, is_blank};
use super::path::PathElement;
use crate::schema::{ListShape, TypeSchema};

/// `live` with everything that `config` gives. Nothing is removed.
pub(super) fn merge(live: &Value, config: &Value, schema: &TypeSchema) -> Value {
    value(Slot::root(schema), live, config)
}

fn value(slot: Slot<'_>, live: &Value, config: &Value) -> Value {
    let atom = slot.atom(config);
    let kinds_differ =
        slot.atom(live).kind() != atom.kind() && !live.is_null() && !config.is_null();
    if kinds_differ || (is_blank(Some(live)) && is_blank(Some(config))) {
        return config.clone();
    }
    match atom {
        Atom::Leaf(_) => config.clone(),
        Atom::Map(schema) => match (live, config) {
            (Value::Object(live), Value::Object(config)) => map(schema, live, config),
            (Value::Object(_), Value::Null) => live.clone(),
            _ => config.clone(),
        },
        Atom::List(shape) => match (live, config) {
            (Value::Array(live), Value::Array(config)) => list(shape, live, config),
            (Value::Array(_), Value::Null) => live.clone(),
            _ => config.clone(),
        },
    }
}

fn map(schema: &TypeSchema, live: &Map<String, Value>, config: &Map<String, Value>) -> Value {
    let mut merged = live.clone();
    for (name, config) in config {
        let field = match live.get(name) {
            Some(live) => value(field_slot(schema, name), live, config),
            None => config.clone(),
        };
        merged.insert(name.clone(), field);
    }
    Value::Object(merged)
}

/// An element with its identity.
struct Element<'a> {
    identity: PathElement,
    item: &'a Value,
}

fn elements<'a>(shape: &ListShape, items: &'a [Value]) -> Vec<Element<'a>> {
    items
        .iter()
        .filter_map(|item| {
            let identity = identity(shape, item).ok()?;
            Some(Element { identity, item })
        })
        .collect()
}

/// Merges by identity. Elements of the configuration keep its order; live elements stay before the
/// shared element they preceded.
fn list(shape: &ListShape, live: &[Value], config: &[Value]) -> Value {
    let slot = Slot::root(shape.items.get());
    let live = elements(shape, live);
    let config = elements(shape, config);
    // A live element that occurs twice is replaced, not merged.
    let mut partners: BTreeMap<&PathElement, Option<&Value>> = BTreeMap::new();
    for element in &live {
        partners
            .entry(&element.identity)
            .and_modify(|partner| *partner = None)
            .or_insert(Some(element.item));
    }
    let given: BTreeSet<&PathElement> = config.iter().map(|element| &element.identity).collect();
    let merged = |element: &Element<'_>| match partners.get(&element.identity) {
        Some(Some(partner)) => value(slot, partner, element.item),
        _ => element.item.clone(),
    };
    let mut shared: VecDeque<&PathElement> = config
        .iter()
        .map(|element| &element.identity)
        .filter(|identity| partners.contains_key(identity))
        .collect();
    let mut next_shared = shared.pop_front();
    let mut taken: BTreeSet<&PathElement> = BTreeSet::new();
    let mut result = Vec::with_capacity(live.len().max(config.len()));
    let (mut l, mut c) = (0, 0);
    while l < live.len() || c < config.len() {
        if let (Some(left), Some(right)) = (live.get(l), config.get(c)) {
            if left.identity == right.identity {
                taken.insert(&right.identity);
                result.push(merged(right));
                l += 1;
                c += 1;
                next_shared = shared.pop_front();
                continue;
            }
            if given.contains(&left.identity)
                && next_shared.is_some_and(|next| *next != left.identity)
            {
                l += 1;
                continue;
            }
        }
        if let Some(left) = live.get(l) {
            if !given.contains(&left.identity) {
                result.push(left.item.clone());
                l += 1;
                continue;
            }
            if taken.contains(&left.identity) {
                l += 1;
            }
        }
        if let Some(right) = config.get(c) {
            taken.insert(&right.identity);
            result.push(merged(right));
            c += 1;
            if next_shared == Some(&right.identity) {
                next_shared = shared.pop_front();
            }
        }
    }
    Value::Array(result)
}
