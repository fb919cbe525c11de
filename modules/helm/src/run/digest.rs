//! Digests of what makes a release: equal content gives equal digests, however it was written.

use serde_json::{Map, Number, Value};
use sha2::{Digest as _, Sha256};

/// Beyond this not every whole number is a float of Go.
const EXACT: u64 = 9_007_199_254_740_992;

/// Digest of values.
///
/// Keys are sorted, and numbers are those of Go's JSON, so that what a record has after Helm wrote it has the digest that it had before.
#[must_use]
pub(super) fn of_values(values: &Map<String, Value>) -> String {
    let mut text = String::new();
    fields(values, &mut text);
    of_text(&text)
}

/// Digest of a value.
#[must_use]
pub(super) fn of_value(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    of_text(&text)
}

fn of_text(text: &str) -> String {
    use std::fmt::Write as _;

    let mut digest = String::from("sha256:");
    for byte in Sha256::digest(text) {
        // A String takes whatever is written to it.
        let _infallible = write!(digest, "{byte:02x}");
    }
    digest
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Number(found) => number(found, text),
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write(item, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Object(found) => fields(found, text),
        Value::Null | Value::Bool(_) | Value::String(_) => text.push_str(&value.to_string()),
    }
}

fn fields(fields: &Map<String, Value>, text: &mut String) {
    let mut sorted: Vec<_> = fields.iter().collect();
    sorted.sort_unstable_by_key(|(key, _)| *key);
    text.push('{');
    for (key, value) in sorted {
        text.push_str(&Value::from(key.as_str()).to_string());
        text.push(':');
        write(value, text);
        text.push(',');
    }
    text.push('}');
}

/// Helm reads every number as a float.
#[expect(
    clippy::cast_possible_truncation,
    reason = "whole, and within what a float holds exactly"
)]
fn number(number: &Number, text: &mut String) {
    let exact = |whole: u64| whole <= EXACT;
    let whole = number
        .as_i64()
        .filter(|whole| exact(whole.unsigned_abs()))
        .or_else(|| {
            let float = number.as_f64()?;
            let is_whole = float.fract() == 0.0 && float.abs() <= EXACT as f64;
            is_whole.then_some(float as i64)
        });
    let written = match (whole, number.as_f64()) {
        (Some(whole), _) => whole.to_string(),
        (None, Some(float)) => format!("{float:e}"),
        (None, None) => number.to_string(),
    };
    text.push_str(&written);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn order_and_the_way_of_writing_do_not_matter() {
        let read = |text: &str| serde_json::from_str::<Value>(text).map(|value| of_value(&value));
        let one = read(r#"{"a": 1, "b": {"c": [1.0, 2.5, 1e3], "d": null}}"#).ok();
        let other = read(r#"{"b": {"d": null, "c": [1, 2.50, 1000]}, "a": 1.0}"#).ok();
        assert!(one.is_some());
        assert_eq!(one, other);
    }

    #[test]
    fn whatever_differs_has_another_digest() {
        let values = [
            json!({}),
            json!({"a": null}),
            json!({"a": "1"}),
            json!({"a": 1}),
            json!({"a": [1, 2]}),
            json!({"a": [12]}),
            json!({"a": 0.1}),
            json!({"a": true}),
            json!({"a": {"b": 1}}),
            json!({"a": "{\"b\":1,}"}),
        ];
        let mut digests: Vec<String> = values.iter().map(of_value).collect();
        digests.sort();
        digests.dedup();
        assert_eq!(digests.len(), values.len());
    }

    #[test]
    fn numbers_are_those_that_go_keeps() {
        // What no float holds is what the nearest float is.
        let (large, nearest) = (
            json!(9_007_199_254_740_993_u64),
            json!(9_007_199_254_740_992_u64),
        );
        assert_eq!(of_value(&large), of_value(&nearest));
        assert_eq!(
            of_value(&json!(u64::MAX)),
            of_value(&json!(18_446_744_073_709_551_615.0_f64))
        );
    }

    #[test]
    fn digests_are_those_of_canonical_text() {
        let Value::Object(values) = json!({}) else {
            panic!("not a map");
        };
        assert_eq!(of_values(&values), of_text("{}"));
        assert!(of_values(&values).starts_with("sha256:"));
    }
}
