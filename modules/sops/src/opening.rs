//! Walks a document, decrypts its values and verifies it as a whole.

use serde_json::{Map, Number, Value};
use sha2::{Digest as _, Sha512};

use crate::cipher::{DataKey, OpenValue, Plain, Sealed};
use crate::decrypt::DecryptSops;
use crate::metadata::Metadata;
use crate::metadata::rule::Rule;
use crate::place::Place;
use crate::tree::Node;

/// Where a document comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From a text: it is as it was written.
    Text,
    /// From an object of Kubernetes': its keys are sorted.
    Object,
}

/// What SOPS puts before the values where only encrypted ones are signed, so that the one MAC is never the other:
/// the SHA-256 of `sops`.
const ONLY_ENCRYPTED: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b,
    0x0b, 0x97, 0x5b, 0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

/// Gives a document's content; `tree` is without SOPS' own field.
pub(crate) fn open(
    tree: Node,
    metadata: &Metadata,
    key: &DataKey,
    origin: Origin,
) -> Result<Value, DecryptSops> {
    let mut hash = Sha512::new();
    if metadata.mac_only_encrypted {
        hash.update(ONLY_ENCRYPTED);
    }
    let mut opening = Opening {
        metadata,
        key,
        hash,
        place: Place::default(),
    };
    let value = opening.node(tree, false)?;
    let computed = opening.hash.finalize();
    let stored = stored(metadata, key)?;
    let mut equal = stored.len() == 2 * computed.len();
    for (byte, hex) in computed.iter().zip(stored.as_bytes().chunks(2)) {
        equal &= format!("{byte:02X}").as_bytes() == hex;
    }
    if !equal {
        return Err(match origin {
            Origin::Text => DecryptSops::WrongMac,
            Origin::Object => DecryptSops::WrongMacInline,
        });
    }
    Ok(value.unwrap_or_default())
}

/// The MAC that the document has.
fn stored(metadata: &Metadata, key: &DataKey) -> Result<String, DecryptSops> {
    if metadata.mac.is_empty() {
        return Err(DecryptSops::NoMac);
    }
    let plain = Sealed::read(&metadata.mac)
        .and_then(|sealed| sealed.open(key, metadata.last_modified.as_bytes()));
    match plain {
        Ok(Plain::Text(mac)) => Ok(mac),
        Ok(_) => Err(DecryptSops::OpenMac(OpenValue::Content("a text"))),
        Err(error) => Err(DecryptSops::OpenMac(error)),
    }
}

struct Opening<'a> {
    metadata: &'a Metadata,
    key: &'a DataKey,
    hash: Sha512,
    place: Place,
}

impl Opening<'_> {
    /// Opens a part of the document; none where it is a comment. `named` is whether the rule names a key on the way.
    fn node(&mut self, node: Node, named: bool) -> Result<Option<Value>, DecryptSops> {
        match node {
            Node::Null => Ok(Some(Value::Null)),
            Node::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                for (index, item) in items.into_iter().enumerate() {
                    let mark = self.place.item(index);
                    list.extend(self.node(item, named)?);
                    self.place.back(mark);
                }
                Ok(Some(Value::Array(list)))
            }
            Node::Map(fields) => {
                let mut map = Map::new();
                let mut merged = Vec::new();
                for (key, value) in fields {
                    let mark = self.place.field(&key);
                    let named = named || self.metadata.rule.names(&key);
                    let (value, merges) = match value {
                        Node::Merge(value) => (*value, true),
                        value => (value, false),
                    };
                    match self.node(value, named)? {
                        Some(value) if merges => {
                            merged.extend(maps(value).ok_or_else(|| DecryptSops::Value {
                                place: self.place.clone(),
                                problem: OpenValue::Malformed(
                                    "a merge key has a map, or a list of maps",
                                ),
                            })?)
                        }
                        Some(value) => {
                            map.insert(key, value);
                        }
                        None => {}
                    }
                    self.place.back(mark);
                }
                merge(&mut map, merged);
                Ok(Some(Value::Object(map)))
            }
            leaf => self
                .leaf(leaf, named)
                .map_err(|problem| DecryptSops::Value {
                    place: self.place.clone(),
                    problem,
                }),
        }
    }

    fn leaf(&mut self, leaf: Node, named: bool) -> Result<Option<Value>, OpenValue> {
        let encrypted = match &self.metadata.rule {
            // The comments are gone: what looks encrypted is. The MAC tells if that was wrong.
            Rule::Comments => matches!(&leaf, Node::Text(text) if Sealed::is(text)),
            rule => rule.encrypts(named),
        };
        let plain = match leaf {
            // SOPS encrypts no empty texts.
            Node::Text(text) if encrypted && text.is_empty() => Plain::Text(text),
            Node::Text(text) if encrypted => {
                Sealed::read(&text)?.open(self.key, self.place.bound())?
            }
            other if encrypted => return Err(OpenValue::Plain(other.kind())),
            Node::Text(text) => Plain::Text(text),
            Node::Bytes(bytes) => Plain::Bytes(bytes),
            Node::Bool(value) => Plain::Bool(value),
            Node::Int(value) => Plain::Int(value),
            Node::Float(value) => Plain::Float(value),
            Node::Null | Node::List(_) | Node::Map(_) | Node::Merge(_) => {
                return Ok(Some(Value::Null));
            }
        };
        if encrypted || !self.metadata.mac_only_encrypted {
            self.sign(&plain);
        }
        value(plain)
    }

    /// What SOPS signs of a value.
    fn sign(&mut self, plain: &Plain) {
        match plain {
            Plain::Text(text) => self.hash.update(text),
            Plain::Bytes(bytes) => self.hash.update(bytes),
            Plain::Int(value) => self.hash.update(value.to_string()),
            Plain::Float(value) if *value == f64::INFINITY => self.hash.update("+Inf"),
            Plain::Float(value) if *value == f64::NEG_INFINITY => self.hash.update("-Inf"),
            Plain::Float(value) => self.hash.update(value.to_string()),
            Plain::Bool(true) => self.hash.update("True"),
            Plain::Bool(false) => self.hash.update("False"),
            Plain::Comment => {}
        }
    }
}

/// What a merge key has.
fn maps(value: Value) -> Option<Vec<Map<String, Value>>> {
    match value {
        Value::Object(map) => Some(vec![map]),
        Value::Array(items) => items
            .into_iter()
            .map(|item| match item {
                Value::Object(map) => Some(map),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// Adds fields of others: those that are there stay, and the first of others counts.
fn merge(map: &mut Map<String, Value>, others: Vec<Map<String, Value>>) {
    for (key, value) in others.into_iter().flatten() {
        map.entry(key).or_insert(value);
    }
}

/// What a value is in JSON; none where it is a comment.
fn value(plain: Plain) -> Result<Option<Value>, OpenValue> {
    Ok(match plain {
        Plain::Comment => None,
        Plain::Text(text) => Some(Value::String(text)),
        Plain::Bool(value) => Some(Value::Bool(value)),
        Plain::Int(value) => Some(value.into()),
        Plain::Float(value) => Some(Value::Number(number(value)?)),
        Plain::Bytes(bytes) => {
            let text = String::from_utf8(bytes);
            Some(Value::String(text.map_err(|_| {
                OpenValue::Content(
                    "text in UTF-8; encode it, such as in base64, before it is encrypted",
                )
            })?))
        }
    })
}

/// A number as Helm reads it: whole floats are integers.
fn number(value: f64) -> Result<Number, OpenValue> {
    /// 2⁵³: beyond it, floats do not tell neighbouring integers apart.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 2⁵³")]
        return Ok((value as i64).into());
    }
    Number::from_f64(value).ok_or(OpenValue::Content("a number that JSON can tell"))
}
