//! When to look again though nothing has changed.

use std::collections::{BTreeSet, HashMap};

use oarlock_core::timestamp::Timestamp;

use crate::workload::cache::Work;

/// At most one instant per object.
#[derive(Default)]
pub(super) struct Timers {
    order: BTreeSet<(Timestamp, Work)>,
    instants: HashMap<Work, Timestamp>,
}

impl Timers {
    /// Sets, moves or clears the timer of an object.
    pub(super) fn set(&mut self, work: &Work, instant: Option<Timestamp>) {
        self.clear(work);
        if let Some(instant) = instant {
            self.instants.insert(work.clone(), instant);
            self.order.insert((instant, work.clone()));
        }
    }

    /// Clears the timer of an object.
    pub(super) fn clear(&mut self, work: &Work) {
        if let Some(instant) = self.instants.remove(work) {
            self.order.remove(&(instant, work.clone()));
        }
    }

    /// The first instant.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.order.first().map(|(instant, _)| *instant)
    }

    /// Takes out what is due.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<Work> {
        let mut due = Vec::new();
        while self.next().is_some_and(|instant| instant <= now) {
            if let Some((_, work)) = self.order.pop_first() {
                self.instants.remove(&work);
                due.push(work);
            }
        }
        due
    }
}
