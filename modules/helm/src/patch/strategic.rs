//! Strategic merge patches as kustomize applies them: what is patched in a list by keys comes first, in the order of the patch,
//! and for types without such lists it is a JSON merge patch with `$patch`.
//!
//! Where kustomize loses what was asked for, this does not: an element with `$patch: replace` is replaced; a port that only one side
//! gives a protocol is the same port; an element without its key, which makes kustomize drop the whole list, is refused, and so are
//! the API server's other directives, which kustomize writes into the object.

use serde_json::{Map, Value};

use super::shape::{self, List, Shape};

const DIRECTIVE: &str = "$patch";

/// What a `$patch` says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

/// Merges a patch into an object; false where the patch deletes it.
pub(super) fn merge(
    live: &mut Map<String, Value>,
    patch: &Map<String, Value>,
    shape: &'static Shape,
) -> Result<bool, String> {
    match directive(patch)? {
        Directive::Delete => return Ok(false),
        Directive::Replace => {
            *live = cleared(patch)?;
            return Ok(true);
        }
        Directive::Merge => {}
    }
    for (name, value) in patch {
        if name == DIRECTIVE {
            continue;
        }
        known(name)?;
        let field = shape.field(name);
        let merged = match (live.get_mut(name).map(Value::take), value) {
            (_, Value::Null) => None,
            (Some(Value::Object(mut live)), Value::Object(patch)) => {
                let inner = field.map_or(&shape::OTHER, |field| field.shape);
                merge(&mut live, patch, inner)?.then_some(Value::Object(live))
            }
            (Some(Value::Array(live)), Value::Array(patch)) => match field {
                Some(field) => list(live, patch, field.list, field.shape, name)?,
                None => fresh(value)?,
            },
            _ => fresh(value)?,
        };
        match merged {
            Some(merged) => {
                live.insert(name.clone(), merged);
            }
            None => {
                live.remove(name);
            }
        }
    }
    Ok(true)
}

fn list(
    live: Vec<Value>,
    patch: &[Value],
    how: List,
    shape: &'static Shape,
    name: &str,
) -> Result<Option<Value>, String> {
    let mut whole = Directive::Merge;
    let mut elements = Vec::new();
    for element in patch {
        match element {
            Value::Object(alone) if alone.len() == 1 && alone.contains_key(DIRECTIVE) => {
                whole = directive(alone)?;
            }
            element => elements.push(element),
        }
    }
    let replaced = || -> Result<Option<Value>, String> {
        let mut items = Vec::new();
        for element in &elements {
            items.extend(fresh(element)?);
        }
        Ok(Some(Value::Array(items)))
    };
    match (whole, how) {
        (Directive::Delete, _) => Ok(None),
        (Directive::Replace, _) | (Directive::Merge, List::Replaced) => replaced(),
        (Directive::Merge, List::Set) => {
            let mut items: Vec<Value> = elements.into_iter().cloned().collect();
            for item in live {
                if !items.contains(&item) {
                    items.push(item);
                }
            }
            Ok(Some(Value::Array(items)))
        }
        (Directive::Merge, List::Keyed(keys)) => {
            keyed(live, &elements, keys, shape, name).map(|items| Some(Value::Array(items)))
        }
    }
}

/// Merges a list by keys.
fn keyed(
    live: Vec<Value>,
    patch: &[&Value],
    keys: &'static [&'static str],
    shape: &'static Shape,
    name: &str,
) -> Result<Vec<Value>, String> {
    // Keys that no element has, such as a port's protocol, tell nothing apart.
    let used: Vec<&str> = keys
        .iter()
        .copied()
        .filter(|key| {
            live.iter()
                .chain(patch.iter().copied())
                .any(|element| element.get(key).is_some())
        })
        .collect();
    let mut rest: Vec<Option<Value>> = live.into_iter().map(Some).collect();
    let mut first = Vec::new();
    for element in patch {
        let (Value::Object(fields), Some(key)) = (element, keys.first()) else {
            return Err(format!(
                "{name} is a list of objects; the patch has {element} in it"
            ));
        };
        if !fields.contains_key(*key) {
            return Err(format!(
                "{name}: an element of the patch does not contain declared merge key: {key}"
            ));
        }
        let found = rest.iter_mut().find(|item| {
            item.as_ref()
                .is_some_and(|item| is_same(item, element, &used))
        });
        match found {
            Some(place) => {
                let Some(Value::Object(mut item)) = place.take() else {
                    continue;
                };
                if merge(&mut item, fields, shape)? {
                    // With several keys kustomize leaves what is there where it is.
                    if used.len() > 1 {
                        *place = Some(Value::Object(item));
                    } else {
                        first.push(Value::Object(item));
                    }
                }
            }
            None => first.extend(fresh(element)?),
        }
    }
    first.extend(rest.into_iter().flatten());
    Ok(first)
}

/// Whether two elements are one: by all keys that both have, and at least one.
fn is_same(a: &Value, b: &Value, keys: &[&str]) -> bool {
    let mut common = false;
    for key in keys {
        if let (Some(a), Some(b)) = (a.get(key), b.get(key)) {
            if a != b {
                return false;
            }
            common = true;
        }
    }
    common
}

fn directive(patch: &Map<String, Value>) -> Result<Directive, String> {
    match patch.get(DIRECTIVE) {
        None => Ok(Directive::Merge),
        Some(Value::String(word)) => match word.as_str() {
            "merge" => Ok(Directive::Merge),
            "replace" => Ok(Directive::Replace),
            "delete" => Ok(Directive::Delete),
            word => Err(format!("unknown patch strategy '{word}'")),
        },
        Some(other) => Err(format!("unknown patch strategy '{other}'")),
    }
}

/// Directives of the API server's format, which kustomize would write into the object.
fn known(name: &str) -> Result<(), String> {
    let directives = [
        "$retainKeys",
        "$setElementOrder/",
        "$deleteFromPrimitiveList/",
    ];
    if directives.iter().any(|known| name.starts_with(known)) {
        return Err(format!(
            "the directive {name} is not supported\nhint: use `$patch: replace` or a JSON patch"
        ));
    }
    Ok(())
}

/// A value as it enters an object: without nulls and directives; none where it deletes itself.
fn fresh(value: &Value) -> Result<Option<Value>, String> {
    match value {
        Value::Null => Ok(None),
        Value::Object(fields) if directive(fields)? == Directive::Delete => Ok(None),
        Value::Object(fields) => Ok(Some(Value::Object(cleared(fields)?))),
        Value::Array(items) => {
            let mut fresh_items = Vec::new();
            for item in items {
                match item {
                    Value::Object(alone) if alone.len() == 1 && alone.contains_key(DIRECTIVE) => {}
                    item => fresh_items.extend(fresh(item)?),
                }
            }
            Ok(Some(Value::Array(fresh_items)))
        }
        scalar => Ok(Some(scalar.clone())),
    }
}

fn cleared(fields: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut clear = Map::new();
    for (name, value) in fields {
        if name == DIRECTIVE {
            continue;
        }
        known(name)?;
        if let Some(value) = fresh(value)? {
            clear.insert(name.clone(), value);
        }
    }
    Ok(clear)
}
