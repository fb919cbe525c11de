//! Texts and times.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use regex::Regex;

use super::{Failure, Value};

/// Go's notation of durations: `1h30m`, `-1.5s`.
pub(crate) fn duration(text: &str) -> Option<SignedDuration> {
    const UNITS: [(&str, f64); 8] = [
        ("ns", 1.0),
        ("us", 1e3),
        ("µs", 1e3),
        ("μs", 1e3),
        ("ms", 1e6),
        ("s", 1e9),
        ("m", 6e10),
        ("h", 3.6e12),
    ];
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanoseconds = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(end);
        let unit_end = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
        nanoseconds += number.parse::<f64>().ok()? * factor;
        rest = after;
    }
    SignedDuration::try_from_secs_f64(sign * nanoseconds / 1e9).ok()
}

/// A value as `string()` writes it.
pub(super) fn written(value: &Value) -> Option<String> {
    Some(match value {
        Value::Text(text) => String::from(&**text),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Bytes(bytes) => String::from_utf8(bytes.to_vec()).ok()?,
        Value::Timestamp(at) => at.to_string(),
        Value::Duration(span) => format!("{}s", span.as_secs_f64()),
        Value::Ip(address) => address.to_string(),
        Value::Cidr(range) => format!("{}/{}", range.address, range.bits),
        _ => return None,
    })
}

pub(super) fn join(items: &[Value], separator: &str) -> Result<Value, Failure> {
    let texts: Option<Vec<&str>> = items.iter().map(Value::as_text).collect();
    texts
        .map(|texts| Value::text(texts.join(separator)))
        .ok_or_else(|| Failure::no_overload("join"))
}

/// Functions of texts.
pub(super) fn method(name: &str, text: &str, arguments: &[Value]) -> Result<Value, Failure> {
    let position = |found: Option<usize>| {
        let before = found.map(|at| text[..at].chars().count());
        Value::Int(before.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1))
    };
    match (name, arguments) {
        ("startsWith", [Value::Text(other)]) => Ok(Value::Bool(text.starts_with(&**other))),
        ("endsWith", [Value::Text(other)]) => Ok(Value::Bool(text.ends_with(&**other))),
        ("contains", [Value::Text(other)]) => Ok(Value::Bool(text.contains(&**other))),
        ("matches", [Value::Text(other)]) => Ok(Value::Bool(pattern(other)?.is_match(text))),
        ("find", [Value::Text(other)]) => {
            let found = pattern(other)?;
            Ok(Value::text(
                found.find(text).map_or("", |found| found.as_str()),
            ))
        }
        ("findAll", [Value::Text(other), rest @ ..]) => {
            let most = match rest {
                [Value::Int(most)] => usize::try_from(*most).unwrap_or(usize::MAX),
                _ => usize::MAX,
            };
            let found = pattern(other)?;
            let all = found.find_iter(text).take(most);
            Ok(Value::list(
                all.map(|found| Value::text(found.as_str())).collect(),
            ))
        }
        ("lowerAscii", []) => Ok(Value::text(text.to_ascii_lowercase())),
        ("upperAscii", []) => Ok(Value::text(text.to_ascii_uppercase())),
        ("trim", []) => Ok(Value::text(text.trim())),
        ("reverse", []) => Ok(Value::text(text.chars().rev().collect::<String>())),
        ("replace", [Value::Text(from), Value::Text(to)]) => {
            Ok(Value::text(text.replace(&**from, to)))
        }
        ("replace", [Value::Text(from), Value::Text(to), Value::Int(most)]) => {
            let most = usize::try_from(*most).unwrap_or(usize::MAX);
            Ok(Value::text(text.replacen(&**from, to, most)))
        }
        ("split", [Value::Text(by)]) => {
            Ok(Value::list(text.split(&**by).map(Value::text).collect()))
        }
        ("split", [Value::Text(by), Value::Int(most)]) => Ok(match usize::try_from(*most) {
            Ok(most) => Value::list(text.splitn(most, &**by).map(Value::text).collect()),
            Err(_negative) => Value::list(text.split(&**by).map(Value::text).collect()),
        }),
        ("indexOf", [Value::Text(other)]) => Ok(position(text.find(&**other))),
        ("lastIndexOf", [Value::Text(other)]) => Ok(position(text.rfind(&**other))),
        ("charAt", [Value::Int(at)]) => slice(text, *at, Some(at.saturating_add(1))),
        ("substring", [Value::Int(from)]) => slice(text, *from, None),
        ("substring", [Value::Int(from), Value::Int(to)]) => slice(text, *from, Some(*to)),
        _ => Err(Failure::no_overload(name)),
    }
}

fn pattern(text: &str) -> Result<Regex, Failure> {
    Regex::new(text).map_err(|error| Failure(error.to_string()))
}

fn slice(text: &str, from: i64, to: Option<i64>) -> Result<Value, Failure> {
    let characters: Vec<char> = text.chars().collect();
    let bound = |at: i64| {
        usize::try_from(at)
            .ok()
            .filter(|at| *at <= characters.len())
    };
    let (from, to) = (bound(from), to.map_or(Some(characters.len()), bound));
    match (from, to) {
        (Some(from), Some(to)) if from <= to => {
            Ok(Value::text(characters[from..to].iter().collect::<String>()))
        }
        _ => Err(Failure::new("index out of range")),
    }
}

/// Functions of times and durations.
pub(super) fn time(name: &str, target: &Value, arguments: &[Value]) -> Result<Value, Failure> {
    match target {
        Value::Duration(span) => {
            let whole = |seconds: i64| Ok(Value::Int(span.as_secs() / seconds));
            match name {
                "getHours" => whole(3600),
                "getMinutes" => whole(60),
                "getSeconds" => whole(1),
                "getMilliseconds" => Ok(Value::Int(i64::from(span.subsec_millis()))),
                _ => Err(Failure::no_overload(name)),
            }
        }
        Value::Timestamp(at) => {
            let at = zoned(*at, arguments)?;
            let number = match name {
                "getFullYear" => i64::from(at.year()),
                "getMonth" => i64::from(at.month()) - 1,
                "getDate" => i64::from(at.day()),
                "getDayOfMonth" => i64::from(at.day()) - 1,
                "getDayOfWeek" => i64::from(at.weekday().to_sunday_zero_offset()),
                "getDayOfYear" => i64::from(at.day_of_year()) - 1,
                "getHours" => i64::from(at.hour()),
                "getMinutes" => i64::from(at.minute()),
                "getSeconds" => i64::from(at.second()),
                "getMilliseconds" => i64::from(at.millisecond()),
                _ => return Err(Failure::no_overload(name)),
            };
            Ok(Value::Int(number))
        }
        _ => Err(Failure::no_overload(name)),
    }
}

fn zoned(at: Timestamp, arguments: &[Value]) -> Result<Zoned, Failure> {
    let zone = match arguments {
        [] => TimeZone::UTC,
        [Value::Text(name)] => {
            TimeZone::get(name).map_err(|_unknown| Failure(format!("unknown time zone {name}")))?
        }
        _ => return Err(Failure::no_overload("time zone")),
    };
    Ok(at.to_zoned(zone))
}
