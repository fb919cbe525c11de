//! Which kinds the API server serves.
//!
//! Aggregated discovery (two calls for everything), with the one-call-per-group form for servers that do not know it. A
//! group whose API does not answer keeps what was known of it: one broken aggregated API must not take the others, nor its
//! own kinds, away. Refreshed when a CustomResourceDefinition changes ([`bell`]); polled only where that cannot be watched.

mod bell;
mod document;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use oarlock_core::cluster::Change;
use oarlock_core::reference::{Gvk, KindInfo};
use oarlock_core::request::ApiError;
use oarlock_core::timestamp::Timestamp;
use parking_lot::RwLock;
use tokio::sync::watch;

pub(crate) use bell::Bell;
use document::{ACCEPT_AGGREGATED, Aggregated, Groups, Resources, Versions};

use crate::stores::Stores;
use crate::transport::{ApiCall, Transport};

/// A kind and what may be done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) info: KindInfo,
    pub(crate) watchable: bool,
}

/// So young an answer need not be asked for again because somebody names a kind that it does not have.
const TRUSTED: Duration = Duration::from_secs(1);

type Kinds = BTreeMap<Gvk, Resource>;

/// What discovery said last.
pub(crate) struct Discovery {
    transport: Arc<Transport>,
    store: Arc<Stores>,
    kinds: RwLock<Arc<Kinds>>,
    /// Counts the changes; 0 until discovery has worked for the first time.
    generation: watch::Sender<u64>,
    /// Refreshes begun so far.
    begun: AtomicU64,
    /// One refresh at a time.
    last: tokio::sync::Mutex<Last>,
    wanted: AtomicUsize,
}

/// The last refresh that worked.
#[derive(Default)]
struct Last {
    number: u64,
    began: Timestamp,
}

/// Somebody waits for a kind that is not served, as long as this lives.
pub(crate) struct Wanted<'a>(&'a AtomicUsize);

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Group versions with their kinds; `None` for those that did not answer.
type Answers = BTreeMap<(String, String), Option<Vec<Resource>>>;

impl Discovery {
    pub(crate) fn new(transport: Arc<Transport>, store: Arc<Stores>) -> Self {
        Self {
            transport,
            store,
            kinds: RwLock::default(),
            generation: watch::Sender::new(0),
            begun: AtomicU64::new(0),
            last: tokio::sync::Mutex::default(),
            wanted: AtomicUsize::new(0),
        }
    }

    pub(crate) fn get(&self, gvk: &Gvk) -> Option<Resource> {
        self.kinds.read().get(gvk).cloned()
    }

    pub(crate) fn all(&self) -> Vec<KindInfo> {
        let kinds = Arc::clone(&self.kinds.read());
        kinds
            .values()
            .map(|resource| resource.info.clone())
            .collect()
    }

    /// Tells of changes.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Whether discovery ever worked.
    pub(crate) fn known(&self) -> bool {
        *self.generation.borrow() > 0
    }

    pub(crate) fn want(&self) -> Wanted<'_> {
        self.wanted.fetch_add(1, Ordering::Relaxed);
        Wanted(&self.wanted)
    }

    fn anybody_waits(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) > 0
    }

    /// The kind; the API server is asked once more when it is not known, though not for each of many calls in a row.
    pub(crate) async fn find(&self, gvk: &Gvk) -> Result<Resource, ApiError> {
        if let Some(found) = self.get(gvk) {
            return Ok(found);
        }
        self.refresh_older_than(TRUSTED).await?;
        self.get(gvk).ok_or_else(|| {
            ApiError::new(
                404,
                "NotFound",
                format!(
                    "the API server does not serve {gvk}; hint: is its CustomResourceDefinition installed?"
                ),
            )
        })
    }

    /// Stands for "what is true now": see [`Self::refresh_for`].
    pub(crate) fn ticket(&self) -> u64 {
        self.begun.load(Ordering::SeqCst) + 1
    }

    /// Asks the API server.
    pub(crate) async fn refresh(&self) -> Result<(), ApiError> {
        self.refresh_for(self.ticket()).await
    }

    /// Asks the API server, unless that was done since `ticket` was drawn.
    pub(crate) async fn refresh_for(&self, ticket: u64) -> Result<(), ApiError> {
        let mut last = self.last.lock().await;
        if last.number >= ticket {
            return Ok(());
        }
        self.look(&mut last).await
    }

    async fn refresh_older_than(&self, age: Duration) -> Result<(), ApiError> {
        let mut last = self.last.lock().await;
        let now = self.transport.clock().now();
        if last.number > 0 && now.since(last.began) < age {
            return Ok(());
        }
        self.look(&mut last).await
    }

    async fn look(&self, last: &mut Last) -> Result<(), ApiError> {
        let began = self.transport.clock().now();
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let answers = self.ask().await?;
        *last = Last { number, began };
        self.merge(answers);
        Ok(())
    }

    fn merge(&self, answers: Answers) {
        let before = Arc::clone(&self.kinds.read());
        let mut after = Kinds::new();
        for ((group, version), answer) in answers {
            if let Some(resources) = answer {
                for resource in resources {
                    // A kind with two resources: the one that can be watched is the one with objects.
                    let gvk = resource.info.gvk.clone();
                    if resource.watchable || !after.contains_key(&gvk) {
                        after.insert(gvk, resource);
                    }
                }
            } else {
                tracing::warn!(
                    group,
                    version,
                    "discovery has no fresh answer; its kinds stay as they were"
                );
                let kept = before
                    .iter()
                    .filter(|(gvk, _)| gvk.group == group && gvk.version == version);
                after.extend(kept.map(|(gvk, resource)| (gvk.clone(), resource.clone())));
            }
        }
        let first = !self.known();
        if *before != after || first {
            *self.kinds.write() = Arc::new(after);
            self.generation.send_modify(|generation| *generation += 1);
            self.store.tell(&Change::Kinds);
        }
    }

    async fn ask(&self) -> Result<Answers, ApiError> {
        let mut answers = self.ask_root("/api").await?;
        answers.extend(self.ask_root("/apis").await?);
        Ok(answers)
    }

    async fn ask_root(&self, root: &str) -> Result<Answers, ApiError> {
        let answer = self
            .transport
            .send(&ApiCall::get(root).accept(ACCEPT_AGGREGATED))
            .await?;
        let document: document::Root = answer.parse(root)?;
        match document {
            document::Root::Aggregated(Aggregated { items }) => Ok(items
                .into_iter()
                .flat_map(document::Group::answers)
                .collect()),
            document::Root::Core(Versions { versions }) => {
                let versions = versions.into_iter().map(|version| (String::new(), version));
                Ok(self.ask_each(versions.collect()).await)
            }
            document::Root::Groups(Groups { groups }) => {
                let versions = groups.into_iter().flat_map(document::NamedGroup::versions);
                Ok(self.ask_each(versions.collect()).await)
            }
        }
    }

    async fn ask_each(&self, versions: Vec<(String, String)>) -> Answers {
        let mut answers = Answers::new();
        for (group, version) in versions {
            let path = if group.is_empty() {
                format!("/api/{version}")
            } else {
                format!("/apis/{group}/{version}")
            };
            let answer = match self.transport.send(&ApiCall::get(path.as_str())).await {
                Ok(answer) => answer.parse::<Resources>(&path),
                Err(error) => Err(error),
            };
            let resources = match answer {
                Ok(resources) => Some(resources.kinds(&group, &version)),
                Err(error) => {
                    tracing::warn!(group, version, %error, "discovery of a group failed");
                    None
                }
            };
            answers.insert((group, version), resources);
        }
        answers
    }
}
