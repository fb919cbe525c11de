//! Calls: macros, which see their arguments unevaluated, and functions.

use std::sync::Arc;

use super::parser::Expression;
use super::run::{field, truth};
use super::{Failure, Value, Variables, library, run};

fn evaluate_all(arguments: &[Expression], variables: &Variables) -> Result<Vec<Value>, Failure> {
    arguments
        .iter()
        .map(|argument| run::evaluate(argument, variables))
        .collect()
}

fn function_or_method(
    name: &str,
    target: Option<&Expression>,
    arguments: &[Expression],
    variables: &Variables,
) -> Result<Value, Failure> {
    let arguments = evaluate_all(arguments, variables)?;
    match target {
        None => library::function(name, &arguments),
        Some(Expression::Name(space)) if !variables.contains_key(space) => {
            library::function(&format!("{space}.{name}"), &arguments)
        }
        Some(target) => library::method(name, &run::evaluate(target, variables)?, &arguments),
    }
}

pub(super) fn evaluate(
    name: &str,
    target: Option<&Expression>,
    arguments: &[Expression],
    variables: &Variables,
) -> Result<Value, Failure> {
    match (name, target, arguments) {
        (
            "has",
            None,
            [
                Expression::Select {
                    of, field: name, ..
                },
            ],
        ) => has(of, name, variables).map(Value::Bool),
        ("bind", Some(Expression::Name(space)), [Expression::Name(variable), value, body])
            if space == "cel" =>
        {
            let value = run::evaluate(value, variables)?;
            with(variables, variable, value, body)
        }
        ("optMap" | "optFlatMap", Some(target), [Expression::Name(variable), body]) => {
            match run::evaluate(target, variables)? {
                Value::Optional(Some(value)) => {
                    let value = with(variables, variable, Value::clone(&value), body)?;
                    Ok(if name == "optMap" {
                        Value::some(value)
                    } else {
                        value
                    })
                }
                Value::Optional(None) => Ok(Value::Optional(None)),
                _ => Err(Failure::no_overload(name)),
            }
        }
        ("all" | "exists" | "exists_one" | "existsOne" | "filter" | "map", Some(target), _) => {
            comprehension(name, target, arguments, variables)
        }
        _ => function_or_method(name, target, arguments, variables),
    }
}

fn has(of: &Expression, name: &str, variables: &Variables) -> Result<bool, Failure> {
    match run::evaluate(of, variables)? {
        Value::Map(entries) => Ok(field(&entries, name).is_some()),
        Value::Optional(inner) => Ok(inner.is_some_and(
            |inner| matches!(&*inner, Value::Map(entries) if field(entries, name).is_some()),
        )),
        _ => Err(Failure::no_overload("has")),
    }
}

fn with(
    variables: &Variables,
    name: &str,
    value: Value,
    body: &Expression,
) -> Result<Value, Failure> {
    let mut inner = variables.clone();
    inner.insert(String::from(name), value);
    run::evaluate(body, &inner)
}

/// The two loop variables of an element: of a map its key and value, of a list its index and value.
fn elements(of: &Value) -> Result<Vec<(Value, Value)>, Failure> {
    match of {
        Value::List(items) => Ok(items
            .iter()
            .zip(0_i64..)
            .map(|(item, index)| (Value::Int(index), item.clone()))
            .collect()),
        Value::Map(entries) => Ok(entries.to_vec()),
        other => Err(Failure::no_overload(other.type_name())),
    }
}

fn comprehension(
    name: &str,
    target: &Expression,
    arguments: &[Expression],
    variables: &Variables,
) -> Result<Value, Failure> {
    let of = run::evaluate(target, variables)?;
    let is_map = matches!(of, Value::Map(_));
    // With one variable it stands for the element of a list and for the key of a map.
    let (first, second, bodies) = match (name, arguments) {
        ("map", [Expression::Name(one), bodies @ ..]) if matches!(bodies.len(), 1 | 2) => {
            (one, None, bodies)
        }
        (_, [Expression::Name(one), body]) if name != "map" => {
            (one, None, std::slice::from_ref(body))
        }
        (_, [Expression::Name(one), Expression::Name(two), body]) if name != "map" => {
            (one, Some(two), std::slice::from_ref(body))
        }
        _ => return Err(Failure::no_overload(name)),
    };
    let mut inner = variables.clone();
    let mut bind = |key: Value, value: Value, body: &Expression| {
        match second {
            Some(second) => {
                inner.insert(first.clone(), key);
                inner.insert(second.clone(), value);
            }
            None => {
                inner.insert(first.clone(), if is_map { key } else { value });
            }
        }
        run::evaluate(body, &inner)
    };
    let Some(body) = bodies.last() else {
        return Err(Failure::no_overload(name));
    };
    match name {
        "all" | "exists" => {
            let decisive = name == "exists";
            let mut failed = None;
            for (key, value) in elements(&of)? {
                match bind(key, value, body).and_then(|value| truth(&value)) {
                    Ok(found) if found == decisive => return Ok(Value::Bool(decisive)),
                    Ok(_) => {}
                    Err(failure) => failed = Some(failure),
                }
            }
            failed.map_or(Ok(Value::Bool(!decisive)), Err)
        }
        "exists_one" | "existsOne" => {
            let mut count = 0;
            for (key, value) in elements(&of)? {
                count += usize::from(truth(&bind(key, value, body)?)?);
            }
            Ok(Value::Bool(count == 1))
        }
        "filter" => {
            let mut kept = Vec::new();
            for (key, value) in elements(&of)? {
                let element = if is_map { key.clone() } else { value.clone() };
                if truth(&bind(key, value, body)?)? {
                    kept.push(element);
                }
            }
            Ok(Value::list(kept))
        }
        _ => {
            let mut made = Vec::new();
            for (key, value) in elements(&of)? {
                if let [condition, _] = bodies
                    && !truth(&bind(key.clone(), value.clone(), condition)?)?
                {
                    continue;
                }
                made.push(bind(key, value, body)?);
            }
            Ok(Value::List(Arc::new(made)))
        }
    }
}
