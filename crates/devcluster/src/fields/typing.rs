//! Whether an applied configuration fits its type.

use std::collections::BTreeSet;

use serde_json::Value;

use super::atom::identity;
use crate::schema::{ListKind, Shape, TypeSchema};

/// What does not fit: undeclared fields, values of another type, elements that cannot be told apart.
pub(super) fn complaints(config: &Value, schema: &TypeSchema) -> Vec<String> {
    let mut check = Check::default();
    check.value(schema, config);
    check.complaints
}

#[derive(Default)]
struct Check {
    path: String,
    complaints: Vec<String>,
}

impl Check {
    fn complain(&mut self, reason: &str) {
        let separator = if self.path.is_empty() { "" } else { ": " };
        self.complaints
            .push(format!("{}{separator}{reason}", self.path));
    }

    fn value(&mut self, schema: &TypeSchema, value: &Value) {
        if value.is_null() {
            return;
        }
        match (&schema.shape, value) {
            (Shape::Any | Shape::Opaque | Shape::IntOrString | Shape::Quantity, _) => {}
            (Shape::Struct(shape), Value::Object(object)) => {
                for (name, value) in object {
                    let step = format!(".{name}");
                    match shape.fields.get(name) {
                        Some(field) => {
                            self.step(&step, |check| check.value(field.schema.get(), value))
                        }
                        None if shape.preserve_unknown => {}
                        None => {
                            self.step(&step, |check| {
                                check.complain("field not declared in schema")
                            });
                        }
                    }
                }
            }
            (Shape::Map(shape), Value::Object(object)) => {
                for (name, value) in object {
                    self.step(&format!(".{name}"), |check| {
                        check.value(shape.values.get(), value)
                    });
                }
            }
            (Shape::List(shape), Value::Array(items)) => {
                let mut seen = BTreeSet::new();
                for (index, item) in items.iter().enumerate() {
                    let step = if shape.kind == ListKind::Atomic {
                        format!("[{index}]")
                    } else {
                        match identity(shape, item) {
                            Ok(element) => {
                                let step = element.to_string();
                                if !seen.insert(element) {
                                    self.complain(&format!("duplicate entries for key {step}"));
                                }
                                step
                            }
                            Err(reason) => {
                                self.complain(&format!("element {index}: {reason}"));
                                return;
                            }
                        }
                    };
                    self.step(&step, |check| check.value(shape.items.get(), item));
                }
            }
            (Shape::Struct(_) | Shape::Map(_), other) => {
                self.complain(&format!("expected map, got {}", shown(other)));
            }
            (Shape::List(_), other) => {
                self.complain(&format!("expected list, got {}", shown(other)));
            }
            (Shape::String, other) if !other.is_string() => {
                self.complain(&format!("expected string, got {}", shown(other)));
            }
            (Shape::Boolean, other) if !other.is_boolean() => {
                self.complain(&format!("expected boolean, got {}", shown(other)));
            }
            (Shape::Integer | Shape::Number, other) if !other.is_number() => {
                self.complain(&format!(
                    "expected numeric (int or float), got {}",
                    go_type(other)
                ));
            }
            _ => {}
        }
    }

    fn step(&mut self, step: &str, inside: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push_str(step);
        inside(self);
        self.path.truncate(length);
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) => format!("&{{{number}}}"),
        other => format!("&{{{other}}}"),
    }
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
        Value::Number(_) | Value::Null => "number",
    }
}
