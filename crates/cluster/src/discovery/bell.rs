//! What makes discovery look again.
//!
//! A watch on CustomResourceDefinitions whose events are not looked at: each one only rings. Discovery lags behind the
//! objects by some seconds on a real API server, so it looks once at once and twice more later. Where CRDs cannot be
//! watched, a slow poll stands in.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::reference::ResourceVersion;
use oarlock_core::request::ApiError;
use oarlock_core::timestamp::Timestamp;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::Discovery;
use crate::backoff::Backoff;
use crate::path::query;
use crate::transport::{ApiCall, METADATA, METADATA_LIST, Transport};
use crate::watch::stream::{EventStream, Start, StreamEnd};

const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// After a ring: at once but not for each of a burst, and again when the aggregator has caught up.
const LOOKS: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_secs(2),
    Duration::from_secs(10),
];

/// A watch that ends sooner than this, without having told anything, counts as a failure: not every proxy lets watches live.
const TOO_SHORT: Duration = Duration::from_millis(500);

/// Keeps a [`Discovery`] fresh.
pub(crate) struct Bell {
    discovery: Arc<Discovery>,
    transport: Arc<Transport>,
    poll: Duration,
    watch_timeout: Duration,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ListHead {
    metadata: ListMeta,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ListMeta {
    resource_version: String,
}

impl Bell {
    pub(crate) const fn new(
        discovery: Arc<Discovery>,
        transport: Arc<Transport>,
        poll: Duration,
        watch_timeout: Duration,
    ) -> Self {
        Self {
            discovery,
            transport,
            poll,
            watch_timeout,
        }
    }

    /// Never returns.
    pub(crate) async fn run(self) {
        let mut backoff = Backoff::new(&"discovery");
        while let Err(error) = self.discovery.refresh().await {
            tracing::warn!(%error, "discovery failed");
            self.sleep(backoff.next()).await;
        }
        // One place: a ring that nobody has heard yet need not be doubled.
        let (ring, rings) = mpsc::channel(1);
        tokio::join!(self.listen(ring), self.look(rings));
    }

    async fn listen(&self, ring: mpsc::Sender<()>) {
        let mut backoff = Backoff::new(&CRDS);
        let mut since = None;
        loop {
            match self.follow(&mut since, &mut backoff, &ring).await {
                Ok(()) => {}
                // CRDs cannot be watched here: poll, whether somebody waits or not.
                Err(error) if matches!(error.code, 401 | 403 | 404 | 405) => {
                    tracing::debug!(%error, "CustomResourceDefinitions cannot be watched; discovery is polled");
                    self.sleep(self.poll).await;
                    let _already_rung = ring.try_send(());
                }
                Err(error) => {
                    tracing::debug!(%error, "watch of CustomResourceDefinitions failed");
                    // Where it went on is to be asked: what answers next may have been restored from a backup, and takes a
                    // version that is ahead of it without a word.
                    since = None;
                    self.sleep(backoff.next()).await;
                }
            }
        }
    }

    async fn follow(
        &self,
        since: &mut Option<ResourceVersion>,
        backoff: &mut Backoff,
        ring: &mpsc::Sender<()>,
    ) -> Result<(), ApiError> {
        let start = if let Some(start) = since.clone() {
            start
        } else {
            let mut path = CRDS.to_owned();
            query(&mut path, "limit", "1");
            let call = ApiCall::get(path).accept(METADATA_LIST);
            let head: ListHead = self.transport.send(&call).await?.parse(CRDS)?;
            // Something may have changed between the last refresh and now.
            let _already_rung = ring.try_send(());
            ResourceVersion(head.metadata.resource_version)
        };
        let mut stream = EventStream::open(
            &self.transport,
            CRDS,
            Start::After(&start),
            self.watch_timeout,
            METADATA,
        )
        .await?;
        *since = Some(start);
        let (began, mut told) = (self.transport.clock().now(), false);
        let end = loop {
            match stream.next().await {
                Ok(event) => {
                    told = true;
                    backoff.reset();
                    if let Some(version) = event.resource_version() {
                        *since = Some(version);
                    }
                    if !event.is_bookmark() {
                        let _already_rung = ring.try_send(());
                    }
                }
                Err(end) => break end,
            }
        };
        match end {
            StreamEnd::Closed => {}
            StreamEnd::Gone => *since = None,
            StreamEnd::Failed(error) => return Err(error),
        }
        if !told {
            *since = None;
        }
        if !told && self.transport.clock().now().since(began) < TOO_SHORT {
            self.sleep(backoff.next()).await;
        }
        Ok(())
    }

    async fn look(&self, mut rings: mpsc::Receiver<()>) {
        let clock = self.transport.clock();
        let mut due: Vec<Timestamp> = Vec::new();
        loop {
            let now = clock.now();
            // The slow poll catches aggregated APIs, which no CRD announces; without anybody waiting it costs nothing.
            let next = due.iter().min().copied();
            let wake = next.unwrap_or_else(|| now.after(self.poll));
            tokio::select! {
                biased;
                ring = rings.recv() => {
                    if ring.is_none() {
                        return;
                    }
                    // The first look that is due stays: a storm of rings must not put it off for ever.
                    due = next
                        .into_iter()
                        .chain(LOOKS.iter().map(|&delay| now.after(delay)))
                        .collect();
                }
                () = clock.sleep_until(wake) => {
                    due.retain(|&deadline| deadline > wake);
                    if next.is_none() && !self.discovery.anybody_waits() {
                        continue;
                    }
                    if let Err(error) = self.discovery.refresh().await {
                        tracing::warn!(%error, "discovery failed; what is known stays");
                        due.push(clock.now().after(LOOKS[2]));
                    }
                }
            }
        }
    }

    async fn sleep(&self, time: Duration) {
        let clock = self.transport.clock();
        clock.sleep_until(clock.now().after(time)).await;
    }
}
