//! A document, or one entry of it, against its schema: keys and types.
//!
//! What is found here is taken out of the value, so that the checks of the values can go on with the rest. What the schema
//! says about values themselves (patterns, ranges) is only kept, for the case that those checks do not say it better.

use std::collections::BTreeMap;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::LocationSegment;
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use crate::diagnostic::Severity;
use crate::key_path::{KeyPath, Step};
use crate::problem::{Problem, Report};
use crate::schema::Schema;
use crate::suggestion::suggest;
use crate::tree::{Content, End, Node};

/// An entry whose keys are all known and whose values are all of the right type.
pub(crate) struct Shape {
    /// The entry without everything that was reported.
    pub(crate) value: Value,
    /// What else the schema has to say.
    pub(crate) leftovers: Vec<(KeyPath, Problem)>,
}

/// What is known of a form beyond its schema.
#[derive(Debug)]
pub(crate) struct Form<'s> {
    pub(crate) schema: &'s Schema,
    /// An example of a key that must be there, such as `kind: Deployer`.
    pub(crate) example: fn(&str) -> Option<&'static str>,
    /// Keys at the top that only others have, and who they are.
    pub(crate) foreign: &'s [(&'s str, &'s str)],
}

/// Compares `node` with a form.
pub(crate) fn compare(node: &Node, form: &Form<'_>, report: &mut Report<'_>) -> Shape {
    repeated_keys(node, &KeyPath::entry(), report);
    let schema = form.schema;
    let mut value = node.to_value();
    retype_expanded(node, schema, &mut value);
    let mut leftovers = Vec::new();
    let mut wrong = Vec::new();
    for error in schema.validator().iter_errors(&value) {
        let path = path_of(node, &error);
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                for key in unexpected {
                    let path = path.key(key);
                    let problem = unknown_key(form, &path, key);
                    report.add(
                        Severity::Error,
                        node.place_of(&path, End::Key),
                        &path,
                        problem,
                    );
                    wrong.push(path);
                }
            }
            ValidationErrorKind::Required { property } => {
                let key = property.as_str().unwrap_or_default();
                let problem =
                    Problem::new(format!("missing key {key}")).maybe_hint(missing(form, key));
                report.add(
                    Severity::Error,
                    node.place_of(&path, End::Value),
                    &path,
                    problem,
                );
            }
            // What an entry has to have one of is told by who knows what for.
            ValidationErrorKind::AnyOf { .. } if path.steps().is_empty() => {}
            ValidationErrorKind::Type { kind } => {
                let problem = wrong_type(form, kind, &path, error.instance());
                report.add(
                    Severity::Error,
                    node.place_of(&path, End::Value),
                    &path,
                    problem,
                );
                wrong.push(path);
            }
            _ => leftovers.push((path, Problem::new(error.to_string()))),
        }
    }
    for path in wrong {
        take_out(&mut value, path.steps());
    }
    Shape { value, leftovers }
}

fn repeated_keys(node: &Node, path: &KeyPath, report: &mut Report<'_>) {
    match &node.content {
        Content::List(items) => {
            for (index, item) in items.iter().enumerate() {
                repeated_keys(item, &path.index(index), report);
            }
        }
        Content::Map(pairs) => {
            let mut first = BTreeMap::new();
            for (key, child) in pairs {
                let path = path.key(&key.text);
                let line = *first.entry(key.text.as_str()).or_insert(key.place);
                if line == key.place {
                    repeated_keys(child, &path, report);
                } else {
                    let problem = Problem::new(format!(
                        "duplicate key; it is already given on line {}",
                        line.line
                    ))
                    .hint("keep one of them");
                    report.add(Severity::Error, key.place, &path, problem);
                }
            }
        }
        _ => {}
    }
}

/// Gives texts that came out of variables the type that the schema wants there.
fn retype_expanded(node: &Node, schema: &Schema, value: &mut Value) {
    let mut changes = Vec::new();
    for error in schema.validator().iter_errors(value) {
        let ValidationErrorKind::Type { kind } = error.kind() else {
            continue;
        };
        let path = path_of(node, &error);
        let wanted = types(kind);
        let expanded = node.find(&path).filter(|node| node.expanded);
        if let (Some(_), Value::String(text)) = (expanded, error.instance().as_ref()) {
            let typed = match text.as_str() {
                "true" if wanted.contains(&JsonType::Boolean) => Some(Value::Bool(true)),
                "false" if wanted.contains(&JsonType::Boolean) => Some(Value::Bool(false)),
                number if wanted.contains(&JsonType::Integer) => {
                    number.parse::<i64>().ok().map(Value::from)
                }
                _ => None,
            };
            changes.extend(typed.map(|typed| (path, typed)));
        }
    }
    for (path, typed) in changes {
        if let Some(place) = descend(value, path.steps()) {
            *place = typed;
        }
    }
}

fn unknown_key(form: &Form<'_>, path: &KeyPath, key: &str) -> Problem {
    let schema = form.schema;
    let parent = path.parent();
    if parent.steps().is_empty()
        && let Some((_, peer)) = form.foreign.iter().find(|(theirs, _)| *theirs == key)
    {
        return Problem::new(format!(
            "only {peer} knows this key: what reconciles here is a WebAssembly module"
        ))
        .hint("write module: in its place, such as module: canary.wasm");
    }
    let keys = schema.keys_at(&parent);
    let hint = suggest(key, keys.iter().copied())
        .map(|meant| format!("did you mean {meant:?}?"))
        .or_else(|| {
            schema
                .home_of(&parent, key)
                .map(|home| format!("{key} belongs below {}", parent.key(home)))
        });
    Problem::new("unknown key")
        .expected(format!("one of: {}", keys.join(", ")))
        .maybe_hint(hint)
}

fn missing(form: &Form<'_>, key: &str) -> Option<String> {
    (form.example)(key).map(|example| format!("write it, such as {example}"))
}

fn wrong_type(form: &Form<'_>, kind: &TypeKind, path: &KeyPath, found: &Value) -> Problem {
    let wanted = types(kind);
    let names: Vec<&str> = wanted
        .iter()
        .filter(|t| **t != JsonType::Null)
        .map(|t| match t {
            JsonType::Array => "a list",
            JsonType::Boolean => "true or false",
            JsonType::Integer => "an integer",
            JsonType::Null => "nothing",
            JsonType::Number => "a number",
            JsonType::Object => "a mapping",
            JsonType::String => "text",
        })
        .collect();
    let (message, hint) = match found {
        Value::Null => {
            let hint = match path.steps().last() {
                Some(Step::Key(key)) => missing(form, key),
                _ => None,
            };
            ("no value".to_owned(), hint)
        }
        Value::Bool(_) | Value::Number(_) if wanted.contains(&JsonType::String) => {
            let kind = if found.is_boolean() {
                "a boolean"
            } else {
                "a number"
            };
            let hint = "put it in quotes, so that YAML reads it as text".to_owned();
            (format!("{found} is {kind}"), Some(hint))
        }
        Value::Bool(b) => (format!("{b} is a boolean"), None),
        Value::Number(n) => (format!("{n} is a number"), None),
        Value::String(text) if wanted.contains(&JsonType::Array) => {
            (format!("{text:?} is text"), Some(format!("write [{text}]")))
        }
        Value::String(text) => (format!("{text:?} is text"), None),
        Value::Array(_) => ("this is a list".to_owned(), None),
        Value::Object(_) if wanted.contains(&JsonType::Array) => (
            "this is a mapping".to_owned(),
            Some("begin each item of the list with \"- \"".to_owned()),
        ),
        Value::Object(_) => ("this is a mapping".to_owned(), None),
    };
    Problem::new(message)
        .expected(names.join(" or "))
        .maybe_hint(hint)
}

fn types(kind: &TypeKind) -> Vec<JsonType> {
    match kind {
        TypeKind::Single(one) => vec![*one],
        TypeKind::Multiple(set) => set.iter().collect(),
    }
}

/// The place that `error` speaks of. A step that looks like a number is a key where the tree has a mapping.
fn path_of(root: &Node, error: &ValidationError<'_>) -> KeyPath {
    let mut node = Some(root);
    let mut path = KeyPath::entry();
    for segment in error.instance_path().iter() {
        let step = match (segment, node.map(|n| &n.content)) {
            (LocationSegment::Index(index), Some(Content::List(_)) | None) => Step::Index(index),
            (LocationSegment::Index(index), _) => Step::Key(index.to_string()),
            (LocationSegment::Property(key), _) => Step::Key(key.into_owned()),
        };
        path = path.step(step.clone());
        node = node.and_then(|n| n.find(&KeyPath::entry().step(step)));
    }
    path
}

/// Removes what is at `steps`, with the list that it is in: the numbers of other items must stay as they are.
fn take_out(value: &mut Value, steps: &[Step]) {
    let Some(last) = steps.iter().rposition(|s| matches!(s, Step::Key(_))) else {
        return;
    };
    if let (Step::Key(key), Some(Value::Object(map))) =
        (&steps[last], descend(value, &steps[..last]))
    {
        map.remove(key);
    }
}

fn descend<'v>(value: &'v mut Value, steps: &[Step]) -> Option<&'v mut Value> {
    steps.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Index(index) => value.get_mut(index),
    })
}
