//! The cluster as others see it: built, asked for clients, shut down.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use oarlock_core::clock::Clock;
use oarlock_core::timestamp::Timestamp;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::{Api, Body, Reply};
use crate::authorization::{Authorization, Rbac};
use crate::clock::VirtualClock;
use crate::status::{Reason, Status};
use crate::store::{HISTORY, Store};
use crate::workload::Workloads;
use crate::{gc, namespaces, server, workload};

/// Largest request body, as in the real server.
const MAX_BODY: usize = 3 * 1024 * 1024;

/// A running embedded cluster. Clones are the same cluster; it ends with the last one, or by [`Self::shutdown`].
#[derive(Clone)]
pub struct DevCluster {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    api: Api,
    clock: Arc<VirtualClock>,
    workloads: Workloads,
    stop: CancellationToken,
    /// The built-in controllers; dropping the set ends them.
    controllers: Mutex<JoinSet<()>>,
}

/// What a cluster is made of.
#[derive(Debug)]
pub struct Builder {
    clock: Option<Arc<VirtualClock>>,
    history: usize,
    seed: u64,
    controllers: bool,
    rbac: Option<Rbac>,
}

/// The API as a tower service: what an HTTP client would reach over a socket.
#[derive(Clone)]
pub struct Service {
    api: Api,
}

impl DevCluster {
    /// A cluster to be configured.
    #[must_use]
    pub fn builder() -> Builder {
        Builder {
            clock: None,
            history: HISTORY,
            seed: 0,
            controllers: true,
            rbac: None,
        }
    }

    /// A client of this cluster without a socket in between.
    #[must_use]
    pub fn client(&self) -> kube::Client {
        kube::Client::new(self.service(), "default")
    }

    /// The API as a service, for a client with layers of its own.
    #[must_use]
    pub fn service(&self) -> Service {
        Service {
            api: self.shared.api.clone(),
        }
    }

    /// The objects, behind the API's back.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// The clock of everything in the cluster.
    #[must_use]
    pub fn clock(&self) -> Arc<VirtualClock> {
        Arc::clone(&self.shared.clock)
    }

    /// How workloads behave, to be changed at any time.
    #[must_use]
    pub fn workloads(&self) -> Workloads {
        self.shared.workloads.clone()
    }

    /// Serves the API and the clock over plain HTTP/1 and HTTP/2 until `stop`, then lets requests finish.
    ///
    /// # Errors
    ///
    /// When the listener is bound to anything but a loopback address: there is no authentication.
    pub async fn serve(&self, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
        server::serve(self, listener, stop).await
    }

    /// A kubeconfig for a cluster that is served at `url`.
    #[must_use]
    pub fn kubeconfig(&self, url: &str) -> String {
        server::kubeconfig(url)
    }

    /// Ends the controllers and all watches. Objects stay readable.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        let mut controllers = std::mem::take(&mut *self.shared.controllers.lock());
        controllers.shutdown().await;
    }

    /// Cancelled when the cluster shuts down.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.shared.stop
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Watches hold the store, not the cluster: they end here, the controllers with their set.
        self.stop.cancel();
    }
}

impl Builder {
    /// The clock; without one the cluster has a clock of its own in real time.
    #[must_use]
    pub fn clock(mut self, clock: Arc<VirtualClock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// How many changes of each resource a watch may be behind before it is answered 410; [`HISTORY`] by default.
    #[must_use]
    pub fn history(mut self, changes: usize) -> Self {
        self.history = changes;
        self
    }

    /// What uids and generated names are drawn from.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Without built-in controllers: nothing happens that no client asked for.
    #[must_use]
    pub fn without_controllers(mut self) -> Self {
        self.controllers = false;
        self
    }

    /// With access control: users by token, rights by the RBAC objects of the cluster. Who brings no token may do everything,
    /// as everybody may without this.
    #[must_use]
    pub fn rbac(mut self, rbac: Rbac) -> Self {
        self.rbac = Some(rbac);
        self
    }

    /// Starts the cluster. Must be called within a tokio runtime, which runs the controllers.
    #[must_use]
    pub fn start(self) -> DevCluster {
        let clock = self
            .clock
            .unwrap_or_else(|| Arc::new(VirtualClock::new(real_time(), 1.0)));
        let store = Store::new(
            Arc::clone(&clock) as Arc<dyn Clock>,
            self.history,
            self.seed,
        );
        let stop = CancellationToken::new();
        let workloads = Workloads::default();
        let mut controllers = JoinSet::new();
        if self.controllers {
            controllers.spawn(workload::run(store.clone(), workloads.clone()));
            controllers.spawn(gc::run(store.clone()));
            controllers.spawn(namespaces::run(store.clone()));
            controllers.spawn(namespaces::furniture::run(store.clone()));
        }
        DevCluster {
            shared: Arc::new(Shared {
                api: Api::new(
                    store.clone(),
                    stop.clone(),
                    self.rbac
                        .map(|rbac| Arc::new(Authorization::new(rbac, store.clone()))),
                ),
                store,
                clock,
                workloads,
                stop,
                controllers: Mutex::new(controllers),
            }),
        }
    }
}

fn real_time() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl Service {
    pub(crate) async fn respond<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: hyper::body::Body,
        B::Error: Into<BoxError>,
    {
        let (parts, body) = request.into_parts();
        match collect(body).await {
            Ok(body) => self.api.answer(Request::from_parts(parts, body)),
            Err(refusal) => Reply::refusal(&refusal).into_response(),
        }
    }
}

async fn collect<B>(body: B) -> Result<Bytes, Status>
where
    B: hyper::body::Body,
    B::Error: Into<BoxError>,
{
    match http_body_util::Limited::new(body, MAX_BODY).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(Status::new(
            413,
            Reason::RequestEntityTooLarge,
            format!("Request entity too large: limit is {MAX_BODY}"),
        )),
        Err(error) => Err(Status::bad_request(format!("reading the body: {error}"))),
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

type ResponseFuture = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl<B> tower::Service<Request<B>> for Service
where
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.respond(request).await) })
    }
}
