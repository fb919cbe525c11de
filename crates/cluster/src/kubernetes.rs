//! The port's implementation: wires discovery, watches, store, writes, Events and access reviews together.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use futures_util::future::join_all;
use oarlock_core::cached::Cached;
use oarlock_core::clock::Clock;
use oarlock_core::cluster::{Call, Cluster, EventRecord, Listener, ServiceAccount, Written};
use oarlock_core::future::BoxFuture;
use oarlock_core::manifest::Access;
use oarlock_core::reconciler::ReadError;
use oarlock_core::reference::{Gvk, KindInfo, ObjectRef, Uid};
use oarlock_core::request::ApiError;
use oarlock_core::selector::LabelSelector;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::Reviews;
use crate::client::Clients;
use crate::discovery::{Bell, Discovery};
use crate::events::Recorder;
use crate::fence::Fence;
use crate::path;
use crate::rate::Rate;
use crate::requests::Requests;
use crate::server_clock::ServerClock;
use crate::server_version::ServerVersion;
use crate::stores::Stores;
use crate::transport::{ApiCall, Transport};
use crate::watch::{Sources, Watches};
use crate::write::Writer;

/// What can be set.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Namespaces that are seen; none names all of them. Rights in these namespaces suffice then, but for kinds that have no
    /// namespace.
    pub namespaces: BTreeSet<String>,
    /// Requests at most; `None` leaves it to the API server (priority and fairness).
    pub rate: Option<Rate>,
    /// The API server's host, for metrics.
    pub host: String,
    /// Objects per page of a list.
    pub page_size: u32,
    /// Ask for lists as watches that begin with everything (`sendInitialEvents`), which cost an API server and this process
    /// the memory of one object instead of a page. A server that refuses is asked for pages.
    pub streamed_lists: bool,
    /// How long one watch request lives, give or take a fifth.
    pub watch_timeout: Duration,
    /// How long a call may be without an answer.
    pub request_timeout: Duration,
    /// Whether what changes something may be sent.
    pub fence: Fence,
    /// The clock that the API server's answers set right.
    pub server_clock: Option<ServerClock>,
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
            namespaces: BTreeSet::new(),
            rate: None,
            host: String::new(),
            page_size: 500,
            streamed_lists: true,
            watch_timeout: Duration::from_secs(300),
            request_timeout: Duration::from_secs(60),
            fence: Fence::open(),
            server_clock: None,
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
    requests: Requests,
    stores: Arc<Stores>,
    /// One for each of the stores.
    watches: Vec<Watches>,
    writer: Writer,
    recorder: Recorder,
    reviews: Reviews,
    server_version: ServerVersion,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

impl Kubernetes {
    /// Begins with discovery at once. Must be called within a tokio runtime, which its tasks live on.
    #[must_use]
    pub fn new(clients: impl Into<Clients>, clock: Arc<dyn Clock>, options: Options) -> Arc<Self> {
        let clients = clients.into();
        let requests = Requests::to(options.host);
        let transport = Transport::new(clients.reads, Arc::clone(&clock), options.request_timeout)
            .limited(options.rate)
            .counted(requests.clone())
            .setting(options.server_clock)
            .fenced(clients.writes, options.fence.clone());
        let transport = Arc::new(transport);
        let stores = Arc::new(Stores::new(&options.namespaces));
        let discovery = Arc::new(Discovery::new(Arc::clone(&transport), Arc::clone(&stores)));
        let (tasks, cancel) = (TaskTracker::new(), CancellationToken::new());
        let bell = Bell::new(
            Arc::clone(&discovery),
            Arc::clone(&transport),
            options.discovery_poll,
            options.watch_timeout,
        );
        let token = cancel.clone();
        tasks.spawn(async move {
            token.run_until_cancelled(Box::pin(bell.run())).await;
        });
        let watches = stores.scopes().map(|(scope, store)| {
            let sources = Arc::new(Sources {
                transport: Arc::clone(&transport),
                discovery: Arc::clone(&discovery),
                scope: scope.clone(),
                store: Arc::clone(store),
                page_size: options.page_size,
                watch_timeout: options.watch_timeout,
                streamed_lists: AtomicBool::new(options.streamed_lists),
            });
            Watches::new(sources, tasks.clone(), cancel.clone())
        });
        Arc::new(Self {
            watches: watches.collect(),
            writer: Writer::new(
                Arc::clone(&transport),
                Arc::clone(&discovery),
                Arc::clone(&stores),
            ),
            recorder: Recorder::new(Arc::clone(&transport), options.instance),
            reviews: Reviews::new(Arc::clone(&transport), options.access_ttl),
            server_version: ServerVersion::new(Arc::clone(&transport)),
            transport,
            requests,
            discovery,
            stores,
            tasks,
            cancel,
        })
    }

    /// Makes the metrics of its requests known to `registry`.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.requests.register(registry);
        registry.register(
            "oarlock_events_dropped",
            "Events that were not recorded, since there were too many about one object",
            self.recorder.dropped(),
        );
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

    fn server_version(&self) -> BoxFuture<'_, Result<String, ApiError>> {
        Box::pin(self.server_version.get())
    }

    fn watch(&self, gvk: &Gvk) -> BoxFuture<'_, Result<(), ReadError>> {
        let gvk = gvk.clone();
        Box::pin(async move {
            // All of them begin at once, and the first that failed tells why.
            let begun = self.watches.iter().map(|watches| watches.watch(&gvk));
            join_all(begun).await.into_iter().collect()
        })
    }

    fn unwatch(&self, gvk: &Gvk) {
        for watches in &self.watches {
            watches.unwatch(gvk);
        }
    }

    fn sees(&self, namespace: &str) -> bool {
        self.stores.of(Some(namespace)).is_some()
    }

    fn cached(&self, target: &ObjectRef) -> Option<Arc<Cached>> {
        self.stores.get(target)
    }

    fn whole(&self, live: Arc<Cached>) -> BoxFuture<'_, Result<Option<Arc<Cached>>, ApiError>> {
        Box::pin(async move {
            if let Some(whole) = self.stores.whole(&live) {
                return Ok(Some(whole));
            }
            let whole = self.get(&live.target(), None).await?;
            if let Some(whole) = &whole {
                self.stores.read(whole);
            }
            Ok(whole)
        })
    }

    fn list(&self, gvk: &Gvk, namespace: Option<&str>) -> Vec<Arc<Cached>> {
        self.stores.list(gvk, namespace)
    }

    fn select(
        &self,
        gvk: &Gvk,
        namespace: Option<&str>,
        selector: &LabelSelector,
    ) -> Vec<Arc<Cached>> {
        self.stores.select(gvk, namespace, selector)
    }

    fn owned_by(&self, owner: &Uid) -> Vec<Arc<Cached>> {
        self.stores.owned_by(owner)
    }

    fn read<'a>(
        &'a self,
        target: &'a ObjectRef,
        account: Option<&'a ServiceAccount>,
    ) -> BoxFuture<'a, Result<Option<Arc<Cached>>, ApiError>> {
        Box::pin(self.get(target, account))
    }

    fn writers<'a>(
        &'a self,
        target: &'a ObjectRef,
        account: Option<&'a ServiceAccount>,
    ) -> BoxFuture<'a, Result<Vec<oarlock_core::cluster::Writer>, ApiError>> {
        Box::pin(self.writer.writers(target, account))
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
        self.stores.subscribe(listener);
    }
}
