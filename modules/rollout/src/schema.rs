//! CustomResourceDefinitions of types: what an API server takes as a structural schema. Only the tests that keep the written
//! definitions up to date need it.

use oarlock_sdk::{Value, json};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

/// The structural schema of a type.
pub fn structural<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::openapi3().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let schema: Schema = settings.into_generator().into_root_schema_for::<T>();
    let mut schema = schema.to_value();
    tidy(&mut schema);
    schema
}

/// What the API server has no use for: titles, `null` (an absent field says the same), formats that it does not know.
fn tidy(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    for keyword in ["title", "nullable", "$schema", "components"] {
        fields.remove(keyword);
    }
    choices(fields);
    if fields
        .get("additionalProperties")
        .is_some_and(Value::is_boolean)
    {
        fields.remove("additionalProperties");
    }
    match fields.get("format").and_then(Value::as_str) {
        Some("uint8" | "uint16" | "uint32") => drop(fields.insert("format".into(), json!("int32"))),
        Some("uint64" | "uint") => drop(fields.insert("format".into(), json!("int64"))),
        Some("float" | "double" | "int32" | "int64" | "date-time") | None => {}
        Some(_) => drop(fields.remove("format")),
    }
    if fields.get("default") == Some(&Value::Null) {
        fields.remove("default");
    }
    each_below(schema, tidy);
}

/// Described variants of an enum are alternatives to schemars, and so is nothing beside something: plain enumerations and
/// the something alone say the same.
fn choices(fields: &mut serde_json::Map<String, Value>) {
    for keyword in ["oneOf", "anyOf"] {
        let Some(Value::Array(alternatives)) = fields.remove(keyword) else {
            continue;
        };
        let nothing = |schema: &Value| {
            schema["type"] == "null" || schema["const"].is_null() && schema["enum"] == json!([null])
        };
        let some: Vec<_> = alternatives
            .iter()
            .filter(|schema| !nothing(schema))
            .collect();
        let values: Vec<Value> = some
            .iter()
            .flat_map(|schema| match &schema["enum"] {
                Value::Array(values) => values.clone(),
                _ => vec![schema["const"].clone()],
            })
            .filter(|value| !value.is_null())
            .collect();
        if values.len() >= some.len() {
            fields.insert("type".into(), json!("string"));
            fields.insert("enum".into(), Value::Array(values));
        } else if let [Value::Object(only)] = some[..] {
            for (key, value) in only {
                if !fields.contains_key(key) {
                    fields.insert(key.clone(), value.clone());
                }
            }
            choices(fields);
        } else {
            fields.insert(keyword.into(), Value::Array(alternatives));
        }
    }
    if let Some(Value::Array(values)) = fields.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
}

/// Takes defaults away, which the API server would store in every object: the types know theirs.
pub fn without_defaults(schema: &mut Value) {
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("default");
    }
    each_below(schema, without_defaults);
}

/// Keeps fields that the schema does not know, at every object that has named fields: the module tells of them.
pub fn keep_unknown(schema: &mut Value) {
    if schema["properties"].is_object() {
        schema["x-kubernetes-preserve-unknown-fields"] = json!(true);
    }
    each_below(schema, keep_unknown);
}

fn each_below(schema: &mut Value, change: fn(&mut Value)) {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(change);
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(schema) = schema.get_mut(keyword) {
            change(schema);
        }
    }
}

/// `status.conditions`.
pub fn conditions(about: &str) -> Value {
    json!({
        "type": "array",
        "description": about,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status"],
            "properties": {
                "type": {"type": "string"},
                "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                "reason": {"type": "string"},
                "message": {"type": "string"},
                "lastTransitionTime": {"type": "string", "format": "date-time"},
                "observedGeneration": {"type": "integer", "format": "int64"},
            },
        },
    })
}

/// The schema of a whole object.
pub fn object(about: &str, spec: Value, status: Option<Value>) -> Value {
    let mut schema = json!({
        "type": "object",
        "description": about,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
        },
    });
    if let Some(status) = status {
        schema["properties"]["status"] = status;
    }
    schema
}

/// Where a schema breaks the rules of structural schemas that a derived one could break; empty where it keeps them.
pub fn faults(schema: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    check("", schema, &mut faults);
    faults
}

fn check(path: &str, schema: &Value, faults: &mut Vec<String>) {
    let open = schema["x-kubernetes-int-or-string"] == true;
    if !schema["type"].is_string() && !open {
        faults.push(format!("{path} has no single type"));
    }
    for keyword in [
        "$ref",
        "oneOf",
        "anyOf",
        "allOf",
        "const",
        "examples",
        "exclusiveMinimum",
    ] {
        if schema.get(keyword).is_some() {
            faults.push(format!("{path} has {keyword}"));
        }
    }
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        check(&format!("{path}.{name}"), schema, faults);
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(schema) = schema.get(keyword) {
            if keyword == "additionalProperties" && schema.is_boolean() {
                faults.push(format!("{path} has {keyword}: {schema}"));
            } else {
                check(&format!("{path}.{keyword}"), schema, faults);
            }
        }
    }
}
