//! Ranges of versions, as Masterminds' semver reads them.
//!
//! Alternatives are separated by `||`; each is a list of comparisons that all have to hold, separated by blanks or commas. A
//! comparison is an operator and a version whose parts may be missing or `x`, `X`, `*`. `1.2 - 2.3` stands for
//! `>= 1.2, <= 2.3`. A prerelease is allowed by no alternative that does not name a prerelease itself.

mod comparison;
mod grammar;

use std::str::FromStr;

use thiserror::Error;

use crate::Version;
use comparison::Comparison;

/// Bytes of the longest text that is read as a range.
const LONGEST: usize = 512;

/// Most alternatives of a range.
const MOST_ALTERNATIVES: usize = 32;

/// A range of versions.
#[derive(Clone, Debug)]
pub struct Constraint {
    alternatives: Vec<Alternative>,
}

/// Comparisons that all have to hold.
#[derive(Clone, Debug)]
struct Alternative {
    comparisons: Vec<Comparison>,
    names_prerelease: bool,
}

/// Why a text is no range.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseConstraint {
    /// More than 512 bytes.
    #[error("constraint string is too long (max {LONGEST} bytes)")]
    TooLong,
    /// More than 32 alternatives.
    #[error("too many constraint groups (max {MOST_ALTERNATIVES})")]
    TooManyAlternatives,
    /// Not of the form that ranges have. Holds the alternative that is not.
    #[error("improper constraint: {}", crate::quoted(.0))]
    Improper(String),
    /// Of the form, but what should be a version is none.
    #[error("constraint parser error")]
    NoVersion,
}

impl Constraint {
    /// Any release.
    #[must_use]
    pub fn any() -> Self {
        Self {
            alternatives: vec![Alternative {
                comparisons: vec![Comparison::any()],
                names_prerelease: false,
            }],
        }
    }

    /// Whether `version` is in the range.
    #[must_use]
    pub fn allows(&self, version: &Version) -> bool {
        self.alternatives.iter().any(|alternative| {
            let looked_for = version.prerelease.is_empty() || alternative.names_prerelease;
            looked_for
                && alternative
                    .comparisons
                    .iter()
                    .all(|comparison| comparison.holds(version))
        })
    }
}

impl FromStr for Constraint {
    type Err = ParseConstraint;

    fn from_str(text: &str) -> Result<Self, ParseConstraint> {
        if text.len() > LONGEST {
            return Err(ParseConstraint::TooLong);
        }
        let text = grammar::without_hyphens(text);
        let alternatives: Vec<&str> = text.split("||").collect();
        if alternatives.len() > MOST_ALTERNATIVES {
            return Err(ParseConstraint::TooManyAlternatives);
        }
        let alternatives = alternatives.into_iter().map(Alternative::parse);
        Ok(Self {
            alternatives: alternatives.collect::<Result<_, _>>()?,
        })
    }
}

impl Alternative {
    fn parse(text: &str) -> Result<Self, ParseConstraint> {
        let terms =
            grammar::terms(text).ok_or_else(|| ParseConstraint::Improper(text.to_owned()))?;
        let comparisons = terms
            .iter()
            .map(Comparison::new)
            .collect::<Option<Vec<_>>>()
            .ok_or(ParseConstraint::NoVersion)?;
        Ok(Self {
            names_prerelease: comparisons.iter().any(Comparison::names_prerelease),
            comparisons,
        })
    }
}
