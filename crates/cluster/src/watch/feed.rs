//! The life of one kind's watch: look for the kind, list it, follow it, for ever.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::reference::{Gvk, KindInfo, ResourceVersion};
use oarlock_core::request::ApiError;
use oarlock_core::timestamp::Timestamp;
use tokio::sync::watch;

use super::list::{list, typed};
use super::stream::{Event, EventStream, StreamEnd};
use super::{FeedState, Sources};
use crate::backoff::Backoff;
use crate::path::collection;
use crate::transport::JSON;

/// A watch that ends sooner than this, without having told anything, counts as a failure.
const TOO_SHORT: Duration = Duration::from_millis(500);

/// After so many refusals in a row to go on from a version (one that is ahead of a server restored from a backup, say)
/// the kind is listed anew.
const PATIENCE: u32 = 3;

/// One kind's watch.
pub(super) struct Feed {
    sources: Arc<Sources>,
    gvk: Gvk,
    state: watch::Sender<FeedState>,
    generation: watch::Receiver<u64>,
    backoff: Backoff,
    /// Discovery as of the feed's beginning: a kind that was installed right before must not count as unknown.
    ticket: u64,
}

/// What comes next.
enum Phase {
    /// Ask discovery for the kind.
    Seek,
    /// Fetch all objects.
    List(KindInfo),
    /// Hear of changes.
    Follow(KindInfo, ResourceVersion),
}

impl Feed {
    pub(super) fn new(sources: Arc<Sources>, gvk: Gvk, state: watch::Sender<FeedState>) -> Self {
        Self {
            generation: sources.discovery.changes(),
            backoff: Backoff::new(&gvk),
            ticket: sources.discovery.ticket(),
            sources,
            gvk,
            state,
        }
    }

    /// Never returns.
    pub(super) async fn run(mut self) {
        let mut phase = Phase::Seek;
        loop {
            phase = match phase {
                Phase::Seek => self.seek().await,
                Phase::List(info) => self.list(info).await,
                Phase::Follow(info, since) => self.follow(info, since).await,
            };
        }
    }

    async fn seek(&mut self) -> Phase {
        self.generation.mark_unchanged();
        if self.sources.discovery.get(&self.gvk).is_none()
            && let Err(error) = self.sources.discovery.refresh_for(self.ticket).await
        {
            self.failed(&error);
            self.rest().await;
            return Phase::Seek;
        }
        match self.sources.discovery.get(&self.gvk) {
            Some(resource) if resource.watchable => return Phase::List(resource.info),
            Some(_) => {
                let message = format!(
                    "{} cannot be watched: its API offers no list and watch",
                    self.gvk
                );
                self.state.send_replace(FeedState::Failed(message));
            }
            None => {
                self.sources.store.clear(&self.gvk);
                self.state.send_replace(FeedState::NotServed);
            }
        }
        let sources = Arc::clone(&self.sources);
        let _wanted = sources.discovery.want();
        if self.generation.changed().await.is_err() {
            // Discovery outlives its feeds; the process is going down.
            std::future::pending::<()>().await;
        }
        Phase::Seek
    }

    async fn list(&mut self, info: KindInfo) -> Phase {
        self.sources.store.begin_list(&self.gvk);
        match list(&self.sources, &info).await {
            Ok(listed) => {
                self.sources
                    .store
                    .finish_list(&self.gvk, listed.objects, &listed.version);
                let before = self.state.send_replace(FeedState::Synced);
                if before != FeedState::Synced {
                    self.sources.store.synced(&self.gvk);
                }
                Phase::Follow(info, listed.version)
            }
            Err(error) => self.refused(error, Phase::List(info)).await,
        }
    }

    async fn follow(&mut self, info: KindInfo, mut since: ResourceVersion) -> Phase {
        let path = match collection(&info, None) {
            Ok(path) => path,
            Err(error) => return self.refused(error, Phase::Seek).await,
        };
        let began = self.now();
        let timeout = spread(self.sources.watch_timeout, &self.gvk);
        let opened = EventStream::open(&self.sources.transport, &path, &since, timeout, JSON).await;
        let mut stream = match opened {
            Ok(stream) => stream,
            Err(error) => return self.interrupted(error, info, since).await,
        };
        let mut told = false;
        loop {
            let next = tokio::select! {
                // News before their end: the deletions of a CRD's objects come before the kind goes.
                biased;
                next = stream.next() => next,
                _ = self.generation.changed() => {
                    let served = self.sources.discovery.get(&self.gvk);
                    if served.is_some_and(|resource| resource.info == info) {
                        continue;
                    }
                    return Phase::Seek;
                }
            };
            match next {
                Ok(event) => {
                    told = true;
                    self.backoff.reset();
                    if let Some(version) = event.resource_version() {
                        since = version;
                    }
                    self.take(event);
                }
                Err(StreamEnd::Closed) => {
                    if !told && self.now().since(began) < TOO_SHORT {
                        self.rest().await;
                    }
                    return Phase::Follow(info, since);
                }
                Err(StreamEnd::Gone) => return self.relist(info).await,
                Err(StreamEnd::Failed(error)) => {
                    return self.interrupted(error, info, since).await;
                }
            }
        }
    }

    fn take(&self, event: Event) {
        let store = &self.sources.store;
        match event {
            Event::Bookmark(version) => store.bookmark(&self.gvk, &version),
            Event::Applied(value) => match typed(value, &self.gvk) {
                Ok(new) => store.applied(Arc::new(new)),
                Err(error) => {
                    tracing::warn!(gvk = %self.gvk, %error, "an object in a watch cannot be read");
                }
            },
            Event::Deleted(value) => match typed(value, &self.gvk) {
                Ok(last) => store.deleted(&last),
                Err(error) => {
                    tracing::warn!(gvk = %self.gvk, %error, "an object in a watch cannot be read");
                }
            },
        }
    }

    /// Versions have expired. The first time at once, then slower: a server that expires each version at once must
    /// not be listed in a loop.
    async fn relist(&mut self, info: KindInfo) -> Phase {
        tracing::debug!(gvk = %self.gvk, "the watch is too old; listing again");
        let wait = self.backoff.failures() > 0;
        let time = self.backoff.next();
        if wait {
            self.sleep(time).await;
        }
        Phase::List(info)
    }

    /// A watch could not be opened, or broke.
    async fn interrupted(
        &mut self,
        error: ApiError,
        info: KindInfo,
        since: ResourceVersion,
    ) -> Phase {
        if error.code == 410 {
            return self.relist(info).await;
        }
        // A server that is down or busy says nothing about the version.
        let about_version = !matches!(error.code, 0 | 429 | 500 | 502 | 503);
        let next = if about_version && self.backoff.failures() >= PATIENCE {
            Phase::List(info)
        } else {
            Phase::Follow(info, since)
        };
        self.refused(error, next).await
    }

    /// A call failed. 404 may mean that the kind is gone; discovery has the last word, so that an API server that is only
    /// starting up does not make every object look deleted.
    async fn refused(&mut self, error: ApiError, next: Phase) -> Phase {
        self.failed(&error);
        self.rest().await;
        if error.code == 404 {
            match self.sources.discovery.refresh().await {
                Ok(()) => return Phase::Seek,
                Err(error) => tracing::debug!(gvk = %self.gvk, %error, "discovery failed"),
            }
        }
        next
    }

    fn failed(&self, error: &ApiError) {
        tracing::debug!(gvk = %self.gvk, %error, "watching failed; it is tried again");
        // Once synced, the cache is served through all troubles.
        self.state.send_if_modified(|state| {
            let unserved = *state != FeedState::Synced;
            if unserved {
                *state = FeedState::Failed(format!("cannot list {}: {error}", self.gvk));
            }
            unserved
        });
    }

    async fn rest(&mut self) {
        let time = self.backoff.next();
        self.sleep(time).await;
    }

    async fn sleep(&self, time: Duration) {
        let deadline = self.now().after(time);
        self.sources.transport.clock().sleep_until(deadline).await;
    }

    fn now(&self) -> Timestamp {
        self.sources.transport.clock().now()
    }
}

/// Watches that began together shall not all end together.
fn spread(timeout: Duration, gvk: &Gvk) -> Duration {
    let part = u32::try_from(crate::backoff::hash(gvk) % 100).unwrap_or(0);
    timeout.mul_f64(f64::from(part).mul_add(0.002, 0.8))
}
