//! What is written down between two runs.

use std::collections::BTreeMap;

use oarlock_sdk::{Timestamp, Value};
use rollout::analysis::Tally;
use rollout::history::{self, Entry, Outcome};

use crate::status::{CanaryStatus, Phase, StageName};

/// How many revisions are remembered as given up.
const REJECTED: usize = 10;

/// What is written down between two runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) stage: Stage,
    /// Counts the rollouts.
    pub(crate) rollout: u64,
    /// What serves, and serves again if the new revision is given up.
    pub(crate) stable: Release,
    /// The revision that is rolled out, or runs.
    pub(crate) target: String,
    /// What people call it.
    pub(crate) version: Option<String>,
    /// Revision of the Pods in the user's Deployment; none while they are being replaced.
    pub(crate) running: Option<String>,
    /// Whether any rollout ever ended well.
    pub(crate) promoted: bool,
    /// Whether the rollout goes on without waiting and checks.
    pub(crate) direct: bool,
    /// Whether what serves is not available by itself: then there is nothing to be kept.
    pub(crate) broken: bool,
    /// Whether what is asked before the first step agreed.
    pub(crate) pre_rollout_passed: bool,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) progress: Progress,
    pub(crate) checks: Checks,
    /// Why it was given up, or is held.
    pub(crate) failure: Option<String>,
    pub(crate) rejected: Vec<String>,
    pub(crate) handled_retry: Option<String>,
    /// Replicas that the user's Deployment was given, and those of both together.
    pub(crate) assigned: Option<(u32, u32)>,
    pub(crate) history: Vec<Entry>,
}

/// A revision that was promoted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Release {
    pub(crate) revision: String,
    pub(crate) template: Value,
    /// Configuration that it was promoted with.
    pub(crate) configs: Configs,
}

/// Names of ConfigMaps, and of their content.
pub(crate) type Configs = BTreeMap<String, String>;

/// Where a rollout is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stage {
    /// The Deployment is not held yet: it is left to roll out what it is at.
    Observing,
    /// Held; nothing is rolled out.
    Idle,
    /// A new revision waits for its gate.
    Waiting,
    /// The stable Deployment takes over what the user's will replace.
    Draining,
    /// The user's Deployment replaces what is left in it.
    Rolling,
    /// At a step.
    Stepping(Mark),
    /// The last step passed; the gate of the promotion is asked.
    Asking(Mark),
    /// On to all replicas.
    Promoting(Mark),
    /// The stable Deployment takes the new template over.
    Finalising,
    /// What serves is brought back to all replicas.
    Aborting,
    /// Given up; it serves.
    Failed,
}

/// A step. Steps may be edited meanwhile: the weight is what was promised.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Mark {
    /// From 0.
    pub(crate) index: usize,
    pub(crate) weight: u32,
    /// Since when its Pods are available.
    pub(crate) since: Option<Timestamp>,
}

/// Since when nothing has come along.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Progress {
    /// None while the deadline does not run.
    pub(crate) at: Option<Timestamp>,
    pub(crate) pods: u32,
}

/// What was asked so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Checks {
    /// When it was asked last.
    pub(crate) at: Option<Timestamp>,
    /// When it is asked next, where that is not an interval later.
    pub(crate) next: Option<Timestamp>,
    pub(crate) tally: Tally,
    /// Those that passed, where they are counted.
    pub(crate) iterations: u32,
}

impl Stage {
    pub(crate) fn name(self) -> StageName {
        match self {
            Self::Observing => StageName::Observing,
            Self::Idle => StageName::Idle,
            Self::Waiting => StageName::Waiting,
            Self::Draining => StageName::Draining,
            Self::Rolling => StageName::Rolling,
            Self::Stepping(_) => StageName::Stepping,
            Self::Asking(_) => StageName::Asking,
            Self::Promoting(_) => StageName::Promoting,
            Self::Finalising => StageName::Finalising,
            Self::Aborting => StageName::Aborting,
            Self::Failed => StageName::Failed,
        }
    }

    pub(crate) fn mark(self) -> Option<Mark> {
        match self {
            Self::Stepping(mark) | Self::Asking(mark) | Self::Promoting(mark) => Some(mark),
            _ => None,
        }
    }

    /// Whether a new revision is on its way.
    pub(crate) fn is_under_way(self) -> bool {
        matches!(
            self,
            Self::Waiting
                | Self::Draining
                | Self::Rolling
                | Self::Stepping(_)
                | Self::Asking(_)
                | Self::Promoting(_)
        )
    }
}

impl State {
    /// Nothing is known yet.
    pub(crate) fn new() -> Self {
        Self {
            stage: Stage::Observing,
            rollout: 0,
            stable: Release {
                revision: String::new(),
                template: Value::Null,
                configs: Configs::new(),
            },
            target: String::new(),
            version: None,
            running: None,
            promoted: false,
            direct: false,
            broken: false,
            pre_rollout_passed: false,
            started_at: None,
            progress: Progress::default(),
            checks: Checks::default(),
            failure: None,
            rejected: Vec::new(),
            handled_retry: None,
            assigned: None,
            history: Vec::new(),
        }
    }

    /// Whether the rollout is one back to what serves.
    pub(crate) fn is_back(&self) -> bool {
        self.target == self.stable.revision
    }

    /// Whether the Pods of the user's Deployment are of the stable revision: then there it can stay, whatever becomes of the
    /// new one.
    pub(crate) fn is_home(&self) -> bool {
        self.running.as_deref() == Some(&self.stable.revision)
    }

    pub(crate) fn is_rejected(&self, revision: &str) -> bool {
        self.rejected.iter().any(|rejected| rejected == revision)
    }

    pub(crate) fn reject(&mut self) {
        let target = self.target.clone();
        self.rejected.retain(|revision| *revision != target);
        self.rejected.insert(0, target);
        self.rejected.truncate(REJECTED);
    }

    /// Writes the end of the current rollout into the history.
    pub(crate) fn ended(
        &mut self,
        outcome: Outcome,
        reason: Option<String>,
        now: Timestamp,
        limit: usize,
    ) {
        let entry = Entry {
            revision: self.target.clone(),
            version: self.version.clone(),
            outcome,
            started_at: self.started_at,
            ended_at: now,
            step: self
                .stage
                .mark()
                .and_then(|mark| u32::try_from(mark.index + 1).ok()),
            reason,
        };
        history::record(&mut self.history, entry, limit);
    }

    /// The phase, in Flagger's words.
    pub(crate) fn phase(&self) -> Phase {
        match self.stage {
            Stage::Observing => Phase::Initializing,
            Stage::Idle if self.promoted => Phase::Succeeded,
            Stage::Idle => Phase::Initialized,
            Stage::Waiting => Phase::Waiting,
            Stage::Draining | Stage::Rolling | Stage::Stepping(_) => Phase::Progressing,
            Stage::Asking(_) => Phase::WaitingPromotion,
            Stage::Promoting(_) => Phase::Promoting,
            Stage::Finalising => Phase::Finalising,
            Stage::Aborting | Stage::Failed => Phase::Failed,
        }
    }

    /// What a status says; none where it says nothing, or what does not fit together.
    pub(crate) fn read(status: &CanaryStatus) -> Option<Self> {
        let mark = || {
            Some(Mark {
                index: usize::try_from(status.current_step?).ok()?.checked_sub(1)?,
                weight: status.canary_weight,
                since: status.step_started_at,
            })
        };
        let stage = match status.stage? {
            StageName::Observing => Stage::Observing,
            StageName::Idle => Stage::Idle,
            StageName::Waiting => Stage::Waiting,
            StageName::Draining => Stage::Draining,
            StageName::Rolling => Stage::Rolling,
            StageName::Stepping => Stage::Stepping(mark()?),
            StageName::Asking => Stage::Asking(mark()?),
            StageName::Promoting => Stage::Promoting(mark()?),
            StageName::Finalising => Stage::Finalising,
            StageName::Aborting => Stage::Aborting,
            StageName::Failed => Stage::Failed,
        };
        Some(Self {
            stage,
            rollout: status.rollout.unwrap_or_default(),
            stable: Release {
                revision: status.stable_revision.clone()?,
                template: status.stable_template.clone()?,
                configs: status.tracked_configs.clone(),
            },
            target: status.current_revision.clone()?,
            version: status.version.clone(),
            running: status.running_revision.clone(),
            promoted: status.promoted,
            direct: status.direct,
            broken: status.stable_broken,
            pre_rollout_passed: status.pre_rollout_passed,
            started_at: status.started_at,
            progress: Progress {
                at: status.progress_at,
                pods: status.progress_pods.unwrap_or_default(),
            },
            checks: Checks {
                at: status.checked_at,
                next: status.next_check_at,
                tally: status.tally.clone().unwrap_or_default(),
                iterations: status.iterations,
            },
            failure: status.failure.clone(),
            rejected: status.rejected_revisions.clone(),
            handled_retry: status.handled_retry.clone(),
            assigned: status
                .assigned_replicas
                .map(|assigned| (assigned, status.desired_replicas)),
            history: status.history.clone(),
        })
    }

    /// The status that says it. What it says of Pods and decisions, others fill in.
    pub(crate) fn write(&self, before: &CanaryStatus, now: Timestamp) -> CanaryStatus {
        let mark = self.stage.mark();
        let phase = self.phase();
        let known = !matches!(self.stage, Stage::Observing);
        CanaryStatus {
            phase: Some(phase),
            stage: Some(self.stage.name()),
            rollout: Some(self.rollout),
            stable_revision: known.then(|| self.stable.revision.clone()),
            stable_template: known.then(|| self.stable.template.clone()),
            tracked_configs: self.stable.configs.clone(),
            current_revision: known.then(|| self.target.clone()),
            version: self.version.clone(),
            running_revision: self.running.clone(),
            promoted: self.promoted,
            rejected_revisions: self.rejected.clone(),
            handled_retry: self.handled_retry.clone(),
            current_step: mark.and_then(|mark| u32::try_from(mark.index + 1).ok()),
            step_started_at: mark.and_then(|mark| mark.since),
            checked_at: self.checks.at,
            started_at: self.started_at,
            progress_at: self.progress.at,
            progress_pods: self.progress.at.map(|_| self.progress.pods),
            pre_rollout_passed: self.pre_rollout_passed,
            direct: self.direct,
            stable_broken: self.broken,
            failure: self.failure.clone(),
            failed_checks: self.checks.tally.failed_checks,
            tally: (self.checks.tally != Tally::default()).then(|| self.checks.tally.clone()),
            next_check_at: self.checks.next,
            canary_weight: mark.map_or(0, |mark| mark.weight),
            iterations: self.checks.iterations,
            last_applied_spec: known.then(|| self.target.clone()),
            last_promoted_spec: known.then(|| self.stable.revision.clone()),
            last_transition_time: match before.phase == Some(phase) {
                true => before.last_transition_time,
                false => Some(now),
            },
            history: self.history.clone(),
            ..CanaryStatus::default()
        }
    }
}
