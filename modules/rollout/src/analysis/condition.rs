//! Conditions such as `result.ok && result.percent >= 0.9`, as Argo Rollouts' analysis has them, as far as values go.
//!
//! ```text
//! any     = all { "||" all }
//! all     = not { "&&" not }
//! not     = "!" not | "(" any ")" | operand [ ("==" | "!=" | "<" | "<=" | ">" | ">=") operand ]
//! operand = path | "len(" path ")" | number | text in quotes | true | false | null
//! path    = "result" { "." name | "[" index "]" | "[" text in quotes "]" }
//! ```

mod grammar;

use std::cmp::Ordering;
use std::fmt;

use serde_json::Value;

/// A condition on a result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    text: String,
    expression: Expression,
}

#[derive(Clone, Debug, PartialEq)]
enum Expression {
    Any(Vec<Self>),
    All(Vec<Self>),
    Not(Box<Self>),
    Compare(Operand, Comparison, Operand),
    True(Operand),
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Result(Vec<Step>),
    Length(Vec<Step>),
    Literal(Value),
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Step {
    Name(String),
    Index(usize),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// What is no condition.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ConditionError {
    at: usize,
    expected: &'static str,
}

impl Condition {
    /// Reads a condition.
    pub(crate) fn parse(text: &str) -> Result<Self, ConditionError> {
        Ok(Self {
            text: text.trim().into(),
            expression: grammar::parse(text)?,
        })
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it holds for this result.
    ///
    /// # Errors
    ///
    /// What cannot be compared, or is not in the result.
    pub(crate) fn holds(&self, result: &Value) -> Result<bool, String> {
        self.expression.holds(result)
    }
}

impl Expression {
    fn holds(&self, result: &Value) -> Result<bool, String> {
        match self {
            Self::Any(parts) => {
                for part in parts {
                    if part.holds(result)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::All(parts) => {
                for part in parts {
                    if !part.holds(result)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Not(part) => Ok(!part.holds(result)?),
            Self::Compare(left, comparison, right) => {
                let (left, right) = (left.value(result)?, right.value(result)?);
                comparison.of(&left, &right)
            }
            Self::True(operand) => match operand.value(result)? {
                Value::Bool(truth) => Ok(truth),
                other => Err(format!(
                    "{} is {}, expected true or false",
                    operand.text(),
                    kind(&other)
                )),
            },
        }
    }
}

impl Operand {
    fn value(&self, result: &Value) -> Result<Value, String> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Result(path) => find(result, path).cloned(),
            Self::Length(path) => match find(result, path)? {
                Value::Array(items) => Ok(items.len().into()),
                Value::Object(fields) => Ok(fields.len().into()),
                Value::String(text) => Ok(text.chars().count().into()),
                other => Err(format!(
                    "{} has no length: it is {}",
                    shown(path),
                    kind(other)
                )),
            },
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Literal(value) => value.to_string(),
            Self::Result(path) => shown(path),
            Self::Length(path) => format!("len({})", shown(path)),
        }
    }
}

fn find<'a>(result: &'a Value, path: &[Step]) -> Result<&'a Value, String> {
    let mut value = result;
    for (depth, step) in path.iter().enumerate() {
        let next = match step {
            Step::Name(name) => value.get(name),
            Step::Index(index) => value.get(index),
        };
        value = next.ok_or_else(|| {
            format!(
                "the result has no {} (what is there is {})",
                shown(&path[..=depth]),
                kind(value)
            )
        })?;
    }
    Ok(value)
}

fn shown(path: &[Step]) -> String {
    let mut text = String::from("result");
    for step in path {
        text += &match step {
            Step::Name(name) => format!(".{name}"),
            Step::Index(index) => format!("[{index}]"),
        };
    }
    text
}

/// What a value is, for messages.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A value as a number: texts of numbers are, as Prometheus writes them.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

impl Comparison {
    fn of(self, left: &Value, right: &Value) -> Result<bool, String> {
        let numeric = left.is_number() || right.is_number();
        let order = match (left, right) {
            (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
            _ if numeric => match (number(left), number(right)) {
                (Some(left), Some(right)) => left.partial_cmp(&right),
                _ => None,
            },
            _ => None,
        };
        match (self, order) {
            (Self::Equal, Some(order)) => Ok(order.is_eq()),
            (Self::Unequal, Some(order)) => Ok(order.is_ne()),
            (Self::Equal, None) => Ok(left == right),
            (Self::Unequal, None) => Ok(left != right),
            (Self::Less, Some(order)) => Ok(order.is_lt()),
            (Self::AtMost, Some(order)) => Ok(order.is_le()),
            (Self::More, Some(order)) => Ok(order == Ordering::Greater),
            (Self::AtLeast, Some(order)) => Ok(order.is_ge()),
            (_, None) => Err(format!(
                "{} cannot be compared with {}",
                kind(left),
                kind(right)
            )),
        }
    }
}

impl fmt::Display for ConditionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expected {} at character {}\nhint: such as `result >= 0.95` or `result.ok && result.count > 3`",
            self.expected, self.at
        )
    }
}

impl std::error::Error for ConditionError {}

#[cfg(test)]
mod tests;
