//! Which fields of a workload a binding needs: as few as its kind allows.
//!
//! Server-side apply merges lists whose items have keys: there only the binding's own items are written, and giving them up
//! takes them out. A list without keys is one field: it is written wholly, with what its user has in it, and has to be given back
//! before it is given up. Owns the difference of two states of a workload in those terms; it knows nothing of bindings.

mod shape;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

pub(crate) use shape::Shape;

/// The fields in which a workload differs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Part {
    /// Fields as they are to be applied, without what names the object.
    pub(crate) fields: Map<String, Value>,
    /// Lists that are written wholly, by path. Empty where everything has keys.
    pub(crate) whole: BTreeSet<String>,
}

/// What has to be applied to come from `base` to `wanted`, which has all that `base` has. A container that has lost its image
/// was removed by its user, and is only held by what is in it: such `remains` are left out.
pub(crate) fn difference(base: &Value, wanted: &Value, shape: Shape<'_>, remains: bool) -> Part {
    Walk {
        whole: BTreeSet::new(),
        give: Give::Wanted { remains },
    }
    .part(base, wanted, &Value::Null, shape)
}

/// The lists that are written wholly where `live` differs from `base`, as they are in `plain`.
pub(crate) fn given_back(base: &Value, live: &Value, plain: &Value, shape: Shape<'_>) -> Part {
    Walk {
        whole: BTreeSet::new(),
        give: Give::Plain,
    }
    .part(base, live, plain, shape)
}

/// What stands where there is a difference.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Give {
    Wanted { remains: bool },
    Plain,
}

struct Walk {
    whole: BTreeSet<String>,
    give: Give,
}

impl Walk {
    fn part(mut self, base: &Value, wanted: &Value, plain: &Value, shape: Shape<'_>) -> Part {
        let found = self.value(Some(base), wanted, Some(plain), shape, "");
        Part {
            fields: match found {
                Some(Value::Object(fields)) => fields,
                _ => Map::new(),
            },
            whole: self.whole,
        }
    }

    fn value(
        &mut self,
        base: Option<&Value>,
        wanted: &Value,
        plain: Option<&Value>,
        shape: Shape<'_>,
        path: &str,
    ) -> Option<Value> {
        if base == Some(wanted) {
            return None;
        }
        match wanted {
            Value::Object(fields) if base.is_none_or(Value::is_object) => {
                let mut found = Map::new();
                for (name, value) in fields {
                    let inner = self.value(
                        base.and_then(|base| base.get(name)),
                        value,
                        plain.and_then(|plain| plain.get(name)),
                        shape.field(name),
                        &format!("{path}/{name}"),
                    );
                    if let Some(inner) = inner {
                        found.insert(name.clone(), inner);
                    }
                }
                let is_new = base.is_none() && self.give != Give::Plain;
                (is_new || !found.is_empty()).then_some(Value::Object(found))
            }
            Value::Array(items) => {
                let before = base.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                match shape.keys() {
                    Some(keys) if has_keys(items, &keys) && has_keys(before, &keys) => {
                        self.items(before, items, plain, (&keys, shape.item()), path)
                    }
                    _ => {
                        self.whole.insert(path.to_owned());
                        match self.give {
                            Give::Wanted { .. } => Some(wanted.clone()),
                            Give::Plain => plain.cloned(),
                        }
                    }
                }
            }
            _ => (self.give != Give::Plain).then(|| wanted.clone()),
        }
    }

    fn items(
        &mut self,
        before: &[Value],
        items: &[Value],
        plain: Option<&Value>,
        (keys, shape): (&[&str], Shape<'_>),
        path: &str,
    ) -> Option<Value> {
        let of = |items: &'_ [Value], item: &Value| {
            let is_same = |other: &&Value| keys.iter().all(|key| other.get(key) == item.get(key));
            items.iter().find(is_same).cloned()
        };
        let plain = plain.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let mut found = Vec::new();
        for item in items {
            let Some(partner) = of(before, item) else {
                if self.give != Give::Plain {
                    found.push(item.clone());
                }
                continue;
            };
            if self.give == (Give::Wanted { remains: true }) && shape.is_remainder(&partner) {
                continue;
            }
            let name: Vec<String> = keys.iter().map(|key| item[*key].to_string()).collect();
            let place = format!("{path}/{}", name.join(","));
            let plain = of(plain, item);
            let inner = self.value(Some(&partner), item, plain.as_ref(), shape, &place);
            if let Some(Value::Object(mut fields)) = inner {
                for key in keys {
                    fields.insert((*key).to_owned(), item[*key].clone());
                }
                found.push(Value::Object(fields));
            }
        }
        (!found.is_empty()).then_some(Value::Array(found))
    }
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
