//! Label selectors in kubectl's syntax: `app=web,tier!=db,env in (a, b),!old`.
//!
//! The grammar is that of `k8s.io/apimachinery/pkg/labels`, including that `!=` and `notin` match objects without the label,
//! and that a key alone asks for its presence. The comparisons `>` and `<` are of integers.

mod parser;

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use thiserror::Error;

/// A checked selector; the empty one matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

/// Why a text is no selector.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("label selector {text:?}, column {column}: expected {expected}, found {found}")]
pub struct ParseSelector {
    /// The whole selector.
    pub text: String,
    /// Where, counted in characters from 1.
    pub column: usize,
    /// What could stand there.
    pub expected: &'static str,
    /// What stands there.
    pub found: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    condition: Condition,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    Exists,
    Absent,
    In(BTreeSet<String>),
    NotIn(BTreeSet<String>),
    Greater(i64),
    Less(i64),
}

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    /// With the place at which the text cannot be read.
    pub fn parse(text: &str) -> Result<Self, ParseSelector> {
        parser::Parser::new(text)
            .selector()
            .map(|requirements| Self { requirements })
    }

    /// Whether an object with these `metadata.labels` is selected.
    #[must_use]
    pub fn matches(&self, labels: Option<&Map<String, Value>>) -> bool {
        self.requirements.iter().all(|requirement| {
            let value = labels
                .and_then(|labels| labels.get(&requirement.key))
                .and_then(Value::as_str);
            requirement.condition.holds(value)
        })
    }
}

impl Condition {
    fn holds(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match self {
            Self::Exists => value.is_some(),
            Self::Absent => value.is_none(),
            Self::In(values) => value.is_some_and(|value| values.contains(value)),
            Self::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Self::Greater(bound) => number().is_some_and(|number| number > *bound),
            Self::Less(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

#[cfg(test)]
mod tests;
