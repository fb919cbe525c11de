//! Versions and ranges as Helm reads them: those of Masterminds' semver for Go, version 3.5, with its words for what is wrong.
//!
//! Knows nothing of charts or registries: host and modules read versions alike.

mod constraint;
mod quote;

use std::cmp::Ordering;
use std::fmt;

use thiserror::Error;

pub use constraint::{Constraint, ParseConstraint};
pub use quote::quoted;

/// Bytes of the longest text that is read as a version.
const LONGEST: usize = 256;

/// A semantic version. Versions that are equal may differ in their build metadata, which has no order.
#[derive(Clone, Debug)]
pub struct Version {
    major: u64,
    minor: u64,
    patch: u64,
    prerelease: String,
    metadata: String,
}

/// Why a text is no version.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseVersion {
    /// Something else.
    #[error("invalid semantic version")]
    Invalid,
    /// Nothing.
    #[error("version string empty")]
    Empty,
    /// More than 256 bytes.
    #[error("version string is too long (max {LONGEST} bytes)")]
    TooLong,
    /// A number that is none.
    #[error("invalid characters in version")]
    Characters,
    /// A number with a zero before it.
    #[error("version segment starts with 0")]
    LeadingZero,
    /// Build metadata that is empty or has other characters than letters, digits and hyphens.
    #[error("invalid metadata string")]
    Metadata,
    /// A prerelease that is empty or has other characters than letters, digits and hyphens.
    #[error("invalid prerelease string")]
    Prerelease,
    /// A number that does not fit; read as Helm reads most versions.
    #[error("error parsing version segment: strconv.ParseUint: parsing {0:?}: value out of range")]
    Segment(String),
    /// A number that does not fit, read strictly.
    #[error("strconv.ParseUint: parsing {0:?}: value out of range")]
    Number(String),
    /// A number without digits, read strictly.
    #[error("strconv.ParseUint: parsing \"\": invalid syntax")]
    NoNumber,
}

impl Version {
    /// Reads what looks like a version: `v1`, `1.2` and `01.2.3` are versions too. So are those of charts and repositories read
    /// (`NewVersion`).
    ///
    /// # Errors
    ///
    /// When it does not look like one.
    pub fn parse(text: &str) -> Result<Self, ParseVersion> {
        if text.len() > LONGEST {
            return Err(ParseVersion::TooLong);
        }
        let rest = text.strip_prefix('v').unwrap_or(text);
        let (rest, metadata) = split(rest, '+');
        let (core, prerelease) = split(rest, '-');
        let mut segments = core.split('.');
        let mut numbers = [0; 3];
        for (place, number) in numbers.iter_mut().enumerate() {
            let Some(digits) = segments.next() else {
                break;
            };
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(ParseVersion::Invalid);
            }
            *number = digits
                .parse()
                .map_err(|_| (place, digits.to_owned()))
                // Whether the rest looks like a version counts more than a number that is too large.
                .or_else(|large| plausible(&mut segments.clone(), prerelease, metadata, large))?;
        }
        if segments.next().is_some() {
            return Err(ParseVersion::Invalid);
        }
        for extra in [prerelease, metadata].into_iter().flatten() {
            if !extra.split('.').all(is_identifier) {
                return Err(ParseVersion::Invalid);
            }
        }
        if let Some(prerelease) = prerelease {
            check_prerelease(prerelease)?;
        }
        let [major, minor, patch] = numbers;
        Ok(Self {
            major,
            minor,
            patch,
            prerelease: prerelease.unwrap_or_default().to_owned(),
            metadata: metadata.unwrap_or_default().to_owned(),
        })
    }

    /// Reads a version that keeps to the letter of semver.org (`StrictNewVersion`). So are tags of registries read.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub fn parse_strict(text: &str) -> Result<Self, ParseVersion> {
        if text.is_empty() {
            return Err(ParseVersion::Empty);
        }
        if text.len() > LONGEST {
            return Err(ParseVersion::TooLong);
        }
        let mut parts = text.splitn(3, '.');
        let (Some(major), Some(minor), Some(rest)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(ParseVersion::Invalid);
        };
        let (rest, metadata) = split(rest, '+');
        if metadata.is_some_and(|metadata| !metadata.split('.').all(is_identifier)) {
            return Err(ParseVersion::Metadata);
        }
        let (patch, prerelease) = split(rest, '-');
        if let Some(prerelease) = prerelease {
            check_prerelease(prerelease)?;
        }
        let segments = [major, minor, patch];
        for digits in segments {
            if !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(ParseVersion::Characters);
            }
            if digits.len() > 1 && digits.starts_with('0') {
                return Err(ParseVersion::LeadingZero);
            }
        }
        let mut numbers = [0; 3];
        for (number, digits) in numbers.iter_mut().zip(segments) {
            *number = match digits {
                "" => return Err(ParseVersion::NoNumber),
                digits => digits
                    .parse()
                    .map_err(|_| ParseVersion::Number(digits.to_owned()))?,
            };
        }
        let [major, minor, patch] = numbers;
        Ok(Self {
            major,
            minor,
            patch,
            prerelease: prerelease.unwrap_or_default().to_owned(),
            metadata: metadata.unwrap_or_default().to_owned(),
        })
    }

    /// What follows the hyphen; empty for a release.
    #[must_use]
    pub fn prerelease(&self) -> &str {
        &self.prerelease
    }

    /// What follows the plus sign.
    #[must_use]
    pub fn metadata(&self) -> &str {
        &self.metadata
    }
}

/// The error for a number that does not fit, or a worse one.
fn plausible<'a>(
    rest: &mut impl Iterator<Item = &'a str>,
    prerelease: Option<&str>,
    metadata: Option<&str>,
    (place, large): (usize, String),
) -> Result<u64, ParseVersion> {
    let mut count = place + 1;
    let numbers = rest.all(|digits| {
        count += 1;
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
    });
    let extras = [prerelease, metadata]
        .into_iter()
        .flatten()
        .all(|extra| extra.split('.').all(is_identifier));
    if numbers && count <= 3 && extras {
        Err(ParseVersion::Segment(large))
    } else {
        Err(ParseVersion::Invalid)
    }
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// Letters, digits and hyphens, at least one.
fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn check_prerelease(text: &str) -> Result<(), ParseVersion> {
    for part in text.split('.') {
        if !is_identifier(part) {
            return Err(ParseVersion::Prerelease);
        }
        if part.len() > 1 && part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ParseVersion::LeadingZero);
        }
    }
    Ok(())
}

/// Without `v`, and with all three numbers.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = |v: &Self| (v.major, v.minor, v.patch);
        let releases = || match (self.prerelease.as_str(), other.prerelease.as_str()) {
            ("", "") => Ordering::Equal,
            ("", _) => Ordering::Greater,
            (_, "") => Ordering::Less,
            (own, other) => compare_prereleases(own, other),
        };
        numbers(self).cmp(&numbers(other)).then_with(releases)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

/// Part by part; the longer one is greater where all else is equal. An empty one stands for a release that is compared as a
/// prerelease, and is less than any other.
fn compare_prereleases(own: &str, other: &str) -> Ordering {
    let (mut own, mut other) = (own.split('.'), other.split('.'));
    loop {
        let (own, other) = match (own.next(), other.next()) {
            (None, None) => return Ordering::Equal,
            (own, other) => (own.unwrap_or_default(), other.unwrap_or_default()),
        };
        let order = compare_parts(own, other);
        if order.is_ne() {
            return order;
        }
    }
}

/// Numbers are less than words. A number that does not fit counts as a word.
fn compare_parts(own: &str, other: &str) -> Ordering {
    match (own.parse::<u64>(), other.parse::<u64>()) {
        _ if own.is_empty() || other.is_empty() => own.len().min(1).cmp(&other.len().min(1)),
        (Ok(own), Ok(other)) => own.cmp(&other),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => own.cmp(other),
    }
}

/// Sorts `versions`, newest first, as Helm sorts an index: what is no version comes last.
pub fn sort_newest_first<T>(versions: &mut [T], text: impl Fn(&T) -> &str) {
    versions.sort_by_cached_key(|version| std::cmp::Reverse(Version::parse(text(version)).ok()));
}

#[cfg(test)]
mod tests;
