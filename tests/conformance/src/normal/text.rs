//! Patterns in texts that differ from run to run wherever they stand.

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use regex::{Captures, Regex};

/// A pattern of this file.
#[expect(clippy::expect_used, reason = "constant patterns, each used by a test")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of this file")
}

pub(super) static UID: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"));
static TIME: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"));
/// As `kubectl describe` and `diff` write times.
static WRITTEN_TIME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}|\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4}",
    )
});
static AGE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(\d+(\.\d+)?(y|d|h|m|s|ms|µs))+\b"));
static WHOLE_AGE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(\d+(y|d|h|m|s))+$"));
static SPACES: LazyLock<Regex> = LazyLock::new(|| pattern(r"(\S) {2,}"));
static SCRATCH: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"/\S*?/?((LIVE|MERGED)-\d+|kubectl-edit-\d+\.yaml)"));
static TOO_OLD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(too old resource version|Too large resource version|current): \d+( \(\d+\))?")
});
/// Versions in messages, and in documents inside of messages.
static VERSION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)(resource ?version\b[^0-9<>]{0,32}?)\d+\b"));
static NODE_PORT: LazyLock<Regex> = LazyLock::new(|| pattern(r":3[0-2]\d{3}/"));

/// A day: what the story itself wrote is further away.
const NEAR: SignedDuration = SignedDuration::from_hours(24);

/// Times near now, and numbers in known messages.
pub(super) fn plain(text: &str) -> String {
    let text = TIME.replace_all(text, |found: &Captures<'_>| {
        let near = found[0]
            .parse::<Timestamp>()
            .is_ok_and(|time| Timestamp::now().duration_since(time).abs() < NEAR);
        match (near, found.get(1)) {
            (false, _) => String::from(&found[0]),
            (true, Some(fraction)) if fraction.len() == 7 => String::from("<micro-time>"),
            (true, _) => String::from("<time>"),
        }
    });
    let text = TOO_OLD.replace_all(&text, "$1: <number>");
    VERSION.replace_all(&text, "$1<version>").into_owned()
}

/// A line of kubectl.
pub(super) fn line(text: &str) -> String {
    let text = SCRATCH.replace_all(text, |found: &Captures<'_>| match found.get(2) {
        Some(side) => format!("<scratch>/{}", side.as_str()),
        None => String::from("<scratch>"),
    });
    let text = WRITTEN_TIME.replace_all(&text, "<time>");
    let text = AGE.replace_all(&text, "<age>");
    let text = NODE_PORT.replace_all(&text, ":<port>/");
    // Columns are as wide as names that are not the same.
    String::from(SPACES.replace_all(&text, "$1  ").trim_end())
}

/// Whether a cell is an age.
pub(super) fn is_age(text: &str) -> bool {
    WHOLE_AGE.is_match(text)
}

/// The node ports of a cell.
pub(super) fn cell(text: &str) -> String {
    NODE_PORT.replace_all(text, ":<port>/").into_owned()
}
