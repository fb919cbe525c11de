//! What becomes of every field: the published table, and the check of an object against it.
//!
//! `FIELDS.md` and the definitions in `crds/` are made of the same tables. The definitions keep fields that nobody knows, so
//! that they can be named here, with the nearest that is known, rather than silently lost.

pub(super) mod binding;
pub(super) mod broker;
pub(super) mod instance;
pub(super) mod offer;
pub(super) mod status;
#[cfg(test)]
mod tests;

use oarlock_sdk::FieldError;
use serde_json::{Map, Value};

use super::duration::GoDuration;

/// One field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// Such as `spec.parametersFrom[].secretKeyRef`: a list has brackets.
    pub(super) path: &'static str,
    /// What it, or an item of it, is.
    pub(super) shape: Shape,
    /// Whether it is heeded.
    pub(super) fate: Fate,
    /// Whether the object that it belongs to has to have it.
    pub(super) required: bool,
    /// What stands in the object where nothing is said: in `spec`, as the retired project had it.
    pub(super) default: Option<&'static str>,
    /// What it is.
    pub(super) remark: &'static str,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    /// A text that is not empty.
    Name,
    /// A text; an empty one is as if nothing was said.
    Id,
    Flag,
    Whole,
    /// A whole number that is not negative.
    Count,
    /// As Go writes durations.
    Duration,
    /// RFC 3339.
    Moment,
    /// Base64.
    Bytes,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// An object whose fields are in the table.
    Object,
    /// Lists of texts by any key.
    TextLists,
    /// An object of any content.
    Free,
}

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Heeded, or, in a status, told.
    Done,
    /// Taken, and nothing follows from it. What is below it is not looked at.
    Idle,
}

/// A table: of one kind.
pub(super) type Table = &'static [Field];

pub(super) const fn field(path: &'static str, shape: Shape, remark: &'static str) -> Field {
    Field {
        path,
        shape,
        fate: Fate::Done,
        required: false,
        default: None,
        remark,
    }
}

impl Field {
    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(super) const fn idle(mut self) -> Self {
        self.fate = Fate::Idle;
        self
    }

    pub(super) const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    /// Its own name, and whether it is a list; none where it is not directly below `path`.
    pub(super) fn below(&self, path: &str) -> Option<(&'static str, bool)> {
        let name = self.path.strip_prefix(path)?.strip_prefix('.')?;
        match name.strip_suffix("[]") {
            Some(name) if !name.contains('.') => Some((name, true)),
            None if !name.contains('.') => Some((name, false)),
            _ => None,
        }
    }
}

/// Whether there is an object of known fields at a path of a table.
pub(super) fn is_object(table: Table, path: &str) -> bool {
    let field = table.iter().find(|field| field.path == path);
    field.is_some_and(|field| field.shape == Shape::Object)
}

/// Whether a value is what clients of Go write where nothing is to be said.
fn says_nothing(field: &Field, value: &Value) -> bool {
    *value == "" && matches!(field.shape, Shape::Id | Shape::OneOf(_))
}

/// Whether the value at a path of a table says nothing.
pub(super) fn is_silent(table: Table, path: &str, value: &Value) -> bool {
    let field = table.iter().find(|field| field.path == path);
    value.is_null() || field.is_some_and(|field| says_nothing(field, value))
}

/// Checks the `spec` of an object against a table. What is wrong is sorted by path.
pub(super) fn check(table: Table, object: &Value) -> Vec<FieldError> {
    let mut check = Check {
        table,
        wrong: Vec::new(),
    };
    match &object["spec"] {
        Value::Object(spec) => check.object(spec, "spec", "spec"),
        Value::Null => check.wrong("spec", "is required"),
        other => check.wrong("spec", &format!("expected an object, not {}", kind(other))),
    }
    let mut wrong = check.wrong;
    wrong.sort_by(|a, b| a.path.cmp(&b.path));
    wrong
}

struct Check {
    table: Table,
    wrong: Vec<FieldError>,
}

impl Check {
    fn wrong(&mut self, path: &str, message: &str) {
        self.wrong.push(FieldError::new(path, message));
    }

    /// The fields of an object at `pattern` of the table, by name.
    fn fields(&self, pattern: &str) -> impl Iterator<Item = (&'static str, bool, &'static Field)> {
        let table = self.table;
        table.iter().filter_map(move |field| {
            let (name, list) = field.below(pattern)?;
            Some((name, list, field))
        })
    }

    /// `path` is the one that its author wrote.
    fn object(&mut self, value: &Map<String, Value>, pattern: &str, path: &str) {
        for (name, value) in value.iter().filter(|(_, value)| !value.is_null()) {
            let path = format!("{path}.{name}");
            let known = self.fields(pattern).find(|(known, ..)| known == name);
            match known {
                Some((_, list, field)) => self.field(field, list, value, &path),
                None => self.unknown(pattern, name, &path),
            }
        }
        let missing: Vec<_> = self
            .fields(pattern)
            .filter(|(name, _, field)| {
                field.required && value.get(*name).is_none_or(Value::is_null)
            })
            .map(|(name, ..)| format!("{path}.{name}"))
            .collect();
        for path in missing {
            self.wrong(&path, "is required");
        }
    }

    fn field(&mut self, field: &'static Field, list: bool, value: &Value, path: &str) {
        match (field.fate, list, value) {
            (Fate::Idle, ..) => {}
            (Fate::Done, false, _) => self.value(field, value, path),
            (Fate::Done, true, Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.value(field, item, &format!("{path}[{index}]"));
                }
            }
            (Fate::Done, true, other) => {
                self.wrong(path, &format!("expected a list, not {}", kind(other)));
            }
        }
    }

    fn value(&mut self, field: &'static Field, value: &Value, path: &str) {
        if says_nothing(field, value) {
            return;
        }
        let expected = match (field.shape, value) {
            (Shape::Object, Value::Object(fields)) => {
                return self.object(fields, field.path, path);
            }
            (Shape::TextLists, Value::Object(lists)) => {
                let is_texts = |list: &Value| {
                    list.as_array()
                        .is_some_and(|items| items.iter().all(Value::is_string))
                };
                for (key, list) in lists.iter().filter(|(_, list)| !is_texts(list)) {
                    let message = format!("expected a list of texts, not {}", kind(list));
                    self.wrong(&format!("{path}.{key}"), &message);
                }
                return;
            }
            (Shape::Name, Value::String(text)) if text.is_empty() => {
                return self.wrong(path, "is empty\nhint: leave it out");
            }
            (Shape::Duration, Value::String(text)) if GoDuration::parse(text).is_none() => {
                let message =
                    format!("{text:?} is no duration, expected one such as 5m or 1h30m0s");
                return self.wrong(path, &message);
            }
            (Shape::OneOf(texts), Value::String(text)) if !texts.contains(&text.as_str()) => {
                let message = format!("{text:?} is not one of {}", texts.join(", "));
                return self.wrong(path, &message);
            }
            (Shape::Count, Value::Number(number)) if number.as_i64().is_some_and(|n| n < 0) => {
                return self.wrong(path, "is negative\nhint: it is counted up from 0");
            }
            (
                Shape::Text
                | Shape::Name
                | Shape::Id
                | Shape::Duration
                | Shape::Moment
                | Shape::Bytes
                | Shape::OneOf(_),
                Value::String(_),
            )
            | (Shape::Free, Value::Object(_))
            | (Shape::Flag, Value::Bool(_)) => return,
            (Shape::Whole | Shape::Count, Value::Number(number)) if number.as_i64().is_some() => {
                return;
            }
            (Shape::Text | Shape::Name | Shape::Id, _) => "a text",
            (Shape::Moment, _) => "a moment such as 2026-01-31T12:00:00Z",
            (Shape::Bytes, _) => "bytes in base64",
            (Shape::Flag, _) => "true or false",
            (Shape::Whole | Shape::Count, _) => "a whole number",
            (Shape::Duration, _) => "a duration such as 5m or 1h30m0s",
            (Shape::OneOf(texts), _) => &format!("one of {}", texts.join(", ")),
            (Shape::Object | Shape::TextLists | Shape::Free, _) => "an object",
        };
        self.wrong(path, &format!("expected {expected}, not {}", kind(value)));
    }

    fn unknown(&mut self, pattern: &str, name: &str, path: &str) {
        let known = self.fields(pattern).map(|(name, ..)| name);
        let hint = match nearest::of(name, known) {
            Some(near) => format!("did you mean {near}?"),
            None => match self.elsewhere(name) {
                Some(field) => format!("did you mean {}?", field.path),
                None => String::from("FIELDS.md of this module lists what is known; remove it"),
            },
        };
        self.wrong(path, &format!("is not a known field\nhint: {hint}"));
    }

    /// A field of this name at another place.
    fn elsewhere(&self, name: &str) -> Option<&'static Field> {
        self.table.iter().find(|field| {
            let last = field.path.rsplit('.').next().unwrap_or_default();
            last.trim_end_matches("[]") == name && field.fate == Fate::Done
        })
    }
}

/// For people; nothing that may be secret by mistake is repeated.
fn kind(value: &Value) -> String {
    match value {
        Value::Null => String::from("null"),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(_) => String::from("a text"),
        Value::Array(_) => String::from("a list"),
        Value::Object(_) => String::from("an object"),
    }
}
