//! Giving absent fields their defaults.

use serde_json::{Map, Value};

use super::{Origin, Shape, TypeSchema};

mod conditional;

/// Fills absent fields of `object` that have a default, from the outside in.
///
/// Nulls go first: one of a non-nullable field counts as absent. It is removed and, if the field has a
/// default, replaced by it. For built-in types, defaults that depend on other fields
/// (`imagePullPolicy`, `targetPort`, …) are applied too.
pub fn default(schema: &TypeSchema, object: &mut Value) {
    drop_nulls(schema, object);
    fill(schema, object);
}

/// Removes nulls of fields that cannot be null.
fn drop_nulls(schema: &TypeSchema, value: &mut Value) {
    match (&schema.shape, value) {
        (Shape::Struct(shape), Value::Object(object)) => {
            object.retain(|name, value| match shape.fields.get(name) {
                Some(field) => !value.is_null() || field.schema.get().nullable,
                None => true,
            });
            for (name, value) in object {
                if let Some(field) = shape.fields.get(name) {
                    drop_nulls(field.schema.get(), value);
                }
            }
        }
        (Shape::Map(shape), Value::Object(object)) => {
            let values = shape.values.get();
            // In a map of strings or the like, Go reads null as the zero value and keeps the key.
            let keep = values.nullable || values.default.is_some() || values.is_builtin();
            object.retain(|_, value| keep || !value.is_null());
            for value in object.values_mut() {
                drop_nulls(values, value);
            }
        }
        (Shape::List(shape), Value::Array(items)) => {
            for item in items {
                drop_nulls(shape.items.get(), item);
            }
        }
        _ => {}
    }
}

fn fill(schema: &TypeSchema, value: &mut Value) {
    match (&schema.shape, value) {
        (Shape::Struct(shape), Value::Object(object)) => {
            for (name, field) in &shape.fields {
                if let Some(default) = field.default_value()
                    && !object.contains_key(name)
                {
                    object.insert(name.clone(), default.clone());
                }
            }
            if let Origin::Builtin(name) = &schema.origin {
                conditional::apply(name, object);
            }
            for (name, value) in object {
                if let Some(field) = shape.fields.get(name) {
                    fill(field.schema.get(), value);
                }
            }
        }
        (Shape::Map(shape), Value::Object(object)) => {
            let values = shape.values.get();
            for value in object.values_mut() {
                replace_null(values, value);
                fill(values, value);
            }
        }
        (Shape::List(shape), Value::Array(items)) => {
            let schema = shape.items.get();
            for item in items {
                replace_null(schema, item);
                fill(schema, item);
            }
        }
        _ => {}
    }
}

fn replace_null(schema: &TypeSchema, value: &mut Value) {
    if value.is_null()
        && !schema.nullable
        && let Some(default) = &schema.default
    {
        *value = default.clone();
    }
}

/// Sets a field that is absent.
fn absent(object: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    if !object.contains_key(name) {
        object.insert(name.to_owned(), value.into());
    }
}
