//! Which tags an image may have, and which of them is the newest.
//!
//! Registries tell no times. Versions are compared as versions; other tags by the numbers in them, from left to right, and only
//! where nothing but numbers tells two of them apart: of `main-1a2b3c` and `main-4d5e6f` nobody knows the newer one.

mod order;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;

use oarlock_version::{Constraint, Version};
use regex_lite::Regex;

/// How tags are written that nobody gave a filter for.
const RELEASES: &str = "releases";

/// Bytes of the longest filter.
const LONGEST: usize = 1024;

/// Which tags an image may have.
#[derive(Clone, Debug)]
pub enum Filter {
    /// Nobody said: whole versions, `1.2.3` or `v1.2.3`, and no pre-releases.
    Releases,
    /// `semver:RANGE`.
    Versions(Range),
    /// `glob:PATTERN`, or the pattern alone: `*` stands for anything.
    Glob(String),
    /// `regex:EXPRESSION` or `regexp:EXPRESSION`: somewhere in the tag, unless it says `^` and `$`. Groups tell what is compared.
    Regex(Regex),
}

/// A range of versions, as Masterminds' library reads it.
#[derive(Clone, Debug)]
pub struct Range {
    text: String,
    constraint: Constraint,
}

/// The newest tag of a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The tag.
    pub tag: String,
    /// The newest release that there is, whatever the filter leaves out; none where no tag is one.
    pub newest: Option<String>,
}

/// Why there is no newest tag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    /// No tag matches.
    #[error("none of {tags} tags matches {filter}{}", newest_too(.newest.as_deref()))]
    NoMatch {
        /// How many there are.
        tags: usize,
        /// The filter.
        filter: String,
        /// The newest release, if there is one.
        newest: Option<String>,
    },
    /// Two tags match, and nothing tells which one is newer.
    #[error(
        "nothing tells which of {one} and {other} is newer; hint: say what is compared, such as regex:^main-[0-9a-f]+-([0-9]+)$ for a number at the end, or semver:RANGE"
    )]
    NoOrder {
        /// One of them.
        one: String,
        /// The other one.
        other: String,
    },
}

fn newest_too(newest: Option<&str>) -> String {
    newest.map_or_else(String::new, |tag| format!("; the newest release is {tag}"))
}

impl Filter {
    /// Of what an annotation says.
    ///
    /// # Errors
    /// What is wrong, and what was expected. It has to be refused: it matches nothing, and not everything.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = "expected semver:RANGE (semver:~3.0), glob:PATTERN (glob:1.2.*) or regex:EXPRESSION (regex:^1\\.2\\.)";
        if text.is_empty() {
            return Err(format!("is empty, {expected}"));
        }
        if text.len() > LONGEST {
            return Err(format!("is longer than {LONGEST} bytes"));
        }
        if let Some(range) = text.strip_prefix("semver:") {
            let constraint = range.parse::<Constraint>().map_err(|why| {
                format!("{range:?} is no range of versions: {why}\nexpected such as semver:~3.0, semver:^1.2, semver:>=1.0 <2 or semver:2.x || 3.x")
            })?;
            return Ok(Self::Versions(Range {
                text: range.to_owned(),
                constraint,
            }));
        }
        let expression = text.strip_prefix("regexp:").or(text.strip_prefix("regex:"));
        if let Some(expression) = expression {
            if expression.is_empty() {
                return Err(format!("has no expression, {expected}"));
            }
            return Regex::new(expression).map(Self::Regex).map_err(|why| {
                format!("{expression:?} is no regular expression that is read here: {why}")
            });
        }
        let pattern = text.strip_prefix("glob:").unwrap_or(text);
        if pattern.is_empty() {
            return Err(format!("has no pattern, {expected}"));
        }
        let strange = |c: &char| !(c.is_ascii_alphanumeric() || "_.-*".contains(*c));
        if let Some(strange) = pattern.chars().find(strange) {
            return Err(format!(
                "{pattern:?} is a pattern that no tag matches, since none has {strange:?}\n{expected}"
            ));
        }
        Ok(Self::Glob(pattern.to_owned()))
    }

    /// Whether a tag is one of them.
    #[must_use]
    pub fn matches(&self, tag: &str) -> bool {
        match self {
            Self::Releases => release(tag).is_some(),
            Self::Versions(range) => {
                Version::parse(tag).is_ok_and(|version| range.constraint.allows(&version))
            }
            Self::Glob(pattern) => glob(pattern, tag),
            Self::Regex(expression) => expression.is_match(tag),
        }
    }

    /// The newest tag. Where several are the same version, the one that runs stays.
    ///
    /// # Errors
    /// Where none matches, or nothing tells which one is newest.
    pub fn choose(&self, tags: &[String], running: Option<&str>) -> Result<Choice, Undecided> {
        let newest = newest_release(tags);
        let matching: Vec<&str> = tags
            .iter()
            .map(String::as_str)
            .filter(|tag| self.matches(tag))
            .collect();
        let candidates = movable_last(&matching);
        let Some(tag) = self.last(&candidates, running)? else {
            return Err(Undecided::NoMatch {
                tags: tags.len(),
                filter: self.to_string(),
                newest,
            });
        };
        Ok(Choice {
            tag: tag.to_owned(),
            newest,
        })
    }

    /// The greatest of them.
    fn last<'a>(
        &self,
        tags: &[&'a str],
        running: Option<&str>,
    ) -> Result<Option<&'a str>, Undecided> {
        let order = |one: &str, other: &str| {
            order::of(&self.compared(one), &self.compared(other)).map(|order| {
                // Of equal ones the one that runs, else the one that says most.
                order.then_with(|| {
                    let rank = |tag: &str| (running == Some(tag), tag.len());
                    rank(one).cmp(&rank(other)).then_with(|| one.cmp(other))
                })
            })
        };
        let mut last: Option<&str> = None;
        for tag in tags {
            if last.is_none_or(|last| order(last, tag) == Some(Ordering::Less)) {
                last = Some(tag);
            }
        }
        let Some(last) = last else { return Ok(None) };
        // It has to be greater than each of them, not only than its neighbours.
        let other = tags
            .iter()
            .find(|tag| **tag != last && order(last, tag) != Some(Ordering::Greater));
        match other {
            Some(other) => Err(Undecided::NoOrder {
                one: last.to_owned(),
                other: (*other).to_owned(),
            }),
            None => Ok(Some(last)),
        }
    }

    /// What of a tag is compared: what the groups of an expression have, where there is a number in it; else all.
    fn compared(&self, tag: &str) -> String {
        if let Self::Regex(expression) = self
            && let Some(captures) = expression.captures(tag)
        {
            let groups: Vec<&str> = captures
                .iter()
                .skip(1)
                .flatten()
                .map(|group| group.as_str())
                .collect();
            let groups = groups.join(".");
            if groups.contains(|c: char| c.is_ascii_digit()) {
                return groups;
            }
        }
        tag.to_owned()
    }
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Releases => f.write_str(RELEASES),
            Self::Versions(range) => write!(f, "semver:{}", range.text),
            Self::Glob(pattern) => write!(f, "glob:{pattern}"),
            Self::Regex(expression) => write!(f, "regex:{}", expression.as_str()),
        }
    }
}

/// A tag that is a whole version, and no pre-release: dates and commits look like versions too.
fn release(tag: &str) -> Option<Version> {
    let version = Version::parse_strict(tag.strip_prefix('v').unwrap_or(tag)).ok()?;
    version.prerelease().is_empty().then_some(version)
}

fn newest_release(tags: &[String]) -> Option<String> {
    let releases = tags.iter().filter_map(|tag| Some((release(tag)?, tag)));
    releases.max().map(|(_, tag)| tag.clone())
}

/// Without tags such as `latest`, which say nothing of when they are from, unless there are no others.
fn movable_last<'a>(tags: &[&'a str]) -> Vec<&'a str> {
    let numbered = |tag: &&str| tag.contains(|c: char| c.is_ascii_digit());
    match tags.iter().any(numbered) {
        true => tags.iter().copied().filter(numbered).collect(),
        false => tags.to_vec(),
    }
}

/// `*` stands for any text, an empty one too.
fn glob(pattern: &str, tag: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == tag;
    };
    let Some(mut tag) = tag.strip_prefix(first) else {
        return false;
    };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        let Some(at) = tag.find(part) else {
            return false;
        };
        tag = &tag[at + part.len()..];
    }
    tag.ends_with(last)
}
