//! What becomes of every field: the published table, and the check of an object against it.
//!
//! `FIELDS.md` and the definitions in `crds/` are made of the same tables. The definitions keep fields that nobody knows, so
//! that they can be named here, with the nearest that is known, rather than silently lost.

pub(super) mod flux1;
pub(super) mod flux2;
pub(super) mod sample;
pub(super) mod sources;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use super::{Wrong, duration};

/// One field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// Such as `spec.valuesFrom[].name`: a list has brackets.
    pub(super) path: &'static str,
    /// What it, or an item of it, is.
    pub(super) shape: Shape,
    pub(super) fate: Fate,
    /// Whether the object that it belongs to has to have it.
    pub(super) required: bool,
    /// What it is used for, or what to do instead.
    pub(super) remark: &'static str,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Flag,
    Whole,
    /// As Go writes durations.
    Duration,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// An object whose fields are in the table.
    Object,
    /// Texts by any key.
    Texts,
    /// An object of any content.
    Free,
}

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Used.
    Done,
    /// Not used; a condition says so. What is below it is not looked at.
    Warned,
    /// The object is refused. What is below it is not looked at.
    Rejected,
}

/// A table: of one kind, in one or several groups.
pub(super) type Table = &'static [Field];

const fn field(path: &'static str, shape: Shape, fate: Fate, remark: &'static str) -> Field {
    Field {
        path,
        shape,
        fate,
        required: false,
        remark,
    }
}

const fn done(path: &'static str, shape: Shape, remark: &'static str) -> Field {
    field(path, shape, Fate::Done, remark)
}

const fn warned(path: &'static str, shape: Shape, remark: &'static str) -> Field {
    field(path, shape, Fate::Warned, remark)
}

const fn rejected(path: &'static str, shape: Shape, remark: &'static str) -> Field {
    field(path, shape, Fate::Rejected, remark)
}

impl Field {
    const fn required(mut self) -> Self {
        self.required = true;
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

/// What is found in one object.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) wrong: Vec<Wrong>,
    pub(super) warnings: Vec<String>,
}

/// Checks the `spec` of an object against a table. What is found is sorted by path.
pub(super) fn check(table: Table, object: &Value) -> Findings {
    let mut check = Check {
        table,
        findings: Findings::default(),
    };
    match &object["spec"] {
        Value::Object(spec) => check.object(spec, "spec", "spec"),
        Value::Null => check.wrong("spec", "is required"),
        other => check.wrong("spec", &format!("expected an object, not {}", kind(other))),
    }
    let mut findings = check.findings;
    findings.wrong.sort();
    findings.warnings.sort();
    findings
}

struct Check {
    table: Table,
    findings: Findings,
}

impl Check {
    fn wrong(&mut self, path: &str, message: &str) {
        self.findings.wrong.push(Wrong::new(path, message));
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
        for (name, value) in value {
            if value.is_null() {
                continue;
            }
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
        match field.fate {
            Fate::Rejected if !says_nothing(value) => {
                self.wrong(path, &format!("is not served: {}", field.remark));
            }
            Fate::Warned if !says_nothing(value) => self
                .findings
                .warnings
                .push(format!("{path} is not used: {}", field.remark)),
            Fate::Rejected | Fate::Warned => {}
            Fate::Done if list => match value {
                Value::Array(items) => {
                    for (index, item) in items.iter().enumerate() {
                        self.value(field, item, &format!("{path}[{index}]"));
                    }
                }
                other => self.wrong(path, &format!("expected a list, not {}", kind(other))),
            },
            Fate::Done => self.value(field, value, path),
        }
    }

    fn value(&mut self, field: &'static Field, value: &Value, path: &str) {
        let expected = match (field.shape, value) {
            (Shape::Object, Value::Object(fields)) => {
                return self.object(fields, field.path, path);
            }
            (Shape::Texts, Value::Object(fields)) => {
                for (key, value) in fields.iter().filter(|(_, value)| !value.is_string()) {
                    let message = format!("expected a text, not {}", kind(value));
                    self.wrong(&format!("{path}.{key}"), &message);
                }
                return;
            }
            (Shape::Text, Value::String(text)) if field.required && text.is_empty() => {
                return self.wrong(path, "is required, and empty");
            }
            (Shape::Duration, Value::String(text)) => match duration::of(text) {
                Some(_) => return,
                None => {
                    let message =
                        format!("{text:?} is no duration, expected one such as 5m or 1m30s");
                    return self.wrong(path, &message);
                }
            },
            (Shape::OneOf(texts), Value::String(text)) => {
                if !texts.contains(&text.as_str()) {
                    let message = format!("{text:?} is not one of {}", texts.join(", "));
                    self.wrong(path, &message);
                }
                return;
            }
            (Shape::Free, Value::Object(_))
            | (Shape::Text, Value::String(_))
            | (Shape::Flag, Value::Bool(_)) => return,
            (Shape::Whole, Value::Number(number)) if number.as_i64().is_some() => return,
            (Shape::Text, _) => "a text",
            (Shape::Flag, _) => "true or false",
            (Shape::Whole, _) => "a whole number",
            (Shape::Duration, _) => "a duration such as 5m or 1m30s",
            (Shape::OneOf(texts), _) => &format!("one of {}", texts.join(", ")),
            (Shape::Object | Shape::Texts | Shape::Free, _) => "an object",
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

/// What says the same as nothing at all.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(true) => false,
    }
}

fn kind(value: &Value) -> String {
    match value {
        Value::Null => String::from("null"),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("{text:?}"),
        Value::Array(_) => String::from("a list"),
        Value::Object(_) => String::from("an object"),
    }
}
