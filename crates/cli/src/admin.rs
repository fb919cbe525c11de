//! Probes and metrics over HTTP: where they listen, and what they answer.
//!
//! `/healthz` and `/livez` are about the process, `/readyz` about its first lists. They never ask for a token: a kubelet has none.

mod certificates;
mod exposition;
mod guard;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::registry::Registry;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::arguments::{Bind, bind};
use crate::readiness::{Readiness, Ready};

use certificates::Certificates;
use guard::Guard;

/// Connections at a time: a scraper and a kubelet.
const MAX_CONNECTIONS: usize = 64;

/// Where probes and metrics are, and who may see the metrics.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Probes and metrics")]
pub(crate) struct Args {
    /// Where /metrics is, such as :8080; 0 for nowhere.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS", value_parser = bind)]
    metrics_bind_address: Bind,
    /// Where /healthz and /readyz are, such as :8081; 0 for nowhere [default: beside /metrics].
    #[arg(long, value_name = "ADDRESS", value_parser = bind)]
    health_probe_bind_address: Option<Bind>,
    /// Serve /metrics by HTTPS, with the certificate of --metrics-cert-path.
    #[arg(long, requires = "metrics_cert_path")]
    metrics_secure: bool,
    /// A directory with a certificate and its key, which may be renewed.
    #[arg(long, value_name = "DIR")]
    metrics_cert_path: Option<PathBuf>,
    /// The certificate in it.
    #[arg(long, default_value = "tls.crt", value_name = "FILE")]
    metrics_cert_name: PathBuf,
    /// The key in it.
    #[arg(long, default_value = "tls.key", value_name = "FILE")]
    metrics_cert_key: PathBuf,
    /// Show /metrics only to bearers of a token whose user may get /metrics (TokenReview and SubjectAccessReview).
    #[arg(long)]
    metrics_require_rbac: bool,
}

/// What an endpoint shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    Probes,
    Metrics,
    Both,
}

impl Shows {
    const fn name(self) -> &'static str {
        match self {
            Self::Probes => "probes",
            Self::Metrics => "metrics",
            Self::Both => "probes and metrics",
        }
    }

    const fn flag(self) -> &'static str {
        match self {
            Self::Probes => "--health-probe-bind-address",
            Self::Metrics | Self::Both => "--metrics-bind-address",
        }
    }

    const fn paths(self) -> &'static str {
        match self {
            Self::Probes => "not found; there is /healthz and /readyz\n",
            Self::Metrics => "not found; there is /metrics\n",
            Self::Both => "not found; there is /healthz, /readyz and /metrics\n",
        }
    }

    const fn probes(self) -> bool {
        matches!(self, Self::Probes | Self::Both)
    }

    const fn metrics(self) -> bool {
        matches!(self, Self::Metrics | Self::Both)
    }
}

/// Endpoints that listen, and do not answer yet.
pub(crate) struct Endpoints {
    listeners: Vec<(Shows, TcpListener)>,
    certificates: Option<Arc<Certificates>>,
    require_rbac: bool,
}

/// What endpoints tell of.
pub(crate) struct Subject {
    /// What is counted.
    pub(crate) metrics: Registry,
    /// How far the start is.
    pub(crate) ready: Ready,
    /// The process ends.
    pub(crate) stop: CancellationToken,
    /// Who knows whose token it is.
    pub(crate) client: kube::Client,
}

/// What all connections share.
struct Desk {
    metrics: Registry,
    ready: Ready,
    stop: CancellationToken,
    guard: Option<Guard>,
}

impl Args {
    /// Listens wherever it has to. A port that is taken is told before anything else begins.
    pub(crate) async fn listen(&self) -> anyhow::Result<Endpoints> {
        let certificates = match &self.metrics_cert_path {
            Some(directory) if self.metrics_secure => Some(Arc::new(Certificates::read(
                directory.join(&self.metrics_cert_name),
                directory.join(&self.metrics_cert_key),
            )?)),
            _ => None,
        };
        let mut listeners = Vec::new();
        let mut add = async |shows, at: Bind| {
            if let Bind::At(address) = at {
                listeners.push((shows, listen(shows, address).await?));
            }
            anyhow::Ok(())
        };
        match self.health_probe_bind_address {
            None => add(Shows::Both, self.metrics_bind_address).await?,
            Some(probes) => {
                add(Shows::Probes, probes).await?;
                add(Shows::Metrics, self.metrics_bind_address).await?;
            }
        }
        let in_clear = |at: Bind| matches!(at, Bind::At(address) if !address.ip().is_loopback());
        if self.metrics_require_rbac
            && certificates.is_none()
            && in_clear(self.metrics_bind_address)
        {
            bail!(
                "--metrics-require-rbac has tokens sent, and without TLS everybody on the way could read them; hint: add \
                 --metrics-secure and --metrics-cert-path, or listen on 127.0.0.1 only"
            );
        }
        Ok(Endpoints {
            listeners,
            certificates,
            require_rbac: self.metrics_require_rbac,
        })
    }
}

/// Listens on `address`.
async fn listen(shows: Shows, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "cannot listen on {address} for {}; hint: {} sets it, 0 turns it off",
            shows.name(),
            shows.flag()
        )
    })
}

impl Endpoints {
    /// `/metrics` on one address, for whoever reaches it.
    pub(crate) async fn of_metrics(at: Bind) -> anyhow::Result<Self> {
        let listeners = match at {
            Bind::Nowhere => Vec::new(),
            Bind::At(address) => vec![(Shows::Both, listen(Shows::Both, address).await?)],
        };
        Ok(Self {
            listeners,
            certificates: None,
            require_rbac: false,
        })
    }

    /// The address of the metrics.
    pub(crate) fn metrics_address(&self) -> Option<SocketAddr> {
        let mut listeners = self.listeners.iter();
        let (_, listener) = listeners.find(|(shows, _)| shows.metrics())?;
        listener.local_addr().ok()
    }

    /// Answers until `services` is shut down: a process that ends is asked how it is until its end.
    pub(crate) fn serve(self, subject: Subject, services: &mut JoinSet<()>) -> anyhow::Result<()> {
        let desk = Arc::new(Desk {
            metrics: subject.metrics,
            ready: subject.ready,
            stop: subject.stop,
            guard: self.require_rbac.then(|| Guard::new(subject.client)),
        });
        for (shows, listener) in self.listeners {
            tracing::info!(address = %listener.local_addr()?, "{}", shows.name());
            let certificates = self.certificates.clone().filter(|_| shows.metrics());
            services.spawn(accept(listener, shows, Arc::clone(&desk), certificates));
        }
        Ok(())
    }
}

async fn accept(
    listener: TcpListener,
    shows: Shows,
    desk: Arc<Desk>,
    certificates: Option<Arc<Certificates>>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => {
                let Ok((stream, _)) = accepted else {
                    tokio::task::yield_now().await;
                    continue;
                };
                let (desk, certificates) = (Arc::clone(&desk), certificates.clone());
                connections.spawn(async move {
                    match certificates {
                        None => converse(stream, shows, desk).await,
                        Some(certificates) => match certificates.accept(stream).await {
                            Ok(stream) => converse(stream, shows, desk).await,
                            Err(error) => tracing::debug!(%error, "a TLS connection did not come about"),
                        },
                    }
                });
            }
        }
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    shows: Shows,
    desk: Arc<Desk>,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let desk = Arc::clone(&desk);
        async move { Ok::<_, Infallible>(desk.answer(&request, shows).await) }
    });
    // The timer bounds how long the head of a request may take.
    let mut http = hyper::server::conn::http1::Builder::new();
    let connection = http
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a probe's connection ended");
    }
}

impl Desk {
    async fn answer(&self, request: &Request<Incoming>, shows: Shows) -> Response<Full<Bytes>> {
        match request.uri().path() {
            "/healthz" | "/livez" if shows.probes() => plain(StatusCode::OK, "ok\n".to_owned()),
            "/readyz" if shows.probes() => self.readiness(),
            "/metrics" if shows.metrics() => self.metrics(request.headers()).await,
            _ => plain(StatusCode::NOT_FOUND, shows.paths().to_owned()),
        }
    }

    fn readiness(&self) -> Response<Full<Bytes>> {
        if self.stop.is_cancelled() {
            return plain(StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned());
        }
        let ready = self.ready.borrow();
        let status = match *ready {
            Readiness::Ready => StatusCode::OK,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        plain(status, format!("{}\n", *ready))
    }

    async fn metrics(&self, headers: &HeaderMap) -> Response<Full<Bytes>> {
        if let Some(guard) = &self.guard
            && let Err(refusal) = guard.check(headers).await
        {
            return plain(refusal.status(), format!("{refusal}\n"));
        }
        match exposition::Format::asked_for(headers).encode(&self.metrics) {
            Ok((kind, text)) => respond(StatusCode::OK, kind, text),
            Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    }
}

fn plain(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    respond(status, "text/plain; charset=utf-8", body)
}

fn respond(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static(kind),
    );
    response
}
