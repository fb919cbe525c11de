//! Which object is reconciled next.
//!
//! A pure state machine: it is told the time and never waits. It owns the rules that one object is never reconciled twice
//! at once, that live changes go before timers and timers before resyncs, and that a watch has at most so many runs at a
//! time. It does not know what a reconcile is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use oarlock_core::reference::{Gvk, ObjectRef, ResourceVersion};
use oarlock_core::timestamp::Timestamp;

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

/// The version of an object whose change asks for a run. A run that wrote this very version is not repeated for it.
pub(crate) type Cause = (ObjectRef, ResourceVersion);

/// The queue. Keys are the reconciled objects.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    items: HashMap<ObjectRef, Item>,
    ready: BTreeSet<(Priority, u64, ObjectRef)>,
    timers: BTreeMap<(Timestamp, ObjectRef), Priority>,
    running: HashMap<Gvk, usize>,
    /// Ties are broken by arrival.
    sequence: u64,
}

#[derive(Debug, Default)]
struct Item {
    ready: Option<(Priority, u64)>,
    timer: Option<Timestamp>,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    /// What arrived meanwhile.
    Running(Vec<(Priority, Option<Cause>)>),
}

impl Queue {
    /// Asks for a run of `key`. While one is going on, another follows it.
    pub(crate) fn add(&mut self, key: &ObjectRef, priority: Priority, cause: Option<Cause>) {
        let item = self.items.entry(key.clone()).or_default();
        if let State::Running(waiting) = &mut item.state {
            waiting.push((priority, cause));
            return;
        }
        if let Some(ready) = item.ready {
            if ready.0 <= priority {
                return;
            }
            self.ready.remove(&(ready.0, ready.1, key.clone()));
        }
        self.sequence += 1;
        item.ready = Some((priority, self.sequence));
        self.ready.insert((priority, self.sequence, key.clone()));
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
    pub(crate) fn take(
        &mut self,
        now: Timestamp,
        limit: impl Fn(&Gvk) -> usize,
    ) -> Option<ObjectRef> {
        self.ring(now);
        let next = self
            .ready
            .iter()
            .find(|(_, _, key)| self.running.get(&key.gvk).copied().unwrap_or(0) < limit(&key.gvk))?
            .clone();
        self.ready.remove(&next);
        let key = next.2;
        let item = self.items.entry(key.clone()).or_default();
        item.ready = None;
        if let Some(at) = item.timer.take() {
            self.timers.remove(&(at, key.clone()));
        }
        item.state = State::Running(Vec::new());
        *self.running.entry(key.gvk.clone()).or_default() += 1;
        Some(key)
    }

    /// A run is over. What arrived meanwhile asks for another, but for the versions that the run itself wrote.
    pub(crate) fn done(&mut self, key: &ObjectRef, written: &[Cause]) {
        let Some(item) = self.items.get_mut(key) else {
            return;
        };
        let State::Running(waiting) = std::mem::take(&mut item.state) else {
            return;
        };
        if let Some(running) = self.running.get_mut(&key.gvk) {
            *running = running.saturating_sub(1);
        }
        for (priority, cause) in waiting {
            if cause.as_ref().is_none_or(|cause| !written.contains(cause)) {
                self.add(key, priority, cause);
            }
        }
        self.tidy(key);
    }

    /// Forgets the timers and requests of `key`; a run that is going on ends by itself.
    pub(crate) fn forget(&mut self, key: &ObjectRef) {
        let Some(item) = self.items.get_mut(key) else {
            return;
        };
        if let Some((priority, sequence)) = item.ready.take() {
            self.ready.remove(&(priority, sequence, key.clone()));
        }
        if let Some(at) = item.timer.take() {
            self.timers.remove(&(at, key.clone()));
        }
        if let State::Running(waiting) = &mut item.state {
            waiting.clear();
        }
        self.tidy(key);
    }

    /// When the next timer goes off.
    pub(crate) fn next_timer(&self) -> Option<Timestamp> {
        self.timers.keys().next().map(|(at, _)| *at)
    }

    /// How many objects wait for a worker.
    pub(crate) fn depth(&self) -> usize {
        self.ready.len()
    }

    fn ring(&mut self, now: Timestamp) {
        while let Some(((at, key), priority)) = self.timers.first_key_value()
            && *at <= now
        {
            let (at, key, priority) = (*at, key.clone(), *priority);
            self.timers.remove(&(at, key.clone()));
            if let Some(item) = self.items.get_mut(&key) {
                item.timer = None;
            }
            self.add(&key, priority, None);
        }
    }

    fn tidy(&mut self, key: &ObjectRef) {
        if let Some(item) = self.items.get(key)
            && item.ready.is_none()
            && item.timer.is_none()
            && matches!(item.state, State::Idle)
        {
            self.items.remove(key);
        }
    }
}

#[cfg(test)]
mod tests;
