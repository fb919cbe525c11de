//! The watches: one per kind, for everybody.

mod feed;
mod list;
pub(crate) mod stream;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use oarlock_core::reconciler::ReadError;
use oarlock_core::reference::Gvk;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::discovery::Discovery;
use crate::store::Store;
use crate::stores::Scope;
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
    /// What is listed and watched.
    pub(crate) scope: Scope,
    pub(crate) store: Arc<Store>,
    pub(crate) page_size: u32,
    pub(crate) watch_timeout: Duration,
    /// Whether lists are asked for as watches that begin with everything; off for good once a server refused one.
    pub(crate) streamed_lists: AtomicBool,
}

/// All feeds.
pub(crate) struct Watches {
    sources: Arc<Sources>,
    feeds: Mutex<Feeds>,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

#[derive(Default)]
struct Feeds {
    running: BTreeMap<Gvk, Running>,
    /// Ends of feeds that were told to stop. One that comes after waits for the one before, whose last words would otherwise
    /// come late.
    stopping: BTreeMap<Gvk, CancellationToken>,
}

/// A feed at work.
struct Running {
    state: watch::Receiver<FeedState>,
    stop: CancellationToken,
    ended: CancellationToken,
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
        let settled = |state: &FeedState| match state {
            FeedState::Starting => false,
            // Discovery may know a kind already of which its feed is only about to hear.
            FeedState::NotServed => self.sources.discovery.get(gvk).is_none(),
            FeedState::Synced | FeedState::Failed(_) => true,
        };
        match state.wait_for(settled).await.as_deref() {
            Ok(FeedState::Synced) => Ok(()),
            Ok(FeedState::NotServed) => Err(ReadError::UnknownKind(gvk.to_string())),
            Ok(FeedState::Failed(message)) => Err(ReadError::Unavailable(message.clone())),
            Ok(FeedState::Starting) | Err(_) => Err(ReadError::Unavailable(format!(
                "the watch of {gvk} has been ended"
            ))),
        }
    }

    /// Ends the watch of a kind, and forgets its objects.
    pub(crate) fn unwatch(&self, gvk: &Gvk) {
        let mut feeds = self.feeds.lock();
        let Feeds { running, stopping } = &mut *feeds;
        stopping.retain(|_, ended| !ended.is_cancelled());
        if let Some(feed) = running.remove(gvk) {
            feed.stop.cancel();
            stopping.insert(gvk.clone(), feed.ended);
            self.sources.store.close(gvk);
        }
    }

    fn feed(&self, gvk: &Gvk) -> watch::Receiver<FeedState> {
        let mut feeds = self.feeds.lock();
        if let Some(feed) = feeds.running.get(gvk) {
            return feed.state.clone();
        }
        let (sender, state) = watch::channel(FeedState::Starting);
        // Before the task runs: what is written from now on is cached.
        self.sources.store.open(gvk);
        let feed = Feed::new(Arc::clone(&self.sources), gvk.clone(), sender);
        let before = feeds.stopping.remove(gvk);
        let (stop, ended) = (self.cancel.child_token(), CancellationToken::new());
        let (token, end) = (stop.clone(), ended.clone().drop_guard());
        self.tasks.spawn(async move {
            if let Some(before) = before {
                before.cancelled().await;
            }
            // Dropping the feed drops its connection.
            token.run_until_cancelled(feed.run()).await;
            drop(end);
        });
        let feed = Running {
            state: state.clone(),
            stop,
            ended,
        };
        feeds.running.insert(gvk.clone(), feed);
        state
    }
}
