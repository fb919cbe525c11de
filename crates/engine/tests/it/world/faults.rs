//! Writes that fail or hang, before or after they took effect: what a process that dies between two of them looks like.

use std::sync::Arc;

use oarlock_core::cached::Cached;
use oarlock_core::cluster::{Call, Cluster, EventRecord, Listener, ServiceAccount, Written};
use oarlock_core::future::BoxFuture;
use oarlock_core::manifest::Access;
use oarlock_core::reconciler::ReadError;
use oarlock_core::reference::{Gvk, KindInfo, ObjectRef, Uid};
use oarlock_core::request::ApiError;
use parking_lot::Mutex;
use tokio::sync::watch;

/// What a write meets.
pub(crate) enum Strike {
    Pass,
    /// Refused without an effect.
    Refuse(ApiError),
    /// It took effect, and nobody was told.
    Lose,
    /// It never begins.
    Hang,
    /// It took effect, and the answer never comes.
    HangAfter,
}

type Rule = Box<dyn FnMut(&Call) -> Strike + Send>;

/// The rule of the day; outlives an operator.
#[derive(Default)]
pub(crate) struct Faults {
    rule: Mutex<Option<Rule>>,
    struck: watch::Sender<usize>,
}

impl Faults {
    pub(crate) fn set(&self, rule: impl FnMut(&Call) -> Strike + Send + 'static) {
        *self.rule.lock() = Some(Box::new(rule));
        self.struck.send_replace(0);
    }

    pub(crate) fn mend(&self) {
        *self.rule.lock() = None;
    }

    pub(crate) async fn struck(&self, times: usize) {
        let mut struck = self.struck.subscribe();
        let _lives_as_long_as_self = struck.wait_for(|count| *count >= times).await;
    }

    fn meet(&self, call: &Call) -> Strike {
        let strike = self
            .rule
            .lock()
            .as_mut()
            .map_or(Strike::Pass, |rule| rule(call));
        if !matches!(strike, Strike::Pass) {
            self.struck.send_modify(|count| *count += 1);
        }
        strike
    }
}

pub(super) struct Faulty {
    inner: Arc<dyn Cluster>,
    faults: Arc<Faults>,
}

impl Faulty {
    pub(super) fn new(inner: Arc<dyn Cluster>, faults: &Arc<Faults>) -> Self {
        Self {
            inner,
            faults: Arc::clone(faults),
        }
    }
}

impl Cluster for Faulty {
    fn kind(&self, gvk: &Gvk) -> Option<KindInfo> {
        self.inner.kind(gvk)
    }

    fn kinds(&self) -> Vec<KindInfo> {
        self.inner.kinds()
    }

    fn server_version(&self) -> BoxFuture<'_, Result<String, ApiError>> {
        self.inner.server_version()
    }

    fn watch(&self, gvk: &Gvk) -> BoxFuture<'_, Result<(), ReadError>> {
        self.inner.watch(gvk)
    }

    fn unwatch(&self, gvk: &Gvk) {
        self.inner.unwatch(gvk);
    }

    fn sees(&self, namespace: &str) -> bool {
        self.inner.sees(namespace)
    }

    fn cached(&self, target: &ObjectRef) -> Option<Arc<Cached>> {
        self.inner.cached(target)
    }

    fn whole(&self, live: Arc<Cached>) -> BoxFuture<'_, Result<Option<Arc<Cached>>, ApiError>> {
        self.inner.whole(live)
    }

    fn list(&self, gvk: &Gvk, namespace: Option<&str>) -> Vec<Arc<Cached>> {
        self.inner.list(gvk, namespace)
    }

    fn owned_by(&self, owner: &Uid) -> Vec<Arc<Cached>> {
        self.inner.owned_by(owner)
    }

    fn read<'a>(
        &'a self,
        target: &'a ObjectRef,
        account: Option<&'a ServiceAccount>,
    ) -> BoxFuture<'a, Result<Option<Arc<Cached>>, ApiError>> {
        self.inner.read(target, account)
    }

    fn writers<'a>(
        &'a self,
        target: &'a ObjectRef,
        account: Option<&'a ServiceAccount>,
    ) -> BoxFuture<'a, Result<Vec<oarlock_core::cluster::Writer>, ApiError>> {
        self.inner.writers(target, account)
    }

    fn write(&self, call: Call) -> BoxFuture<'_, Result<Written, ApiError>> {
        Box::pin(async move {
            match self.faults.meet(&call) {
                Strike::Pass => self.inner.write(call).await,
                Strike::Refuse(error) => Err(error),
                Strike::Lose => {
                    self.inner.write(call).await?;
                    Err(ApiError::new(0, "Unreachable", "the connection broke"))
                }
                Strike::Hang => std::future::pending().await,
                Strike::HangAfter => {
                    self.inner.write(call).await?;
                    std::future::pending().await
                }
            }
        })
    }

    fn record(&self, event: EventRecord) -> BoxFuture<'_, Result<(), ApiError>> {
        self.inner.record(event)
    }

    fn allowed<'a>(
        &'a self,
        account: &'a ServiceAccount,
        access: Access<'a>,
    ) -> BoxFuture<'a, Result<bool, ApiError>> {
        self.inner.allowed(account, access)
    }

    fn subscribe(&self, listener: Arc<dyn Listener>) {
        self.inner.subscribe(listener);
    }
}
