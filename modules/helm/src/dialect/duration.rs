//! Durations as Go writes them: `1m30s`, `500ms`, `0.5h`.

use std::time::Duration;

/// Units, and how many seconds each is.
const UNITS: [(&str, f64); 7] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
];

/// Nobody waits for longer, and every sum of two stays a number.
const LONGEST: f64 = 1e9;

/// The duration, where the text is one. Never negative.
pub(super) fn of(text: &str) -> Option<Duration> {
    let seconds = match text {
        "" => return None,
        "0" => 0.0,
        _ => sum(text)?,
    };
    (seconds <= LONGEST).then(|| Duration::from_secs_f64(seconds))
}

fn sum(mut rest: &str) -> Option<f64> {
    let digit = |letter: char| letter.is_ascii_digit() || letter == '.';
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(rest.find(|letter| !digit(letter))?);
        let (unit, tail) = tail.split_at(tail.find(digit).unwrap_or(tail.len()));
        let (_, of_unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
        seconds += number.parse::<f64>().ok()? * of_unit;
        rest = tail;
    }
    Some(seconds)
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn reads_what_go_reads() {
        for (text, millis) in [
            ("0", Some(0)),
            ("5m0s", Some(300_000)),
            ("1.5h", Some(5_400_000)),
            ("250ms", Some(250)),
            ("", None),
            ("10", None),
            ("s", None),
            ("-1s", None),
            ("1d", None),
            ("1 m", None),
            ("99999999h", None),
        ] {
            let read = of(text).map(|duration| duration.as_millis());
            assert_eq!(read, millis, "{text}");
        }
    }
}
