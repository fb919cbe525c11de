//! Moments as brokers write them: `Retry-After`, and the dates of bindings.

use serde::{Deserialize, Serialize};

/// The longest that a broker is left alone because it wants to be, in milliseconds: a day.
pub const LONGEST_WAIT: u64 = 24 * 60 * 60 * 1_000;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// How long a broker wants to be left alone: `Retry-After` (RFC 9110, section 10.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RetryAfter {
    /// So many seconds from when it said so.
    Seconds(u64),
    /// Until then: milliseconds since 1970.
    Until(u64),
}

impl RetryAfter {
    /// As it is in the header; none where it cannot be read, as if it was not there.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            // More than fits is longer than anybody waits.
            return Some(Self::Seconds(text.parse().unwrap_or(u64::MAX)));
        }
        http_date(text).map(Self::Until)
    }

    /// How many milliseconds there are to wait from now on; at most [`LONGEST_WAIT`].
    #[must_use]
    pub fn wait_ms(self, now: u64) -> u64 {
        let wait = match self {
            Self::Seconds(seconds) => seconds.saturating_mul(1_000),
            Self::Until(moment) => moment.saturating_sub(now),
        };
        wait.min(LONGEST_WAIT)
    }
}

/// A date of HTTP, in any of its three forms (RFC 9110, section 5.6.7): milliseconds since 1970.
#[must_use]
pub fn http_date(text: &str) -> Option<u64> {
    let words: Vec<&str> = text
        .split([' ', ',', '-'])
        .filter(|word| !word.is_empty())
        .collect();
    match words.as_slice() {
        // Sun, 06 Nov 1994 08:49:37 GMT; Sunday, 06-Nov-94 08:49:37 GMT
        [_, day, month, year, time, "GMT"] => {
            let year = match (year.len(), number(year)?) {
                (4, year) => year,
                (2, year) if year < 70 => 2_000 + year,
                (2, year) => 1_900 + year,
                _ => return None,
            };
            assemble(year, named(month)?, number(day)?, clock(time)?)
        }
        // Sun Nov  6 08:49:37 1994
        [_, month, day, time, year] if year.len() == 4 => {
            assemble(number(year)?, named(month)?, number(day)?, clock(time)?)
        }
        _ => None,
    }
}

/// A date of ISO 8601 as in RFC 3339, with or without a fraction: milliseconds since 1970. Without a zone it is UTC, as
/// the dates of bindings are.
#[must_use]
pub fn rfc3339(text: &str) -> Option<u64> {
    if !text.is_ascii() || text.len() < 19 {
        return None;
    }
    let (date, rest) = text.split_at(10);
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if year.len() != 4 || month.len() != 2 || day.len() != 2 || parts.next().is_some() {
        return None;
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (time, rest) = rest.split_at(8);
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => {
            let end = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            rest.split_at(end)
        }
        None => ("0", rest),
    };
    if fraction.is_empty() {
        return None;
    }
    let milliseconds: u64 = format!("{fraction:0<3}")[..3].parse().ok()?;
    let moment = assemble(number(year)?, number(month)?, number(day)?, clock(time)?)?;
    let moment = match zone.as_bytes() {
        [] | [b'Z' | b'z'] => moment,
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let offset = zone_offset(std::str::from_utf8(rest).ok()?)?;
            if *sign == b'+' {
                moment.checked_sub(offset)?
            } else {
                moment.checked_add(offset)?
            }
        }
        _ => return None,
    };
    Some(moment + milliseconds)
}

fn zone_offset(text: &str) -> Option<u64> {
    let digits: String = text.chars().filter(|c| *c != ':').collect();
    if digits.len() != 4 || text.len() > 5 {
        return None;
    }
    let (hours, minutes) = (number(&digits[..2])?, number(&digits[2..])?);
    (hours < 24 && minutes < 60).then_some((hours * 60 + minutes) * 60_000)
}

/// `hh:mm:ss`, in seconds. A leap second is the one before.
fn clock(text: &str) -> Option<u64> {
    let mut parts = text.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || [hours, minutes, seconds].iter().any(|part| part.len() != 2) {
        return None;
    }
    let (hours, minutes, seconds) = (number(hours)?, number(minutes)?, number(seconds)?);
    (hours < 24 && minutes < 60 && seconds <= 60)
        .then_some((hours * 60 + minutes) * 60 + seconds.min(59))
}

fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn named(month: &str) -> Option<u64> {
    let index = MONTHS.iter().position(|name| *name == month)?;
    u64::try_from(index + 1).ok()
}

/// Milliseconds since 1970 of a day of the Gregorian calendar and a second in it; none before 1970.
fn assemble(year: u64, month: u64, day: u64, second: u64) -> Option<u64> {
    if !(1_970..=9_999).contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let length = |month: u64| match month {
        2 if leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if day == 0 || day > length(month) {
        return None;
    }
    // Leap days of all years before this one, less those before 1970.
    let before = year - 1;
    let leaps = before / 4 - before / 100 + before / 400 - 477;
    let months: u64 = (1..month).map(length).sum();
    let days = (year - 1_970) * 365 + leaps + months + day - 1;
    Some((days * 86_400 + second) * 1_000)
}

#[cfg(test)]
mod tests;
