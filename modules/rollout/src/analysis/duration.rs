//! Durations as Go writes them: `1m30s`, `500ms`, `0.5h`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A duration that was written as Go does. Never negative.
///
/// Displayed in the form that Prometheus takes too: whole units, the largest first.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(inline, with = "String")
)]
pub struct GoDuration(pub Duration);

/// A text that is no duration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ParseDurationError {
    text: String,
}

const UNITS: [(&str, f64); 7] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
];

/// No rollout waits longer, and every sum of two stays a number.
const LONGEST: f64 = 1e9;

impl FromStr for GoDuration {
    type Err = ParseDurationError;

    fn from_str(text: &str) -> Result<Self, ParseDurationError> {
        seconds(text)
            .filter(|seconds| *seconds <= LONGEST)
            .map(|seconds| Self(Duration::from_secs_f64(seconds)))
            .ok_or_else(|| ParseDurationError { text: text.into() })
    }
}

fn seconds(text: &str) -> Option<f64> {
    if text == "0" {
        return Some(0.0);
    }
    let mut rest = text;
    let mut sum = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
        sum += number.parse::<f64>().ok()? * factor;
        rest = tail;
    }
    (!text.is_empty()).then_some(sum)
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let parts = [
            (millis / 3_600_000, "h"),
            (millis / 60_000 % 60, "m"),
            (millis / 1000 % 60, "s"),
            (millis % 1000, "ms"),
        ];
        if millis == 0 {
            return f.write_str("0s");
        }
        for (count, unit) in parts.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, "{count}{unit}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ParseDurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is not a duration, expected one such as 30s, 1m30s or 500ms",
            self.text
        )
    }
}

impl std::error::Error for ParseDurationError {}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::GoDuration;

    #[test]
    fn reads_what_go_reads_and_writes_what_prometheus_reads() {
        for (text, millis, written) in [
            ("0", 0, "0s"),
            ("10s", 10_000, "10s"),
            ("1m30s", 90_000, "1m30s"),
            ("90s", 90_000, "1m30s"),
            ("1.5h", 5_400_000, "1h30m"),
            ("250ms", 250, "250ms"),
            ("1h1m1s1ms", 3_661_001, "1h1m1s1ms"),
        ] {
            let duration: GoDuration = text.parse().unwrap();
            assert_eq!(duration.0.as_millis(), millis, "{text}");
            assert_eq!(duration.to_string(), written);
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "",
            "10",
            "s",
            "-1s",
            "1d",
            "1 m",
            "1.2.3s",
            "1e9h",
            "99999999h",
        ] {
            assert_eq!(
                text.parse::<GoDuration>().unwrap_err().to_string(),
                format!("{text:?} is not a duration, expected one such as 30s, 1m30s or 500ms")
            );
        }
    }
}
