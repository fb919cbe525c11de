//! The `format` keyword of strings.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;

use regex::Regex;

/// Whether `text` has the form that `format` names. Formats a Kubernetes server does not check in
/// custom resources are satisfied by everything. Hyphens in the name of a format do not count.
pub(super) fn matches(format: &str, text: &str) -> bool {
    match format.replace('-', "").as_str() {
        "datetime" => text.parse::<jiff::Timestamp>().is_ok(),
        "date" => text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok(),
        "duration" => is_duration(text),
        "uri" => pattern(&URI, r"^(/|[A-Za-z][A-Za-z0-9+.-]*:)[^\s\x00-\x1f\x7f]*$").is_match(text),
        "email" => pattern(&EMAIL, r"^(?:[^<>]*<)?[^\s@<>]+@[^\s@<>]+>?$").is_match(text),
        "hostname" => text.len() <= 255 && pattern(&HOSTNAME, HOSTNAME_PATTERN).is_match(text),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "cidr" => is_cidr(text),
        "mac" => pattern(&MAC, MAC_PATTERN).is_match(text),
        "uuid" => uuid(text, None, false),
        "uuid3" => uuid(text, Some('3'), false),
        "uuid4" => uuid(text, Some('4'), true),
        "uuid5" => uuid(text, Some('5'), true),
        "byte" => is_base64(text),
        "hexcolor" => pattern(&COLOR, "^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$").is_match(text),
        "ssn" => pattern(&SSN, r"^\d{3}[- ]?\d{2}[- ]?\d{4}$").is_match(text),
        "k8sshortname" => text.len() <= 63 && pattern(&LABEL, LABEL_PATTERN).is_match(text),
        "k8slongname" => text.len() <= 253 && pattern(&NAME, NAME_PATTERN).is_match(text),
        _ => true,
    }
}

static URI: OnceLock<Regex> = OnceLock::new();
static EMAIL: OnceLock<Regex> = OnceLock::new();
static HOSTNAME: OnceLock<Regex> = OnceLock::new();
static MAC: OnceLock<Regex> = OnceLock::new();
static COLOR: OnceLock<Regex> = OnceLock::new();
static SSN: OnceLock<Regex> = OnceLock::new();
static LABEL: OnceLock<Regex> = OnceLock::new();
static NAME: OnceLock<Regex> = OnceLock::new();

const HOSTNAME_PATTERN: &str = r"^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*\.?$";
const MAC_PATTERN: &str = r"^(?:[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}|[0-9a-fA-F]{4}(\.[0-9a-fA-F]{4}){2}|[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){7})$";
const LABEL_PATTERN: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
const NAME_PATTERN: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

#[expect(clippy::expect_used, reason = "the patterns are constants")]
fn pattern(cell: &'static OnceLock<Regex>, text: &str) -> &'static Regex {
    cell.get_or_init(|| Regex::new(text).expect("a valid pattern"))
}

fn is_cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return false;
    };
    let most = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    length.parse::<u8>().is_ok_and(|length| length <= most)
}

/// Hexadecimal digits in groups of 8-4-4-4-12 with optional hyphens.
fn uuid(text: &str, version: Option<char>, variant: bool) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    if groups.len() > 1 && groups.iter().map(|group| group.len()).ne([8, 4, 4, 4, 12]) {
        return false;
    }
    let digits: Vec<char> = groups.concat().to_ascii_lowercase().chars().collect();
    digits.len() == 32
        && digits.iter().all(char::is_ascii_hexdigit)
        && version.is_none_or(|version| digits[12] == version)
        && (!variant || matches!(digits[16], '8' | '9' | 'a' | 'b'))
}

/// Standard base64 with padding.
fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - body.len() <= 2
        && body
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

/// Go's duration syntax, or a number and a spelled-out unit.
fn is_duration(text: &str) -> bool {
    const UNITS: [&str; 33] = [
        "ns",
        "us",
        "µs",
        "μs",
        "ms",
        "s",
        "m",
        "h",
        "d",
        "w",
        "nano",
        "nanos",
        "nanosecond",
        "nanoseconds",
        "micro",
        "micros",
        "microsecond",
        "microseconds",
        "milli",
        "millis",
        "millisecond",
        "milliseconds",
        "sec",
        "secs",
        "second",
        "seconds",
        "min",
        "mins",
        "minute",
        "minutes",
        "hour",
        "hours",
        "day",
    ];
    let mut rest = text.trim_start_matches(['-', '+']);
    if rest == "0" {
        return true;
    }
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number = &rest[..rest.len() - digits.len()];
        if number.parse::<f64>().is_err() {
            return false;
        }
        let digits = digits.trim_start_matches(' ');
        let tail = digits.trim_start_matches(|c: char| c.is_alphabetic());
        let unit = &digits[..digits.len() - tail.len()];
        if !UNITS.contains(&unit) && !matches!(unit, "days" | "week" | "weeks") {
            return false;
        }
        rest = tail.trim_start_matches(' ');
    }
    true
}
