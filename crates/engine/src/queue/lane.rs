//! The waiting objects of one watch.

use std::collections::BTreeMap;

use oarlock_core::reference::ObjectRef;
use oarlock_core::timestamp::Timestamp;

use super::Priority;

/// One watch's part of the queue.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    /// By priority, then by arrival.
    ready: [BTreeMap<u64, Waiting>; 3],
    /// Runs that are going on, and since when.
    pub(super) running: BTreeMap<ObjectRef, Timestamp>,
    /// The number of the run that was taken from here last.
    pub(super) turn: u64,
    /// Requests so far, those aside that found another one waiting.
    pub(crate) adds: u64,
}

/// An object that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) key: ObjectRef,
    pub(super) since: Timestamp,
}

/// Where in its lane an object waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(super) priority: Priority,
    pub(super) sequence: u64,
}

impl Lane {
    pub(super) fn join(
        &mut self,
        key: &ObjectRef,
        priority: Priority,
        sequence: u64,
        since: Timestamp,
    ) -> Place {
        let waiting = Waiting {
            key: key.clone(),
            since,
        };
        self.ready[priority as usize].insert(sequence, waiting);
        Place { priority, sequence }
    }

    pub(super) fn leave(&mut self, place: Place) -> Option<Waiting> {
        self.ready[place.priority as usize].remove(&place.sequence)
    }

    /// Who goes first.
    pub(super) fn most_urgent(&self) -> Option<Place> {
        self.heads().next()
    }

    /// Who waits longest. Raised requests count from when they were raised.
    pub(super) fn oldest(&self) -> Option<Place> {
        self.heads().min_by_key(|place| place.sequence)
    }

    /// The first of each priority.
    fn heads(&self) -> impl Iterator<Item = Place> {
        Priority::ALL.into_iter().filter_map(|priority| {
            let (&sequence, _) = self.ready[priority as usize].first_key_value()?;
            Some(Place { priority, sequence })
        })
    }

    /// Since when each of its runs has been going on.
    pub(crate) fn runs(&self) -> impl Iterator<Item = Timestamp> {
        self.running.values().copied()
    }

    /// How many objects wait for a worker with this priority.
    pub(crate) fn depth(&self, priority: Priority) -> usize {
        self.ready[priority as usize].len()
    }
}
