//! A finding that does not know its place yet, and the report where findings get theirs.

use crate::diagnostic::{Diagnostic, Severity, Snippet};
use crate::key_path::KeyPath;
use crate::tree::Place;

/// What is wrong with one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    message: String,
    expected: Option<String>,
    hint: Option<String>,
}

impl Problem {
    /// In one clause, without a full stop.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            expected: None,
            hint: None,
        }
    }

    /// What would be right, in the form that fits behind "expected".
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// What to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What to do, where something is known.
    #[must_use]
    pub fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }
}

/// Collects diagnostics of one file.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    file: &'a str,
    lines: Vec<&'a str>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(file: &'a str, text: &'a str) -> Self {
        Self {
            file,
            lines: text.lines().collect(),
            diagnostics: Vec::new(),
        }
    }

    pub(crate) fn add(
        &mut self,
        severity: Severity,
        place: Place,
        key: &KeyPath,
        problem: Problem,
    ) {
        let snippet = (place.line as usize)
            .checked_sub(1)
            .and_then(|index| self.lines.get(index))
            .filter(|source| !source.trim().is_empty())
            .map(|source| {
                let rest = source
                    .trim_end()
                    .chars()
                    .count()
                    .saturating_sub(place.column.saturating_sub(1) as usize);
                Snippet {
                    source: (*source).to_owned(),
                    width: place
                        .width
                        .min(u32::try_from(rest).unwrap_or(u32::MAX))
                        .max(1),
                }
            });
        self.diagnostics.push(Diagnostic {
            severity,
            file: self.file.to_owned(),
            line: place.line,
            column: place.column,
            key: key.to_string(),
            message: problem.message,
            expected: problem.expected,
            hint: problem.hint,
            snippet,
        });
    }

    pub(crate) fn len(&self) -> usize {
        self.diagnostics.len()
    }

    /// The findings since the report had `len` of them.
    pub(crate) fn since(&self, len: usize) -> &[Diagnostic] {
        &self.diagnostics[len..]
    }

    /// Puts the findings since the report had `len` of them into the order of the file. The schema's come in any order, and
    /// what is said must be the same every time.
    pub(crate) fn sort_since(&mut self, len: usize) {
        self.diagnostics[len..].sort_by(|a, b| order(a).cmp(&order(b)));
    }

    /// All findings in the order of the file.
    pub(crate) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        self.sort_since(0);
        self.diagnostics
    }
}

fn order(d: &Diagnostic) -> (u32, u32, &str, Severity, &str) {
    (d.line, d.column, &d.key, d.severity, &d.message)
}
