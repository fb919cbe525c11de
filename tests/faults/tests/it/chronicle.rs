//! Everything that happened in the cluster, change by change, each with the virtual time at which it happened.

use std::collections::BTreeMap;
use std::sync::Arc;

use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::store::{Change, Key, Revision};
use oarlock_devcluster::{Store, VirtualClock};
use parking_lot::Mutex;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// Changes of one run: a tenth of this is usual.
const MOST: usize = 5000;

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
    flood: CancellationToken,
    _task: AbortOnDropHandle<()>,
}

/// The objects of one moment of the past, by plural and key.
pub(crate) type State = BTreeMap<(String, Key), Arc<Value>>;

impl Chronicle {
    /// `flood` is cancelled once there are more changes than a run can have made in good faith: somebody runs in a circle.
    pub(crate) fn begin(store: &Store, clock: Arc<VirtualClock>, flood: CancellationToken) -> Self {
        let mut watch = store.watch(None, None).unwrap();
        let entries = Arc::<Mutex<Vec<Entry>>>::default();
        let written = Arc::clone(&entries);
        let flooded = flood.clone();
        let task = tokio::spawn(async move {
            while let Some(change) = watch.next().await {
                let Ok(change) = change else {
                    // Compacted behind its back: nothing that is said of such a run would be true.
                    flooded.cancel();
                    return;
                };
                let at = clock.now();
                let mut written = written.lock();
                written.push(Entry { at, change });
                if written.len() > MOST {
                    flooded.cancel();
                    return;
                }
            }
        });
        Self {
            store: store.clone(),
            entries,
            flood,
            _task: AbortOnDropHandle::new(task),
        }
    }

    /// The last changes, for people.
    pub(crate) fn latest(&self) -> Vec<String> {
        let entries = self.entries.lock();
        let some = entries.iter().rev().take(12);
        some.map(|Entry { at, change }| {
            format!(
                "{} {} {}",
                at.rfc3339(),
                change.resource.plural(),
                change.key.name
            )
        })
        .collect()
    }

    /// Waits until all that has happened is noted.
    pub(crate) async fn caught_up(&self) {
        let last = || self.entries.lock().last().map_or(0, |e| e.change.revision);
        while last() < self.store.revision() && !self.flood.is_cancelled() {
            tokio::task::yield_now().await;
        }
    }

    /// All changes, in order.
    pub(crate) async fn all(&self) -> Vec<Entry> {
        self.caught_up().await;
        std::mem::take(&mut self.entries.lock())
    }
}

/// Calls `look` with every state that there was after `since`, and the change that led to it.
pub(crate) fn replay(entries: &[Entry], since: Revision, mut look: impl FnMut(&Entry, &State)) {
    let mut state = State::new();
    for entry in entries {
        let change = &entry.change;
        let place = (change.resource.plural().to_owned(), change.key.clone());
        if change.removed {
            state.remove(&place);
        } else {
            state.insert(place, Arc::clone(&change.object));
        }
        if change.revision > since {
            look(entry, &state);
        }
    }
}

/// The objects of a resource in a state.
pub(crate) fn of<'a>(state: &'a State, plural: &'a str) -> impl Iterator<Item = &'a Value> {
    let from = (plural.to_owned(), Key::new("", ""));
    state
        .range(from..)
        .take_while(move |((resource, _), _)| resource == plural)
        .map(|(_, object)| object.as_ref())
}
