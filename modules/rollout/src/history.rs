//! The rollouts that ended: `status.history`, newest first.

use oarlock_sdk::Timestamp;
use serde::{Deserialize, Serialize};

/// One rollout that ended.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// What was rolled out.
    pub revision: String,
    /// What people call it: a version or an image.
    pub version: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// When it began.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("format" = "date-time")))]
    pub ended_at: Timestamp,
    /// The last step that was entered, counted from 1; none where there was none.
    pub step: Option<u32>,
    /// Why it ended so, where it did not succeed.
    pub reason: Option<String>,
}

/// How a rollout ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub enum Outcome {
    /// All replicas run it.
    Promoted,
    /// It was given up, by a check, a deadline or a person.
    Aborted,
    /// Its user took it back before it ended.
    Reverted,
    /// Another revision came before it ended.
    Superseded,
}

/// Puts `entry` in front and forgets all but the newest `limit`.
pub fn record(history: &mut Vec<Entry>, entry: Entry, limit: usize) {
    history.insert(0, entry);
    history.truncate(limit);
}
