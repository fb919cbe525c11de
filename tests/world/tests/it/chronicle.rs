//! Everything that happened in the cluster, change by change, each with the virtual time at which it happened.

use std::collections::BTreeMap;
use std::sync::Arc;

use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::store::{Change, Key, Revision};
use oarlock_devcluster::{Store, VirtualClock};
use parking_lot::Mutex;
use serde_json::Value;
use tokio_util::task::AbortOnDropHandle;

/// One change and its time.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) at: Timestamp,
    pub(crate) change: Arc<Change>,
}

/// Follows a store. Virtual time stands while any task has something to do, so that no change is noted late.
pub(crate) struct Chronicle {
    store: Store,
    entries: Arc<Mutex<Vec<Entry>>>,
    _task: AbortOnDropHandle<()>,
}

/// The objects of some resources at one moment of the past, by plural and key.
pub(crate) type Scene = BTreeMap<(String, Key), Arc<Value>>;

impl Chronicle {
    pub(crate) fn begin(store: &Store, clock: Arc<VirtualClock>) -> Self {
        let mut watch = store.watch(None, None).unwrap();
        let entries = Arc::<Mutex<Vec<Entry>>>::default();
        let written = Arc::clone(&entries);
        let task = tokio::spawn(async move {
            while let Some(change) = watch.next().await {
                let change = change.unwrap();
                let at = clock.now();
                written.lock().push(Entry { at, change });
            }
        });
        Self {
            store: store.clone(),
            entries,
            _task: AbortOnDropHandle::new(task),
        }
    }

    /// All changes after `since`, in order.
    pub(crate) async fn since(&self, since: Revision) -> Vec<Entry> {
        let last = || self.entries.lock().last().map_or(0, |e| e.change.revision);
        while last() < self.store.revision() {
            tokio::task::yield_now().await;
        }
        let entries = self.entries.lock();
        let start = entries.partition_point(|entry| entry.change.revision <= since);
        entries[start..].to_vec()
    }

    /// Calls `look` with every state that there was after `since`, and the entry that led to it.
    pub(crate) async fn replay(&self, since: Revision, mut look: impl FnMut(&Entry, &Scene)) {
        let mut scene = Scene::new();
        for entry in self.since(0).await {
            let change = &entry.change;
            let place = (change.resource.plural().to_owned(), change.key.clone());
            if change.removed {
                scene.remove(&place);
            } else {
                scene.insert(place, Arc::clone(&change.object));
            }
            if change.revision > since {
                look(&entry, &scene);
            }
        }
    }
}
