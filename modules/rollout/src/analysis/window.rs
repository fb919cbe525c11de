//! How far a query looks back: never before the start of the step.
//!
//! A canary that replaces Pods of the same Deployment would else pass on what the Pods before it did.

use std::time::Duration;

use oarlock_sdk::Timestamp;

use super::duration::GoDuration;

/// How far a query may look back now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Window {
    /// So far, in whole seconds where it is one or more.
    Open(GoDuration),
    /// The step is too young for any. It is old enough at this instant.
    Shut(Timestamp),
}

/// The window of a metric that wants to look back for `interval`, in a step that began at `since`. Shut below twice the interval
/// at which Prometheus looks, or `interval` where that is less.
pub(crate) fn of(interval: Duration, scrape: Duration, since: Timestamp, now: Timestamp) -> Window {
    let least = interval.min(2 * scrape);
    let age = now.since(since);
    if age < least {
        return Window::Shut(since + least);
    }
    let window = interval.min(age);
    let seconds = Duration::from_secs(window.as_secs());
    Window::Open(GoDuration(if seconds.is_zero() { window } else { seconds }))
}

/// How far a PromQL text looks back: its longest range, what subqueries put before it, and its longest offset. An upper bound
/// that needs no parser: what stands within quotes and comments is not looked at.
pub(crate) fn reach(query: &str) -> Duration {
    let plain = without_texts(query);
    let (mut range, mut subqueries) = (0.0_f64, 0.0);
    for part in plain.split('[').skip(1) {
        let inside = part.split(']').next().unwrap_or_default();
        match inside.split_once(':') {
            Some((length, _)) => subqueries += seconds(length),
            None => range = range.max(seconds(inside)),
        }
    }
    let mut offset = 0.0_f64;
    for part in plain.split("offset").skip(1) {
        let length = part.trim_start();
        let end = length
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(length.len());
        offset = offset.max(seconds(&length[..end]));
    }
    Duration::from_secs_f64((range + subqueries + offset).min(1e9))
}

/// PromQL without the inside of its quotes, and without comments.
fn without_texts(query: &str) -> String {
    let mut plain = String::with_capacity(query.len());
    let mut quote = None;
    let mut characters = query.chars();
    while let Some(c) = characters.next() {
        match quote {
            Some('#') if c == '\n' => quote = None,
            Some('#') => {}
            Some(open) if c == '\\' && open != '`' => drop(characters.next()),
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if ['"', '\'', '`', '#'].contains(&c) => quote = Some(c),
            None => plain.push(c),
        }
    }
    plain
}

/// A PromQL duration such as `1h30m` or `1d`, or seconds as a number; 0 for what is none.
fn seconds(text: &str) -> f64 {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return if number.is_finite() {
            number.max(0.0)
        } else {
            0.0
        };
    }
    let mut sum = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
        let (number, tail) = rest.split_at(digits);
        let end = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let factor = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            "w" => 604_800.0,
            "y" => 31_536_000.0,
            _ => return 0.0,
        };
        sum += number.parse::<f64>().unwrap_or_default() * factor;
        rest = tail;
    }
    sum
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use oarlock_sdk::Timestamp;

    use super::{Window, of, reach};
    use crate::analysis::duration::GoDuration;

    #[test]
    fn row_21_the_window_never_begins_before_the_step() {
        let since = Timestamp::from_millis(1_000_000);
        for (interval, age, wanted) in [
            (60, 0, Err(30_000)),
            (60, 29_999, Err(30_000)),
            (60, 30_000, Ok(30_000)),
            (60, 45_900, Ok(45_000)),
            (60, 60_000, Ok(60_000)),
            (60, 3_600_000, Ok(60_000)),
            // The user wants less than twice what Prometheus needs: so be it.
            (10, 9_000, Err(10_000)),
            (10, 10_000, Ok(10_000)),
        ] {
            let window = of(
                Duration::from_secs(interval),
                Duration::from_secs(15),
                since,
                since + Duration::from_millis(age),
            );
            let wanted = match wanted {
                Ok(millis) => Window::Open(GoDuration(Duration::from_millis(millis))),
                Err(millis) => Window::Shut(since + Duration::from_millis(millis)),
            };
            assert_eq!(window, wanted, "{interval} {age}");
        }
        // A clock that was set back makes a step young, never a window long.
        let before = of(
            Duration::from_secs(60),
            Duration::from_secs(15),
            since,
            Timestamp::from_millis(0),
        );
        assert_eq!(before, Window::Shut(since + Duration::from_secs(30)));
    }

    #[test]
    fn row_21_a_query_says_how_far_it_looks_back() {
        for (query, seconds) in [
            ("up", 0),
            ("rate(x[1m])", 60),
            ("rate(x[1m]) / rate(y[5m])", 300),
            (
                "rate(x{a=\"[1h]\", b='[1h]', c=`[1h]`}[30s]) # [1h]\n + rate(y[40s])",
                40,
            ),
            ("rate(x{a=\"\\\"[1h]\"}[30s])", 30),
            ("max_over_time(rate(x[1m])[5m:30s])", 360),
            ("rate(x[1m] offset 1h)", 3660),
            ("rate(x[1h30m])", 5400),
            ("rate(x[1d])", 86_400),
            ("rate(x[300])", 300),
        ] {
            assert_eq!(reach(query), Duration::from_secs(seconds), "{query}");
        }
    }
}
