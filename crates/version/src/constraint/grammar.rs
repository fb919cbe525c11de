//! The form of ranges.

/// An operator as it is written, and its version in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term<'a> {
    /// Empty where there is none.
    pub(super) operator: &'static str,
    /// What follows it.
    pub(super) partial: Partial<'a>,
}

/// A version whose parts may be missing or stand for any number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Partial<'a> {
    /// All of it.
    pub(super) text: &'a str,
    /// Digits, `x`, `X`, `*` and `|`, in any mixture.
    pub(super) major: &'a str,
    /// As `major`; empty where it is missing.
    pub(super) minor: &'a str,
    /// As `minor`.
    pub(super) patch: &'a str,
    /// With its hyphen; empty where it is missing.
    pub(super) prerelease: &'a str,
}

/// Longer ones before those that they begin with.
const OPERATORS: [&str; 11] = ["!=", ">=", "=>", "<=", "=<", "~>", "=", ">", "<", "~", "^"];

/// The terms of one alternative; `None` where it is not of the form.
pub(super) fn terms(text: &str) -> Option<Vec<Term<'_>>> {
    let mut terms = Vec::new();
    let mut rest = blanks(text);
    loop {
        let operator = OPERATORS
            .into_iter()
            .find(|operator| rest.starts_with(operator))
            .unwrap_or_default();
        let (partial, after) = partial(blanks(&rest[operator.len()..]))?;
        terms.push(Term { operator, partial });
        let next = blanks(after);
        rest = match next.strip_prefix(',') {
            _ if next.is_empty() => return Some(terms),
            Some(next) => blanks(next),
            None if next.len() < after.len() => next,
            None => return None,
        };
    }
}

/// `text` with its hyphen ranges (`1.2 - 2.3`) written as comparisons.
pub(super) fn without_hyphens(text: &str) -> String {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((range, replacement, after)) = hyphen_range(rest) {
        found.push((range, replacement));
        rest = after;
    }
    // Each in the place where its text occurs first, be that its own or not.
    found
        .into_iter()
        .fold(text.to_owned(), |text, (range, replacement)| {
            text.replacen(range, &replacement, 1)
        })
}

/// The first hyphen range in `text`, what it stands for, and what follows it.
fn hyphen_range(text: &str) -> Option<(&str, String, &str)> {
    text.char_indices().find_map(|(start, _)| {
        let from = &text[start..];
        let (low, rest) = partial(blanks(from))?;
        let rest = blank(rest)?.strip_prefix('-')?;
        let (high, rest) = partial(blank(rest)?)?;
        let rest = blanks(rest);
        let range = &from[..from.len() - rest.len()];
        Some((range, format!(">= {}, <= {} ", low.text, high.text), rest))
    })
}

/// As much of `text` as is a version, and what follows it.
fn partial(text: &str) -> Option<(Partial<'_>, &str)> {
    let rest = text.strip_prefix('v').unwrap_or(text);
    let (major, rest) = number(rest)?;
    let (minor, rest) = point_and_number(rest);
    let (patch, rest) = point_and_number(rest);
    let (prerelease, rest) = extra(rest, '-');
    let (_metadata, rest) = extra(rest, '+');
    let partial = Partial {
        text: &text[..text.len() - rest.len()],
        major,
        minor,
        patch,
        prerelease,
    };
    Some((partial, rest))
}

fn number(text: &str) -> Option<(&str, &str)> {
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, 'x' | 'X' | '*' | '|');
    let (number, rest) = take(text, is_part);
    (!number.is_empty()).then_some((number, rest))
}

fn point_and_number(text: &str) -> (&str, &str) {
    text.strip_prefix('.')
        .and_then(number)
        .unwrap_or(("", text))
}

/// `mark` and words with points between them.
fn extra(text: &str, mark: char) -> (&str, &str) {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let Some(rest) = text.strip_prefix(mark) else {
        return ("", text);
    };
    let (word, mut rest) = take(rest, is_part);
    if word.is_empty() {
        return ("", text);
    }
    while let Some(next) = rest.strip_prefix('.') {
        let (word, next) = take(next, is_part);
        if word.is_empty() {
            break;
        }
        rest = next;
    }
    text.split_at(text.len() - rest.len())
}

fn take(text: &str, part: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !part(c)).unwrap_or(text.len()))
}

/// What follows blanks, of which there may be none.
fn blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r', '\x0c'])
}

/// What follows at least one blank.
fn blank(text: &str) -> Option<&str> {
    let rest = blanks(text);
    (rest.len() < text.len()).then_some(rest)
}
