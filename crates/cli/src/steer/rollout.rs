//! A rollout as its object tells it: what is rolled out, and who steers it how.

use kube::api::DynamicObject;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Annotation by which a person holds the operator itself off an object; any value but `false`.
const HOST_PAUSED: &str = "oarlock.dev/paused";

/// `spec.control`, as far as it is here.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Control {
    /// Revision that is given up.
    pub(super) abort: Option<String>,
    /// `REVISION/N` or `REVISION/full`; `REVISION` alone is full.
    pub(super) promote: Option<String>,
    /// Any text; another one than `status.handledRetry` is a wish.
    pub(super) retry: Option<String>,
    /// Revision that is held.
    pub(super) pause: Option<String>,
}

/// The part of `spec` that steers.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    control: Option<Control>,
    paused: Option<bool>,
    suspend: Option<bool>,
}

/// The part of `status` that tells where a rollout is.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Progress {
    pub(super) current_step: Option<u32>,
    pub(super) stable_revision: Option<String>,
    pub(super) current_revision: Option<String>,
    pub(super) rejected_revisions: Option<Vec<String>>,
    pub(super) handled_retry: Option<String>,
    pub(super) observed_generation: Option<i64>,
}

/// A rollout as its object tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rollout {
    pub(super) control: Control,
    /// Fields of `spec` that hold it whatever its revision is.
    pub(super) holds: Vec<&'static str>,
    /// The operator leaves the object alone.
    pub(super) host_paused: bool,
    pub(super) progress: Progress,
    /// The operator has not looked at the newest spec yet.
    pub(super) behind: bool,
}

/// Where a rollout stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing<'a> {
    /// Nobody has said yet.
    Unknown,
    /// One version, which serves.
    Stable(&'a str),
    /// The very first version, which nothing serves beside.
    Installing(&'a str),
    /// A new version on its way.
    Rolling { revision: &'a str, stable: &'a str },
    /// A new version that was given up.
    GivenUp(&'a str),
}

impl Rollout {
    /// Reads what is there. Whatever has another shape is not there: it is no rollout's.
    pub(super) fn of(object: &DynamicObject) -> Self {
        let spec: Spec = part(&object.data["spec"]);
        let progress: Progress = part(&object.data["status"]);
        let mut holds = Vec::new();
        if spec.paused == Some(true) {
            holds.push("paused");
        }
        if spec.suspend == Some(true) {
            holds.push("suspend");
        }
        let annotations = object.metadata.annotations.as_ref();
        let host_paused = annotations.and_then(|map| map.get(HOST_PAUSED));
        let seen = progress.observed_generation;
        Self {
            control: spec.control.unwrap_or_default(),
            holds,
            host_paused: host_paused.is_some_and(|value| value != "false"),
            behind: seen.is_some_and(|seen| Some(seen) < object.metadata.generation),
            progress,
        }
    }

    pub(super) fn standing(&self) -> Standing<'_> {
        let progress = &self.progress;
        let Some(revision) = progress.current_revision.as_deref() else {
            return Standing::Unknown;
        };
        let given_up = progress.rejected_revisions.iter().flatten();
        if given_up.into_iter().any(|known| known == revision) {
            return Standing::GivenUp(revision);
        }
        match progress.stable_revision.as_deref() {
            None => Standing::Installing(revision),
            Some(stable) if stable == revision => Standing::Stable(revision),
            Some(stable) => Standing::Rolling { revision, stable },
        }
    }

    /// The last step of `revision` that is promoted past already; the highest number where all are.
    pub(super) fn promoted(&self, revision: &str) -> Option<u32> {
        let wish = self.control.promote.as_deref()?;
        let (wanted, far) = wish.split_once('/').unwrap_or((wish, "full"));
        let step = match far {
            "full" => u32::MAX,
            number => number.parse().ok()?,
        };
        (wanted == revision).then_some(step)
    }

    /// What serves again when the current revision does not, for people.
    pub(super) fn stable(&self) -> &str {
        let stable = self.progress.stable_revision.as_deref();
        stable.unwrap_or("what was there before")
    }

    /// Whether a retry is on its way to the operator.
    pub(super) fn retrying(&self) -> bool {
        let wish = &self.control.retry;
        wish.is_some() && *wish != self.progress.handled_retry
    }

    /// A token for another retry of `revision`: `REVISION-N`, one more than there was. Two people who ask at the same
    /// time ask for the same.
    pub(super) fn next_retry(&self, revision: &str) -> String {
        let number = |token: &Option<String>| -> u64 {
            let token = token.as_deref().unwrap_or_default();
            let count = token
                .strip_prefix(revision)
                .and_then(|t| t.strip_prefix('-'));
            count.and_then(|text| text.parse().ok()).unwrap_or(0)
        };
        let last = number(&self.control.retry).max(number(&self.progress.handled_retry));
        format!("{revision}-{}", last.saturating_add(1))
    }
}

fn part<T: Default + DeserializeOwned>(value: &Value) -> T {
    T::deserialize(value).unwrap_or_default()
}
