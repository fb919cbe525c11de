//! `maxSurge` and `maxUnavailable`: how people write them, and what they are for a number of replicas.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::rounding::pods;

/// How far a rollout may leave `replicas` while Pods move.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Surge {
    /// Pods beyond `replicas`.
    pub max_surge: u32,
    /// Pods of `replicas` that may be unavailable. Where it and the surge are none, it counts as one: nothing could move.
    pub max_unavailable: u32,
}

impl Surge {
    /// What the two are for so many replicas, as Deployments have it: percentages of the surge are rounded up, of the
    /// unavailable ones down, and where both are none, one may be unavailable.
    pub fn of(replicas: u32, max_surge: IntOrPercent, max_unavailable: IntOrPercent) -> Self {
        let surge = Self {
            max_surge: max_surge.up(replicas),
            max_unavailable: max_unavailable.down(replicas).min(replicas),
        };
        Self {
            max_unavailable: surge.unavailable(),
            ..surge
        }
    }

    /// The most Pods that may run.
    pub fn ceiling(self, replicas: u32) -> u32 {
        replicas.saturating_add(self.max_surge)
    }

    /// The fewest Pods that are available while none fails by itself.
    pub fn floor(self, replicas: u32) -> u32 {
        replicas.saturating_sub(self.unavailable())
    }

    fn unavailable(self) -> u32 {
        match (self.max_surge, self.max_unavailable) {
            (0, 0) => 1,
            (_, some) => some,
        }
    }
}

/// A number of Pods (`3`) or a share of the replicas (`"25%"`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IntOrPercent {
    /// So many Pods.
    Int(u32),
    /// Percent of the replicas. More than 100 are allowed; what that means is up to the field.
    Percent(u32),
}

impl IntOrPercent {
    /// What Deployments have for both where nothing is said: a quarter.
    pub const DEFAULT: Self = Self::Percent(25);

    /// The Pods that these are of so many, rounded up.
    pub fn up(self, replicas: u32) -> u32 {
        match self {
            Self::Int(count) => count,
            Self::Percent(percent) => {
                pods((u64::from(replicas) * u64::from(percent)).div_ceil(100))
            }
        }
    }

    /// The Pods that these are of so many, rounded down.
    pub fn down(self, replicas: u32) -> u32 {
        match self {
            Self::Int(count) => count,
            Self::Percent(percent) => pods(u64::from(replicas) * u64::from(percent) / 100),
        }
    }
}

impl fmt::Display for IntOrPercent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(count) => write!(out, "{count}"),
            Self::Percent(percent) => write!(out, "{percent}%"),
        }
    }
}

/// Neither a number of Pods nor a percentage.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NotIntOrPercent {
    found: String,
    /// The whole number that was put in quotes.
    quoted: Option<u32>,
}

impl fmt::Display for NotIntOrPercent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { found, quoted } = self;
        write!(out, "expected {EXPECTED}, found {found}")?;
        match quoted {
            Some(count) => write!(
                out,
                "\nhint: write {count} for Pods, or \"{count}%\" for a share of the replicas"
            ),
            None => Ok(()),
        }
    }
}

impl Error for NotIntOrPercent {}

const EXPECTED: &str = "a number of Pods such as 3, or a percentage such as \"25%\"";

/// Reads a percentage: digits and a percent sign. Numbers of Pods are no text.
impl FromStr for IntOrPercent {
    type Err = NotIntOrPercent;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let whole = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().ok()).flatten()
        };
        text.strip_suffix('%')
            .and_then(whole)
            .map(Self::Percent)
            .ok_or_else(|| NotIntOrPercent {
                found: format!("{text:?}"),
                quoted: whole(text),
            })
    }
}

impl<'de> Deserialize<'de> for IntOrPercent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

impl Serialize for IntOrPercent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Int(count) => serializer.serialize_u32(*count),
            Self::Percent(_) => serializer.collect_str(self),
        }
    }
}

struct Reader;

impl Reader {
    fn refuse<E: de::Error>(found: impl fmt::Display) -> Result<IntOrPercent, E> {
        Err(E::custom(NotIntOrPercent {
            found: found.to_string(),
            quoted: None,
        }))
    }
}

impl Visitor<'_> for Reader {
    type Value = IntOrPercent;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(EXPECTED)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<IntOrPercent, E> {
        // Kubernetes' own are 32 bits with a sign.
        match i32::try_from(number).map(i32::unsigned_abs) {
            Ok(count) => Ok(IntOrPercent::Int(count)),
            Err(_) => Self::refuse(number),
        }
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<IntOrPercent, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Self::refuse(number),
        }
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<IntOrPercent, E> {
        Self::refuse(number)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<IntOrPercent, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for IntOrPercent {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "IntOrPercent".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "x-kubernetes-int-or-string": true,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "minimum": 0,
            "pattern": "^[0-9]+%$",
        })
    }
}
