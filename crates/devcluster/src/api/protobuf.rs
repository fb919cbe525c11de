//! Request bodies in Kubernetes' protobuf encoding, which clients written in Go prefer for built-in types.
//!
//! Only decoding: answers are JSON, which every such client accepts as well. The field numbers are in `data/protobuf.json`.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use self::wire::{Field, Payload};
use crate::status::Status;

mod special;
mod wire;

#[cfg(test)]
mod tests;

/// The media type.
pub(super) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// What every body starts with.
const MAGIC: &[u8] = b"k8s\0";

/// A type: field number, JSON name, kind of value.
type Type = Vec<(u64, String, String)>;

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
enum Undecodable {
    #[error("the body does not start with the protobuf prefix of Kubernetes")]
    NoPrefix,
    #[error("the body ends within a field")]
    Truncated,
    #[error("field {0} has another wire type than its type says")]
    WireType(u64),
    #[error("text that is not UTF-8 in field {0}")]
    NotText(u64),
    #[error("no type {0} is known in protobuf; hint: send JSON")]
    UnknownType(String),
    #[error("embedded JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Reads an object.
pub(super) fn object(body: &[u8]) -> Result<Value, Status> {
    envelope(body).map_err(|error| Status::bad_request(format!("decoding protobuf: {error}")))
}

/// `runtime.Unknown`: apiVersion and kind, then the object's own bytes.
fn envelope(body: &[u8]) -> Result<Value, Undecodable> {
    let message = body.strip_prefix(MAGIC).ok_or(Undecodable::NoPrefix)?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    for field in wire::fields(message) {
        let field = field?;
        match (field.number, field.payload) {
            (1, Payload::Bytes(meta)) => {
                for part in wire::fields(meta) {
                    let part = part?;
                    match part.number {
                        1 => api_version = part.text()?,
                        2 => kind = part.text()?,
                        _ => {}
                    }
                }
            }
            (2, Payload::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let mut object = message_of(&type_name(&api_version, &kind), raw)?;
    object.insert(String::from("apiVersion"), Value::from(api_version));
    object.insert(String::from("kind"), Value::from(kind));
    Ok(Value::Object(object))
}

/// `apps/v1`, `Deployment` → `apps.v1.Deployment`; DeleteOptions exist in every group and are the same in all.
fn type_name(api_version: &str, kind: &str) -> String {
    if matches!(kind, "DeleteOptions" | "PatchOptions") {
        return format!("meta.v1.{kind}");
    }
    let (group, version) = api_version.split_once('/').unwrap_or(("core", api_version));
    let group = group.split('.').next().unwrap_or_default();
    format!("{group}.{version}.{kind}")
}

fn types() -> &'static HashMap<String, Type> {
    static TYPES: OnceLock<HashMap<String, Type>> = OnceLock::new();
    TYPES.get_or_init(|| {
        serde_json::from_str(include_str!("../../data/protobuf.json")).unwrap_or_default()
    })
}

fn message_of(type_name: &str, bytes: &[u8]) -> Result<Map<String, Value>, Undecodable> {
    let shape = types()
        .get(type_name)
        .ok_or_else(|| Undecodable::UnknownType(String::from(type_name)))?;
    let mut object = Map::new();
    for field in wire::fields(bytes) {
        let field = field?;
        let Some((_, name, kind)) = shape.iter().find(|(number, ..)| *number == field.number)
        else {
            continue;
        };
        if name.is_empty() {
            if let Value::Object(embedded) = value(kind.trim_start_matches(['?', '!']), &field)? {
                object.extend(embedded);
            }
            continue;
        }
        put(&mut object, name, kind, &field)?;
    }
    Ok(object)
}

fn put(
    object: &mut Map<String, Value>,
    name: &str,
    kind: &str,
    field: &Field<'_>,
) -> Result<(), Undecodable> {
    if let Some(kind) = kind.strip_prefix('*') {
        let element = value(kind, field)?;
        let list = object
            .entry(name)
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Some(list) = list.as_array_mut() {
            list.push(element);
        }
        return Ok(());
    }
    if let Some(kind) = kind.strip_prefix('%') {
        let (key, element) = entry(kind, field)?;
        let map = object
            .entry(name)
            .or_insert_with(|| Value::Object(Map::new()));
        map[key] = element;
        return Ok(());
    }
    let given = kind.starts_with(['?', '!']);
    let value = value(kind.trim_start_matches(['?', '!']), field)?;
    // The Go encoder writes zero values of plain fields; JSON leaves them out.
    if given || !is_zero(&value) {
        object.insert(String::from(name), value);
    }
    Ok(())
}

fn entry(kind: &str, field: &Field<'_>) -> Result<(String, Value), Undecodable> {
    let Payload::Bytes(bytes) = field.payload else {
        return Err(Undecodable::WireType(field.number));
    };
    let mut key = String::new();
    let mut element = empty(kind);
    for part in wire::fields(bytes) {
        let part = part?;
        match part.number {
            1 => key = part.text()?,
            2 => element = value(kind, &part)?,
            _ => {}
        }
    }
    Ok((key, element))
}

/// What a map holds under a key whose value was not sent.
fn empty(kind: &str) -> Value {
    match kind {
        "s" | "y" => Value::from(""),
        "i" => Value::from(0),
        "b" => Value::from(false),
        _ => Value::Object(Map::new()),
    }
}

fn value(kind: &str, field: &Field<'_>) -> Result<Value, Undecodable> {
    match (kind, field.payload) {
        ("s", _) => field.text().map(Value::from),
        ("i", Payload::Number(number)) => Ok(Value::from(number.cast_signed())),
        ("b", Payload::Number(number)) => Ok(Value::from(number != 0)),
        ("d", Payload::Fixed(bits)) => Ok(Value::from(f64::from_bits(bits))),
        ("f", Payload::Fixed(bits)) => Ok(Value::from(f32::from_bits(bits as u32))),
        ("y", Payload::Bytes(bytes)) => Ok(serde_json::to_value(k8s_openapi::ByteString(
            bytes.to_vec(),
        ))?),
        (kind, Payload::Bytes(bytes)) => {
            if let Some(name) = kind.strip_prefix('#') {
                return message_of(name, bytes).map(Value::Object);
            }
            special::value(kind, bytes)
        }
        _ => Err(Undecodable::WireType(field.number)),
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Bool(true) => false,
    }
}
