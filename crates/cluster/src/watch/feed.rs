//! The life of one kind's watch: look for the kind, list it, follow it, for ever.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use oarlock_core::reference::{Gvk, KindInfo, ResourceVersion};
use oarlock_core::request::ApiError;
use oarlock_core::timestamp::Timestamp;
use tokio::sync::watch;

use super::list::{Listed, head, list, streamed, typed};
use super::stream::{Event, EventStream, Start, StreamEnd};
use super::{FeedState, Sources};
use crate::backoff::Backoff;
use crate::path::collection;
use crate::transport::JSON;

/// A watch that ends sooner than this, without having told anything, counts as a failure.
const TOO_SHORT: Duration = Duration::from_millis(500);

/// The server counts a watch's time in whole seconds.
const EARLY: Duration = Duration::from_secs(2);

/// After so many refusals in a row to go on from a version (one that is ahead of a server restored from a backup, say)
/// the kind is listed anew.
const PATIENCE: u32 = 3;

/// So many lists in a row that are older than what is cached are one server that lags behind the others; it catches up within
/// seconds. One more, and it is the truth: a backup was restored.
const LAGGING: u32 = 5;

/// One kind's watch.
pub(super) struct Feed {
    sources: Arc<Sources>,
    gvk: Gvk,
    state: watch::Sender<FeedState>,
    generation: watch::Receiver<u64>,
    backoff: Backoff,
    /// Discovery as of the feed's beginning: a kind that was installed right before must not count as unknown.
    ticket: u64,
    /// The last streamed list failed: the next is asked for by pages.
    by_pages: bool,
    /// Lists in a row that were older than what is cached.
    behind: u32,
    /// Who answers next may know less than who answered last: see [`Self::resume`].
    doubtful: bool,
}

/// What comes next.
enum Phase {
    /// Ask discovery for the kind.
    Seek,
    /// Fetch all objects.
    List(KindInfo),
    /// Hear of changes since a version, by a watch that is open already where there is one.
    Follow(KindInfo, ResourceVersion, Option<EventStream>),
}

impl Feed {
    pub(super) fn new(sources: Arc<Sources>, gvk: Gvk, state: watch::Sender<FeedState>) -> Self {
        Self {
            generation: sources.discovery.changes(),
            backoff: Backoff::new(&gvk),
            ticket: sources.discovery.ticket(),
            by_pages: false,
            behind: 0,
            doubtful: false,
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
                Phase::Follow(info, since, stream) => self.follow(info, since, stream).await,
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
            Some(resource) if !self.sources.scope.holds(&resource.info) => self.nothing_here(),
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
        let missing = sources.discovery.get(&self.gvk).is_none();
        let _wanted = missing.then(|| sources.discovery.want());
        if self.generation.changed().await.is_err() {
            // Discovery outlives its feeds; the process is going down.
            std::future::pending::<()>().await;
        }
        Phase::Seek
    }

    /// A kind of another scope has no objects here, and that is all that there is to know.
    fn nothing_here(&self) {
        self.sources.store.clear(&self.gvk);
        let before = self.state.send_replace(FeedState::Synced);
        if before != FeedState::Synced {
            self.sources.store.synced(&self.gvk);
        }
    }

    async fn list(&mut self, info: KindInfo) -> Phase {
        let newest = self.sources.store.begin_list(&self.gvk);
        let (listed, stream) = match self.fetch(&info).await {
            Ok(fetched) => fetched,
            Err(error) => return self.refused(error, Phase::List(info)).await,
        };
        let is_older = newest.is_some_and(|newest| older(&listed.version, &newest));
        if is_older && self.behind < LAGGING {
            self.behind += 1;
            tracing::debug!(gvk = %self.gvk, "a list is older than what is cached; it is asked for again");
            self.rest().await;
            return Phase::List(info);
        }
        if is_older {
            tracing::warn!(gvk = %self.gvk, version = %listed.version, "versions went backwards, as after a restored backup; what is listed counts");
        }
        (self.behind, self.doubtful) = (0, false);
        let store = &self.sources.store;
        store.finish_list(&self.gvk, listed.objects, &listed.version);
        let before = self.state.send_replace(FeedState::Synced);
        if before != FeedState::Synced {
            store.synced(&self.gvk);
        }
        Phase::Follow(info, listed.version, stream)
    }

    async fn fetch(&mut self, info: &KindInfo) -> Result<(Listed, Option<EventStream>), ApiError> {
        let streams = self.sources.streamed_lists.load(Ordering::Relaxed);
        if streams && !self.by_pages {
            // What fails may be the streaming alone: a proxy that holds answers back, an API that takes it for a plain watch.
            self.by_pages = true;
            let timeout = spread(self.sources.watch_timeout, &self.gvk);
            if let Some((listed, stream)) = streamed(&self.sources, info, timeout).await? {
                self.by_pages = false;
                return Ok((listed, Some(stream)));
            }
        }
        let listed = list(&self.sources, info).await?;
        self.by_pages = false;
        Ok((listed, None))
    }

    /// A watch from `since` on; `None` when the API is not there yet. API servers take a version that is ahead of them, and are
    /// silent until they get there: after a restored backup changes would be missed. So where that may be is asked.
    async fn resume(
        &mut self,
        info: &KindInfo,
        since: &ResourceVersion,
    ) -> Result<Option<EventStream>, ApiError> {
        if self.doubtful {
            let present = head(&self.sources, info).await?;
            if older(&present, since) {
                return Ok(None);
            }
        }
        let path = collection(info, self.sources.scope.namespace())?;
        let timeout = spread(self.sources.watch_timeout, &self.gvk);
        let start = Start::After(since);
        EventStream::open(&self.sources.transport, &path, start, timeout, JSON)
            .await
            .map(Some)
    }

    async fn follow(
        &mut self,
        info: KindInfo,
        mut since: ResourceVersion,
        stream: Option<EventStream>,
    ) -> Phase {
        let began = self.now();
        let mut stream = match stream {
            Some(stream) => stream,
            None => match self.resume(&info, &since).await {
                Ok(Some(stream)) => stream,
                Ok(None) => return self.relist(info).await,
                Err(error) => return self.interrupted(error, info, since).await,
            },
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
                    let version = event.resource_version();
                    if event.is_bookmark() && version.as_ref().is_some_and(|v| older(v, &since)) {
                        return self.relist(info).await;
                    }
                    told = true;
                    self.backoff.reset();
                    since = version.unwrap_or(since);
                    self.take(event);
                }
                Err(StreamEnd::Closed) => {
                    let lived = self.now().since(began);
                    // A server that shuts down ends its watches with all courtesy, only early.
                    let in_time = lived + EARLY >= spread(self.sources.watch_timeout, &self.gvk);
                    self.doubtful = !told || !in_time;
                    if !told && lived < TOO_SHORT {
                        self.rest().await;
                    }
                    return Phase::Follow(info, since, None);
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
            Event::Bookmark(version) | Event::Complete(version) => {
                store.bookmark(&self.gvk, &version);
            }
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
        self.doubtful = true;
        // A server that is down or busy says nothing about the version.
        let about_version = !matches!(error.code, 0 | 429 | 500 | 502 | 503);
        let next = if about_version && self.backoff.failures() >= PATIENCE {
            Phase::List(info)
        } else {
            Phase::Follow(info, since, None)
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

/// Whether `version` is from before `other`. Versions that are no numbers are not older than each other.
fn older(version: &ResourceVersion, other: &ResourceVersion) -> bool {
    other.newer_than(version) && !version.newer_than(other)
}

/// Watches that began together shall not all end together.
fn spread(timeout: Duration, gvk: &Gvk) -> Duration {
    let part = u32::try_from(crate::backoff::hash(gvk) % 100).unwrap_or(0);
    timeout.mul_f64(f64::from(part).mul_add(0.002, 0.8))
}
