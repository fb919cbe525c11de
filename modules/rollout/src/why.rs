//! Why a rollout is where it is: `status.why`, the inputs of the last decision. `oarlock explain` prints it.

use oarlock_sdk::Timestamp;
use serde::{Deserialize, Serialize};

/// The last decision and what it was made of.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// One CamelCase word, such as `StepEntered`, `WaitingForPods`, `CheckFailed`, `Aborted`.
    pub decision: String,
    /// A sentence for people.
    pub because: String,
    /// What was looked at, in the order in which it was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Input>,
    /// When it is decided again at the latest, if nothing changes before.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub next_wake_up: Option<Timestamp>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Input {
    /// Such as `pods of nginx-1.7.8`, `metric request-success-rate`, `webhook load-test`, `failed checks`.
    pub name: String,
    /// What was found, such as `2 of 3 available`, `97.2`, `503`.
    pub value: String,
    /// What was wanted, such as `>= 99`; none where nothing was.
    pub expected: Option<String>,
    /// What it said to the decision.
    pub verdict: Verdict,
}

/// What an input says.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Go on.
    Pass,
    /// Wait.
    Hold,
    /// Give up, or count as a failed check.
    Fail,
    /// For information only.
    Info,
}

impl Input {
    /// Something that was looked at.
    pub fn new(name: impl Into<String>, value: impl Into<String>, verdict: Verdict) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            expected: None,
            verdict,
        }
    }

    /// What was wanted.
    #[must_use]
    pub fn expected(self, expected: impl Into<String>) -> Self {
        Self {
            expected: Some(expected.into()),
            ..self
        }
    }
}
