//! What is written down between two runs.

use oarlock_sdk::Timestamp;
use rollout::history::{self, Entry, Outcome};

use crate::spec::Kind;
use crate::status::{
    Checks, DeployerStatus, Lateness, MigrationStatus, Phase as PhaseName, Progress, Release,
};

/// How many rollouts, and given up and migrated revisions, are remembered.
const REMEMBERED: usize = 10;

/// What is written down between two runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    /// The generation that began this rollout: tells one rollout's Events from the next one's.
    pub(crate) rollout: i64,
    pub(crate) started_at: Option<Timestamp>,
    /// How this rollout is done, whatever the spec says meanwhile.
    pub(crate) kind: Kind,
    /// What served before.
    pub(crate) from: Option<Release>,
    pub(crate) to: Release,
    pub(crate) phase: Phase,
    /// The last step that was reached, in words.
    pub(crate) progress: Option<Progress>,
    pub(crate) lateness: Lateness,
    pub(crate) checks: Option<Checks>,
    pub(crate) migration: Option<MigrationStatus>,
    pub(crate) memory: Memory,
}

/// What outlives a rollout.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Memory {
    /// Revisions that were given up.
    pub(crate) rejected: Vec<String>,
    pub(crate) handled_retry: Option<String>,
    /// On their way when yet another came: they leave.
    pub(crate) intermediate: Vec<Release>,
    /// Served earlier, kept without Pods; newest first.
    pub(crate) kept: Vec<Release>,
    /// Revisions whose Job succeeded.
    pub(crate) migrated: Vec<String>,
    pub(crate) history: Vec<Entry>,
}

/// Where a rollout is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    /// Nothing has ever served: all replicas at once.
    Installing,
    /// On the way to a step's size.
    Scaling(Mark),
    /// The step's Pods are available since then.
    Waiting(Mark, Timestamp),
    /// Blue/green: the new version serves since then, the old one is still there.
    Retiring(Timestamp),
    /// Recreate: the old version goes.
    Draining,
    /// Recreate: the Job runs.
    Migrating,
    /// Recreate: the new version comes.
    Starting,
    /// Back to what served before: all replicas at once, without steps.
    Finishing,
    /// All replicas are of one version.
    Stable,
}

/// A step of the plan. Steps may be edited meanwhile: the percent is what was promised.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Mark {
    /// From 0.
    pub(crate) index: usize,
    pub(crate) percent: u8,
}

impl Phase {
    pub(crate) fn mark(self) -> Option<Mark> {
        match self {
            Self::Scaling(mark) | Self::Waiting(mark, _) => Some(mark),
            Self::Installing
            | Self::Retiring(_)
            | Self::Draining
            | Self::Migrating
            | Self::Starting
            | Self::Finishing
            | Self::Stable => None,
        }
    }

    /// Whether a version is on its way that can be given up.
    pub(crate) fn is_rollout(self) -> bool {
        !matches!(self, Self::Installing | Self::Finishing | Self::Stable)
    }
}

impl State {
    /// A rollout that begins.
    pub(crate) fn new(to: Release, phase: Phase, memory: Memory) -> Self {
        Self {
            rollout: 0,
            started_at: None,
            kind: Kind::Canary,
            from: None,
            to,
            phase,
            progress: None,
            lateness: Lateness::default(),
            checks: None,
            migration: None,
            memory,
        }
    }

    /// What serves, as far as anything does.
    pub(crate) fn stable(&self) -> Option<&Release> {
        match self.phase {
            Phase::Installing => None,
            Phase::Finishing | Phase::Stable => Some(&self.to),
            Phase::Retiring(_) => Some(&self.to),
            _ => self.from.as_ref(),
        }
    }

    /// The next phase, with clocks and checks of its own.
    pub(crate) fn enter(self, phase: Phase) -> Self {
        Self {
            phase,
            lateness: Lateness::default(),
            checks: None,
            ..self
        }
    }

    pub(crate) fn is_rejected(&self, revision: &str) -> bool {
        self.memory.rejected.iter().any(|known| known == revision)
    }

    /// Remembers how the rollout of `to` ended.
    pub(crate) fn record(&mut self, outcome: Outcome, reason: Option<String>, now: Timestamp) {
        let step = self.phase.mark();
        let entry = Entry {
            revision: self.to.revision.clone(),
            version: Some(self.to.version.clone()),
            outcome,
            started_at: self.started_at,
            ended_at: now,
            step: step.and_then(|mark| u32::try_from(mark.index + 1).ok()),
            reason,
        };
        history::record(&mut self.memory.history, entry, REMEMBERED);
    }

    pub(crate) fn reject(&mut self, revision: &str) {
        remember(&mut self.memory.rejected, revision);
    }

    pub(crate) fn migrated(&mut self, revision: &str) {
        remember(&mut self.memory.migrated, revision);
    }

    /// What a status says; none where it says nothing, or what does not fit together.
    pub(crate) fn read(status: &DeployerStatus) -> Option<Self> {
        let mark = || {
            let index = usize::try_from(status.current_step?).ok()?.checked_sub(1)?;
            Some(Mark {
                index,
                percent: status.step_percent?,
            })
        };
        let phase = match status.phase? {
            PhaseName::Installing => Phase::Installing,
            PhaseName::Scaling => Phase::Scaling(mark()?),
            PhaseName::Waiting => Phase::Waiting(mark()?, status.step_started_at?),
            PhaseName::Retiring => Phase::Retiring(status.step_started_at?),
            PhaseName::Draining => Phase::Draining,
            PhaseName::Migrating => Phase::Migrating,
            PhaseName::Starting => Phase::Starting,
            PhaseName::Finishing => Phase::Finishing,
            PhaseName::Stable => Phase::Stable,
        };
        Some(Self {
            rollout: status.rollout?,
            started_at: status.started_at,
            kind: status.kind.unwrap_or_default(),
            from: status.from.clone(),
            // What an operator wrote that did not know revisions is found again from what there is.
            to: status.to.clone().filter(|to| to.template.is_object())?,
            phase,
            progress: status.progress.clone(),
            lateness: status.lateness.unwrap_or_default(),
            checks: status.checks.clone(),
            migration: status.migration.clone(),
            memory: Memory {
                rejected: status.rejected_revisions.clone(),
                handled_retry: status.handled_retry.clone(),
                intermediate: status.intermediate.clone(),
                kept: status.kept.clone(),
                migrated: status.migrated_revisions.clone(),
                history: status.history.clone(),
            },
        })
    }

    /// The status that says it. What was seen is not in it.
    pub(crate) fn write(&self) -> DeployerStatus {
        let (phase, since) = match self.phase {
            Phase::Installing => (PhaseName::Installing, None),
            Phase::Scaling(_) => (PhaseName::Scaling, None),
            Phase::Waiting(_, since) => (PhaseName::Waiting, Some(since)),
            Phase::Retiring(since) => (PhaseName::Retiring, Some(since)),
            Phase::Draining => (PhaseName::Draining, None),
            Phase::Migrating => (PhaseName::Migrating, None),
            Phase::Starting => (PhaseName::Starting, None),
            Phase::Finishing => (PhaseName::Finishing, None),
            Phase::Stable => (PhaseName::Stable, None),
        };
        let mark = self.phase.mark();
        let memory = self.memory.clone();
        DeployerStatus {
            progress: self.progress.clone(),
            phase: Some(phase),
            rollout: Some(self.rollout),
            started_at: self.started_at,
            kind: Some(self.kind),
            from: self.from.clone(),
            to: Some(self.to.clone()),
            stable_revision: self.stable().map(|release| release.revision.clone()),
            rejected_revisions: memory.rejected,
            handled_retry: memory.handled_retry,
            intermediate: memory.intermediate,
            kept: memory.kept,
            current_step: mark.and_then(|mark| u32::try_from(mark.index + 1).ok()),
            step_percent: mark.map(|mark| mark.percent),
            step_started_at: since,
            lateness: (self.lateness != Lateness::default()).then_some(self.lateness),
            checks: self.checks.clone(),
            migration: self.migration.clone(),
            migrated_revisions: memory.migrated,
            history: memory.history,
            ..DeployerStatus::default()
        }
    }
}

/// Newest first, each once.
fn remember(list: &mut Vec<String>, revision: &str) {
    list.retain(|known| known != revision);
    list.insert(0, String::from(revision));
    list.truncate(REMEMBERED);
}
