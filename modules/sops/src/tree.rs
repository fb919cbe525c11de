//! A document with its keys in their order, which the MAC depends on.

pub(crate) mod json;
pub(crate) mod scalar;
pub(crate) mod yaml;

use serde_json::Value;

/// How deep documents may be.
const DEPTH: usize = 128;

/// A document, or a part of one. There is no `Debug`: what is not encrypted may be nobody's business either.
pub(crate) enum Node {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// What YAML calls `!!binary`.
    Bytes(Vec<u8>),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
    /// The value of YAML's merge key, whose fields belong into the map that has it.
    Merge(Box<Self>),
}

impl Node {
    /// The field of a map.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(fields) => fields
                .iter()
                .find(|(field, _)| field == key)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// What people call it.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) | Self::Bytes(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) | Self::Merge(_) => "a map",
        }
    }
}

impl From<&Value> for Node {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => number.as_i64().map_or_else(
                || Self::Float(number.as_f64().unwrap_or(f64::NAN)),
                Self::Int,
            ),
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(fields) => {
                let mut fields: Vec<(String, Self)> = fields
                    .iter()
                    .map(|(key, value)| (key.clone(), Self::from(value)))
                    .collect();
                // Whatever order serde_json keeps: Kubernetes' is this.
                fields.sort_by(|(one, _), (other, _)| one.cmp(other));
                Self::Map(fields)
            }
        }
    }
}

/// A key that stands twice in a map.
fn twice(fields: &[(String, Node)]) -> Option<&str> {
    let mut keys: Vec<&str> = fields.iter().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    keys.windows(2)
        .find(|pair| pair[0] == pair[1])
        .map(|pair| pair[0])
}
