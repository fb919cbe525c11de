//! Durations as Go writes them: `1m30s`, `500ms`, `0.5h`.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// Units, and how many milliseconds each is.
const UNITS: [(&str, f64); 7] = [
    ("ns", 1e-6),
    ("us", 1e-3),
    ("µs", 1e-3),
    ("ms", 1.0),
    ("s", 1e3),
    ("m", 6e4),
    ("h", 3.6e6),
];

/// Nobody waits for longer: in milliseconds, about 30 years.
const LONGEST: f64 = 1e12;

/// A duration, written as Go does: `15m0s`. Never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct GoDuration {
    milliseconds: u64,
}

/// A text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no duration, expected one such as 5m or 1h30m0s")]
pub struct NoDuration {
    text: String,
}

impl GoDuration {
    /// So many milliseconds.
    #[must_use]
    pub const fn milliseconds(self) -> u64 {
        self.milliseconds
    }

    /// The duration, where the text is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let milliseconds = match text {
            "" => return None,
            "0" => 0.0,
            _ => sum(text)?,
        };
        // Within the limit there is nothing to lose.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "neither negative nor above the limit"
        )]
        (milliseconds <= LONGEST).then(|| Self {
            milliseconds: milliseconds.round() as u64,
        })
    }
}

impl TryFrom<String> for GoDuration {
    type Error = NoDuration;

    fn try_from(text: String) -> Result<Self, NoDuration> {
        Self::parse(&text).ok_or(NoDuration { text })
    }
}

impl From<GoDuration> for String {
    fn from(duration: GoDuration) -> Self {
        let milliseconds = duration.milliseconds;
        let mut text = Self::new();
        let (hours, minutes) = (milliseconds / 3_600_000, milliseconds / 60_000 % 60);
        // Writing to a text does not fail.
        if hours > 0 {
            let _ = write!(text, "{hours}h");
        }
        if hours > 0 || minutes > 0 {
            let _ = write!(text, "{minutes}m");
        }
        let (seconds, rest) = (milliseconds / 1_000 % 60, milliseconds % 1_000);
        if rest == 0 {
            let _ = write!(text, "{seconds}s");
        } else {
            let fraction = format!("{rest:03}");
            let _ = write!(text, "{seconds}.{}s", fraction.trim_end_matches('0'));
        }
        text
    }
}

fn sum(mut rest: &str) -> Option<f64> {
    let digit = |letter: char| letter.is_ascii_digit() || letter == '.';
    let mut milliseconds = 0.0;
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(rest.find(|letter| !digit(letter))?);
        let (unit, tail) = tail.split_at(tail.find(digit).unwrap_or(tail.len()));
        let (_, of_unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
        milliseconds += number.parse::<f64>().ok()? * of_unit;
        rest = tail;
    }
    Some(milliseconds)
}

#[cfg(test)]
mod tests {
    use super::GoDuration;

    #[test]
    fn reads_what_go_reads_and_writes_what_it_writes() {
        for (text, read, written) in [
            ("0", Some(0), "0s"),
            ("5m0s", Some(300_000), "5m0s"),
            ("1.5h", Some(5_400_000), "1h30m0s"),
            ("250ms", Some(250), "0.25s"),
            ("24h", Some(86_400_000), "24h0m0s"),
            ("", None, ""),
            ("10", None, ""),
            ("s", None, ""),
            ("-1s", None, ""),
            ("1d", None, ""),
            ("1 m", None, ""),
            ("99999999h", None, ""),
        ] {
            let duration = GoDuration::parse(text);
            assert_eq!(duration.map(GoDuration::milliseconds), read, "{text}");
            let again = duration.map(String::from).unwrap_or_default();
            assert_eq!(again, written, "{text}");
        }
    }
}
