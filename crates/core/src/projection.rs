//! Parts of objects, so that a large one need not cross into a module.

use serde_json::{Map, Value};

use crate::object::Object;

/// What every projection keeps.
const ALWAYS: [&str; 5] = [
    "/apiVersion",
    "/kind",
    "/metadata/name",
    "/metadata/namespace",
    "/metadata/uid",
];

/// `object` with only what the JSON pointers `fields` (and its identity) point at; whole when there are none. Elements
/// of lists cannot be picked: a pointer into a list keeps the whole list.
#[must_use]
pub fn project(object: &Object, fields: &[String]) -> Value {
    if fields.is_empty() {
        return Value::Object(object.content().clone());
    }
    let mut kept = Map::new();
    for pointer in ALWAYS.into_iter().chain(fields.iter().map(String::as_str)) {
        let parts: Vec<String> = pointer
            .split('/')
            .skip(1)
            .map(|part| part.replace("~1", "/").replace("~0", "~"))
            .collect();
        keep(object.content(), &parts, &mut kept);
    }
    Value::Object(kept)
}

fn keep(from: &Map<String, Value>, parts: &[String], into: &mut Map<String, Value>) {
    let Some((first, rest)) = parts.split_first() else {
        return;
    };
    match from.get(first) {
        None => {}
        Some(Value::Object(map)) if !rest.is_empty() => {
            let place = into
                .entry(first.clone())
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(place) = place {
                keep(map, rest, place);
            }
        }
        Some(value) => {
            into.insert(first.clone(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::project;
    use crate::object::Object;

    #[test]
    fn keeps_identity_and_what_is_asked_for() {
        let object = Object::from_value(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {"x/y": "1", "z": "2"}},
            "spec": {"containers": [{"name": "c"}], "nodeName": "n"}, "status": {"phase": "Running"},
        }))
        .unwrap();
        let fields = [
            "/metadata/labels/x~1y",
            "/spec/containers/0/name",
            "/nothing",
        ]
        .map(str::to_owned);
        assert_eq!(
            project(&object, &fields),
            json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {"x/y": "1"}},
                "spec": {"containers": [{"name": "c"}]},
            })
        );
    }
}
