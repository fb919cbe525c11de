//! JSON into values of CEL, by the types of a schema.

use std::sync::Arc;

use k8s_openapi::ByteString;
use serde_json::Value;

use crate::cel;
use crate::schema::{Shape, TypeSchema};

/// A value as rules see it: formats have types of their own, undeclared fields are not there.
pub(super) fn convert(schema: &TypeSchema, value: &Value) -> cel::Value {
    match (&schema.shape, value) {
        (Shape::Struct(shape), Value::Object(object)) => {
            let entries = object
                .iter()
                .filter_map(|(name, value)| {
                    let converted = match shape.fields.get(name) {
                        Some(field) => convert(field.schema.get(), value),
                        None if shape.preserve_unknown => plain(value),
                        None => return None,
                    };
                    // A null is an absent field, but where it may be null.
                    let is_absent = value.is_null()
                        && shape
                            .fields
                            .get(name)
                            .is_some_and(|field| !field.schema.get().nullable);
                    (!is_absent).then(|| (cel::Value::text(name.as_str()), converted))
                })
                .collect();
            cel::Value::Map(Arc::new(entries))
        }
        (Shape::Map(shape), Value::Object(object)) => {
            let entries = object
                .iter()
                .map(|(name, value)| {
                    let value = convert(shape.values.get(), value);
                    (cel::Value::text(name.as_str()), value)
                })
                .collect();
            cel::Value::Map(Arc::new(entries))
        }
        (Shape::List(shape), Value::Array(items)) => {
            let items = items.iter().map(|item| convert(shape.items.get(), item));
            cel::Value::list(items.collect())
        }
        (Shape::Number, Value::Number(number)) => {
            cel::Value::Double(number.as_f64().unwrap_or_default())
        }
        (Shape::String, Value::String(text)) => {
            let format = schema
                .rules
                .as_ref()
                .and_then(|rules| rules.format.as_deref());
            formatted(format.unwrap_or_default(), text)
        }
        _ => plain(value),
    }
}

fn formatted(format: &str, text: &str) -> cel::Value {
    let plain = || cel::Value::text(text);
    match format {
        "date-time" => text
            .parse()
            .map_or_else(|_no| plain(), cel::Value::Timestamp),
        "date" => format!("{text}T00:00:00Z")
            .parse()
            .map_or_else(|_no| plain(), cel::Value::Timestamp),
        "duration" => cel::duration(text).map_or_else(plain, cel::Value::Duration),
        "byte" => serde_json::from_value::<ByteString>(Value::from(text))
            .map_or_else(|_no| plain(), |bytes| cel::Value::Bytes(bytes.0.into())),
        _ => plain(),
    }
}

/// A value of which nothing is declared.
fn plain(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(truth) => cel::Value::Bool(*truth),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => cel::Value::Int(whole),
            None => cel::Value::Double(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => cel::Value::text(text.as_str()),
        Value::Array(items) => cel::Value::list(items.iter().map(plain).collect()),
        Value::Object(object) => {
            let entries = object
                .iter()
                .map(|(name, value)| (cel::Value::text(name.as_str()), plain(value)))
                .collect();
            cel::Value::Map(Arc::new(entries))
        }
    }
}
