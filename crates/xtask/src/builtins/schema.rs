//! The types of an OpenAPI document, without prose.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::{Map, Value, json};

/// Prefixes that say nothing a reader of the table needs.
const PREFIXES: &[&str] = &[
    "io.k8s.apiextensions-apiserver.pkg.apis.",
    "io.k8s.kube-aggregator.pkg.apis.",
    "io.k8s.apimachinery.pkg.apis.",
    "io.k8s.apimachinery.pkg.",
    "io.k8s.api.",
];

/// Keywords that carry meaning for a server; the rest is prose or for other readers.
const KEYWORDS: &[&str] = &[
    "default",
    "format",
    "required",
    "type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-patch-merge-key",
    "x-kubernetes-patch-strategy",
];

pub(super) fn short(name: &str) -> &str {
    PREFIXES
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name)
}

fn reference(schema: &Value) -> Option<&str> {
    let direct = schema["$ref"].as_str();
    let wrapped = || schema["allOf"][0]["$ref"].as_str();
    direct
        .or_else(wrapped)
        .and_then(|target| target.rsplit('/').next())
        .map(short)
}

/// Adds the types of `document` by their short names.
pub(super) fn collect(document: &Value, types: &mut BTreeMap<String, Value>) -> anyhow::Result<()> {
    let schemas = document["components"]["schemas"]
        .as_object()
        .context("components.schemas is not an object")?;
    for (name, schema) in schemas {
        let name = short(name);
        types.insert(name.to_owned(), named_type(name, schema));
    }
    Ok(())
}

/// A type of the table. The zero value as a default means that Go always emits the field. That is
/// kept where a server reports; where a user must speak, an absent field has to be seen as absent.
fn named_type(name: &str, schema: &Value) -> Value {
    let reported = ["Status", "Condition"]
        .iter()
        .any(|suffix| name.ends_with(suffix));
    let mut out = compact(schema);
    if let Some(properties) = out.get_mut("properties").and_then(Value::as_object_mut) {
        for property in properties.values_mut() {
            let Some(object) = property.as_object_mut() else {
                continue;
            };
            let zero = match object.get("default") {
                Some(Value::String(text)) => text.is_empty(),
                Some(Value::Bool(value)) => !value,
                Some(Value::Number(number)) => number.as_f64() == Some(0.0),
                _ => false,
            };
            if zero && !reported {
                object.remove("default");
            }
            if let Some(simple) = simplified(object) {
                *property = simple;
            }
        }
    }
    out
}

/// A schema without prose; `"string"` for `{"type":"string"}` and `"#T"` for a reference to T.
fn compact(schema: &Value) -> Value {
    let mut out = Map::new();
    for keyword in KEYWORDS {
        if let Some(value) = schema.get(*keyword) {
            out.insert((*keyword).to_owned(), value.clone());
        }
    }
    if let Some(target) = reference(schema) {
        out.insert("$ref".to_owned(), json!(target));
    } else if schema.get("oneOf").is_some() {
        // The only two: Quantity and IntOrString.
        out.entry("format").or_insert_with(|| json!("quantity"));
    }
    if let Some(items) = schema.get("items") {
        out.insert("items".to_owned(), element(items));
    }
    if let Some(values) = schema.get("additionalProperties") {
        out.insert("additionalProperties".to_owned(), element(values));
    }
    if let Some(properties) = schema["properties"].as_object() {
        let properties: BTreeMap<&String, Value> = properties
            .iter()
            .map(|(name, property)| (name, compact(property)))
            .collect();
        out.insert("properties".to_owned(), json!(properties));
    }
    simplified(&out).unwrap_or(Value::Object(out))
}

/// The type of an element: its default is that of a Go zero value, which no server applies.
fn element(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(object) = schema.as_object_mut() {
        object.remove("default");
    }
    compact(&schema)
}

fn simplified(schema: &Map<String, Value>) -> Option<Value> {
    if schema.len() != 1 {
        return None;
    }
    if let Some(Value::String(target)) = schema.get("$ref") {
        return Some(Value::String(format!("#{target}")));
    }
    match schema.get("type") {
        Some(Value::String(name)) if name != "object" && name != "array" => Some(json!(name)),
        _ => None,
    }
}

/// The types that the kinds of `resources` consist of, and those any object needs.
pub(super) fn reachable<'a>(
    types: &'a BTreeMap<String, Value>,
    resources: impl Iterator<Item = &'a Value>,
) -> BTreeMap<&'a str, &'a Value> {
    let mut pending: Vec<&str> = resources
        .filter_map(|resource| resource["type"].as_str())
        .collect();
    pending.push("meta.v1.ObjectMeta");
    pending.push("autoscaling.v1.Scale");
    let mut kept = BTreeMap::new();
    while let Some(name) = pending.pop() {
        if let Some((name, schema)) = types.get_key_value(name)
            && kept.insert(name.as_str(), schema).is_none()
        {
            references(schema, &mut pending);
        }
    }
    kept
}

fn references<'a>(schema: &'a Value, found: &mut Vec<&'a str>) {
    match schema {
        Value::String(text) => found.extend(text.strip_prefix('#')),
        Value::Object(object) => {
            for (keyword, value) in object {
                match keyword.as_str() {
                    "$ref" => found.extend(value.as_str()),
                    "items" | "additionalProperties" => references(value, found),
                    "properties" => value
                        .as_object()
                        .into_iter()
                        .flat_map(Map::values)
                        .for_each(|property| references(property, found)),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}
