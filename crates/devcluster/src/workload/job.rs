//! The Job controller's decisions: pods until enough have succeeded, or too many have failed.
//!
//! Terminated pods are counted by a [`Tally`] and not by a finalizer on the pods, which is what the real controller uses to
//! survive its own restarts.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::batch::v1::{Job, JobCondition, JobSpec, JobStatus, UncountedTerminatedPods};
use k8s_openapi::api::core::v1::Pod;
use oarlock_core::timestamp::Timestamp;

use super::action::{Action, Body, Decision, Kind};
use super::instant::{instant, seconds, time};
use super::ownership::uid;
use super::readiness::{self, Phase, is_active, is_ready, phase};
use super::template;

#[cfg(test)]
mod tests;

/// First pause before a failed pod is replaced; doubles with each failure.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// The pods of a Job that have ended, each counted once even when it is deleted afterwards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    succeeded: BTreeSet<String>,
    failed: BTreeSet<String>,
    last_failure: Option<Timestamp>,
}

/// Why a Job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Complete,
    BackoffLimit,
    Deadline,
}

impl Tally {
    /// Counts what has ended since.
    pub(crate) fn count(&mut self, pods: &[Arc<Pod>], now: Timestamp) {
        for pod in pods {
            let uid = String::from(uid(&pod.metadata));
            match phase(pod) {
                Phase::Succeeded => {
                    self.succeeded.insert(uid);
                }
                Phase::Failed => {
                    if self.failed.insert(uid) {
                        self.last_failure = Some(now);
                    }
                }
                Phase::Pending | Phase::Unknown | Phase::Running => {}
            }
        }
    }

    /// When the next pod may be started.
    fn pause_ends(&self) -> Option<Timestamp> {
        let failures = u32::try_from(self.failed.len()).unwrap_or(u32::MAX);
        let doubled = FIRST_PAUSE * 2_u32.pow(failures.saturating_sub(1).min(6));
        Some(self.last_failure?.after(doubled.min(LONGEST_PAUSE)))
    }
}

/// The next writes for this Job. `pods` are those it controls.
pub(crate) fn decide(job: &Job, pods: &[Arc<Pod>], tally: &Tally, now: Timestamp) -> Decision {
    let Some(spec) = &job.spec else {
        return Decision::idle();
    };
    // Somebody else's: `spec.managedBy`.
    if job.metadata.deletion_timestamp.is_some()
        || spec
            .managed_by
            .as_deref()
            .is_some_and(|by| by != "kubernetes.io/job-controller")
    {
        return Decision::idle();
    }
    if let Some(ended) = ended_at(job) {
        return expire(job, spec, pods, ended, now);
    }
    View {
        job,
        spec,
        pods,
        tally,
        now,
    }
    .decide()
}

/// When the Job was marked Complete or Failed.
fn ended_at(job: &Job) -> Option<Timestamp> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    let ended = conditions.iter().find(|condition| {
        matches!(condition.type_.as_str(), "Complete" | "Failed") && condition.status == "True"
    })?;
    ended.last_transition_time.as_ref().map(instant)
}

/// What is left to do for a Job that has ended: its last pods go, then itself when its time has come.
fn expire(
    job: &Job,
    spec: &JobSpec,
    pods: &[Arc<Pod>],
    ended: Timestamp,
    now: Timestamp,
) -> Decision {
    let actions = pods
        .iter()
        .filter(|pod| is_active(pod))
        .map(delete)
        .collect();
    let mut decision = Decision {
        actions,
        wake: None,
    };
    let Some(ttl) = spec.ttl_seconds_after_finished else {
        return decision;
    };
    let end = ended.after(seconds(ttl));
    if end <= now {
        decision
            .actions
            .push(Action::Delete(Body::Job(Box::new(job.clone()))));
    } else {
        decision.wake_at(Some(end));
    }
    decision
}

struct View<'a> {
    job: &'a Job,
    spec: &'a JobSpec,
    pods: &'a [Arc<Pod>],
    tally: &'a Tally,
    now: Timestamp,
}

impl View<'_> {
    fn decide(&self) -> Decision {
        let suspended = self.spec.suspend == Some(true);
        let active: Vec<&Arc<Pod>> = self.pods.iter().filter(|pod| is_active(pod)).collect();
        let verdict = self.verdict(active.len());
        let mut decision = Decision::idle();
        if suspended || verdict.is_some() {
            decision
                .actions
                .extend(active.iter().map(|pod| delete(pod)));
        } else {
            self.scale(&active, &mut decision);
            decision.wake_at(self.deadline());
        }
        let status = self.status(&active, suspended, verdict);
        if self.job.status.as_ref() != Some(&status) {
            let mut job = self.job.clone();
            job.status = Some(status);
            // First, so that a Job shows its pods' end no later than their absence.
            decision
                .actions
                .insert(0, Action::UpdateStatus(Body::Job(Box::new(job))));
        }
        decision
    }

    fn verdict(&self, active: usize) -> Option<Verdict> {
        let limit = usize::try_from(self.spec.backoff_limit.unwrap_or(6)).unwrap_or(0);
        let restarts: i32 = self.pods.iter().map(|pod| readiness::restarts(pod)).sum();
        let restarts = usize::try_from(restarts).unwrap_or(0);
        let in_place = self
            .spec
            .template
            .spec
            .as_ref()
            .is_some_and(|spec| spec.restart_policy.as_deref() == Some("OnFailure"));
        if self.tally.failed.len() > limit || (in_place && restarts > 0 && restarts >= limit) {
            return Some(Verdict::BackoffLimit);
        }
        if self.deadline().is_some_and(|deadline| deadline <= self.now) {
            return Some(Verdict::Deadline);
        }
        let succeeded = self.tally.succeeded.len();
        let complete = match self.spec.completions {
            Some(wanted) => succeeded >= usize::try_from(wanted).unwrap_or(0),
            None => succeeded > 0 && active == 0,
        };
        complete.then_some(Verdict::Complete)
    }

    fn deadline(&self) -> Option<Timestamp> {
        let started = self.job.status.as_ref()?.start_time.as_ref()?;
        Some(instant(started).after(seconds(self.spec.active_deadline_seconds?)))
    }

    fn scale(&self, active: &[&Arc<Pod>], decision: &mut Decision) {
        let parallelism = usize::try_from(self.spec.parallelism.unwrap_or(1)).unwrap_or(0);
        let succeeded = self.tally.succeeded.len();
        let wanted = match self.spec.completions {
            Some(completions) => {
                let completions = usize::try_from(completions).unwrap_or(0);
                parallelism.min(completions.saturating_sub(succeeded))
            }
            // A work queue: once one has found it empty, no more are started.
            None if succeeded > 0 => active.len().min(parallelism),
            None => parallelism,
        };
        if active.len() > wanted {
            decision
                .actions
                .extend(active.iter().skip(wanted).map(|pod| delete(pod)));
            return;
        }
        let missing = wanted - active.len();
        if missing == 0 {
            return;
        }
        if let Some(instant) = self
            .tally
            .pause_ends()
            .filter(|instant| *instant > self.now)
        {
            decision.wake_at(Some(instant));
            return;
        }
        let pod = template::pod(&self.spec.template, Kind::Job, &self.job.metadata);
        let create = Action::Create(Body::Pod(Box::new(pod)));
        decision.actions.extend(vec![create; missing]);
    }

    fn status(&self, active: &[&Arc<Pod>], suspended: bool, verdict: Option<Verdict>) -> JobStatus {
        let before = self.job.status.clone().unwrap_or_default();
        let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
        let present = |number: usize| (number > 0).then(|| count(number));
        let terminating = self.pods.iter().filter(|pod| {
            pod.metadata.deletion_timestamp.is_some() && phase(pod) < Phase::Succeeded
        });
        let stopped = suspended || verdict.is_some();
        let ready = if stopped {
            0
        } else {
            active.iter().filter(|pod| is_ready(pod)).count()
        };
        let mut conditions = before.conditions.unwrap_or_default();
        self.suspension(suspended, &mut conditions);
        if let Some(verdict) = verdict {
            self.conclude(verdict, &mut conditions);
        }
        JobStatus {
            active: if stopped { None } else { present(active.len()) },
            ready: Some(count(ready)),
            succeeded: present(self.tally.succeeded.len()),
            failed: present(
                self.tally.failed.len()
                    + if verdict.is_some_and(Verdict::fails) {
                        active.len()
                    } else {
                        0
                    },
            ),
            terminating: Some(count(terminating.count())),
            uncounted_terminated_pods: Some(UncountedTerminatedPods::default()),
            start_time: match (suspended, before.start_time) {
                (true, _) => None,
                (false, Some(started)) => Some(started),
                (false, None) => Some(time(self.now)),
            },
            completion_time: (verdict == Some(Verdict::Complete)).then(|| time(self.now)),
            conditions: (!conditions.is_empty()).then_some(conditions),
            completed_indexes: before.completed_indexes,
            failed_indexes: before.failed_indexes,
        }
    }

    fn suspension(&self, suspended: bool, conditions: &mut Vec<JobCondition>) {
        let status = if suspended { "True" } else { "False" };
        let shown = conditions
            .iter()
            .position(|condition| condition.type_ == "Suspended");
        let new = || {
            let (reason, message) = if suspended {
                ("JobSuspended", "Job suspended")
            } else {
                ("JobResumed", "Job resumed")
            };
            self.condition("Suspended", status, reason, message)
        };
        match shown {
            None if suspended => conditions.push(new()),
            Some(at) if conditions[at].status != status => conditions[at] = new(),
            None | Some(_) => {}
        }
    }

    fn conclude(&self, verdict: Verdict, conditions: &mut Vec<JobCondition>) {
        let (first, last) = if verdict.fails() {
            ("FailureTarget", "Failed")
        } else {
            ("SuccessCriteriaMet", "Complete")
        };
        let (reason, message) = match verdict {
            Verdict::Complete => (
                "CompletionsReached",
                "Reached expected number of succeeded pods",
            ),
            Verdict::BackoffLimit => (
                "BackoffLimitExceeded",
                "Job has reached the specified backoff limit",
            ),
            Verdict::Deadline => (
                "DeadlineExceeded",
                "Job was active longer than specified deadline",
            ),
        };
        for kind in [first, last] {
            conditions.push(self.condition(kind, "True", reason, message));
        }
    }

    fn condition(&self, kind: &str, status: &str, reason: &str, message: &str) -> JobCondition {
        JobCondition {
            type_: String::from(kind),
            status: String::from(status),
            reason: Some(String::from(reason)),
            message: Some(String::from(message)),
            last_probe_time: Some(time(self.now)),
            last_transition_time: Some(time(self.now)),
        }
    }
}

impl Verdict {
    const fn fails(self) -> bool {
        matches!(self, Self::BackoffLimit | Self::Deadline)
    }
}

fn delete(pod: &Arc<Pod>) -> Action {
    Action::Delete(Body::Pod(Box::new(Pod::clone(pod))))
}
