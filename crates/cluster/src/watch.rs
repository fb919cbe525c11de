//! The watches: one per kind, for everybody.

mod feed;
mod list;
pub(crate) mod stream;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::reconciler::ReadError;
use oarlock_core::reference::Gvk;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::discovery::Discovery;
use crate::store::Store;
use crate::transport::Transport;

use feed::Feed;

/// How far a kind's watch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FeedState {
    /// Nothing is known yet.
    Starting,
    /// The first list is cached, and stays so through all troubles.
    Synced,
    /// The API server does not serve it.
    NotServed,
    /// The first list failed; it is tried again.
    Failed(String),
}

/// What a feed needs.
pub(crate) struct Sources {
    pub(crate) transport: Arc<Transport>,
    pub(crate) discovery: Arc<Discovery>,
    pub(crate) store: Arc<Store>,
    pub(crate) page_size: u32,
    pub(crate) watch_timeout: Duration,
}

/// All feeds.
pub(crate) struct Watches {
    sources: Arc<Sources>,
    feeds: Mutex<BTreeMap<Gvk, watch::Receiver<FeedState>>>,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

impl Watches {
    pub(crate) fn new(
        sources: Arc<Sources>,
        tasks: TaskTracker,
        cancel: CancellationToken,
    ) -> Self {
        Self {
            sources,
            feeds: Mutex::default(),
            tasks,
            cancel,
        }
    }

    /// Begins to watch a kind, and waits until it can be read.
    pub(crate) async fn watch(&self, gvk: &Gvk) -> Result<(), ReadError> {
        let mut state = self.feed(gvk);
        let state = state.wait_for(|state| *state != FeedState::Starting).await;
        match state.as_deref() {
            Ok(FeedState::Synced) => Ok(()),
            Ok(FeedState::NotServed) => Err(ReadError::UnknownKind(gvk.to_string())),
            Ok(FeedState::Failed(message)) => Err(ReadError::Unavailable(message.clone())),
            Ok(FeedState::Starting) | Err(_) => Err(ReadError::Unavailable(
                "the watches have been shut down".to_owned(),
            )),
        }
    }

    fn feed(&self, gvk: &Gvk) -> watch::Receiver<FeedState> {
        let mut feeds = self.feeds.lock();
        if let Some(state) = feeds.get(gvk) {
            return state.clone();
        }
        let (sender, state) = watch::channel(FeedState::Starting);
        // Before the task runs: what is written from now on is cached.
        self.sources.store.open(gvk);
        let feed = Feed::new(Arc::clone(&self.sources), gvk.clone(), sender);
        let cancel = self.cancel.clone();
        self.tasks.spawn(async move {
            // Dropping the feed drops its connection.
            cancel.run_until_cancelled(feed.run()).await;
        });
        feeds.insert(gvk.clone(), state.clone());
        state
    }
}
