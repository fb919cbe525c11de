//! The value of an expression.

use std::sync::Arc;

use super::parser::Expression;
use super::value::find;
use super::{Failure, Value, Variables, call, library};

/// Names of types are values.
const TYPES: [&str; 12] = [
    "bool",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
    "google.protobuf.Duration",
    "google.protobuf.Timestamp",
];

pub(super) fn evaluate(expression: &Expression, variables: &Variables) -> Result<Value, Failure> {
    match expression {
        Expression::Literal(value) => Ok(value.clone()),
        Expression::Name(name) => variable(name, variables),
        Expression::Select {
            of,
            field,
            optional,
        } => {
            let of = evaluate(of, variables)?;
            select(&of, field, *optional)
        }
        Expression::Index { of, at, optional } => {
            let (of, at) = (evaluate(of, variables)?, evaluate(at, variables)?);
            index(&of, &at, *optional)
        }
        Expression::Call {
            name,
            target,
            arguments,
        } => call::evaluate(name, target.as_deref(), arguments, variables),
        Expression::Unary(operator, operand) => unary(operator, &evaluate(operand, variables)?),
        Expression::Binary(operator @ ("&&" | "||"), left, right) => {
            junction(*operator == "||", left, right, variables)
        }
        Expression::Binary(operator, left, right) => {
            let (left, right) = (evaluate(left, variables)?, evaluate(right, variables)?);
            library::binary(operator, &left, &right)
        }
        Expression::Ternary(condition, then, otherwise) => {
            if truth(&evaluate(condition, variables)?)? {
                evaluate(then, variables)
            } else {
                evaluate(otherwise, variables)
            }
        }
        Expression::List(items) => {
            let items: Result<Vec<Value>, Failure> =
                items.iter().map(|item| evaluate(item, variables)).collect();
            Ok(Value::list(items?))
        }
        Expression::Map(entries) => {
            let entries: Result<Vec<(Value, Value)>, Failure> = entries
                .iter()
                .map(|(key, value)| Ok((evaluate(key, variables)?, evaluate(value, variables)?)))
                .collect();
            Ok(Value::Map(Arc::new(entries?)))
        }
    }
}

pub(super) fn truth(value: &Value) -> Result<bool, Failure> {
    match value {
        Value::Bool(truth) => Ok(*truth),
        _ => Err(Failure::no_overload("a condition that is no bool")),
    }
}

fn variable(name: &str, variables: &Variables) -> Result<Value, Failure> {
    if let Some(value) = variables.get(name) {
        return Ok(value.clone());
    }
    TYPES
        .iter()
        .find(|known| **known == name)
        .map(|known| Value::Type(known))
        .ok_or_else(|| Failure(format!("undeclared reference to '{name}'")))
}

/// `&&` and `||`: an answer that does not depend on a failing side is an answer.
fn junction(
    decisive: bool,
    left: &Expression,
    right: &Expression,
    variables: &Variables,
) -> Result<Value, Failure> {
    let side = |side: &Expression| evaluate(side, variables).and_then(|value| truth(&value));
    let first = side(left);
    if first == Ok(decisive) {
        return Ok(Value::Bool(decisive));
    }
    let second = side(right)?;
    if second == decisive {
        return Ok(Value::Bool(decisive));
    }
    first.map(Value::Bool)
}

fn unary(operator: &str, operand: &Value) -> Result<Value, Failure> {
    match (operator, operand) {
        ("!", Value::Bool(truth)) => Ok(Value::Bool(!truth)),
        ("-", Value::Int(number)) => number
            .checked_neg()
            .map(Value::Int)
            .ok_or_else(|| Failure::new("integer overflow")),
        ("-", Value::Double(number)) => Ok(Value::Double(-number)),
        _ => Err(Failure::no_overload(operator)),
    }
}

/// A field by its name, or by its name with what CEL cannot write escaped.
pub(super) fn field<'a>(entries: &'a [(Value, Value)], name: &str) -> Option<&'a Value> {
    find(entries, &Value::text(name)).or_else(|| {
        let plain = unescape(name)?;
        find(entries, &Value::text(plain))
    })
}

/// `__dot__`, `__dash__`, `__slash__`, `__underscores__` and keywords, as definitions' property names are escaped.
fn unescape(name: &str) -> Option<String> {
    if !name.contains("__") {
        return None;
    }
    let plain = name
        .replace("__dot__", ".")
        .replace("__dash__", "-")
        .replace("__slash__", "/")
        .replace("__underscores__", "__");
    if plain != name {
        return Some(plain);
    }
    name.strip_prefix("__")?
        .strip_suffix("__")
        .map(String::from)
}

fn select(of: &Value, name: &str, optional: bool) -> Result<Value, Failure> {
    match of {
        Value::Map(entries) => match field(entries, name) {
            Some(value) if optional => Ok(Value::some(value.clone())),
            Some(value) => Ok(value.clone()),
            None if optional => Ok(Value::Optional(None)),
            None => Err(Failure(format!("no such key: {name}"))),
        },
        // Through an optional, as far as there is something.
        Value::Optional(None) => Ok(Value::Optional(None)),
        Value::Optional(Some(inner)) => select(inner, name, true),
        other if optional => Err(Failure::no_overload(other.type_name())),
        _ => Err(Failure(format!("no such key: {name}"))),
    }
}

fn index(of: &Value, at: &Value, optional: bool) -> Result<Value, Failure> {
    let found = match of {
        Value::Optional(None) => return Ok(Value::Optional(None)),
        Value::Optional(Some(inner)) => return index(inner, at, true),
        Value::Map(entries) => find(entries, at).cloned(),
        Value::List(items) => {
            let position = at
                .whole()
                .ok_or_else(|| Failure::no_overload("index of a list"))?;
            usize::try_from(position)
                .ok()
                .and_then(|position| items.get(position))
                .cloned()
        }
        _ => return Err(Failure::no_overload("_[_]")),
    };
    match found {
        Some(value) if optional => Ok(Value::some(value)),
        Some(value) => Ok(value),
        None if optional => Ok(Value::Optional(None)),
        None => Err(Failure::new(if matches!(of, Value::List(_)) {
            "index out of bounds"
        } else {
            "no such key"
        })),
    }
}
