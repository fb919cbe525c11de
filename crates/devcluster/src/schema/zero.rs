//! The zero value of a built-in type, as Go writes it.

use serde_json::{Map, Value};

use super::{Shape, TypeSchema};

/// What an object of the type holds before anything is set: for a built-in type the objects that Go
/// embeds by value and null for required pointers, lists and maps; for a custom type nothing.
pub(crate) fn zero(schema: &TypeSchema) -> Map<String, Value> {
    let mut object = Map::new();
    if !schema.is_builtin() {
        return object;
    }
    if let Shape::Struct(shape) = &schema.shape {
        for (name, field) in &shape.fields {
            if field.by_value {
                object.insert(name.clone(), Value::Object(zero(field.schema.get())));
            } else if shape.required.contains(name) {
                object.insert(name.clone(), Value::Null);
            }
        }
    }
    object
}
