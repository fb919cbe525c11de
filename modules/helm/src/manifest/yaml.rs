//! YAML as Kubernetes' own tools read and write it: YAML 1.1, by way of JSON.
//!
//! Differences that are left: Go reads `tRue` as text, `1__0` and `6_5.3` as numbers, and turns a key such as `yes` into `"true"`.
//! Numbers beyond all floats, such as `1e400`, are text to Go; here they are refused. A block of text in a last line without line end
//! gets one.

use serde::{Serialize, Serializer};
use serde_json::{Map, Number, Value};
use serde_saphyr::{DuplicateKeyPolicy, MessageFormatter as _, UserMessageFormatter};

/// The text is no YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syntax {
    /// Counted from 1.
    pub line: u64,
    /// What is wrong.
    pub message: String,
}

/// Reads one document: numbers, booleans and octals of YAML 1.1; of keys that stand twice the last one counts; whole numbers
/// that were written as fractions are whole.
///
/// # Errors
/// When it is no YAML.
pub fn read(text: &str) -> Result<Value, Syntax> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: 1_000_000,
            max_depth: 256,
            max_documents: 2,
        },
        // A few lines of aliases must not grow into gigabytes.
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 200_000,
            max_replay_stack_depth: 32,
        },
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        legacy_octal_numbers: true,
        with_snippet: false,
    };
    let read: Option<Value> =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let error = error.without_snippet();
            Syntax {
                line: error.location().map_or(1, |place| place.line()),
                message: UserMessageFormatter
                    .format_message(error)
                    .replace(char::is_control, " "),
            }
        })?;
    let mut value = read.unwrap_or_default();
    settle(&mut value);
    Ok(value)
}

/// Writes one object, its keys sorted, as Go does it: the same object is the same text. What YAML could not bring back unchanged is
/// written as JSON, which is YAML too.
#[must_use]
pub fn write(content: &Map<String, Value>) -> String {
    let sorted = Fields(content);
    let yaml = serde_saphyr::to_string(&sorted).unwrap_or_default();
    match read(&yaml) {
        Ok(Value::Object(again)) if again == *content => yaml,
        _ => serde_json::to_string(&sorted).unwrap_or_default() + "\n",
    }
}

/// A map, sorted: serde's own keeps whatever order its features give it.
struct Fields<'a>(&'a Map<String, Value>);

struct Sorted<'a>(&'a Value);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields: Vec<(&String, &Value)> = self.0.iter().collect();
        fields.sort_unstable_by_key(|(key, _)| *key);
        serializer.collect_map(fields.into_iter().map(|(key, value)| (key, Sorted(value))))
    }
}

impl Serialize for Sorted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(fields) => Fields(fields).serialize(serializer),
            Value::Array(items) => serializer.collect_seq(items.iter().map(Sorted)),
            scalar => scalar.serialize(serializer),
        }
    }
}

/// Go's JSON knows no difference between 1.0 and 1.
fn settle(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(whole) = whole(number) {
                *number = whole;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(settle),
        Value::Object(fields) => fields.values_mut().for_each(settle),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the range and the fraction were looked at"
)]
fn whole(number: &Number) -> Option<Number> {
    /// Beyond this not every whole number is a float.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if !number.is_f64() {
        return None;
    }
    let float = number.as_f64()?;
    (float.fract() == 0.0 && float.abs() <= EXACT).then(|| Number::from(float as i64))
}
