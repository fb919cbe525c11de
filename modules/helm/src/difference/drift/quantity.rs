//! Quantities of Kubernetes: `1000m` is `1`, and the API server writes it so.

use serde_json::Value;

/// Members whose values are quantities, and maps of them.
const MEMBERS: [&str; 14] = [
    "limits",
    "requests",
    "hard",
    "capacity",
    "default",
    "defaultRequest",
    "max",
    "min",
    "maxLimitRequestRatio",
    "overhead",
    "podFixed",
    "sizeLimit",
    "averageValue",
    "divisor",
];

/// Whether a quantity stands at a JSON pointer.
pub(super) fn is_at(pointer: &str) -> bool {
    let keys: Vec<&str> = pointer.rsplit('/').take(2).collect();
    keys.iter().any(|key| MEMBERS.contains(key))
        || pointer.ends_with("/target/value")
        || pointer.ends_with("/metric/value")
}

/// Whether both are one quantity.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    matches!((of(a), of(b)), (Some(a), Some(b)) if a == b)
}

/// A quantity as a whole number of thousand-millionths, exactly; none where it is no quantity, or beyond all that anybody has.
fn of(value: &Value) -> Option<i128> {
    match value {
        Value::String(text) => parse(text),
        Value::Number(number) => parse(&number.to_string()),
        _ => None,
    }
}

fn parse(text: &str) -> Option<i128> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-')))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    let (number, sign) = match number.strip_prefix('-') {
        Some(rest) => (rest, -1),
        None => (number.strip_prefix('+').unwrap_or(number), 1),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let places = u32::try_from(fraction.len()).ok()?;
    let (factor, divisor) = suffix_of(suffix)?;
    let nano = digits
        .checked_mul(1_000_000_000)?
        .checked_mul(factor)?
        .checked_div(divisor)?;
    Some(sign * nano.checked_div(10_i128.checked_pow(places)?)?)
}

/// A suffix as a fraction.
fn suffix_of(suffix: &str) -> Option<(i128, i128)> {
    let thousand = |power| 1000_i128.checked_pow(power);
    let kibi = |power| 1024_i128.checked_pow(power);
    Some(match suffix {
        "" => (1, 1),
        "n" => (1, thousand(3)?),
        "u" => (1, thousand(2)?),
        "m" => (1, thousand(1)?),
        "k" => (thousand(1)?, 1),
        "M" => (thousand(2)?, 1),
        "G" => (thousand(3)?, 1),
        "T" => (thousand(4)?, 1),
        "P" => (thousand(5)?, 1),
        "E" => (thousand(6)?, 1),
        "Ki" => (kibi(1)?, 1),
        "Mi" => (kibi(2)?, 1),
        "Gi" => (kibi(3)?, 1),
        "Ti" => (kibi(4)?, 1),
        "Pi" => (kibi(5)?, 1),
        "Ei" => (kibi(6)?, 1),
        _ => {
            let power: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            let ten = 10_i128.checked_pow(power.unsigned_abs())?;
            if power < 0 { (1, ten) } else { (ten, 1) }
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quantities_are_written_in_many_ways() {
        for (a, b) in [
            (json!("1000m"), json!("1")),
            (json!(1), json!("1")),
            (json!("0.5"), json!("500m")),
            (json!("1Gi"), json!("1024Mi")),
            (json!("1e3"), json!("1k")),
            (json!("1.5Gi"), json!("1536Mi")),
            (json!("1000Ki"), json!("1024000")),
        ] {
            assert!(equal(&a, &b), "{a} {b}");
        }
        for (a, b) in [
            (json!("1G"), json!("1Gi")),
            (json!("100m"), json!("1")),
            (json!("x"), json!("x")),
            (json!(""), json!("")),
            (json!("-1"), json!("1")),
        ] {
            assert!(!equal(&a, &b), "{a} {b}");
        }
    }

    #[test]
    fn quantities_are_in_known_places() {
        assert!(is_at(
            "/spec/template/spec/containers/0/resources/limits/cpu"
        ));
        assert!(is_at("/spec/template/spec/volumes/0/emptyDir/sizeLimit"));
        assert!(is_at("/spec/metrics/0/resource/target/averageValue"));
        assert!(!is_at("/spec/template/spec/containers/0/env/0/value"));
        assert!(!is_at("/data/limits.yaml"));
    }
}
