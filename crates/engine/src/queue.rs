//! Which object is reconciled next.
//!
//! A pure state machine: it is told the time and never waits. It owns these rules, and does not know what a reconcile is:
//!
//! - One object is never reconciled twice at once, and a watch has at most so many runs at a time.
//! - Live changes go before timers, and timers before resyncs. Every tenth run goes to whoever waits longest, so that a
//!   stream of live changes puts nothing off for ever.
//! - Within a priority the watches take turns: a watch with ten thousand waiting objects delays another watch's object by
//!   one run, not by ten thousand.
//! - A request never loses its place: what keeps changing is run with what it is then, not put off until it is quiet.
//! - After a failed run an object is *held*: changes around it bring the next run forward, but not before the hold ends. So
//!   a thousand Events about a failing object cost one run, and its backoff grows by failed runs alone. What presses (the
//!   object itself was changed by its user, its module was replaced, what it waited for appeared) runs at once.

mod lane;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use oarlock_core::reference::{Gvk, ObjectRef, ResourceVersion};
use oarlock_core::timestamp::Timestamp;

pub(crate) use lane::{Lane, Place};

/// How urgent a run is; the first goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    /// Something changed.
    Live,
    /// A timer went off: a requeue or a backoff.
    Timer,
    /// Start, period, a new module: nobody is waiting.
    Resync,
}

impl Priority {
    /// All, the most urgent first.
    pub(crate) const ALL: [Self; 3] = [Self::Live, Self::Timer, Self::Resync];

    /// The word in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Timer => "timer",
            Self::Resync => "resync",
        }
    }
}

/// The version of an object whose change asks for a run. A run that wrote this very version is not repeated for it.
pub(crate) type Cause = (ObjectRef, ResourceVersion);

/// Every so many runs one goes to whoever waits longest, whatever its priority.
const PATIENCE: u64 = 10;

/// So many requests that arrive during one run are kept apart. Beyond that it is not worth knowing which of them the run
/// caused itself: another run follows.
const MOST_APART: usize = 64;

/// The queue. Keys are the reconciled objects.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    items: HashMap<ObjectRef, Item>,
    lanes: BTreeMap<Gvk, Lane>,
    timers: BTreeMap<(Timestamp, ObjectRef), Priority>,
    /// Ties are broken by arrival.
    sequence: u64,
    /// Runs so far.
    taken: u64,
    /// As it was last told.
    now: Timestamp,
}

#[derive(Debug, Default)]
struct Item {
    ready: Option<Place>,
    timer: Option<Timestamp>,
    /// Until then only what presses is a reason to run.
    hold: Option<Timestamp>,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    /// What arrived meanwhile.
    Running(Vec<Asked>),
}

/// A request for a run.
#[derive(Clone, Debug)]
struct Asked {
    priority: Priority,
    cause: Option<Cause>,
    /// It does not wait until a hold ends.
    presses: bool,
}

/// An object that is to be reconciled now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Which.
    pub(crate) key: ObjectRef,
    /// Since when it has been waiting for a worker.
    pub(crate) since: Timestamp,
}

impl Queue {
    /// Tells the time: how long a request waits counts from here.
    pub(crate) fn tell(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// Asks for a run of `key`, once it is not held. While one is going on, another follows it.
    pub(crate) fn add(&mut self, key: &ObjectRef, priority: Priority, cause: Option<Cause>) {
        let asked = Asked {
            priority,
            cause,
            presses: false,
        };
        self.ask(key, asked);
    }

    /// Asks for a run of `key`, held or not.
    pub(crate) fn press(&mut self, key: &ObjectRef, priority: Priority, cause: Option<Cause>) {
        let asked = Asked {
            priority,
            cause,
            presses: true,
        };
        self.ask(key, asked);
    }

    /// Whether it makes a difference to `key` if a request presses.
    pub(crate) fn holds(&self, key: &ObjectRef) -> bool {
        self.items
            .get(key)
            .is_some_and(|item| item.hold.is_some() || matches!(item.state, State::Running(_)))
    }

    fn ask(&mut self, key: &ObjectRef, asked: Asked) {
        let item = self.items.entry(key.clone()).or_default();
        if let State::Running(waiting) = &mut item.state {
            wait(waiting, asked);
            return;
        }
        if let (Some(hold), false) = (item.hold, asked.presses) {
            if item.ready.is_none() && item.timer.is_none_or(|timer| timer > hold) {
                self.schedule(key, hold, asked.priority);
            }
            return;
        }
        let lane = self.lanes.entry(key.gvk.clone()).or_default();
        let mut since = self.now;
        if let Some(place) = item.ready {
            if place.priority <= asked.priority {
                return;
            }
            since = lane.leave(place).map_or(since, |waiting| waiting.since);
        } else {
            lane.adds += 1;
        }
        self.sequence += 1;
        item.ready = Some(lane.join(key, asked.priority, self.sequence, since));
    }

    /// Asks for a run of `key` at `at`, instead of any earlier request of this kind.
    pub(crate) fn schedule(&mut self, key: &ObjectRef, at: Timestamp, priority: Priority) {
        let item = self.items.entry(key.clone()).or_default();
        if let Some(old) = item.timer.replace(at) {
            self.timers.remove(&(old, key.clone()));
        }
        self.timers.insert((at, key.clone()), priority);
    }

    /// Takes the next object whose watch has room: `limit` tells how many runs a watch may have at a time. Its timer is
    /// dropped: the run sets a new one.
    ///
    /// Takes as long as there are watches, however many objects wait.
    pub(crate) fn take(&mut self, now: Timestamp, limit: impl Fn(&Gvk) -> usize) -> Option<Taken> {
        self.now = now;
        self.ring();
        let (gvk, place) = self.next_lane(limit)?;
        let lane = self.lanes.get_mut(&gvk)?;
        let waiting = lane.leave(place)?;
        self.taken += 1;
        lane.running.insert(waiting.key.clone(), now);
        lane.turn = self.taken;
        let item = self.items.entry(waiting.key.clone()).or_default();
        item.ready = None;
        item.hold = None;
        item.state = State::Running(Vec::new());
        if let Some(at) = item.timer.take() {
            self.timers.remove(&(at, waiting.key.clone()));
        }
        Some(Taken {
            key: waiting.key,
            since: waiting.since,
        })
    }

    /// Whose turn it is, and for which of its requests.
    fn next_lane(&self, limit: impl Fn(&Gvk) -> usize) -> Option<(Gvk, Place)> {
        let open = || {
            self.lanes
                .iter()
                .filter(|(gvk, lane)| lane.running.len() < limit(gvk))
        };
        if self.taken % PATIENCE == PATIENCE - 1 {
            return open()
                .filter_map(|(gvk, lane)| Some((gvk.clone(), lane.oldest()?)))
                .min_by_key(|(_, place)| place.sequence);
        }
        open()
            .filter_map(|(gvk, lane)| Some((lane, gvk, lane.most_urgent()?)))
            .min_by_key(|(lane, _, place)| (place.priority, lane.turn, place.sequence))
            .map(|(_, gvk, place)| (gvk.clone(), place))
    }

    /// A run is over; a failed one holds the object until `hold`. What arrived meanwhile asks for another, but for the
    /// versions that the run itself wrote.
    pub(crate) fn done(&mut self, key: &ObjectRef, written: &[Cause], hold: Option<Timestamp>) {
        let Some(item) = self.items.get_mut(key) else {
            return;
        };
        let State::Running(waiting) = std::mem::take(&mut item.state) else {
            return;
        };
        item.hold = hold;
        if let Some(lane) = self.lanes.get_mut(&key.gvk) {
            lane.running.remove(key);
        }
        for asked in waiting {
            let own = asked.cause.as_ref().is_some_and(|c| written.contains(c));
            if !own {
                self.ask(key, asked);
            }
        }
        self.tidy(key);
    }

    /// Forgets the timers and requests of `key`; a run that is going on ends by itself.
    pub(crate) fn forget(&mut self, key: &ObjectRef) {
        let Some(item) = self.items.get_mut(key) else {
            return;
        };
        if let (Some(place), Some(lane)) = (item.ready.take(), self.lanes.get_mut(&key.gvk)) {
            lane.leave(place);
        }
        if let Some(at) = item.timer.take() {
            self.timers.remove(&(at, key.clone()));
        }
        item.hold = None;
        if let State::Running(waiting) = &mut item.state {
            waiting.clear();
        }
        self.tidy(key);
    }

    /// Lets go of an object that is none any more, but for what was asked meanwhile.
    pub(crate) fn release(&mut self, key: &ObjectRef) {
        if let Some(item) = self.items.get_mut(key) {
            item.hold = None;
        }
        self.tidy(key);
    }

    /// How long the run of `key` has been going on.
    pub(crate) fn running_for(&self, key: &ObjectRef) -> Option<Duration> {
        let since = self.lanes.get(&key.gvk)?.running.get(key)?;
        Some(self.now.since(*since))
    }

    /// When the next timer goes off.
    pub(crate) fn next_timer(&self) -> Option<Timestamp> {
        self.timers.keys().next().map(|(at, _)| *at)
    }

    /// What there is of each kind that was ever asked for.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = (&Gvk, &Lane)> {
        self.lanes.iter()
    }

    fn ring(&mut self) {
        while let Some(((at, key), priority)) = self.timers.first_key_value()
            && *at <= self.now
        {
            let (at, key, priority) = (*at, key.clone(), *priority);
            self.timers.remove(&(at, key.clone()));
            if let Some(item) = self.items.get_mut(&key) {
                item.timer = None;
            }
            self.press(&key, priority, None);
        }
    }

    fn tidy(&mut self, key: &ObjectRef) {
        if let Some(item) = self.items.get(key)
            && item.ready.is_none()
            && item.timer.is_none()
            && item.hold.is_none()
            && matches!(item.state, State::Idle)
        {
            self.items.remove(key);
        }
    }
}

/// Keeps a request that arrives during a run.
fn wait(waiting: &mut Vec<Asked>, asked: Asked) {
    if waiting.len() < MOST_APART {
        waiting.push(asked);
        return;
    }
    let all = || waiting.iter().chain([&asked]);
    let merged = Asked {
        priority: all().map(|a| a.priority).min().unwrap_or(asked.priority),
        cause: None,
        presses: all().any(|a| a.presses),
    };
    *waiting = vec![merged];
}

#[cfg(test)]
mod tests;
