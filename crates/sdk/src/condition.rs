//! Conditions.

/// An entry of `.status.conditions`. The host keeps `lastTransitionTime` and `observedGeneration`.
///
/// ```
/// # use oarlock_sdk::Condition;
/// let waiting = Condition::no("Ready", "Progressing", "step 2 of 4");
/// assert_eq!(waiting.kind, "Ready");
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Condition {
    /// The condition's `type`, such as `Ready`.
    pub kind: String,
    /// True, False or Unknown.
    pub status: ConditionStatus,
    /// One CamelCase word.
    pub reason: String,
    /// For people. Stable while nothing happens: a message that counts down is a write per count.
    pub message: String,
}

/// The `status` of a condition.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConditionStatus {
    /// `True`
    Yes,
    /// `False`
    No,
    /// `Unknown`
    Unknown,
}

impl Condition {
    /// A condition that is `True`.
    pub fn yes(
        kind: impl Into<String>,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(kind, ConditionStatus::Yes, reason, message)
    }

    /// A condition that is `False`.
    pub fn no(
        kind: impl Into<String>,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(kind, ConditionStatus::No, reason, message)
    }

    /// A condition that is `Unknown`.
    pub fn unknown(
        kind: impl Into<String>,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(kind, ConditionStatus::Unknown, reason, message)
    }

    fn new(
        kind: impl Into<String>,
        status: ConditionStatus,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            kind: kind.into(),
            status,
            reason: reason.into(),
            message: message.into(),
        }
    }
}

impl ConditionStatus {
    /// As Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "True",
            Self::No => "False",
            Self::Unknown => "Unknown",
        }
    }
}
