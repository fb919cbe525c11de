//! YAML documents of other forms than watches.yaml, read with the same care: every finding has its place, unknown keys are
//! reported with what was probably meant, and the JSON Schema is generated from the structs.
//!
//! The owner of a form describes it in structs ([`Form::of`]), reads ([`Document::read`]), checks what no schema can say and
//! tells it with its place ([`Document::error`]).

use std::ops::Range;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::diagnostic::{Diagnostic, Severity};
use crate::duration::{self, GoDuration};
use crate::problem::Report;
use crate::schema::{self, Schema};
use crate::structure;
use crate::tree::{self, Content, End, Node, Place};

pub use crate::key_path::{KeyPath, Step};
pub use crate::problem::Problem;
pub use crate::raw::DurationText;

/// What documents of a kind look like.
#[derive(Debug)]
pub struct Form {
    schema: Schema,
    example: fn(&str) -> Option<&'static str>,
    /// Such as `a scenario`.
    what: &'static str,
}

impl Form {
    /// The form of `what` (such as `a scenario`), whose keys are the fields of `T`. In `T` every field is optional and what must
    /// be there is `required` in its schema, so that one missing key does not hide what else is wrong. `example` has
    /// something to write for a key that is missing, such as `at: 5m`.
    #[must_use]
    pub fn of<T: JsonSchema>(
        what: &'static str,
        example: fn(&str) -> Option<&'static str>,
    ) -> Self {
        Self {
            schema: Schema::new(schema::generate::<T>()),
            example,
            what,
        }
    }

    /// The JSON Schema (draft 2020-12), keys sorted.
    #[must_use]
    pub const fn schema(&self) -> &Value {
        self.schema.value()
    }
}

/// A document that is being checked: where its values stand, and what is said about them.
#[derive(Debug)]
pub struct Document<'t> {
    node: Node,
    text: &'t str,
    report: Report<'t>,
    /// What the schema says of values; only told where nobody says it better.
    leftovers: Vec<(KeyPath, Problem)>,
}

impl<'t> Document<'t> {
    /// Reads `text`; `file` is only for the messages. Gives what of it fits the form, or nothing where it cannot be read
    /// at all.
    #[must_use]
    pub fn read<T: DeserializeOwned>(
        file: &'t str,
        text: &'t str,
        form: &Form,
    ) -> (Self, Option<T>) {
        let mut report = Report::new(file, text);
        let top = KeyPath::entry();
        let nothing = Node {
            place: Place::START,
            content: Content::Null,
            expanded: false,
        };
        let unread = |report| Self {
            node: nothing.clone(),
            text,
            report,
            leftovers: Vec::new(),
        };
        let node = match tree::read(text) {
            Ok(node) => node,
            Err(error) => {
                let problem = Problem::new(format!("not valid YAML: {}", error.message));
                report.add(Severity::Error, error.place, &top, problem);
                return (unread(report), None);
            }
        };
        let found = match node.content {
            Content::Map(_) => None,
            Content::Null => Some("the file is empty"),
            Content::List(_) => Some("the file is a list"),
            Content::Text(_) | Content::Bool(_) | Content::Number(_) => {
                Some("the file is a single value")
            }
        };
        if let Some(found) = found {
            let keys = form.schema.keys_at(&top).join(", ");
            let wanted = format!("{} with some of the keys {keys}", form.what);
            let problem = Problem::new(found).expected(wanted);
            report.add(Severity::Error, node.place, &top, problem);
            return (unread(report), None);
        }
        let shape = structure::compare(
            &node,
            &structure::Form {
                schema: &form.schema,
                example: form.example,
                foreign: &[],
            },
            &mut report,
        );
        let mut document = Self {
            node,
            text,
            report,
            leftovers: shape.leftovers,
        };
        match serde_json::from_value(shape.value) {
            Ok(content) => (document, Some(content)),
            // The schema and the structs are made of one piece; whatever one lets through and the other does not is said.
            Err(error) => {
                document.error(&top, Problem::new(error.to_string()));
                (document, None)
            }
        }
    }

    /// The value at `path` is wrong.
    pub fn error(&mut self, path: &KeyPath, problem: Problem) {
        let place = self.node.place_of(path, End::Value);
        self.report.add(Severity::Error, place, path, problem);
    }

    /// It is wrong that there is a key at `path`.
    pub fn key_error(&mut self, path: &KeyPath, problem: Problem) {
        let place = self.node.place_of(path, End::Key);
        self.report.add(Severity::Error, place, path, problem);
    }

    /// A part of the text at `path` is wrong: these characters, counted from 0.
    pub fn error_within(&mut self, path: &KeyPath, part: Range<usize>, problem: Problem) {
        let place = self.node.place_of(path, End::Value);
        let place = self.part(place, path, &part).unwrap_or(place);
        self.report.add(Severity::Error, place, path, problem);
    }

    /// Where a part of a text stands; `None` where the text does not stand in its line as it is, such as in a folded block.
    fn part(&self, place: Place, path: &KeyPath, part: &Range<usize>) -> Option<Place> {
        let Content::Text(value) = &self.node.find(path)?.content else {
            return None;
        };
        let line = self.text.lines().nth(place.line.checked_sub(1)? as usize)?;
        let from = place.column.checked_sub(1)? as usize;
        let rest: String = line.chars().skip(from).collect();
        let quote = usize::from(rest.starts_with(['"', '\'']));
        let inner: String = rest.chars().skip(quote).collect();
        if !inner.starts_with(value.as_str()) {
            return None;
        }
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Some(Place {
            line: place.line,
            column: narrow(from + quote + part.start + 1),
            width: narrow(part.len().max(1)),
        })
    }

    /// Whether anything was told of the value at `path` or of what is in it.
    #[must_use]
    pub fn is_faulty(&self, path: &KeyPath) -> bool {
        let key = path.to_string();
        let below = |found: &str| {
            let rest = found.strip_prefix(&key);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.report.since(0).iter().any(|d| below(&d.key))
    }

    /// The line of the value at `path`, counted from 1.
    #[must_use]
    pub fn line(&self, path: &KeyPath) -> u32 {
        self.node.place_of(path, End::Value).line
    }

    /// The value, or nothing and an error.
    pub fn ok<T>(&mut self, path: &KeyPath, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.error(path, problem)).ok()
    }

    /// All findings, in the order of the file.
    #[must_use]
    pub fn finish(mut self) -> Vec<Diagnostic> {
        for (path, problem) in std::mem::take(&mut self.leftovers) {
            let key = path.to_string();
            if !self.report.since(0).iter().any(|d| d.key == key) {
                self.error(&path, problem);
            }
        }
        self.report.into_diagnostics()
    }
}

impl DurationText {
    /// What it says.
    ///
    /// # Errors
    ///
    /// When it is no duration.
    pub fn duration(&self) -> Result<Duration, Problem> {
        let parsed = self.0.to_string().parse::<GoDuration>();
        parsed.map(GoDuration::get).map_err(|error| {
            Problem::new(error.to_string())
                .expected(duration::FORM)
                .maybe_hint(error.hint())
        })
    }
}

/// Which of these words was probably meant by `word`.
pub fn suggest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    crate::suggestion::suggest(word, words)
}

#[cfg(test)]
mod tests;
