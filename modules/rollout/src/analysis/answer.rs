//! What a metrics server answered: a value, nothing, or trouble. Pure: bytes in, meaning out.

mod prometheus;

use std::fmt;

use oarlock_sdk::http::HttpError;
use serde_json::Value;

use super::duration::GoDuration;
use super::excerpt;

pub(crate) use prometheus::read as prometheus;

/// An answer that was understood.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Measurement {
    /// One value.
    Value(Value),
    /// No data, and how so.
    Nothing(Nothing),
}

/// How there can be no data.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Nothing {
    /// The query found no series.
    NoSeries,
    /// The value is NaN or infinite: something was divided by nothing.
    NotFinite(String),
    /// The document has nothing there, or null.
    Absent(String),
    /// There were fewer requests than were wanted.
    TooFew { samples: f64, wanted: u32 },
}

/// An answer that says nothing, or none at all.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Trouble {
    TimedOut {
        limit: GoDuration,
    },
    Connect(String),
    Tls(String),
    TooLarge(u64),
    Other(String),
    /// Not granted: the host's words name the grant.
    Denied(String),
    /// An earlier call of this run had no answer from there.
    NotAsked {
        origin: String,
    },
    /// A status that is no success, and what was said with it.
    Status {
        code: u16,
        said: String,
    },
    /// A success that is not JSON, or not in Prometheus' shape.
    Unreadable {
        said: String,
        expected: &'static str,
    },
    /// More than one series: two of them.
    Several {
        count: usize,
        first: String,
        second: String,
    },
    /// A result of a kind that has no one value.
    Kind {
        kind: String,
    },
    /// The value does not fit the rule.
    Value(String),
    /// What is asked is not there, or is not what it should be.
    Template(String),
}

/// A measurement, and what the server warned about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answered {
    pub(crate) measurement: Measurement,
    pub(crate) warnings: Vec<String>,
}

impl Trouble {
    /// A call without an answer.
    pub(crate) fn of(error: HttpError, limit: GoDuration) -> Self {
        match error {
            HttpError::TimedOut => Self::TimedOut { limit },
            HttpError::Connect(text) => Self::Connect(text),
            HttpError::Tls(text) => Self::Tls(text),
            HttpError::TooLarge(limit) => Self::TooLarge(limit),
            HttpError::Denied(text) => Self::Denied(text),
            HttpError::Other(text) => Self::Other(text),
        }
    }

    /// Whether it is for somebody to grant or to create, so that asking again says nothing of the new version.
    pub(crate) fn is_blocked(&self) -> bool {
        matches!(
            self,
            Self::Denied(_) | Self::NotAsked { .. } | Self::Template(_)
        )
    }
}

/// One value has no need of more, and a document takes many times its size to be read.
const LARGEST: usize = 1 << 20;

/// A body that is not worth reading.
pub(crate) fn too_large(body: &[u8]) -> Result<(), Trouble> {
    match body.len() > LARGEST {
        true => Err(Trouble::TooLarge(LARGEST as u64)),
        false => Ok(()),
    }
}

/// A status that is no success.
pub(crate) fn refused(code: u16, body: &[u8]) -> Trouble {
    let said = if (300..400).contains(&code) {
        String::from("redirects are not followed")
    } else {
        excerpt::of(body)
    };
    Trouble::Status { code, said }
}

impl fmt::Display for Nothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSeries => f.write_str("the query found no series"),
            Self::NotFinite(value) => write!(f, "the value is {value}"),
            Self::Absent(place) => write!(f, "there is nothing at {place}"),
            Self::TooFew { samples, wanted } => {
                write!(f, "{} of {wanted} samples", samples.floor())
            }
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut { limit } => write!(f, "no answer within {limit}"),
            Self::Connect(text) | Self::Tls(text) | Self::Other(text) => {
                f.write_str(&excerpt::line(text))
            }
            Self::TooLarge(limit) => write!(f, "the answer is larger than {limit} bytes"),
            // The host's own words, whole: they name the grant.
            Self::Denied(text) | Self::Value(text) | Self::Template(text) => f.write_str(text),
            Self::NotAsked { origin } => {
                write!(
                    f,
                    "not asked: an earlier call to {origin} had no answer in time"
                )
            }
            Self::Status { code, said } => write!(f, "answered {code}: {said}"),
            Self::Unreadable { said, expected } => {
                write!(f, "answered {said}, expected {expected}")
            }
            Self::Several {
                count,
                first,
                second,
            } => write!(
                f,
                "the query found {count} series, such as {first} and {second}, expected one\n\
                 hint: put sum(…), max(…) or the like around it"
            ),
            Self::Kind { kind } => write!(
                f,
                "the query gives {kind}, expected a scalar or one series of an instant vector"
            ),
        }
    }
}
