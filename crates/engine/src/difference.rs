//! Whether a live object already has what is wanted.
//!
//! Without schemas: maps are compared by the wanted keys, lists element by element, or by key where the elements carry one
//! that all of them have. A list that only looks different (an unknown merge key, a quantity written another way) costs one
//! server-side apply, after which the engine remembers what the API server made of it.

use serde_json::{Map, Value};

/// Keys by which Kubernetes merges lists of objects, most specific first.
const LIST_KEYS: [&str; 6] = ["uid", "name", "type", "mountPath", "containerPort", "port"];

/// JSON pointers at which `live` lacks something that `wanted` has, in order; empty when there is nothing to do.
pub(crate) fn differences(wanted: &Map<String, Value>, live: &Map<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    compare_maps(wanted, live, &mut String::new(), &mut found);
    found
}

fn compare(wanted: &Value, live: &Value, path: &mut String, found: &mut Vec<String>) {
    match (wanted, live) {
        (Value::Object(wanted), Value::Object(live)) => compare_maps(wanted, live, path, found),
        (Value::Array(wanted), Value::Array(live)) => compare_lists(wanted, live, path, found),
        _ if wanted == live || numbers_equal(wanted, live) => {}
        _ => found.push(path.clone()),
    }
}

/// `1` and `1.0` are one number to Kubernetes.
fn numbers_equal(a: &Value, b: &Value) -> bool {
    matches!((a.as_f64(), b.as_f64()), (Some(a), Some(b)) if a.total_cmp(&b).is_eq())
}

fn compare_maps(
    wanted: &Map<String, Value>,
    live: &Map<String, Value>,
    path: &mut String,
    found: &mut Vec<String>,
) {
    for (key, value) in wanted {
        // To want null is to want nothing: the API server drops nulls.
        if value.is_null() {
            continue;
        }
        let length = path.len();
        path.push('/');
        path.push_str(&key.replace('~', "~0").replace('/', "~1"));
        match live.get(key) {
            Some(live) => compare(value, live, path, found),
            None if is_empty(value) => {}
            None => found.push(path.clone()),
        }
        path.truncate(length);
    }
}

/// `{}` and `[]` are often not stored.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

fn compare_lists(wanted: &[Value], live: &[Value], path: &mut String, found: &mut Vec<String>) {
    let element = |index: usize,
                   path: &mut String,
                   wanted: &Value,
                   live: Option<&Value>,
                   found: &mut Vec<String>| {
        let length = path.len();
        path.push('/');
        path.push_str(&index.to_string());
        match live {
            Some(live) => compare(wanted, live, path, found),
            None => found.push(path.clone()),
        }
        path.truncate(length);
    };
    if let Some(key) =
        list_key(wanted).filter(|key| live.iter().all(|item| item.get(key).is_some()))
    {
        for (index, item) in wanted.iter().enumerate() {
            let partner = live
                .iter()
                .find(|candidate| candidate.get(key) == item.get(key));
            element(index, path, item, partner, found);
        }
    } else if wanted.len() == live.len() {
        for (index, (item, partner)) in wanted.iter().zip(live).enumerate() {
            element(index, path, item, Some(partner), found);
        }
    } else {
        found.push(path.clone());
    }
}

/// The key that every element has, with values that differ.
fn list_key(items: &[Value]) -> Option<&'static str> {
    LIST_KEYS.into_iter().find(|key| {
        let mut values: Vec<&Value> = Vec::with_capacity(items.len());
        !items.is_empty()
            && items.iter().all(|item| match item.get(key) {
                Some(value) if !values.contains(&value) => {
                    values.push(value);
                    true
                }
                _ => false,
            })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::differences;

    fn check(wanted: &Value, live: &Value, expected: &[&str]) {
        let (Value::Object(wanted), Value::Object(live)) = (wanted, live) else {
            panic!("objects expected");
        };
        assert_eq!(
            differences(wanted, live),
            expected,
            "{wanted:?} in {live:?}"
        );
    }

    #[test]
    fn wanted_fields_only() {
        check(&json!({"a": 1}), &json!({"a": 1, "b": 2}), &[]);
        check(&json!({"a": 1}), &json!({"a": 2}), &["/a"]);
        check(&json!({"a": {"b/c": 1}}), &json!({"a": {}}), &["/a/b~1c"]);
        check(&json!({"a": null, "b": {}, "c": []}), &json!({}), &[]);
        check(&json!({"a": 1}), &json!({"a": 1.0}), &[]);
        check(&json!({"a": "1"}), &json!({"a": 1}), &["/a"]);
    }

    #[test]
    fn lists_merge_by_key_or_are_whole() {
        let live = json!({"l": [{"name": "injected", "x": 0}, {"name": "a", "x": 1, "y": 2}]});
        check(&json!({"l": [{"name": "a", "x": 1}]}), &live, &[]);
        check(&json!({"l": [{"name": "a", "x": 2}]}), &live, &["/l/0/x"]);
        check(&json!({"l": [{"name": "b"}]}), &live, &["/l/0"]);
        check(&json!({"l": ["x", "y"]}), &json!({"l": ["x"]}), &["/l"]);
        check(
            &json!({"l": ["x", "y"]}),
            &json!({"l": ["y", "x"]}),
            &["/l/0", "/l/1"],
        );
    }
}
