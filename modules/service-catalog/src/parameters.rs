//! Parameters of an instance or a binding: what is sent, and what may be shown.
//!
//! Owns merging of defaults, `parameters` and `parametersFrom`, the checksum by which a change is seen, and what of it
//! appears in a status. It does not read Secrets; they come in. No value of a Secret is in an error or in `Debug`.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// What stands in a status for a value out of a Secret.
pub const REDACTED: &str = "<redacted>";

/// Where parameters come from beside the object itself: an entry of `spec.parametersFrom`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// A Secret of the same namespace; one entry of it is a JSON object.
    pub secret_key_ref: SecretKey,
}

/// An entry of a Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretKey {
    /// Name of the Secret.
    pub name: String,
    /// Its entry.
    pub key: String,
}

/// Entries of Secrets by name; decoded.
pub type Secrets = BTreeMap<String, BTreeMap<String, Vec<u8>>>;

/// What is sent to a broker.
#[derive(Clone, PartialEq)]
pub struct Parameters {
    values: Map<String, Value>,
    redacted: Map<String, Value>,
}

/// Why there are no parameters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Merge {
    /// The Secret is not there (yet).
    #[error(
        "spec.parametersFrom[{index}] reads Secret {name:?}, which does not exist\nhint: create it; nothing else has to be done then"
    )]
    NoSecret {
        /// Which source.
        index: usize,
        /// The Secret.
        name: String,
    },
    /// The Secret has no such entry (yet).
    #[error(
        "spec.parametersFrom[{index}] reads entry {key:?} of Secret {name:?}, which has none of that name"
    )]
    NoKey {
        /// Which source.
        index: usize,
        /// The Secret.
        name: String,
        /// The entry.
        key: String,
    },
    /// The entry is no JSON object.
    #[error(
        "spec.parametersFrom[{index}]: entry {key:?} of Secret {name:?} is not one JSON object (line {line}, column {column})"
    )]
    NotObject {
        /// Which source.
        index: usize,
        /// The Secret.
        name: String,
        /// The entry.
        key: String,
        /// Where reading ended, from 1; 0 where the whole is something else.
        line: usize,
        /// Where reading ended.
        column: usize,
    },
    /// A parameter is given twice.
    #[error(
        "parameter {parameter:?} is given by both {first} and {second}\nhint: give it in one place; sources are not merged into each other"
    )]
    Duplicate {
        /// Its name.
        parameter: String,
        /// The field that gives it first.
        first: String,
        /// The field that gives it again.
        second: String,
    },
}

impl Merge {
    /// Whether it may be better by itself when a Secret changes, with no change of the object.
    #[must_use]
    pub const fn waits(&self) -> bool {
        !matches!(self, Self::Duplicate { .. })
    }

    /// The reason of its condition, in service-catalog's word.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        "ErrorWithParameters"
    }
}

impl Parameters {
    /// What is sent. Holds values of Secrets.
    #[must_use]
    pub const fn values(&self) -> &Map<String, Value> {
        &self.values
    }

    /// What may be shown: `externalProperties.parameters` and `inProgressProperties.parameters` of a status.
    #[must_use]
    pub const fn redacted(&self) -> &Map<String, Value> {
        &self.redacted
    }

    /// `parametersChecksum` of a status: SHA-256 of the values as JSON with sorted names, in hexadecimal digits; none where
    /// there are no parameters, as service-catalog has it.
    #[must_use]
    pub fn checksum(&self) -> Option<String> {
        (!self.values.is_empty()).then(|| checksum(&self.values))
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Parameters").field(&self.redacted).finish()
    }
}

/// Secrets that are read: a change of one of them is a change of the parameters.
#[must_use]
pub fn watched(from: &[Source]) -> BTreeSet<&str> {
    from.iter()
        .map(|source| source.secret_key_ref.name.as_str())
        .collect()
}

/// `defaultProvisionParameters` of a class, with those of its plan over them. Taken once, when an instance is provisioned,
/// and kept in its status: a later change of a class must not change what exists.
#[must_use]
pub fn defaults(
    class: Option<&Map<String, Value>>,
    plan: Option<&Map<String, Value>>,
) -> Map<String, Value> {
    let mut under = class.cloned().unwrap_or_default();
    overlay(&mut under, plan.cloned().unwrap_or_default());
    under
}

/// What is sent: `parametersFrom` and `parameters`, which must not overlap, over the defaults, deeply.
///
/// # Errors
///
/// A source that cannot be read, or a parameter that is given twice.
pub fn merge(
    defaults: &Map<String, Value>,
    parameters: Option<&Map<String, Value>>,
    from: &[Source],
    secrets: &Secrets,
) -> Result<Parameters, Merge> {
    let mut given: BTreeMap<String, String> = BTreeMap::new();
    let mut take = |name: &str, place: &str| match given.insert(name.to_owned(), place.to_owned()) {
        None => Ok(()),
        Some(first) => Err(Merge::Duplicate {
            parameter: name.to_owned(),
            first,
            second: place.to_owned(),
        }),
    };
    let mut values = Map::new();
    let mut shown = Map::new();
    for (index, source) in from.iter().enumerate() {
        let place = format!("spec.parametersFrom[{index}]");
        for (name, value) in read(index, &source.secret_key_ref, secrets)? {
            take(&name, &place)?;
            shown.insert(name.clone(), Value::from(REDACTED));
            values.insert(name, value);
        }
    }
    for (name, value) in parameters.into_iter().flatten() {
        take(name, "spec.parameters")?;
        shown.insert(name.clone(), value.clone());
        values.insert(name.clone(), value.clone());
    }
    let mut merged = Parameters {
        values: defaults.clone(),
        redacted: defaults.clone(),
    };
    overlay(&mut merged.values, values);
    overlay(&mut merged.redacted, shown);
    Ok(merged)
}

/// SHA-256 of an object as JSON with sorted names, in hexadecimal digits.
#[must_use]
pub fn checksum(values: &Map<String, Value>) -> String {
    let mut text = String::new();
    canonical(&Value::Object(values.clone()), &mut text);
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// JSON whose names are sorted, whatever keeps the map's order.
fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            text.push('{');
            for (index, (name, value)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                canonical(value, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                canonical(item, text);
            }
            text.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            text.push_str(&value.to_string())
        }
    }
}

/// Objects into each other; anything else replaces what was there, `null` too.
fn overlay(under: &mut Map<String, Value>, over: Map<String, Value>) {
    for (name, value) in over {
        match (under.get_mut(&name), value) {
            (Some(Value::Object(below)), Value::Object(above)) => overlay(below, above),
            (_, value) => {
                under.insert(name, value);
            }
        }
    }
}

fn read(index: usize, at: &SecretKey, secrets: &Secrets) -> Result<Map<String, Value>, Merge> {
    let (name, key) = (at.name.clone(), at.key.clone());
    let Some(entries) = secrets.get(&at.name) else {
        return Err(Merge::NoSecret { index, name });
    };
    let Some(bytes) = entries.get(&at.key) else {
        return Err(Merge::NoKey { index, name, key });
    };
    if let Some(parameter) = twice(bytes) {
        let place = format!("spec.parametersFrom[{index}]");
        return Err(Merge::Duplicate {
            parameter,
            first: place.clone(),
            second: place,
        });
    }
    // What serde_json says of a wrong type has the value in it: only the place is told.
    let not_object = |line, column| Merge::NotObject {
        index,
        name,
        key,
        line,
        column,
    };
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(not_object(0, 0)),
        Err(error) => Err(not_object(error.line(), error.column())),
    }
}

/// A name that a JSON object has twice: reading it into a map would take the last in silence.
fn twice(bytes: &[u8]) -> Option<String> {
    struct Names<'a>(&'a mut Option<String>);
    impl<'de> Visitor<'de> for Names<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            let mut names = BTreeSet::new();
            while let Some(name) = map.next_key::<String>()? {
                map.next_value::<IgnoredAny>()?;
                if !names.insert(name.clone()) {
                    *self.0 = Some(name);
                    return Err(A::Error::custom("duplicate"));
                }
            }
            Ok(())
        }
    }
    let mut found = None;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    // Other errors are found again, with their place, when it is read.
    drop(serde::Deserializer::deserialize_map(
        &mut reader,
        Names(&mut found),
    ));
    found
}
