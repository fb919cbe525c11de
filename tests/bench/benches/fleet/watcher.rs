//! The children as the API server tells of them.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use futures_util::{Stream, StreamExt as _};
use kube::api::{Api, DynamicObject, ListParams, WatchEvent, WatchParams};

/// Longest silence while something has to happen.
const PATIENCE: Duration = Duration::from_secs(300);

type Events = Pin<Box<dyn Stream<Item = kube::Result<WatchEvent<DynamicObject>>> + Send>>;

/// Follows ConfigMaps, and knows which changes have not arrived at all of them yet.
pub(crate) struct Watcher {
    api: Api<DynamicObject>,
    version: String,
    events: Events,
    seen: HashSet<String>,
    expected: HashMap<(String, String), Change>,
}

/// A change on its way.
struct Change {
    /// When the API server had it; unknown while the answer is on its way.
    sent: Option<Instant>,
    /// Children that do not show it yet.
    left: usize,
    /// When the last child showed it.
    arrived: Option<Instant>,
}

impl Watcher {
    pub(crate) async fn start(api: Api<DynamicObject>) -> anyhow::Result<Self> {
        let list = api.list(&ListParams::default().limit(1)).await?;
        let version = list
            .metadata
            .resource_version
            .context("a list has a version")?;
        let events = Self::follow(&api, &version).await?;
        Ok(Self {
            api,
            version,
            events,
            seen: HashSet::new(),
            expected: HashMap::new(),
        })
    }

    async fn follow(api: &Api<DynamicObject>, version: &str) -> anyhow::Result<Events> {
        let parameters = WatchParams::default().timeout(290);
        Ok(Box::pin(api.watch(&parameters, version).await?))
    }

    /// The next child that is there or changed: its name, the object that it belongs to, and its text.
    async fn child(&mut self) -> anyhow::Result<(String, String, String)> {
        loop {
            let event = tokio::time::timeout(PATIENCE, self.events.next())
                .await
                .context("nothing happens any more")?;
            let object = match event {
                Some(Ok(WatchEvent::Added(object) | WatchEvent::Modified(object))) => object,
                Some(Ok(WatchEvent::Error(error))) => bail!("the watch failed: {error:?}"),
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => {
                    self.events = Self::follow(&self.api, &self.version).await?;
                    continue;
                }
            };
            if let Some(version) = &object.metadata.resource_version {
                self.version.clone_from(version);
            }
            let text = |key: &str| object.data["data"][key].as_str().map(str::to_owned);
            if let (Some(name), Some(of), Some(text)) =
                (object.metadata.name.clone(), text("of"), text("text"))
            {
                return Ok((name, of, text));
            }
        }
    }

    /// Waits until so many children are there.
    pub(crate) async fn until(&mut self, count: usize) -> anyhow::Result<()> {
        while self.seen.len() < count {
            let (name, ..) = self.child().await?;
            self.seen.insert(name);
        }
        Ok(())
    }

    /// A change of `name` to `text` is about to be sent.
    pub(crate) fn expect(&mut self, name: String, text: String, children: usize) {
        self.expected.insert(
            (name, text),
            Change {
                sent: None,
                left: children,
                arrived: None,
            },
        );
    }

    /// The API server had it at `at`.
    pub(crate) fn sent(&mut self, name: &str, text: &str, at: Instant) {
        if let Some(change) = self.expected.get_mut(&(name.to_owned(), text.to_owned())) {
            change.sent = Some(at);
        }
    }

    /// Waits for the next child.
    pub(crate) async fn next(&mut self) -> anyhow::Result<()> {
        let (_, of, text) = self.child().await?;
        if let Some(change) = self.expected.get_mut(&(of, text)) {
            change.left = change.left.saturating_sub(1);
            if change.left == 0 {
                change.arrived = Some(Instant::now());
            }
        }
        Ok(())
    }

    /// How long those changes took that have arrived at their last child since the last call.
    pub(crate) fn done(&mut self) -> Vec<Duration> {
        let mut done = Vec::new();
        self.expected
            .retain(|_, change| match (change.sent, change.arrived) {
                (Some(sent), Some(arrived)) => {
                    done.push(arrived.saturating_duration_since(sent));
                    false
                }
                _ => true,
            });
        done
    }
}
