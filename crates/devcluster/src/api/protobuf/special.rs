//! Types whose JSON is not an object of their protobuf fields.

use std::time::Duration;

use oarlock_core::timestamp::Timestamp;
use serde_json::Value;

use super::{Undecodable, wire};

pub(super) fn value(kind: &str, bytes: &[u8]) -> Result<Value, Undecodable> {
    match kind {
        "@time" => Ok(instant(bytes)?.map_or(Value::Null, |time| Value::from(time.rfc3339()))),
        "@micro" => {
            Ok(instant(bytes)?.map_or(Value::Null, |time| Value::from(time.rfc3339_micro())))
        }
        "@duration" => duration(bytes),
        "@raw" => raw(bytes),
        "@intstr" => int_or_string(bytes),
        "@quantity" => first_text(bytes),
        "@items" => items(bytes),
        other => Err(Undecodable::UnknownType(String::from(other))),
    }
}

/// Seconds and nanoseconds since the epoch; an empty message is no time.
fn instant(bytes: &[u8]) -> Result<Option<Timestamp>, Undecodable> {
    let (mut seconds, mut nanos) = (0, 0);
    for field in wire::fields(bytes) {
        let field = field?;
        match field.number {
            1 => seconds = field.number()?,
            2 => nanos = field.number()?,
            _ => {}
        }
    }
    let (Ok(seconds), Ok(nanos)) = (u64::try_from(seconds), u64::try_from(nanos)) else {
        // Go's zero time lies before the epoch.
        return Ok(None);
    };
    if bytes.is_empty() {
        return Ok(None);
    }
    let time = Timestamp::from_millis(0).after(Duration::from_secs(seconds));
    Ok(Some(time.after(Duration::from_nanos(nanos))))
}

fn duration(bytes: &[u8]) -> Result<Value, Undecodable> {
    let mut nanos = 0;
    for field in wire::fields(bytes) {
        nanos = field?.number()?;
    }
    Ok(Value::from(format!("{}s", nanos as f64 / 1e9)))
}

/// JSON in the first field.
fn raw(bytes: &[u8]) -> Result<Value, Undecodable> {
    for field in wire::fields(bytes) {
        if let wire::Payload::Bytes(json) = field?.payload {
            return Ok(serde_json::from_slice(json)?);
        }
    }
    Ok(Value::Null)
}

fn int_or_string(bytes: &[u8]) -> Result<Value, Undecodable> {
    let (mut is_text, mut number, mut text) = (false, 0, String::new());
    for field in wire::fields(bytes) {
        let field = field?;
        match field.number {
            1 => is_text = field.number()? == 1,
            2 => number = field.number()?,
            3 => text = field.text()?,
            _ => {}
        }
    }
    Ok(if is_text {
        Value::from(text)
    } else {
        Value::from(number)
    })
}

fn first_text(bytes: &[u8]) -> Result<Value, Undecodable> {
    wire::fields(bytes)
        .next()
        .map_or(Ok(Value::from("")), |field| field?.text().map(Value::from))
}

fn items(bytes: &[u8]) -> Result<Value, Undecodable> {
    wire::fields(bytes)
        .map(|field| field?.text().map(Value::from))
        .collect()
}
