//! The bounded past: what watches resume from and paged lists are rewound with.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Notify;

use super::{Key, Revision};
use crate::resource::ResourceId;

/// One write.
#[derive(Clone, Debug)]
pub struct Change {
    /// The revision it made.
    pub revision: Revision,
    /// The table it happened in.
    pub resource: ResourceId,
    /// Which object.
    pub key: Key,
    /// The object after the write; for a removal the last state with the removal's revision.
    pub object: Arc<Value>,
    /// The object before the write, `None` when it was created.
    pub previous: Option<Arc<Value>>,
    /// Whether the object is gone.
    pub removed: bool,
}

/// A ring of changes.
pub(super) struct History {
    ring: VecDeque<Arc<Change>>,
    capacity: usize,
    /// Revision of the newest change that was forgotten: resuming from before it is impossible.
    floor: Revision,
    /// Nothing more will happen: the resource is no longer served.
    over: bool,
    /// Told of every change. Not a `watch` channel, which wakes in random order: equal runs shall be equal.
    tip: Arc<Notify>,
}

impl History {
    pub(super) fn new(capacity: usize, floor: Revision) -> Self {
        Self {
            ring: VecDeque::new(),
            capacity,
            floor,
            over: false,
            tip: Arc::default(),
        }
    }

    pub(super) fn record(&mut self, change: Arc<Change>) {
        self.ring.push_back(change);
        while self.ring.len() > self.capacity {
            if let Some(forgotten) = self.ring.pop_front() {
                self.floor = forgotten.revision;
            }
        }
        self.tip.notify_waiters();
    }

    /// Forgets everything up to `revision`.
    pub(super) fn compact(&mut self, revision: Revision) {
        self.ring.clear();
        self.floor = revision;
    }

    pub(super) fn reaches(&self, revision: Revision) -> bool {
        revision >= self.floor
    }

    /// Changes after `revision`, oldest first.
    pub(super) fn after(
        &self,
        revision: Revision,
    ) -> impl DoubleEndedIterator<Item = &Arc<Change>> {
        let start = self
            .ring
            .partition_point(|change| change.revision <= revision);
        self.ring.range(start..)
    }

    /// Lets watches read what is left and end.
    pub(super) fn close(&mut self) {
        self.over = true;
        self.tip.notify_waiters();
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Tells of every change and of the end; another history has another one.
    pub(super) const fn tip(&self) -> &Arc<Notify> {
        &self.tip
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.tip.notify_waiters();
    }
}
