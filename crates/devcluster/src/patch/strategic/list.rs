//! Merging lists by element.

use serde_json::Value;

use super::{PATCH, fresh, go, malformed, map};
use crate::patch::PatchError;
use crate::schema::TypeSchema;

/// `live` with the elements of `patch` merged in: objects by `key`, scalars by value. Elements of the
/// patch take its order, the others stay where they are relative to them.
pub(super) fn merge(
    live: &[Value],
    patch: &[Value],
    key: Option<&str>,
    schema: Option<&TypeSchema>,
) -> Result<Vec<Value>, PatchError> {
    if patch.is_empty() {
        return Ok(live.to_vec());
    }
    if patch.iter().all(|item| !item.is_object()) {
        if patch.iter().any(Value::is_array) {
            return Err(malformed(
                "lists of lists are not supported in strategic merge patch",
            ));
        }
        let mut merged: Vec<Value> = Vec::new();
        for item in live.iter().chain(patch) {
            if !merged.contains(item) {
                merged.push(item.clone());
            }
        }
        return Ok(ordered(merged, patch, Some(&live.to_vec()), None));
    }
    let Some(key) = key else {
        return Err(malformed(
            "cannot merge a list of objects without a merge key",
        ));
    };
    let (mut merged, given) = directives(live, patch, key)?;
    for item in &given {
        let identity = required_key(item, key)?;
        let place = merged
            .iter()
            .position(|other| other.get(key) == Some(identity));
        let live = place.and_then(|place| merged[place].as_object());
        let new = match (live, item.as_object()) {
            (Some(live), Some(item)) => Value::Object(map(live, item, schema)?),
            _ => match fresh((*item).clone()) {
                Some(new) => new,
                None => continue,
            },
        };
        match place {
            Some(place) => merged[place] = new,
            None => merged.push(new),
        }
    }
    let order: Vec<Value> = given.into_iter().cloned().collect();
    Ok(ordered(merged, &order, Some(&live.to_vec()), Some(key)))
}

fn required_key<'a>(item: &'a Value, key: &str) -> Result<&'a Value, PatchError> {
    item.get(key).ok_or_else(|| PatchError::Directive {
        message: format!(
            "map: {} does not contain declared merge key: {key}",
            go::written(item)
        ),
    })
}

/// Carries out `$patch` of elements; what remains of the list, and of the patch.
fn directives<'a>(
    live: &[Value],
    patch: &'a [Value],
    key: &str,
) -> Result<(Vec<Value>, Vec<&'a Value>), PatchError> {
    let mut merged = live.to_vec();
    let mut given = Vec::new();
    let mut replace = false;
    for item in patch {
        let Some(directive) = item.get(PATCH) else {
            given.push(item);
            continue;
        };
        match directive.as_str() {
            Some("delete") => {
                let identity = required_key(item, key)?;
                merged.retain(|other| other.get(key) != Some(identity));
            }
            Some("replace") => replace = true,
            Some("merge") => {
                return Err(malformed(
                    "merging lists cannot yet be specified in the patch",
                ));
            }
            _ => {
                return Err(PatchError::Directive {
                    message: format!(
                        "unknown patch type: {} in map: {}",
                        go::written(directive),
                        go::written(item)
                    ),
                });
            }
        }
    }
    if replace {
        merged.clear();
    }
    Ok((merged, given))
}

/// What tells an element from the others.
pub(super) fn identity<'a>(item: &'a Value, key: Option<&str>) -> Option<&'a Value> {
    match key {
        Some(key) => item.get(key),
        None => Some(item),
    }
}

/// `items` with those that `order` names in its order. The others keep their order in `before` and
/// stay in front of the named ones they preceded there.
pub(super) fn ordered(
    items: Vec<Value>,
    order: &[Value],
    before: Option<&Vec<Value>>,
    key: Option<&str>,
) -> Vec<Value> {
    let place = |list: &[Value], item: &Value| {
        let sought = identity(item, key);
        list.iter().position(|other| identity(other, key) == sought)
    };
    let before = before.map_or(&[][..], Vec::as_slice);
    let (mut named, mut others): (Vec<Value>, Vec<Value>) = items
        .into_iter()
        .partition(|item| place(order, item).is_some());
    named.sort_by_key(|item| place(order, item));
    others.sort_by_key(|item| place(before, item).unwrap_or(usize::MAX));

    let mut result = Vec::with_capacity(named.len() + others.len());
    let mut named = named.into_iter().peekable();
    let mut others = others.into_iter().peekable();
    loop {
        let next = match (others.peek(), named.peek()) {
            (None, None) => return result,
            (Some(_), None) => others.next(),
            (None, Some(_)) => named.next(),
            (Some(other), Some(name)) => match (place(before, other), place(before, name)) {
                (Some(other), Some(name)) if other <= name => others.next(),
                _ => named.next(),
            },
        };
        result.extend(next);
    }
}
