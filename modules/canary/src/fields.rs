//! What becomes of every field: the published table, and the check of an object against it.
//!
//! `FIELDS.md` is made of the same table. The schemas keep fields that nobody knows, so that they can be named here, with the
//! nearest that is known, rather than silently lost.

mod nearest;
mod table;
#[cfg(test)]
pub(crate) mod tests;

use oarlock_sdk::{FieldError, Value};

/// One field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// Such as `spec.analysis.metrics[].name`; `.*` for any key of a map. `spec.canaryAnalysis` has the fields of
    /// `spec.analysis`.
    pub(crate) path: &'static str,
    pub(crate) fate: Fate,
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "only the published table tells it")
    )]
    pub(crate) origin: Origin,
    /// What it is used for, or what to do instead.
    pub(crate) remark: &'static str,
}

/// What becomes of a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// Used.
    Accepted,
    /// Not used; a condition says so. What is below it is not looked at.
    Warned,
    /// The object is refused. What is below it is not looked at.
    Rejected,
}

/// Whose field it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    Flagger,
    /// Works in `flagger.app` objects, too, where the definitions of this project are installed.
    Own,
}

/// What is found in one object.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) wrong: Vec<FieldError>,
    pub(crate) warnings: Vec<String>,
}

/// Checks the `spec` of a Canary against the table. What is found is sorted by path.
pub(crate) fn check(object: &Value) -> Findings {
    let mut findings = Findings::default();
    findings.object(&object["spec"], "spec", "spec");
    findings.wrong.sort_by(|a, b| a.path.cmp(&b.path));
    findings.warnings.sort();
    findings
}

fn known(path: &str) -> Option<&'static Field> {
    table::CANARY.iter().find(|field| field.path == path)
}

/// The names that an object at `path` may have.
fn names(path: &str) -> impl Iterator<Item = &'static str> {
    table::CANARY.iter().filter_map(move |field| {
        let name = field.path.strip_prefix(path)?.strip_prefix('.')?;
        (!name.contains('.') && name != "*").then(|| name.trim_end_matches("[]"))
    })
}

impl Findings {
    /// `pattern` is the path in the table, `path` the one that its author wrote.
    fn object(&mut self, value: &Value, pattern: &str, path: &str) {
        let Value::Object(fields) = value else { return };
        for (name, value) in fields {
            let path = format!("{path}.{name}");
            let name = match (pattern, name.as_str()) {
                ("spec", "canaryAnalysis") => "analysis",
                (_, name) => name,
            };
            let plain = format!("{pattern}.{name}");
            let list = format!("{plain}[]");
            match known(&plain).or_else(|| known(&list)) {
                None => self.unknown(pattern, name, path),
                Some(field) => self.field(field, value, path),
            }
        }
    }

    fn field(&mut self, field: &Field, value: &Value, path: String) {
        match field.fate {
            Fate::Rejected if !is_empty(value) => self.wrong.push(FieldError::new(
                path,
                format!("is not served: {}", field.remark),
            )),
            Fate::Warned if !is_empty(value) => {
                self.warnings
                    .push(format!("{path} is not used: {}", field.remark));
            }
            Fate::Rejected | Fate::Warned => {}
            Fate::Accepted => self.below(field.path, value, &path),
        }
    }

    fn below(&mut self, pattern: &str, value: &Value, path: &str) {
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.below(pattern, item, &format!("{path}[{index}]"));
                }
            }
            Value::Object(fields) => {
                let any = format!("{pattern}.*");
                if known(&any).is_some() {
                    for (key, value) in fields {
                        self.below(&any, value, &format!("{path}.{key}"));
                    }
                } else if names(pattern).next().is_some() {
                    self.object(value, pattern, path);
                }
            }
            _ => {}
        }
    }

    fn unknown(&mut self, pattern: &str, name: &str, path: String) {
        let hint = match nearest::of(name, names(pattern)) {
            Some(near) => format!("did you mean {near}?"),
            None => match elsewhere(name) {
                Some(field) => format!("did you mean {}?", field.path),
                None => String::from("FIELDS.md of this module lists what is known; remove it"),
            },
        };
        self.wrong.push(FieldError::new(
            path,
            format!("is not a known field\nhint: {hint}"),
        ));
    }
}

/// A field of this name at another place.
fn elsewhere(name: &str) -> Option<&'static Field> {
    table::CANARY.iter().find(|field| {
        let last = field.path.rsplit('.').next().unwrap_or_default();
        last.trim_end_matches("[]") == name && field.fate == Fate::Accepted
    })
}

/// What says the same as nothing at all.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(true) => false,
    }
}
