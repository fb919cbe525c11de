//! Which fields of a workload have to be written to change it: as few as its kind allows.
//!
//! Server-side apply merges lists whose items have keys: there only items are written, and to write them no longer takes them
//! out. A list without keys is one field: it is written wholly, with what its user has in it. Owns the difference of states of
//! a workload in those terms; it knows nothing of bindings.

mod shape;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

pub(crate) use shape::Shape;

/// Fields of a workload.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Part {
    /// As they are to be applied, without what names the object.
    pub(crate) fields: Map<String, Value>,
    /// Lists that are written wholly, and maps of which somebody else's field is written, by path. Empty where there are none.
    pub(crate) whole: BTreeSet<String>,
}

/// What has to be applied to make `live` what is `wanted`. Both have all that `base` has, which is somebody else's. Whoever has applied
/// the part of `live` before gets exactly `wanted`: items that it lacks go, and lists that are one field stay.
pub(crate) fn part(base: &Value, live: &Value, wanted: &Value, shape: Shape<'_>) -> Part {
    let mut whole = BTreeSet::new();
    let at = At {
        base: Some(base),
        live: Some(live),
        wanted: Some(wanted),
    };
    let fields = match value(&mut whole, at, shape, "") {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    Part { fields, whole }
}

/// One place in three states of an object.
#[derive(Clone, Copy)]
struct At<'a> {
    base: Option<&'a Value>,
    live: Option<&'a Value>,
    wanted: Option<&'a Value>,
}

impl<'a> At<'a> {
    fn each(self, get: impl Fn(&'a Value) -> Option<&'a Value>) -> Self {
        Self {
            base: self.base.and_then(&get),
            live: self.live.and_then(&get),
            wanted: self.wanted.and_then(&get),
        }
    }

    fn is_like(self, like: fn(&Value) -> bool) -> bool {
        [self.base, self.live, self.wanted]
            .into_iter()
            .flatten()
            .all(like)
    }

    /// The lists; empty where there is none.
    fn lists(self) -> [&'a [Value]; 3] {
        [self.base, self.live, self.wanted].map(|list| {
            list.and_then(Value::as_array)
                .map_or(&[][..], Vec::as_slice)
        })
    }
}

fn value(whole: &mut BTreeSet<String>, at: At<'_>, shape: Shape<'_>, path: &str) -> Option<Value> {
    if at.wanted == at.base && at.live == at.base {
        return None;
    }
    if at.is_like(Value::is_object) {
        let found = object(whole, at, shape, path);
        return found.or_else(|| anchor(whole, at, path));
    }
    if at.is_like(Value::is_array) {
        if let Some(keys) = shape.keys()
            && at.lists().iter().all(|items| has_keys(items, &keys))
        {
            return items(whole, at, (&keys, shape.item()), path);
        }
        whole.insert(path.to_owned());
        return at.wanted.cloned();
    }
    at.wanted.filter(|_| at.wanted != at.base).cloned()
}

fn object(whole: &mut BTreeSet<String>, at: At<'_>, shape: Shape<'_>, path: &str) -> Option<Value> {
    let names: BTreeSet<&String> = [at.live, at.wanted]
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .flat_map(Map::keys)
        .collect();
    let mut found = Map::new();
    for name in names {
        let inner = at.each(|object| object.get(name));
        if let Some(inner) = value(whole, inner, shape.field(name), &format!("{path}/{name}")) {
            found.insert(name.clone(), inner);
        }
    }
    let is_new = at.base.is_none() && at.wanted.is_some();
    (is_new || !found.is_empty()).then_some(Value::Object(found))
}

fn items(
    whole: &mut BTreeSet<String>,
    at: At<'_>,
    (keys, shape): (&[&str], Shape<'_>),
    path: &str,
) -> Option<Value> {
    let of = |list: Option<&'_ Value>, item: &Value| -> Option<Value> {
        let is_same = |other: &&Value| keys.iter().all(|key| other.get(key) == item.get(key));
        list?.as_array()?.iter().find(is_same).cloned()
    };
    let keyed = |mut fields: Map<String, Value>, item: &Value| {
        for key in keys {
            fields.insert((*key).to_owned(), item[*key].clone());
        }
        Value::Object(fields)
    };
    let mut found = Vec::new();
    for item in at.lists()[2] {
        let Some(base) = of(at.base, item) else {
            found.push(item.clone());
            continue;
        };
        let name: Vec<String> = keys.iter().map(|key| item[*key].to_string()).collect();
        let live = of(at.live, item);
        let inner = At {
            base: Some(&base),
            live: live.as_ref(),
            wanted: Some(item),
        };
        if inner.wanted == inner.base && inner.live == inner.base {
            continue;
        }
        let place = format!("{path}/{}", name.join(","));
        match object(whole, inner, shape, &place) {
            Some(Value::Object(fields)) => found.push(keyed(fields, item)),
            _ => found.push(keyed(Map::new(), item)),
        }
    }
    // Something goes, others stay: by one of them the list is still listed.
    if found.is_empty() && at.live != at.base {
        found.extend(at.lists()[2].first().map(|item| keyed(Map::new(), item)));
    }
    (!found.is_empty()).then_some(Value::Array(found))
}

/// One field of an object out of which something goes. Server-side apply takes a whole map or list out where its applier does not list
/// anything in it any more, with all that nobody owns.
fn anchor(whole: &mut BTreeSet<String>, at: At<'_>, path: &str) -> Option<Value> {
    if at.live == at.base {
        return None;
    }
    let is_plain = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
    let (name, value) = at
        .wanted?
        .as_object()?
        .iter()
        .find(|(_, value)| is_plain(value))?;
    whole.insert(path.to_owned());
    Some(Value::Object(
        [(name.clone(), value.clone())].into_iter().collect(),
    ))
}

/// Whether every item can be told from the others.
fn has_keys(items: &[Value], keys: &[&str]) -> bool {
    let mut seen = BTreeSet::new();
    items.iter().all(|item| {
        let name: Option<Vec<String>> = keys
            .iter()
            .map(|key| Some(item.get(key)?.to_string()))
            .collect();
        name.is_some_and(|name| seen.insert(name))
    })
}
