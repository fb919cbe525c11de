//! Durations in Go's notation: `1h30m`, `300ms`, `1.5h`, `0`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

/// A duration of at least zero, as `time.ParseDuration` of Go reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoDuration(Duration);

/// A text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidDuration {
    /// Nothing there.
    #[error("an empty text is no duration")]
    Empty,
    /// `10`: Go has no unit by default.
    #[error("{0:?} has no unit")]
    NoUnit(String),
    /// `10d`, `10 min`.
    #[error("unknown unit {0:?}")]
    UnknownUnit(String),
    /// No number where one belongs.
    #[error("{0:?} is no duration")]
    Malformed(String),
    /// `-1h`.
    #[error("{0:?} is negative")]
    Negative(String),
    /// More than Go's 64 bits of nanoseconds (about 292 years).
    #[error("{0:?} is too long")]
    TooLong(String),
}

/// What a duration looks like, for "expected".
pub(crate) const FORM: &str = "a duration such as 30s, 10m or 1h30m";

impl InvalidDuration {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoUnit(text) => Some(format!(
                "write {text}s for seconds; the units are ns, us, ms, s, m, h"
            )),
            Self::UnknownUnit(unit) => Some(match unit.trim() {
                "d" | "day" | "days" => {
                    "there is no unit for days; write hours: 24h is a day".to_owned()
                }
                "min" | "mins" | "minute" | "minutes" => "minutes are written m".to_owned(),
                "sec" | "secs" | "second" | "seconds" => "seconds are written s".to_owned(),
                "hour" | "hours" => "hours are written h".to_owned(),
                _ => "the units are ns, us, ms, s, m, h".to_owned(),
            }),
            _ => None,
        }
    }
}

impl GoDuration {
    /// From a duration.
    #[must_use]
    pub const fn new(duration: Duration) -> Self {
        Self(duration)
    }

    /// The duration.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl FromStr for GoDuration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        let (negative, unsigned) = match text.as_bytes() {
            [b'-', ..] => (true, &text[1..]),
            [b'+', ..] => (false, &text[1..]),
            _ => (false, text),
        };
        if unsigned.is_empty() {
            return Err(if text.is_empty() {
                InvalidDuration::Empty
            } else {
                InvalidDuration::Malformed(text.to_owned())
            });
        }
        let nanos = if unsigned == "0" {
            0
        } else {
            nanoseconds(text, unsigned)?
        };
        if negative && nanos > 0 {
            return Err(InvalidDuration::Negative(text.to_owned()));
        }
        Ok(Self(Duration::from_nanos(nanos)))
    }
}

/// The sum of all `number unit` terms of `unsigned`; `whole` is for the messages.
fn nanoseconds(whole: &str, unsigned: &str) -> Result<u64, InvalidDuration> {
    let malformed = || InvalidDuration::Malformed(whole.to_owned());
    let too_long = || InvalidDuration::TooLong(whole.to_owned());
    let mut total: u128 = 0;
    let mut rest = unsigned;
    while !rest.is_empty() {
        let number = split(&mut rest, |c| c.is_ascii_digit() || c == '.');
        let (integer, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (integer.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(malformed());
        }
        let unit = split(&mut rest, |c| !c.is_ascii_digit() && c != '.');
        let scale: u128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "" => return Err(InvalidDuration::NoUnit(whole.to_owned())),
            _ => return Err(InvalidDuration::UnknownUnit(unit.to_owned())),
        };
        let integer: u128 = match integer {
            "" => 0,
            digits => digits.parse().map_err(|_| too_long())?,
        };
        total = integer
            .checked_mul(scale)
            .and_then(|nanos| total.checked_add(nanos))
            .and_then(|sum| sum.checked_add(fraction_of(fraction, scale)))
            .filter(|sum| *sum <= i64::MAX as u128)
            .ok_or_else(too_long)?;
    }
    u64::try_from(total).map_err(|_| too_long())
}

/// `0.<digits>` of `scale`, rounded down. Digits from the 19th on are far below a nanosecond.
fn fraction_of(digits: &str, scale: u128) -> u128 {
    let (sum, one) = digits.bytes().take(18).fold((0, 1), |(sum, one), digit| {
        (sum * 10 + u128::from(digit - b'0'), one * 10)
    });
    sum * scale / one
}

fn split<'a>(rest: &mut &'a str, belongs: impl Fn(char) -> bool) -> &'a str {
    let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
    let (head, tail) = rest.split_at(end);
    *rest = tail;
    head
}

/// As Go prints it: `1h30m0s`, `1.5s`, `300ms`.
impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let (scale, unit) = match nanos {
            0 => return f.write_str("0s"),
            1..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "µs"),
            1_000_000..1_000_000_000 => (1_000_000, "ms"),
            _ => {
                let minutes = nanos / 60_000_000_000;
                match (minutes / 60, minutes % 60) {
                    (0, 0) => {}
                    (0, m) => write!(f, "{m}m")?,
                    (h, m) => write!(f, "{h}h{m}m")?,
                }
                return decimal(f, nanos % 60_000_000_000, 1_000_000_000, "s");
            }
        };
        decimal(f, nanos, scale, unit)
    }
}

fn decimal(f: &mut fmt::Formatter<'_>, nanos: u128, scale: u128, unit: &str) -> fmt::Result {
    let mut text = (nanos / scale).to_string();
    let remainder = nanos % scale;
    if remainder > 0 {
        let digits = scale.ilog10() as usize;
        let fraction = format!("{remainder:0digits$}");
        text.push('.');
        text.push_str(fraction.trim_end_matches('0'));
    }
    write!(f, "{text}{unit}")
}

#[cfg(test)]
mod tests;
