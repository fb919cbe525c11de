//! The election of a leader, as client-go decides it: a pure state machine that is told the time and never waits.
//!
//! Whoever asks for a lease that somebody holds waits until the record has not changed for the duration that *it* names,
//! by the own clock and counted from when the change was seen. Whoever holds it renews it every retry period, and leads until
//! the renew deadline has passed since the last successful renewal was *sent*: what the server has stored can only be later.
//! Every write names the version that it replaces, so that of two only one gets through.
//!
//! Beyond client-go: a lease that vanishes while somebody else held it is created anew only once it would have expired.

use oarlock_core::timestamp::Timestamp;

use super::moment::Moment;
use super::record::Record;
use super::timing::Timing;

/// One candidate.
#[derive(Clone, Debug)]
pub(super) struct Election {
    identity: String,
    timing: Timing,
    /// The record that was last seen.
    observed: Option<Observed>,
    standing: Standing,
    phase: Phase,
    /// Calls so far: spreads the tries of those that wait.
    calls: u64,
}

#[derive(Clone, Debug)]
struct Observed {
    record: Record,
    /// The version that may be replaced; `None` when the object is gone.
    version: Option<String>,
    /// When the record was first seen to be this one.
    at: Moment,
}

/// Whether this process leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It does not.
    Standby,
    /// It does, until then at most.
    Leading {
        /// The renew deadline.
        until: Moment,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing to do until then.
    Rest(Moment),
    /// Look at the lease.
    Ask,
    /// Take or renew it. `fast`: without having looked, in the hope that nothing changed.
    Claim { fast: bool },
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing until then.
    Wait(Moment),
    /// Read the lease.
    Read,
    /// Create it.
    Create(Record),
    /// Replace this version of it.
    Replace { version: String, record: Record },
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// This is stored: what was read, or what was written.
    Stored { version: String, record: Record },
    /// There is no lease.
    Absent,
    /// Somebody else was faster.
    Refused,
    /// Nobody knows: a write may have taken effect.
    Failed,
}

impl Election {
    pub(super) fn new(identity: String, timing: Timing) -> Self {
        Self {
            identity,
            timing,
            observed: None,
            standing: Standing::Standby,
            phase: Phase::Ask,
            calls: 0,
        }
    }

    /// Whether it leads at `now`.
    pub(super) fn standing(&self, now: Moment) -> Standing {
        match self.standing {
            Standing::Leading { until } if now < until => self.standing,
            _ => Standing::Standby,
        }
    }

    /// Who holds the lease, as far as it was seen; nobody after a release.
    pub(super) fn holder(&self) -> Option<&str> {
        let holder = self.observed.as_ref()?.record.holder.as_str();
        (!holder.is_empty()).then_some(holder)
    }

    /// What to do at `now`. `wall` is for people only.
    pub(super) fn step(&mut self, now: Moment, wall: Timestamp) -> Step {
        self.standing = self.standing(now);
        let leading = match self.standing {
            Standing::Leading { until } => Some(until),
            Standing::Standby => None,
        };
        if let Phase::Rest(until) = self.phase {
            if now < until {
                return Step::Wait(leading.map_or(until, |end| end.min(until)));
            }
            self.phase = match leading {
                Some(_) => Phase::Claim { fast: true },
                None => Phase::Ask,
            };
        }
        match (self.phase, &self.observed) {
            (Phase::Claim { .. }, None) => Step::Create(self.claim(wall)),
            (Phase::Claim { .. }, Some(observed)) => match observed.version.clone() {
                Some(version) => Step::Replace {
                    version,
                    record: self.claim(wall),
                },
                None => Step::Create(self.claim(wall)),
            },
            (Phase::Ask | Phase::Rest(_), _) => Step::Read,
        }
    }

    /// The record with which this process holds the lease.
    fn claim(&self, wall: Timestamp) -> Record {
        let wall = wall.rfc3339_micro();
        let before = self.observed.as_ref().map(|observed| &observed.record);
        let mine = before.filter(|record| record.holder == self.identity);
        Record {
            holder: self.identity.clone(),
            seconds: self.timing.seconds(),
            acquired: mine.map_or_else(|| wall.clone(), |record| record.acquired.clone()),
            transitions: match (mine, before) {
                (Some(record), _) => record.transitions,
                (None, Some(record)) => record.transitions.saturating_add(1),
                (None, None) => 0,
            },
            renewed: wall,
        }
    }

    /// Files what became of the last step, which was begun at `sent` and has come to its end at `now`.
    pub(super) fn answered(&mut self, sent: Moment, now: Moment, answer: Answer) {
        self.calls += 1;
        let rest = Phase::Rest(now.after(self.pause()));
        match (self.phase, answer) {
            (Phase::Claim { .. }, Answer::Stored { version, record }) => {
                self.observe(version, record, now);
                let until = sent.after(self.timing.renew_deadline);
                self.standing = Standing::Leading { until };
                self.phase = Phase::Rest(now.after(self.timing.retry));
            }
            // What is stored is not what was thought: look at it, once.
            (Phase::Claim { fast: true }, _) => self.phase = Phase::Ask,
            (Phase::Claim { fast: false }, _) => self.phase = rest,
            (_, Answer::Stored { version, record }) => {
                self.observe(version, record, now);
                self.phase = self.after_a_look(now, rest);
            }
            (_, Answer::Absent) => {
                if let Some(observed) = &mut self.observed {
                    observed.version = None;
                }
                self.phase = self.after_a_look(now, rest);
            }
            (_, Answer::Refused | Answer::Failed) => self.phase = rest,
        }
    }

    /// Takes notice of the lease, apart from any step.
    pub(super) fn looked(&mut self, now: Moment, answer: Answer) {
        if let Answer::Stored { version, record } = answer {
            self.observe(version, record, now);
        }
    }

    fn after_a_look(&mut self, now: Moment, rest: Phase) -> Phase {
        if self.is_free(now) {
            return Phase::Claim { fast: false };
        }
        // Whoever took it did so after its end, or by force: there is no second leader.
        self.standing = Standing::Standby;
        rest
    }

    fn pause(&self) -> std::time::Duration {
        match self.standing {
            Standing::Leading { .. } => self.timing.retry,
            Standing::Standby => self.timing.spread(&(self.identity.as_str(), self.calls)),
        }
    }

    fn observe(&mut self, version: String, record: Record, now: Moment) {
        let at = match &self.observed {
            Some(observed) if observed.record == record => observed.at,
            _ => now,
        };
        self.observed = Some(Observed {
            record,
            version: Some(version),
            at,
        });
    }

    /// Whether nobody else can be at work.
    fn is_free(&self, now: Moment) -> bool {
        self.observed.as_ref().is_none_or(|observed| {
            let record = &observed.record;
            record.holder.is_empty()
                || record.holder == self.identity
                || observed.at.after(record.duration()) <= now
        })
    }

    /// The write that gives the lease back; `None` when this process does not hold it, as far as it knows.
    pub(super) fn release(&self, wall: Timestamp) -> Option<Step> {
        let observed = self.observed.as_ref()?;
        let mine = observed.record.holder == self.identity;
        let version = observed.version.clone().filter(|_| mine)?;
        Some(Step::Replace {
            version,
            record: observed.record.released(wall),
        })
    }
}

#[cfg(test)]
mod tests;
