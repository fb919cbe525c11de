//! Strategic merge patch: a merge patch that knows which lists are merged by which key.
//!
//! Directives of the format: `$patch` (`replace`, `delete`), `$retainKeys`,
//! `$setElementOrder/<list>` and `$deleteFromPrimitiveList/<list>`. They never reach the object.

use serde_json::{Map, Value};

use super::PatchError;
use crate::schema::{Field, ListShape, PatchStrategy, Shape, TypeSchema};

mod go;
mod list;

pub(super) const PATCH: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const SET_ORDER: &str = "$setElementOrder/";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";

/// Applies a strategic merge patch to an object of a built-in type.
///
/// # Errors
/// [`PatchError::Malformed`] for a directive that makes no sense and for an element without its merge
/// key; the object is then unchanged.
pub fn strategic(object: &mut Value, patch: &Value, schema: &TypeSchema) -> Result<(), PatchError> {
    let (Value::Object(live), Value::Object(patch)) = (&*object, patch) else {
        return Err(malformed(
            "a strategic merge patch must be an object, applied to an object",
        ));
    };
    *object = Value::Object(map(live, patch, Some(schema))?);
    Ok(())
}

pub(super) fn malformed(message: impl Into<String>) -> PatchError {
    PatchError::Malformed {
        message: message.into(),
    }
}

/// `live` with `patch` merged in.
pub(super) fn map(
    live: &Map<String, Value>,
    patch: &Map<String, Value>,
    schema: Option<&TypeSchema>,
) -> Result<Map<String, Value>, PatchError> {
    match patch
        .get(PATCH)
        .map(|directive| (directive, directive.as_str()))
    {
        None => {}
        Some((_, Some("delete"))) => return Ok(Map::new()),
        Some((_, Some("replace"))) => {
            let mut replacement = patch.clone();
            replacement.remove(PATCH);
            return Ok(without_directives(replacement));
        }
        Some((directive, _)) => {
            return Err(PatchError::Directive {
                message: format!(
                    "unknown patch type: {} in map: {}",
                    go::written(directive),
                    go::written(&Value::Object(patch.clone()))
                ),
            });
        }
    }
    let mut result = live.clone();
    retain_keys(&mut result, patch)?;
    delete_primitives(&mut result, patch)?;
    for (name, value) in patch {
        if name.starts_with('$') {
            continue;
        }
        if value.is_null() {
            result.remove(name);
            continue;
        }
        let place = Place::of(schema, name);
        let merged = match result.get(name) {
            Some(live) => place.merge(live, value)?,
            None => fresh(value.clone()),
        };
        match merged {
            Some(merged) => {
                result.insert(name.clone(), merged);
            }
            None => {
                result.remove(name);
            }
        }
    }
    for (name, order) in patch {
        if let Some(name) = name.strip_prefix(SET_ORDER) {
            let place = Place::of(schema, name);
            let before = live.get(name).and_then(Value::as_array);
            if patch.get(name).is_some_and(|items| !items.is_array()) {
                return Err(malformed(format!(
                    "{name} must be a list beside {SET_ORDER}{name}"
                )));
            }
            if let Some(Value::Array(items)) = result.get_mut(name) {
                let Value::Array(order) = order else {
                    return Err(malformed(format!("{SET_ORDER}{name} must be a list")));
                };
                check_order(patch.get(name), order, place.key(), name)?;
                *items = list::ordered(std::mem::take(items), order, before, place.key());
            }
        }
    }
    Ok(result)
}

/// What the type says about a field of the patched object.
#[derive(Clone, Copy)]
struct Place<'a> {
    schema: Option<&'a TypeSchema>,
    strategy: Option<&'a PatchStrategy>,
}

impl<'a> Place<'a> {
    fn of(schema: Option<&'a TypeSchema>, name: &str) -> Self {
        let field: Option<&Field> = schema.and_then(|schema| schema.declared(name));
        match (field, schema.map(|schema| &schema.shape)) {
            (Some(field), _) => Self {
                schema: Some(field.schema.get()),
                strategy: Some(&field.patch),
            },
            (None, Some(Shape::Map(shape))) => Self {
                schema: Some(shape.values.get()),
                strategy: None,
            },
            _ => Self {
                schema: None,
                strategy: None,
            },
        }
    }

    fn key(&self) -> Option<&'a str> {
        self.strategy
            .and_then(|strategy| strategy.merge_key.as_deref())
    }

    fn merge(&self, live: &Value, patch: &Value) -> Result<Option<Value>, PatchError> {
        match (live, patch) {
            (Value::Object(live), Value::Object(patch)) => {
                if self.strategy.is_some_and(|strategy| strategy.replace) {
                    return Ok(Some(Value::Object(without_directives(patch.clone()))));
                }
                Ok(Some(Value::Object(map(live, patch, self.schema)?)))
            }
            (Value::Array(live), Value::Array(patch)) => {
                if !self.strategy.is_some_and(|strategy| strategy.merge) {
                    return Ok(fresh(Value::Array(patch.clone())));
                }
                let items = match self.schema.map(|schema| &schema.shape) {
                    Some(Shape::List(ListShape { items, .. })) => Some(items.get()),
                    _ => None,
                };
                Ok(Some(Value::Array(list::merge(
                    live,
                    patch,
                    self.key(),
                    items,
                )?)))
            }
            (_, patch) => Ok(fresh(patch.clone())),
        }
    }
}

/// Drops the keys that a union's patch does not retain.
fn retain_keys(
    live: &mut Map<String, Value>,
    patch: &Map<String, Value>,
) -> Result<(), PatchError> {
    let Some(retained) = patch.get(RETAIN_KEYS) else {
        return Ok(());
    };
    let Some(retained) = retained.as_array() else {
        return Err(malformed(
            "invalid patch format of retainKeys: it must be a list",
        ));
    };
    let given = patch
        .iter()
        .filter(|(name, value)| !name.starts_with('$') && !value.is_null());
    for (name, _) in given {
        if !retained.iter().any(|retained| retained == name.as_str()) {
            return Err(malformed(format!(
                "invalid patch format of retainKeys: {name:?} is given and not retained"
            )));
        }
    }
    live.retain(|name, _| retained.iter().any(|retained| retained == name.as_str()));
    Ok(())
}

fn delete_primitives(
    live: &mut Map<String, Value>,
    patch: &Map<String, Value>,
) -> Result<(), PatchError> {
    for (directive, deleted) in patch {
        let Some(name) = directive.strip_prefix(DELETE_FROM) else {
            continue;
        };
        let Some(deleted) = deleted.as_array() else {
            return Err(malformed(format!(
                "invalid patch format of primitive list: {directive} must be a list"
            )));
        };
        if let Some(Value::Array(items)) = live.get_mut(name) {
            items.retain(|item| !deleted.contains(item));
        }
    }
    Ok(())
}

/// Every element of the patch has its place in the order.
fn check_order(
    patch: Option<&Value>,
    order: &[Value],
    key: Option<&str>,
    name: &str,
) -> Result<(), PatchError> {
    let items = patch.and_then(Value::as_array).into_iter().flatten();
    for item in items.filter(|item| item.get(PATCH).is_none()) {
        let identity = list::identity(item, key);
        if !order
            .iter()
            .any(|other| list::identity(other, key) == identity)
        {
            return Err(malformed(format!(
                "The order in patch list of {name} doesn't match {SET_ORDER}{name} list: {item} is not in it"
            )));
        }
    }
    Ok(())
}

/// A value as it enters an object: without directives and nulls. An object with a `$patch` of its own
/// has nothing to act on there, and is left out.
pub(super) fn fresh(value: Value) -> Option<Value> {
    match value {
        Value::Object(object) if object.contains_key(PATCH) => None,
        Value::Object(object) => Some(Value::Object(without_directives(object))),
        Value::Array(items) => Some(items.into_iter().filter_map(fresh).collect()),
        Value::Null => None,
        scalar => Some(scalar),
    }
}

fn without_directives(object: Map<String, Value>) -> Map<String, Value> {
    object
        .into_iter()
        .filter(|(name, _)| {
            name != PATCH
                && name != RETAIN_KEYS
                && !name.starts_with(SET_ORDER)
                && !name.starts_with(DELETE_FROM)
        })
        .filter_map(|(name, value)| Some((name, fresh(value)?)))
        .collect()
}
