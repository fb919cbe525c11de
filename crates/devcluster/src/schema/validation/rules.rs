//! Value validations applied to a value.

use std::collections::BTreeSet;

use serde_json::{Number, Value, json};

use super::should;
use crate::schema::keywords::Bound;
use crate::schema::{FieldError, FieldErrorKind, Rules, format};

/// Reports what of `rules` the value at `path` breaks.
pub(super) fn check(rules: &Rules, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    check_junctors(rules, value, path, errors);
    match value {
        Value::String(text) => check_string(rules, text, path, errors),
        Value::Number(number) => check_number(rules, number, path, errors),
        Value::Array(items) => check_array(rules, items, path, errors),
        Value::Object(_) => {}
        Value::Null | Value::Bool(_) => {}
    }
    check_enumeration(rules, value, path, errors);
    check_object(rules, value, path, errors);
}

pub(super) fn check_enumeration(
    rules: &Rules,
    value: &Value,
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    if rules.enumeration.is_empty() || rules.enumeration.iter().any(|other| same(other, value)) {
        return;
    }
    let supported: Vec<String> = rules
        .enumeration
        .iter()
        .map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
        .collect();
    errors.push(FieldError::not_supported(path, value.clone(), &supported));
}

/// Equality of JSON values where 1 and 1.0 are the same number.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => left == right,
    }
}

fn check_string(rules: &Rules, text: &str, path: &str, errors: &mut Vec<FieldError>) {
    let length = text.chars().count() as u64;
    if let Some(most) = rules.max_length
        && length > most
    {
        errors.push(FieldError::too_long(path, most));
    } else if let Some(least) = rules.min_length
        && length < least
    {
        let detail = should(path, &format!("be at least {least} chars long"));
        errors.push(FieldError::invalid(path, text.into(), detail));
    } else if let Some(pattern) = &rules.pattern
        && !pattern.is_match(text)
    {
        let detail = should(path, &format!("match '{}'", pattern.as_str()));
        errors.push(FieldError::invalid(path, text.into(), detail));
    }
    if let Some(name) = &rules.format
        && !format::matches(name, text)
    {
        let subject = crate::schema::field_error::subject(path);
        errors.push(FieldError {
            path: path.to_owned(),
            kind: FieldErrorKind::TypeInvalid,
            value: Some(text.into()),
            detail: format!("{subject} must be of type {name}: {text:?}"),
        });
    }
}

fn check_number(rules: &Rules, number: &Number, path: &str, errors: &mut Vec<FieldError>) {
    let value = || Value::Number(number.clone());
    let mut complain = |rule: String| {
        errors.push(FieldError::invalid(path, value(), should(path, &rule)));
    };
    if let Some(Bound { limit, exclusive }) = &rules.maximum {
        let order = compare(number, limit);
        if order.is_gt() || (*exclusive && order.is_eq()) {
            let words = if *exclusive {
                "less than"
            } else {
                "less than or equal to"
            };
            complain(format!("be {words} {}", plain(limit)));
        }
    }
    if let Some(Bound { limit, exclusive }) = &rules.minimum {
        let order = compare(number, limit);
        if order.is_lt() || (*exclusive && order.is_eq()) {
            let words = if *exclusive {
                "greater than"
            } else {
                "greater than or equal to"
            };
            complain(format!("be {words} {}", plain(limit)));
        }
    }
    if let Some(factor) = &rules.multiple_of
        && !is_multiple(number, factor)
    {
        complain(format!("be a multiple of {}", plain(factor)));
    }
}

fn compare(left: &Number, right: &Number) -> std::cmp::Ordering {
    if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
        return left.cmp(&right);
    }
    let float = |number: &Number| number.as_f64().unwrap_or(f64::INFINITY);
    float(left).total_cmp(&float(right))
}

fn is_multiple(number: &Number, factor: &Number) -> bool {
    if let (Some(number), Some(factor)) = (number.as_i64(), factor.as_i64()) {
        return factor == 0 || number.checked_rem(factor).is_none_or(|rest| rest == 0);
    }
    match (number.as_f64(), factor.as_f64()) {
        (Some(number), Some(factor)) if factor != 0.0 => (number / factor).fract() == 0.0,
        _ => true,
    }
}

/// A number as Go prints it: no fraction where there is none.
fn plain(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if !number.is_i64() && !number.is_u64() => float.to_string(),
        _ => number.to_string(),
    }
}

fn check_array(rules: &Rules, items: &[Value], path: &str, errors: &mut Vec<FieldError>) {
    let count = items.len() as u64;
    if let Some(least) = rules.min_items
        && count < least
    {
        let detail = should(path, &format!("have at least {least} items"));
        errors.push(FieldError::invalid(path, json!(count), detail));
    }
    if let Some(most) = rules.max_items
        && count > most
    {
        errors.push(FieldError::too_many(path, items.len(), most));
    }
    if rules.unique_items {
        let distinct: BTreeSet<String> = items.iter().map(Value::to_string).collect();
        if distinct.len() < items.len() {
            let detail = format!(
                "{} shouldn't contain duplicates",
                crate::schema::field_error::subject(path)
            );
            errors.push(FieldError::invalid(path, json!(""), detail));
        }
    }
    if let Some(rules) = &rules.items {
        for (index, item) in items.iter().enumerate() {
            check(rules, item, &format!("{path}[{index}]"), errors);
        }
    }
}

fn check_object(rules: &Rules, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let Value::Object(object) = value else {
        return;
    };
    let child = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    let count = object.len() as u64;
    if let Some(least) = rules.min_properties
        && count < least
    {
        let detail = should(path, &format!("have at least {least} properties"));
        errors.push(FieldError::invalid(path, json!(count), detail));
    }
    if let Some(most) = rules.max_properties
        && count > most
    {
        errors.push(FieldError::too_many(path, object.len(), most));
    }
    for (name, rules) in &rules.properties {
        if let Some(value) = object.get(name) {
            check(rules, value, &child(name), errors);
        }
    }
    for name in &rules.required {
        if !object.contains_key(name) {
            errors.push(FieldError::required(child(name), ""));
        }
    }
}

fn failures(rules: &Rules, value: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    check(rules, value, path, &mut errors);
    errors
}

fn check_junctors(rules: &Rules, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let mut complain = |detail: String| {
        errors.push(FieldError::invalid(
            "",
            json!(""),
            format!("{path:?} {detail}"),
        ));
    };
    let mut inner = Vec::new();

    let results: Vec<_> = rules
        .any_of
        .iter()
        .map(|rules| failures(rules, value, path))
        .collect();
    if !results.is_empty() && results.iter().all(|errors| !errors.is_empty()) {
        complain("must validate at least one schema (anyOf)".to_owned());
        inner.extend(nearest(results));
    }

    let results: Vec<_> = rules
        .one_of
        .iter()
        .map(|rules| failures(rules, value, path))
        .collect();
    let valid = results.iter().filter(|errors| errors.is_empty()).count();
    if !results.is_empty() && valid != 1 {
        let found = if valid == 0 {
            "Found none valid".to_owned()
        } else {
            format!("Found {valid} valid alternatives")
        };
        complain(format!(
            "must validate one and only one schema (oneOf). {found}"
        ));
        if valid == 0 {
            inner.extend(nearest(results));
        }
    }

    let results: Vec<_> = rules
        .all_of
        .iter()
        .map(|rules| failures(rules, value, path))
        .collect();
    let valid = results.iter().filter(|errors| errors.is_empty()).count();
    if valid < results.len() {
        inner.extend(results.into_iter().flatten());
        let none = if valid == 0 { ". None validated" } else { "" };
        complain(format!("must validate all the schemas (allOf){none}"));
    }

    if let Some(not) = &rules.not
        && failures(not, value, path).is_empty()
    {
        complain("must not validate the schema (not)".to_owned());
    }
    errors.extend(inner);
}

/// The complaints of the alternative that comes closest.
fn nearest(results: Vec<Vec<FieldError>>) -> Vec<FieldError> {
    results.into_iter().min_by_key(Vec::len).unwrap_or_default()
}
