//! Splitting objects over members without two owners at once: a pure state machine that is told the time and never waits.
//!
//! Every member has a Lease of its own, which it renews, and in which it publishes its *view*: the set of members among which it
//! takes the objects to be split. By publishing a view a member **claims** the objects that the view gives to it.
//!
//! The rule, per object: a member works on it only while
//!
//! 1. its fence is open: the last successful renewal was sent less than a renew deadline ago;
//! 2. its published view gives it the object;
//! 3. a list of all members, begun after that view was published and after the fence was last shut, has been seen, and no other
//!    member that may be alive claims the object;
//!
//! and it publishes a view only when it has let go, to the end of the last run, of all that this view takes away.
//!
//! Why two never work on one object: of two that claim it, one published last. It listed after that, so it has seen the
//! other's claim, and waits until the other has published that it gave it up, or is dead. Both may wait for each other while their views
//! differ; since a view is nothing but who is alive, the views become equal, and one view gives an object to one member.
//!
//! Dead is a member whose Lease did not change, by a list *begun* a lease duration after the last change was *seen*: its renewal
//! was sent before that, and its fence, which is shut earlier, has been shut since. If it comes back it renews first and lists
//! then, and so finds the claims of those who took over.

use std::collections::BTreeMap;

use oarlock_core::shard::{Claim, Member, Part, Share, View};
use oarlock_core::timestamp::Timestamp;

use super::moment::Moment;
use super::record::Record;
use super::timing::Timing;

/// Leases of members that are gone are swept up after so many lease durations.
const SWEPT_AFTER: u32 = 20;

/// One member.
#[derive(Clone, Debug)]
pub(super) struct Membership {
    me: Member,
    timing: Timing,
    others: BTreeMap<String, Other>,
    /// The version of the own Lease that may be replaced.
    version: Option<String>,
    acquired: Option<String>,
    /// The view that is published.
    published: Option<View>,
    /// Views whose publication was tried, and nobody knows whether it took effect.
    tried: Vec<View>,
    /// The view that should be published: everybody who is alive.
    target: Option<View>,
    /// The renew deadline; `None` while it does not hold its Lease.
    until: Option<Moment>,
    /// Whether a list was seen that began after the last publication.
    fresh: bool,
    assigned: Assigned,
    /// The last attempt to store the own Lease met another version of it.
    refused: bool,
    phase: Phase,
}

/// Somebody else's Lease.
#[derive(Clone, Debug)]
struct Other {
    lease: String,
    version: String,
    record: Record,
    view: Option<String>,
    /// When the record was first seen to be this one.
    at: Moment,
    state: Life,
    /// Whether the last list had it.
    listed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// May be at work.
    Alive,
    /// Did not renew in time, or has left.
    Dead,
}

/// What the process was assigned last.
#[derive(Clone, Debug)]
struct Assigned {
    share: Share,
    /// Whether nothing but the share is worked on any more.
    kept: bool,
    /// The view that the share already takes account of, beside the published one.
    toward: Option<View>,
    /// The fence has been shut: nothing goes on before that has been kept.
    lost: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Rest(Moment),
    /// Renew, and publish what is to be published.
    Publish,
    /// List the members.
    Look,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing until then, or until the assignment is kept.
    Wait(Moment),
    /// Nothing until the assignment is kept.
    Settle,
    /// List all members.
    List,
    /// Store the own Lease: in the place of this version, or anew.
    Store {
        version: Option<String>,
        record: Record,
        view: View,
    },
    /// Delete the Lease of somebody who is long gone.
    Sweep { lease: String, version: String },
}

/// Somebody's Lease, as it was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) lease: String,
    pub(super) version: String,
    pub(super) record: Record,
    pub(super) view: Option<String>,
    /// Whether it is the own one, by its name.
    pub(super) own: bool,
}

/// What became of storing the own Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// This version is stored.
    Done { version: String },
    /// There is none of that version.
    Refused,
    /// There is none at all.
    Absent,
    /// Nobody knows.
    Failed,
}

/// A change of the assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) share: Share,
    /// The fence is shut: what is going on is dropped.
    pub(super) abrupt: bool,
}

impl Membership {
    pub(super) fn new(me: Member, timing: Timing) -> Self {
        Self {
            me,
            timing,
            others: BTreeMap::new(),
            version: None,
            acquired: None,
            published: None,
            tried: Vec::new(),
            target: None,
            until: None,
            fresh: false,
            assigned: Assigned {
                share: Share::Nothing,
                kept: true,
                toward: None,
                lost: false,
            },
            refused: false,
            phase: Phase::Look,
        }
    }

    /// Until when writes may be sent; `None` when they may not.
    pub(super) fn until(&self, now: Moment) -> Option<Moment> {
        self.until.filter(|until| now < *until)
    }

    /// How many members there are, as far as is known, with this one.
    pub(super) fn members(&self) -> usize {
        self.alive().count() + 1
    }

    fn alive(&self) -> impl Iterator<Item = (&String, &Other)> {
        self.others
            .iter()
            .filter(|(_, other)| other.state == Life::Alive)
    }

    /// The assignment is kept: nothing else is worked on.
    pub(super) fn kept(&mut self) {
        self.assigned.kept = true;
        self.assigned.lost = false;
    }

    /// What to assign at `now`, when it differs from what is assigned. After that, [`Self::kept`] tells that it is kept.
    pub(super) fn change(&mut self, now: Moment) -> Option<Change> {
        if self.until.is_some_and(|until| until <= now) {
            self.until = None;
            self.fresh = false;
            // Also where nothing was assigned: what was, may still be ending.
            self.assigned = Assigned {
                share: Share::Nothing,
                kept: false,
                toward: None,
                lost: true,
            };
            return Some(Change {
                share: Share::Nothing,
                abrupt: true,
            });
        }
        if self.assigned.lost {
            return None;
        }
        let share = self.share();
        self.assigned.toward.clone_from(&self.target);
        if share == self.assigned.share {
            return None;
        }
        self.assigned.share = share.clone();
        self.assigned.kept = false;
        Some(Change {
            share,
            abrupt: false,
        })
    }

    fn share(&self) -> Share {
        let Some(published) = self.published.clone().filter(|_| self.until.is_some()) else {
            return Share::Nothing;
        };
        if !self.fresh {
            // What was worked on before and is claimed again was claimed all the time: it goes on.
            return self.assigned.share.clone();
        }
        let claims = self
            .alive()
            .filter_map(|(name, other)| claim(name, other.view.as_deref(), &published));
        let claims = claims.collect();
        let mut views = vec![published];
        for view in self.tried.iter().chain(&self.target) {
            if !views.contains(view) {
                views.push(view.clone());
            }
        }
        Share::Part(Part {
            member: self.me.clone(),
            views,
            claims,
        })
    }

    /// The view that the next renewal publishes: the target once everything that it takes away has been let go.
    fn view(&self) -> Option<View> {
        let target = self.target.clone()?;
        let let_go = self.assigned.kept
            && (self.assigned.toward.as_ref() == Some(&target)
                || self.assigned.share == Share::Nothing);
        if let_go {
            return Some(target);
        }
        self.published.clone()
    }

    /// What to do at `now`. `wall` is for people only. To be asked after [`Self::change`].
    pub(super) fn step(&mut self, now: Moment, wall: Timestamp) -> Step {
        if self.assigned.lost {
            return Step::Settle;
        }
        if let Phase::Rest(until) = self.phase {
            let ready =
                self.until.is_some() && self.published.is_some() && self.view() != self.published;
            if now < until && !ready {
                return Step::Wait(self.until.map_or(until, |end| end.min(until)));
            }
            self.phase = Phase::Publish;
        }
        match (self.phase, self.view()) {
            (Phase::Publish, Some(view)) => Step::Store {
                version: self.version.clone(),
                record: self.record(wall),
                view,
            },
            (Phase::Publish | Phase::Look | Phase::Rest(_), _) => {
                self.phase = Phase::Look;
                Step::List
            }
        }
    }

    fn record(&self, wall: Timestamp) -> Record {
        let wall = wall.rfc3339_micro();
        Record {
            holder: self.me.as_str().to_owned(),
            seconds: self.timing.seconds(),
            acquired: self.acquired.clone().unwrap_or_else(|| wall.clone()),
            renewed: wall,
            transitions: 0,
        }
    }

    /// Files what became of storing `view`, begun at `sent`.
    pub(super) fn stored(
        &mut self,
        sent: Moment,
        now: Moment,
        record: &Record,
        view: View,
        answer: Stored,
    ) {
        match answer {
            Stored::Done { version } => {
                self.version = Some(version);
                self.acquired = Some(record.acquired.clone());
                if self.until.is_none() || self.published.as_ref() != Some(&view) {
                    self.fresh = false;
                }
                self.published = Some(view);
                // Each try named a version: of those before none can take effect any more.
                self.tried.clear();
                // A fence that has shut meanwhile stays so until everybody has noticed.
                if self.until.is_none_or(|until| now < until) {
                    self.until = Some(sent.after(self.timing.renew_deadline));
                }
                self.phase = Phase::Look;
            }
            Stored::Absent | Stored::Refused => {
                self.version = None;
                self.refused = true;
                self.phase = Phase::Look;
            }
            Stored::Failed => {
                if self.published.as_ref() != Some(&view) && !self.tried.contains(&view) {
                    self.tried.push(view);
                }
                self.phase = Phase::Rest(now.after(self.timing.retry));
            }
        }
    }

    /// Files a list of all members, begun at `sent`. What is to be swept up comes back.
    pub(super) fn listed(
        &mut self,
        sent: Moment,
        now: Moment,
        leases: Vec<Listed>,
    ) -> Option<Step> {
        for other in self.others.values_mut() {
            other.listed = false;
        }
        let mut own = None;
        for listed in leases {
            if listed.own {
                own = Some(listed.version);
            } else {
                self.see(listed, now);
            }
        }
        self.version = own;
        for other in self.others.values_mut() {
            // Whoever says less than is usual here is not believed.
            let duration = other.record.duration().max(self.timing.lease);
            if sent >= other.at.after(duration) {
                other.state = Life::Dead;
            }
        }
        self.others
            .retain(|_, other| other.listed || other.state == Life::Alive);
        self.fresh = self.until.is_some();
        let alive = self.alive().filter_map(|(name, _)| Member::new(name));
        let alive: Vec<Member> = alive.chain([self.me.clone()]).collect();
        self.target = Some(View::new(alive));
        let joins = self.published.is_none() && !std::mem::take(&mut self.refused);
        self.phase = if joins {
            Phase::Publish
        } else {
            Phase::Rest(now.after(self.timing.retry))
        };
        self.sweep(sent)
    }

    fn see(&mut self, listed: Listed, now: Moment) {
        let released = listed.record.holder.is_empty();
        // A released Lease no longer says whose it was.
        let name = if released {
            let found = self
                .others
                .iter()
                .find(|(_, other)| other.lease == listed.lease);
            found.map_or_else(|| listed.lease.clone(), |(name, _)| name.clone())
        } else {
            listed.record.holder.clone()
        };
        let before = self.others.get(&name);
        let same = before.filter(|other| other.record == listed.record);
        let other = Other {
            at: same.map_or(now, |other| other.at),
            state: match same {
                _ if released => Life::Dead,
                Some(other) => other.state,
                None => Life::Alive,
            },
            lease: listed.lease,
            version: listed.version,
            record: listed.record,
            view: listed.view,
            listed: true,
        };
        self.others.insert(name, other);
    }

    fn sweep(&self, sent: Moment) -> Option<Step> {
        let patience = self.timing.lease * SWEPT_AFTER;
        let gone = self.others.values().find(|other| {
            other.state == Life::Dead
                && sent >= other.at.after(patience.max(other.record.duration()))
        })?;
        Some(Step::Sweep {
            lease: gone.lease.clone(),
            version: gone.version.clone(),
        })
    }

    /// A list did not come.
    pub(super) fn unlisted(&mut self, now: Moment) {
        self.phase = Phase::Rest(now.after(self.timing.retry));
    }

    /// What to leave behind, once nothing is worked on any more; `None` when there is no Lease.
    pub(super) fn release(&self, wall: Timestamp) -> Option<(String, Record)> {
        let version = self.version.clone()?;
        Some((version, self.record(wall).released(wall)))
    }
}

/// What `name` claims that a member with the view `published` could want.
fn claim(name: &str, view: Option<&str>, published: &View) -> Option<Claim> {
    let known = view
        .and_then(View::parse)
        .and_then(|view| Some((Member::new(name)?, view)));
    match known {
        // One view gives an object to one member.
        Some((_, view)) if view == *published => None,
        Some((member, view)) => Some(Claim::Of(member, view)),
        None => Some(Claim::Anything),
    }
}

#[cfg(test)]
mod tests;
