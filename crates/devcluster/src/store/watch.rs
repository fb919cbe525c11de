//! Following the history of one resource, or of all.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Notify;

use super::{Change, Revision, Store};
use crate::resource::ResourceId;
use crate::status::Status;

/// How many changes are taken from the history at once.
const BATCH: usize = 128;

/// A cursor into the history. It buffers no more than a batch: one that falls behind the history ends with 410.
pub struct Watch {
    store: Store,
    table: Option<ResourceId>,
    cursor: Revision,
    pending: VecDeque<Arc<Change>>,
    tip: Arc<Notify>,
}

impl Watch {
    pub(super) fn open(
        store: &Store,
        id: Option<&ResourceId>,
        from: Option<Revision>,
    ) -> Result<Self, Status> {
        let state = store.shared.state.lock();
        let table = match id {
            Some(id) => Some(state.served(id)?.storage.clone()),
            None => None,
        };
        let history = state
            .history(table.as_ref())
            .ok_or_else(Status::no_such_path)?;
        let cursor = from.unwrap_or_else(|| state.revision());
        if !history.reaches(cursor) {
            return Err(too_old(cursor, state.revision()));
        }
        let tip = Arc::clone(history.tip());
        drop(state);
        Ok(Self {
            store: store.clone(),
            table,
            cursor,
            pending: VecDeque::new(),
            tip,
        })
    }

    /// The next change, waiting for it; `None` once the resource is no longer served.
    ///
    /// Cancel-safe: nothing is lost when the future is dropped.
    ///
    /// # Errors
    ///
    /// 410 when the history has been forgotten past the cursor; the watch is over then.
    pub async fn next(&mut self) -> Option<Result<Arc<Change>, Status>> {
        loop {
            let tip = Arc::clone(&self.tip);
            // Before the look, so that nothing is missed between the two.
            let told = tip.notified();
            match self.try_next() {
                Some(Ok(None)) => {}
                Some(Ok(Some(change))) => return Some(Ok(change)),
                Some(Err(expired)) => return Some(Err(expired)),
                None => return None,
            }
            told.await;
        }
    }

    /// The next change if there is one already (`Some(Ok(None))`: not yet; `None`: no longer served).
    ///
    /// # Errors
    ///
    /// As [`Self::next`].
    pub fn try_next(&mut self) -> Option<Result<Option<Arc<Change>>, Status>> {
        if let Some(change) = self.pending.pop_front() {
            return Some(Ok(Some(change)));
        }
        let state = self.store.shared.state.lock();
        let history = state.history(self.table.as_ref())?;
        if !Arc::ptr_eq(history.tip(), &self.tip) {
            // A resource of this name is served anew: another watch's business.
            return None;
        }
        if !history.reaches(self.cursor) {
            return Some(Err(too_old(self.cursor, state.revision())));
        }
        self.pending
            .extend(history.after(self.cursor).take(BATCH).cloned());
        // With nothing left to deliver the cursor is the present, so that a bookmark moves on with the other resources.
        self.cursor = self
            .pending
            .back()
            .map_or(state.revision().max(self.cursor), |change| change.revision);
        if self.pending.is_empty() && history.is_over() {
            return None;
        }
        Some(Ok(self.pending.pop_front()))
    }

    /// The revision up to which everything has been delivered: what a bookmark may promise.
    #[must_use]
    pub fn delivered(&self) -> Revision {
        self.pending
            .front()
            .map_or(self.cursor, |change| change.revision - 1)
    }
}

fn too_old(from: Revision, present: Revision) -> Status {
    Status::expired(format!("too old resource version: {from} ({present})"))
}
