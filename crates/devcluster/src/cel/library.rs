//! Operators and functions.

use jiff::{SignedDuration, Timestamp};

use super::network::{Cidr, Url, ip};
use super::number::Quantity;
use super::value::find;
use super::{Failure, Value, text};

/// Operators with two sides, but `&&` and `||`.
pub(super) fn binary(operator: &str, left: &Value, right: &Value) -> Result<Value, Failure> {
    use std::cmp::Ordering::{Greater, Less};
    let ordered = |holds: fn(std::cmp::Ordering) -> bool| {
        left.compare(right)
            .map(|order| Value::Bool(holds(order)))
            .ok_or_else(|| Failure::no_overload(operator))
    };
    match operator {
        "==" => Ok(Value::Bool(left.equals(right))),
        "!=" => Ok(Value::Bool(!left.equals(right))),
        "<" => ordered(|order| order == Less),
        "<=" => ordered(|order| order != Greater),
        ">" => ordered(|order| order == Greater),
        ">=" => ordered(|order| order != Less),
        "in" => match right {
            Value::List(items) => Ok(Value::Bool(items.iter().any(|item| item.equals(left)))),
            Value::Map(entries) => Ok(Value::Bool(find(entries, left).is_some())),
            _ => Err(Failure::no_overload(operator)),
        },
        _ => arithmetic(operator, left, right),
    }
}

fn arithmetic(operator: &str, left: &Value, right: &Value) -> Result<Value, Failure> {
    let overflow = || Failure::new("integer overflow");
    match (left, operator, right) {
        (Value::Int(a), _, Value::Int(b)) => {
            let result = match operator {
                "+" => a.checked_add(*b),
                "-" => a.checked_sub(*b),
                "*" => a.checked_mul(*b),
                _ if *b == 0 => return Err(Failure::new("division by zero")),
                "/" => a.checked_div(*b),
                _ => a.checked_rem(*b),
            };
            result.map(Value::Int).ok_or_else(overflow)
        }
        (Value::Uint(a), _, Value::Uint(b)) => {
            let result = match operator {
                "+" => a.checked_add(*b),
                "-" => a.checked_sub(*b),
                "*" => a.checked_mul(*b),
                _ if *b == 0 => return Err(Failure::new("division by zero")),
                "/" => a.checked_div(*b),
                _ => a.checked_rem(*b),
            };
            result.map(Value::Uint).ok_or_else(overflow)
        }
        (Value::Double(a), "+", Value::Double(b)) => Ok(Value::Double(a + b)),
        (Value::Double(a), "-", Value::Double(b)) => Ok(Value::Double(a - b)),
        (Value::Double(a), "*", Value::Double(b)) => Ok(Value::Double(a * b)),
        (Value::Double(a), "/", Value::Double(b)) => Ok(Value::Double(a / b)),
        (Value::Text(a), "+", Value::Text(b)) => Ok(Value::text(format!("{a}{b}"))),
        (Value::Bytes(a), "+", Value::Bytes(b)) => Ok(Value::Bytes([&**a, &**b].concat().into())),
        (Value::List(a), "+", Value::List(b)) => {
            Ok(Value::list(a.iter().chain(b.iter()).cloned().collect()))
        }
        (Value::Duration(a), "+", Value::Duration(b)) => Ok(Value::Duration(*a + *b)),
        (Value::Duration(a), "-", Value::Duration(b)) => Ok(Value::Duration(*a - *b)),
        (Value::Timestamp(a), "-", Value::Timestamp(b)) => {
            Ok(Value::Duration(a.duration_since(*b)))
        }
        (Value::Timestamp(at), "+", Value::Duration(by))
        | (Value::Duration(by), "+", Value::Timestamp(at)) => moved(*at, *by),
        (Value::Timestamp(at), "-", Value::Duration(by)) => moved(*at, -*by),
        _ => Err(Failure::no_overload(operator)),
    }
}

fn moved(at: Timestamp, by: SignedDuration) -> Result<Value, Failure> {
    at.checked_add(by)
        .map(Value::Timestamp)
        .map_err(|_out_of_range| Failure::new("timestamp overflow"))
}

/// Functions of no target, `space.name` for those of a name space.
pub(super) fn function(name: &str, arguments: &[Value]) -> Result<Value, Failure> {
    match (name, arguments) {
        ("size", [of]) => size(of),
        ("type", [of]) => Ok(Value::Type(of.type_name())),
        ("dyn", [of]) => Ok(of.clone()),
        ("int" | "uint" | "double" | "bool" | "string" | "bytes", [of]) => convert(name, of),
        ("duration", [Value::Text(text)]) => text::duration(text)
            .map(Value::Duration)
            .ok_or_else(|| Failure(format!("invalid duration: {text}"))),
        ("duration", [of @ Value::Duration(_)]) | ("timestamp", [of @ Value::Timestamp(_)]) => {
            Ok(of.clone())
        }
        ("timestamp", [Value::Text(text)]) => text
            .parse()
            .map(Value::Timestamp)
            .map_err(|_not_a_time| Failure(format!("invalid timestamp: {text}"))),
        ("timestamp", [Value::Int(seconds)]) => Timestamp::from_second(*seconds)
            .map(Value::Timestamp)
            .map_err(|_out_of_range| Failure::new("timestamp overflow")),
        ("quantity", [Value::Text(text)]) => Quantity::read(text)
            .map(Value::Quantity)
            .ok_or_else(|| Failure(format!("invalid quantity: {text}"))),
        ("isQuantity", [Value::Text(text)]) => Ok(Value::Bool(Quantity::read(text).is_some())),
        ("ip", [Value::Text(text)]) => ip(text)
            .map(Value::Ip)
            .ok_or_else(|| Failure(format!("IP Address {text:?} parse error"))),
        ("isIP", [Value::Text(text)]) => Ok(Value::Bool(ip(text).is_some())),
        ("ip.isCanonical", [Value::Text(text)]) => ip(text)
            .map(|address| Value::Bool(address.to_string() == **text))
            .ok_or_else(|| Failure(format!("IP Address {text:?} parse error"))),
        ("cidr", [Value::Text(text)]) => Cidr::read(text)
            .map(Value::Cidr)
            .ok_or_else(|| Failure(format!("network address parse error: {text:?}"))),
        ("isCIDR", [Value::Text(text)]) => Ok(Value::Bool(Cidr::read(text).is_some())),
        ("url", [Value::Text(text)]) => Url::read(text)
            .map(|url| Value::Url(url.into()))
            .ok_or_else(|| Failure(format!("URL parse error: {text:?}"))),
        ("isURL", [Value::Text(text)]) => Ok(Value::Bool(Url::read(text).is_some())),
        ("optional.none", []) => Ok(Value::Optional(None)),
        ("optional.of", [value]) => Ok(Value::some(value.clone())),
        ("optional.ofNonZeroValue", [value]) => Ok(if is_zero(value) {
            Value::Optional(None)
        } else {
            Value::some(value.clone())
        }),
        ("math.greatest" | "math.least", values) => extreme(name == "math.greatest", values),
        ("sets.contains", [Value::List(whole), Value::List(part)]) => {
            Ok(Value::Bool(part.iter().all(|item| is_in(whole, item))))
        }
        ("sets.intersects", [Value::List(a), Value::List(b)]) => {
            Ok(Value::Bool(a.iter().any(|item| is_in(b, item))))
        }
        ("sets.equivalent", [Value::List(a), Value::List(b)]) => Ok(Value::Bool(
            a.iter().all(|item| is_in(b, item)) && b.iter().all(|item| is_in(a, item)),
        )),
        _ => Err(Failure::no_overload(name)),
    }
}

fn is_in(items: &[Value], wanted: &Value) -> bool {
    items.iter().any(|item| item.equals(wanted))
}

fn extreme(greatest: bool, values: &[Value]) -> Result<Value, Failure> {
    let values: &[Value] = match values {
        [Value::List(items)] => items,
        other => other,
    };
    let mut best: Option<&Value> = None;
    for value in values {
        let better = match best {
            None => true,
            Some(best) => {
                let order = value
                    .compare(best)
                    .ok_or_else(|| Failure::no_overload("math"))?;
                if greatest {
                    order.is_gt()
                } else {
                    order.is_lt()
                }
            }
        };
        if better {
            best = Some(value);
        }
    }
    best.cloned()
        .ok_or_else(|| Failure::new("of an empty list"))
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(truth) => !truth,
        Value::Text(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        other => other.real() == Some(0.0),
    }
}

fn size(of: &Value) -> Result<Value, Failure> {
    let size = match of {
        Value::Text(text) => text.chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) => items.len(),
        Value::Map(entries) => entries.len(),
        _ => return Err(Failure::no_overload("size")),
    };
    i64::try_from(size)
        .map(Value::Int)
        .map_err(|_too_large| Failure::new("integer overflow"))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "bounds are checked before the conversion"
)]
fn convert(to: &str, of: &Value) -> Result<Value, Failure> {
    let refused = || {
        Failure(format!(
            "type conversion error from {} to {to}",
            of.type_name()
        ))
    };
    match (to, of) {
        ("string", value) => text::written(value).map(Value::text).ok_or_else(refused),
        ("int", Value::Text(text)) => text.parse().map(Value::Int).map_err(|_no| refused()),
        ("uint", Value::Text(text)) => text.parse().map(Value::Uint).map_err(|_no| refused()),
        ("double", Value::Text(text)) => text.parse().map(Value::Double).map_err(|_no| refused()),
        ("bool", Value::Text(text)) => text.parse().map(Value::Bool).map_err(|_no| refused()),
        ("bool", Value::Bool(_)) | ("bytes", Value::Bytes(_)) => Ok(of.clone()),
        ("bytes", Value::Text(text)) => Ok(Value::Bytes(text.as_bytes().into())),
        ("double", number) => number.real().map(Value::Double).ok_or_else(refused),
        ("int", Value::Timestamp(at)) => Ok(Value::Int(at.as_second())),
        ("int" | "uint", Value::Double(number)) => {
            let whole = number.trunc();
            if !(-9.2e18..=1.8e19).contains(&whole) {
                return Err(Failure::new("integer overflow"));
            }
            convert(to, &whole_value(whole as i128)?)
        }
        ("int", number) => {
            let number = number.whole().ok_or_else(refused)?;
            i64::try_from(number)
                .map(Value::Int)
                .map_err(|_no| Failure::new("integer overflow"))
        }
        ("uint", number) => {
            let number = number.whole().ok_or_else(refused)?;
            u64::try_from(number)
                .map(Value::Uint)
                .map_err(|_no| Failure::new("integer overflow"))
        }
        _ => Err(refused()),
    }
}

fn whole_value(number: i128) -> Result<Value, Failure> {
    i64::try_from(number)
        .map(Value::Int)
        .or_else(|_large| u64::try_from(number).map(Value::Uint))
        .map_err(|_no| Failure::new("integer overflow"))
}

/// Functions of a target.
pub(super) fn method(name: &str, target: &Value, arguments: &[Value]) -> Result<Value, Failure> {
    match (name, target, arguments) {
        ("size", of, []) => size(of),
        ("hasValue", Value::Optional(inner), []) => Ok(Value::Bool(inner.is_some())),
        ("value", Value::Optional(inner), []) => inner
            .as_deref()
            .cloned()
            .ok_or_else(|| Failure::new("optional.none() dereference")),
        ("orValue", Value::Optional(inner), [other]) => {
            Ok(inner.as_deref().unwrap_or(other).clone())
        }
        ("or", Value::Optional(inner), [other]) => Ok(match inner {
            Some(_) => target.clone(),
            None => other.clone(),
        }),
        (_, Value::Text(text), _) => text::method(name, text, arguments),
        (_, Value::List(items), _) => list(name, items, arguments),
        (_, Value::Timestamp(_) | Value::Duration(_), _) => text::time(name, target, arguments),
        (_, Value::Quantity(quantity), _) => of_quantity(name, *quantity, arguments),
        (_, Value::Url(url), []) => of_url(name, url),
        ("family", Value::Ip(address), []) => Ok(Value::Int(if address.is_ipv4() { 4 } else { 6 })),
        ("isLoopback", Value::Ip(address), []) => Ok(Value::Bool(address.is_loopback())),
        ("isUnspecified", Value::Ip(address), []) => Ok(Value::Bool(address.is_unspecified())),
        ("containsIP", Value::Cidr(range), [Value::Ip(address)]) => {
            Ok(Value::Bool(range.contains(*address)))
        }
        ("containsIP", Value::Cidr(range), [Value::Text(text)]) => ip(text)
            .map(|address| Value::Bool(range.contains(address)))
            .ok_or_else(|| Failure(format!("IP Address {text:?} parse error"))),
        ("containsCIDR", Value::Cidr(range), [Value::Cidr(other)]) => {
            Ok(Value::Bool(range.contains_range(*other)))
        }
        ("ip", Value::Cidr(range), []) => Ok(Value::Ip(range.address)),
        ("prefixLength", Value::Cidr(range), []) => Ok(Value::Int(i64::from(range.bits))),
        ("masked", Value::Cidr(range), []) => Ok(Value::Bool(range.is_masked())),
        _ => Err(Failure::no_overload(name)),
    }
}

fn of_url(name: &str, url: &Url) -> Result<Value, Failure> {
    Ok(Value::text(match name {
        "getScheme" => url.scheme.as_str(),
        "getHost" => url.host.as_str(),
        "getHostname" => url.hostname(),
        "getPort" => url.port(),
        "getEscapedPath" => url.path.as_str(),
        "getQuery" => url.query.as_str(),
        _ => return Err(Failure::no_overload(name)),
    }))
}

fn of_quantity(name: &str, quantity: Quantity, arguments: &[Value]) -> Result<Value, Failure> {
    let other = match arguments {
        [Value::Quantity(other)] => Some(*other),
        [Value::Int(number)] => Some(Quantity::of(*number)),
        _ => None,
    };
    match (name, other) {
        ("isLessThan", Some(other)) => Ok(Value::Bool(quantity < other)),
        ("isGreaterThan", Some(other)) => Ok(Value::Bool(quantity > other)),
        ("compareTo", Some(other)) => Ok(Value::Int(quantity.minus(other).sign())),
        ("add", Some(other)) => Ok(Value::Quantity(quantity.plus(other))),
        ("sub", Some(other)) => Ok(Value::Quantity(quantity.minus(other))),
        ("sign", None) => Ok(Value::Int(quantity.sign())),
        ("isInteger", None) => Ok(Value::Bool(quantity.whole().is_some())),
        ("asInteger", None) => quantity
            .whole()
            .map(Value::Int)
            .ok_or_else(|| Failure::new("cannot convert value to integer")),
        ("asApproximateFloat", None) => Ok(Value::Double(quantity.approximate())),
        _ => Err(Failure::no_overload(name)),
    }
}

fn list(name: &str, items: &[Value], arguments: &[Value]) -> Result<Value, Failure> {
    let position = |found: Option<usize>| {
        Value::Int(found.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1))
    };
    match (name, arguments) {
        ("isSorted", []) => {
            for pair in items.windows(2) {
                let order = pair[0]
                    .compare(&pair[1])
                    .ok_or_else(|| Failure::no_overload(name))?;
                if order.is_gt() {
                    return Ok(Value::Bool(false));
                }
            }
            Ok(Value::Bool(true))
        }
        ("sum", []) => {
            let mut items = items.iter();
            let first = items.next().cloned().unwrap_or(Value::Int(0));
            items.try_fold(first, |sum, item| arithmetic("+", &sum, item))
        }
        ("min" | "max", []) => extreme(name == "max", items),
        ("indexOf", [wanted]) => Ok(position(items.iter().position(|item| item.equals(wanted)))),
        ("lastIndexOf", [wanted]) => {
            Ok(position(items.iter().rposition(|item| item.equals(wanted))))
        }
        ("join", []) => text::join(items, ""),
        ("join", [Value::Text(separator)]) => text::join(items, separator),
        _ => Err(Failure::no_overload(name)),
    }
}
