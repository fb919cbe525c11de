//! The port's implementation: wires discovery, watches, store, writes, Events and access reviews together.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::cached::Cached;
use oarlock_core::clock::Clock;
use oarlock_core::cluster::{Call, Cluster, EventRecord, Listener, ServiceAccount, Written};
use oarlock_core::future::BoxFuture;
use oarlock_core::manifest::Access;
use oarlock_core::reconciler::ReadError;
use oarlock_core::reference::{Gvk, KindInfo, ObjectRef, Uid};
use oarlock_core::request::ApiError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::Reviews;
use crate::discovery::{Bell, Discovery};
use crate::events::Recorder;
use crate::path;
use crate::store::Store;
use crate::transport::{ApiCall, Transport};
use crate::watch::{Sources, Watches};
use crate::write::Writer;

/// What can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Objects per page of a list.
    pub page_size: u32,
    /// How long one watch request lives, give or take a fifth.
    pub watch_timeout: Duration,
    /// How long a call may be without an answer.
    pub request_timeout: Duration,
    /// How often discovery is asked where CRDs cannot be watched, and while somebody waits for a kind that no CRD
    /// announces.
    pub discovery_poll: Duration,
    /// How long the answer of an access review holds.
    pub access_ttl: Duration,
    /// `reportingInstance` of Events, such as the Pod's name. At most 128 bytes.
    pub instance: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            page_size: 500,
            watch_timeout: Duration::from_secs(300),
            request_timeout: Duration::from_secs(60),
            discovery_poll: Duration::from_secs(120),
            access_ttl: Duration::from_secs(30),
            instance: "oarlock".to_owned(),
        }
    }
}

/// A Kubernetes API with a watch-fed cache in front of it.
///
/// Its tasks end with [`Kubernetes::shutdown`], or when the last handle is dropped.
pub struct Kubernetes {
    transport: Arc<Transport>,
    discovery: Arc<Discovery>,
    store: Arc<Store>,
    watches: Watches,
    writer: Writer,
    recorder: Recorder,
    reviews: Reviews,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

impl Kubernetes {
    /// Begins with discovery at once. Must be called within a tokio runtime, which its tasks live on.
    #[must_use]
    pub fn new(client: kube::Client, clock: Arc<dyn Clock>, options: Options) -> Arc<Self> {
        let transport = Arc::new(Transport::new(
            client,
            Arc::clone(&clock),
            options.request_timeout,
        ));
        let store = Arc::new(Store::default());
        let discovery = Arc::new(Discovery::new(Arc::clone(&transport), Arc::clone(&store)));
        let (tasks, cancel) = (TaskTracker::new(), CancellationToken::new());
        let bell = Bell::new(
            Arc::clone(&discovery),
            Arc::clone(&transport),
            options.discovery_poll,
            options.watch_timeout,
        );
        let token = cancel.clone();
        tasks.spawn(async move {
            token.run_until_cancelled(bell.run()).await;
        });
        let sources = Arc::new(Sources {
            transport: Arc::clone(&transport),
            discovery: Arc::clone(&discovery),
            store: Arc::clone(&store),
            page_size: options.page_size,
            watch_timeout: options.watch_timeout,
        });
        Arc::new(Self {
            watches: Watches::new(sources, tasks.clone(), cancel.clone()),
            writer: Writer::new(
                Arc::clone(&transport),
                Arc::clone(&discovery),
                Arc::clone(&store),
            ),
            recorder: Recorder::new(Arc::clone(&transport), options.instance),
            reviews: Reviews::new(Arc::clone(&transport), options.access_ttl),
            transport,
            discovery,
            store,
            tasks,
            cancel,
        })
    }

    /// Ends all watches and waits until they have ended.
    pub async fn shutdown(&self) {
        self.cancel.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn get(
        &self,
        target: &ObjectRef,
        account: Option<&ServiceAccount>,
    ) -> Result<Option<Arc<Cached>>, ApiError> {
        let resource = self.discovery.find(&target.gvk).await?;
        let call = ApiCall::get(path::object(&resource.info, target)?).account(account);
        match self.transport.json(&call).await {
            Ok(value) => crate::write::live(&resource.info.gvk, value).map(Some),
            Err(error) if error.code == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Kubernetes {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl Cluster for Kubernetes {
    fn kind(&self, gvk: &Gvk) -> Option<KindInfo> {
        self.discovery.get(gvk).map(|resource| resource.info)
    }

    fn kinds(&self) -> Vec<KindInfo> {
        self.discovery.all()
    }

    fn watch(&self, gvk: &Gvk) -> BoxFuture<'_, Result<(), ReadError>> {
        let gvk = gvk.clone();
        Box::pin(async move { self.watches.watch(&gvk).await })
    }

    fn cached(&self, target: &ObjectRef) -> Option<Arc<Cached>> {
        self.store.get(target)
    }

    fn list(&self, gvk: &Gvk, namespace: Option<&str>) -> Vec<Arc<Cached>> {
        self.store.list(gvk, namespace)
    }

    fn owned_by(&self, owner: &Uid) -> Vec<Arc<Cached>> {
        self.store.owned_by(owner)
    }

    fn read<'a>(
        &'a self,
        target: &'a ObjectRef,
        account: Option<&'a ServiceAccount>,
    ) -> BoxFuture<'a, Result<Option<Arc<Cached>>, ApiError>> {
        Box::pin(self.get(target, account))
    }

    fn write(&self, call: Call) -> BoxFuture<'_, Result<Written, ApiError>> {
        Box::pin(self.writer.write(call))
    }

    fn record(&self, event: EventRecord) -> BoxFuture<'_, Result<(), ApiError>> {
        Box::pin(self.recorder.record(event))
    }

    fn allowed<'a>(
        &'a self,
        account: &'a ServiceAccount,
        access: Access<'a>,
    ) -> BoxFuture<'a, Result<bool, ApiError>> {
        Box::pin(self.reviews.allowed(account, access))
    }

    fn subscribe(&self, listener: Arc<dyn Listener>) {
        self.store.subscribe(listener);
    }
}
