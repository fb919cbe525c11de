//! Removing fields that a type does not declare, and those that say nothing.

use serde_json::{Map, Value};

use super::{Field, Origin, Shape, TypeRef, TypeSchema};

/// Fields of every object, which its own schema need not declare.
const OBJECT_FIELDS: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Removes every field of `object` that `schema` does not declare.
///
/// Returns the paths of what was removed (`spec.steps[0].unknown`), sorted: the texts of warnings
/// and, under strict field validation, of an error.
pub fn prune(schema: &TypeSchema, object: &mut Value) -> Vec<String> {
    let mut pruner = Pruner::default();
    pruner.value(schema, object, true);
    pruner.removed.sort();
    pruner.removed
}

/// Optional lists of built-in types that are told although they are empty, by type and field.
const TOLD_EMPTY: [(&str, &str); 3] = [
    ("discovery.v1.EndpointSlice", "ports"),
    ("rbac.v1.ClusterRole", "rules"),
    ("rbac.v1.Role", "rules"),
];

/// Removes empty maps, lists and zeros of built-in types where they say nothing (`paused: false`): they are absent after
/// their way through the server's own types. Objects with fields of their own stay (`emptyDir: {}`).
pub(crate) fn drop_unsaid(schema: &TypeSchema, object: &mut Value) {
    let Origin::Builtin(name) = &schema.origin else {
        return;
    };
    match (&schema.shape, object) {
        (Shape::Struct(shape), Value::Object(object)) => object.retain(|field, value| {
            let Some(declared) = shape.fields.get(field) else {
                return true;
            };
            drop_unsaid(declared.schema.get(), value);
            !is_unsaid(declared, value)
                || shape.required.contains(field)
                || TOLD_EMPTY.contains(&(name.as_str(), field.as_str()))
        }),
        (Shape::Map(shape), Value::Object(object)) => {
            for value in object.values_mut() {
                drop_unsaid(shape.values.get(), value);
            }
        }
        (Shape::List(shape), Value::Array(items)) => {
            for item in items {
                drop_unsaid(shape.items.get(), item);
            }
        }
        _ => {}
    }
}

fn is_unsaid(field: &Field, value: &Value) -> bool {
    match (&field.schema.get().shape, value) {
        (Shape::Map(_), Value::Object(map)) => map.is_empty(),
        (Shape::List(_), Value::Array(list)) => list.is_empty(),
        (_, Value::Bool(given)) => field.omits_zero && !given,
        (_, Value::Number(given)) => field.omits_zero && given.as_f64() == Some(0.0),
        (_, Value::String(given)) => field.omits_zero && given.is_empty(),
        _ => false,
    }
}

#[derive(Default)]
struct Pruner {
    path: String,
    removed: Vec<String>,
}

impl Pruner {
    fn value(&mut self, schema: &TypeSchema, value: &mut Value, root: bool) {
        match (&schema.shape, value) {
            (Shape::Struct(shape), Value::Object(object)) => {
                let embedded = schema.embedded_resource && !root;
                if !shape.preserve_unknown {
                    let known = |name: &String| {
                        shape.fields.contains_key(name)
                            || (embedded && OBJECT_FIELDS.contains(&name.as_str()))
                    };
                    self.retain(object, known);
                }
                for (name, field) in &shape.fields {
                    if let Some(value) = object.get_mut(name) {
                        self.step(&format!(".{name}"), &field.schema, value);
                    }
                }
            }
            (Shape::Map(shape), Value::Object(object)) => {
                for (name, value) in object {
                    self.step(&format!(".{name}"), &shape.values, value);
                }
            }
            (Shape::List(shape), Value::Array(items)) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.step(&format!("[{index}]"), &shape.items, item);
                }
            }
            _ => {}
        }
    }

    fn step(&mut self, step: &str, schema: &TypeRef, value: &mut Value) {
        let length = self.path.len();
        if length == 0 {
            self.path.push_str(step.trim_start_matches('.'));
        } else {
            self.path.push_str(step);
        }
        self.value(schema.get(), value, false);
        self.path.truncate(length);
    }

    fn retain(&mut self, object: &mut Map<String, Value>, known: impl Fn(&String) -> bool) {
        let unknown: Vec<String> = object.keys().filter(|name| !known(name)).cloned().collect();
        for name in unknown {
            object.remove(&name);
            self.removed.push(if self.path.is_empty() {
                name
            } else {
                format!("{}.{name}", self.path)
            });
        }
    }
}
