//! Everything that happened in the cluster, change by change, each with the virtual time at which it happened.

use std::sync::Arc;

use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::resource::ResourceId;
use oarlock_devcluster::store::Change;
use oarlock_devcluster::{Status, Store, VirtualClock};
use parking_lot::Mutex;
use tokio_util::task::AbortOnDropHandle;

/// Where Events are kept.
pub(crate) const EVENTS: ResourceId = ResourceId::of("", "events");

/// One change and its time.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) at: Timestamp,
    pub(crate) change: Arc<Change>,
}

/// Follows a store. Virtual time stands while any task has something to do, so that no change is noted late.
pub(crate) struct Chronicle {
    store: Store,
    notes: Arc<Mutex<Notes>>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Debug, Default)]
struct Notes {
    entries: Vec<Entry>,
    /// When anything but Events changed.
    last: Option<Timestamp>,
    /// When anything but Events and the status of custom objects changed.
    moved: Option<Timestamp>,
}

impl Chronicle {
    /// Begins with what happens from now on.
    ///
    /// # Errors
    ///
    /// When the store is gone.
    pub(crate) fn begin(store: &Store, clock: Arc<VirtualClock>) -> Result<Self, Status> {
        let mut watch = store.watch(None, None)?;
        let notes = Arc::<Mutex<Notes>>::default();
        let written = Arc::clone(&notes);
        // Ends with the store; a history that is long enough never falls behind.
        let task = tokio::spawn(async move {
            while let Some(Ok(change)) = watch.next().await {
                written.lock().take(clock.now(), change);
            }
        });
        Ok(Self {
            store: store.clone(),
            notes,
            _task: AbortOnDropHandle::new(task),
        })
    }

    /// When anything changed last.
    pub(crate) fn last(&self) -> Option<Timestamp> {
        self.notes.lock().last
    }

    /// When anything changed last that is more than a status of a custom object.
    pub(crate) fn moved(&self) -> Option<Timestamp> {
        self.notes.lock().moved
    }

    /// All changes, in order.
    pub(crate) async fn all(&self) -> Vec<Entry> {
        let last = || {
            let notes = self.notes.lock();
            notes.entries.last().map_or(0, |e| e.change.revision)
        };
        while last() < self.store.revision() {
            tokio::task::yield_now().await;
        }
        std::mem::take(&mut self.notes.lock().entries)
    }
}

impl Notes {
    fn take(&mut self, at: Timestamp, change: Arc<Change>) {
        if change.resource != EVENTS {
            self.last = Some(at);
            if !is_status_alone(&change) {
                self.moved = Some(at);
            }
        }
        self.entries.push(Entry { at, change });
    }
}

/// Whether only the status of an object differs whose spec is counted by generations: that of a custom kind.
fn is_status_alone(change: &Change) -> bool {
    let Some(before) = &change.previous else {
        return false;
    };
    let builtin = matches!(change.resource.group(), "" | "apps" | "batch");
    let same = |pointer: &str| before.pointer(pointer) == change.object.pointer(pointer);
    !builtin
        && !change.removed
        && [
            "/spec",
            "/metadata/annotations",
            "/metadata/labels",
            "/metadata/finalizers",
            "/metadata/deletionTimestamp",
        ]
        .into_iter()
        .all(same)
}
