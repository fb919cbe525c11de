//! `status` of a Canary, as it is stored: Flagger's fields, those that all rollouts of this project have, and what the
//! machine remembers. [`State`](crate::state::State) is what it means.

use std::collections::BTreeMap;

use oarlock_sdk::{Timestamp, Value};
use rollout::analysis::Tally;
use rollout::history::Entry;
use rollout::track::Track;
use rollout::why::Why;
use serde::{Deserialize, Serialize};

/// Where the rollout is. Written by the module alone.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CanaryStatus {
    /// The generation of the spec that this status is about.
    pub(crate) observed_generation: Option<i64>,
    /// Where the rollout is, in Flagger's words.
    pub(crate) phase: Option<Phase>,
    /// Where it is, in the words of the mechanics.
    pub(crate) stage: Option<StageName>,
    /// Counts the rollouts: tells one rollout's Events from the next one's.
    pub(crate) rollout: Option<u64>,
    /// Revision that serves, and serves again if the new one is given up.
    pub(crate) stable_revision: Option<String>,
    /// Pod template of that revision.
    #[cfg_attr(
        test,
        schemars(extend("type" = "object", "x-kubernetes-preserve-unknown-fields" = true))
    )]
    pub(crate) stable_template: Option<Value>,
    /// Revision that is rolled out, or runs.
    pub(crate) current_revision: Option<String>,
    /// What people call the current revision: the images of its containers.
    pub(crate) version: Option<String>,
    /// Whether any rollout ever ended well.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) promoted: bool,
    /// Revision that the Pods of the user's Deployment run; none while it replaces them.
    pub(crate) running_revision: Option<String>,
    /// Revisions that were given up, newest first. They are not tried again without a retry.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) rejected_revisions: Vec<String>,
    /// The last `spec.control.retry` that was heard.
    pub(crate) handled_retry: Option<String>,
    /// The current step, counted from 1.
    pub(crate) current_step: Option<u32>,
    /// Since when all Pods of the step are available.
    #[cfg_attr(test, schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub(crate) step_started_at: Option<Timestamp>,
    /// When it is checked next.
    #[cfg_attr(test, schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub(crate) step_ends_at: Option<Timestamp>,
    /// When it was checked last.
    #[cfg_attr(test, schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub(crate) checked_at: Option<Timestamp>,
    /// When it is checked next, where that is not an interval later.
    #[cfg_attr(test, schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub(crate) next_check_at: Option<Timestamp>,
    /// When the rollout began.
    #[cfg_attr(test, schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub(crate) started_at: Option<Timestamp>,
    /// When the deadline began to run: at the last progress. None while it does not run.
    #[cfg_attr(test, schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub(crate) progress_at: Option<Timestamp>,
    /// Pods that had come along then.
    pub(crate) progress_pods: Option<u32>,
    /// Whether what comes before the first step was asked and agreed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) pre_rollout_passed: bool,
    /// Whether the rollout goes on without waiting and checks.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) direct: bool,
    /// Whether what serves is not available by itself, so that there is nothing to be kept.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) stable_broken: bool,
    /// Why it was given up.
    pub(crate) failure: Option<String>,

    /// Checks that failed since the rollout began.
    pub(crate) failed_checks: u32,
    /// What the checks are counted by.
    pub(crate) tally: Option<Tally>,
    /// Percent that the new revision has.
    pub(crate) canary_weight: u32,
    /// Checks that passed, where they are counted instead of weights.
    pub(crate) iterations: u32,
    /// Flagger's name of `currentRevision`.
    pub(crate) last_applied_spec: Option<String>,
    /// Flagger's name of `stableRevision`.
    pub(crate) last_promoted_spec: Option<String>,
    /// ConfigMaps that the Pod template of the stable revision refers to, and the hash of their content.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tracked_configs: BTreeMap<String, String>,
    /// When the phase changed.
    #[cfg_attr(test, schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub(crate) last_transition_time: Option<Timestamp>,

    /// Replicas that the user's Deployment was given; none while they are its own.
    pub(crate) assigned_replicas: Option<u32>,
    /// Pods of both versions that there are.
    pub(crate) replicas: u32,
    /// Of them available.
    pub(crate) available_replicas: u32,
    /// Replicas of both together that are wanted.
    pub(crate) desired_replicas: u32,
    /// Selects the Pods of both: for autoscalers.
    pub(crate) selector: Option<String>,
    /// Both versions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tracks: Vec<Track>,
    /// The last decision and its inputs.
    pub(crate) why: Option<Why>,
    /// Rollouts that ended, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) history: Vec<Entry>,
}

/// Where a rollout is, in Flagger's words.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
pub(crate) enum Phase {
    Initializing,
    Initialized,
    Waiting,
    Progressing,
    WaitingPromotion,
    Promoting,
    Finalising,
    Succeeded,
    Failed,
    Terminating,
    Terminated,
}

/// Where a rollout is, in the words of the mechanics.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
pub(crate) enum StageName {
    /// The Deployment is not held yet.
    Observing,
    /// Held; nothing is rolled out.
    Idle,
    /// A new revision waits for its gate.
    Waiting,
    /// The stable Deployment takes over.
    Draining,
    /// The user's Deployment replaces what is left in it.
    Rolling,
    /// Step by step.
    Stepping,
    /// The last step passed; the gate of the promotion is asked.
    Asking,
    /// On to all replicas.
    Promoting,
    /// The stable Deployment takes the new template over.
    Finalising,
    /// The stable Deployment takes all back.
    Aborting,
    /// Given up.
    Failed,
}
