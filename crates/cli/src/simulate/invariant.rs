//! What must hold: `available >= 90% and track(canary).weight <= 50`.
//!
//! A small language of its own, so that a percentage can mean the object's replicas and a slip has a place. Arithmetic is
//! exact: everything is counted in hundred-thousandths, of which a percentage has three decimals. A percentage of replicas
//! is rounded up to whole Pods.

mod parser;

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use crate::simulate::observation::{Frame, Name, Track};

/// Hundred-thousandths of one.
type Parts = i128;

/// So many parts are one.
const ONE: Parts = 100_000;

/// What must hold for each object.
#[derive(Clone, Debug)]
pub(crate) struct Invariant {
    /// As it was written.
    pub(crate) text: String,
    condition: Condition,
    /// How long it may be violated.
    pub(crate) spare: Duration,
    /// The only object that it is about.
    pub(crate) object: Option<String>,
}

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Where: characters, counted from 0.
    pub(crate) part: Range<usize>,
    pub(crate) message: String,
    pub(crate) expected: Option<String>,
    pub(crate) hint: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
    Compare(Quantity, Comparison, Quantity),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    AtLeast,
    AtMost,
    More,
    Less,
    Equal,
    Unequal,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Quantity {
    /// In parts.
    Number(Parts),
    /// Thousandths of a percent of the replicas that the object wants.
    Percent(Parts),
    Whole(Measure),
    Track(String, Measure),
    Sum(Box<Self>, Box<Self>),
    Difference(Box<Self>, Box<Self>),
}

/// What can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Measure {
    Available,
    Ready,
    Total,
    Desired,
    /// Of a track only.
    Weight,
}

impl Measure {
    const ALL: [(&'static str, Self); 5] = [
        ("available", Self::Available),
        ("ready", Self::Ready),
        ("total", Self::Total),
        ("desired", Self::Desired),
        ("weight", Self::Weight),
    ];

    fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, measure)| *measure == self);
        found.map_or("", |(name, _)| name)
    }

    fn of(self, track: &Track) -> u64 {
        match self {
            Self::Available => track.available,
            Self::Ready => track.ready,
            Self::Total => track.total,
            Self::Desired => track.desired,
            Self::Weight => track.weight,
        }
    }
}

impl Invariant {
    /// From its text.
    ///
    /// # Errors
    ///
    /// Where it is no condition.
    pub(crate) fn parse(
        text: &str,
        spare: Duration,
        object: Option<String>,
    ) -> Result<Self, Fault> {
        Ok(Self {
            text: text.trim().to_owned(),
            condition: parser::parse(text)?,
            spare,
            object,
        })
    }

    /// Whether it is about this object.
    pub(crate) fn is_about(&self, frame: &Frame) -> bool {
        let object = self.object.as_deref().and_then(Name::parse);
        object.is_none_or(|object| object == frame.object)
    }

    /// Whether it holds.
    pub(crate) fn holds(&self, frame: &Frame) -> bool {
        self.condition.holds(frame)
    }

    /// The numbers that it looks at, such as `available 8, desired 10`.
    pub(crate) fn values(&self, frame: &Frame) -> String {
        let mut leaves = Vec::new();
        self.condition.leaves(&mut leaves);
        let mut told: Vec<String> = Vec::new();
        for leaf in leaves {
            let Some(number) = leaf.number(frame) else {
                continue;
            };
            let text = format!("{leaf} {number}");
            if !told.contains(&text) {
                told.push(text);
            }
        }
        told.join(", ")
    }

    /// Tracks that it names.
    pub(crate) fn tracks(&self) -> BTreeSet<String> {
        let mut leaves = Vec::new();
        self.condition.leaves(&mut leaves);
        let names = leaves.into_iter().filter_map(|leaf| match leaf {
            Quantity::Track(name, _) => Some(name.clone()),
            _ => None,
        });
        names.collect()
    }
}

impl Condition {
    fn holds(&self, frame: &Frame) -> bool {
        match self {
            Self::And(a, b) => a.holds(frame) && b.holds(frame),
            Self::Or(a, b) => a.holds(frame) || b.holds(frame),
            Self::Not(condition) => !condition.holds(frame),
            Self::Compare(left, comparison, right) => {
                let (left, right) = (left.parts(frame), right.parts(frame));
                match comparison {
                    Comparison::AtLeast => left >= right,
                    Comparison::AtMost => left <= right,
                    Comparison::More => left > right,
                    Comparison::Less => left < right,
                    Comparison::Equal => left == right,
                    Comparison::Unequal => left != right,
                }
            }
        }
    }

    fn leaves<'q>(&'q self, into: &mut Vec<&'q Quantity>) {
        match self {
            Self::And(a, b) | Self::Or(a, b) => {
                a.leaves(into);
                b.leaves(into);
            }
            Self::Not(condition) => condition.leaves(into),
            Self::Compare(left, _, right) => {
                left.leaves(into);
                right.leaves(into);
            }
        }
    }
}

impl Quantity {
    fn parts(&self, frame: &Frame) -> Parts {
        match self {
            Self::Number(parts) => *parts,
            Self::Percent(thousandths) => {
                let exact = thousandths * Parts::from(frame.desired);
                // Up to whole Pods, as maxSurge is, and as what maxUnavailable leaves.
                (exact + ONE - 1) / ONE * ONE
            }
            Self::Sum(a, b) => a.parts(frame) + b.parts(frame),
            Self::Difference(a, b) => a.parts(frame) - b.parts(frame),
            Self::Whole(_) | Self::Track(..) => {
                self.number(frame).map_or(0, |n| Parts::from(n) * ONE)
            }
        }
    }

    /// What is counted; of a percentage what it is of.
    fn number(&self, frame: &Frame) -> Option<u64> {
        match self {
            Self::Whole(Measure::Desired) | Self::Percent(_) => Some(frame.desired),
            Self::Whole(measure) => Some(frame.tracks.iter().map(|track| measure.of(track)).sum()),
            Self::Track(name, measure) => {
                let named = frame.tracks.iter().filter(|track| track.is_called(name));
                Some(named.map(|track| measure.of(track)).sum())
            }
            Self::Number(_) | Self::Sum(..) | Self::Difference(..) => None,
        }
    }

    fn leaves<'q>(&'q self, into: &mut Vec<&'q Self>) {
        match self {
            Self::Sum(a, b) | Self::Difference(a, b) => {
                a.leaves(into);
                b.leaves(into);
            }
            leaf => into.push(leaf),
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(measure) => f.write_str(measure.name()),
            Self::Percent(_) => f.write_str(Measure::Desired.name()),
            Self::Track(name, measure) => write!(f, "track({name}).{}", measure.name()),
            Self::Number(_) | Self::Sum(..) | Self::Difference(..) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
