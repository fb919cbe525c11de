//! Probes and metrics over HTTP.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::readiness::{Readiness, Ready};

/// Connections at a time: a scraper and a kubelet.
const MAX_CONNECTIONS: usize = 64;

/// Listens on `address`.
pub(crate) async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address} for probes and metrics; hint: --metrics-bind-address sets it, 0 turns it off")
    })
}

/// Answers `/healthz`, `/readyz` and `/metrics` until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    metrics: Arc<Registry>,
    ready: Ready,
    stop: CancellationToken,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => {
                let Ok((stream, _)) = accepted else {
                    tokio::task::yield_now().await;
                    continue;
                };
                let (metrics, ready) = (Arc::clone(&metrics), ready.clone());
                let service = service_fn(move |request| {
                    let answer = answer(&request, &metrics, &ready);
                    async move { Ok::<_, Infallible>(answer) }
                });
                connections.spawn(async move {
                    let http = hyper::server::conn::http1::Builder::new();
                    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
                        tracing::debug!(%error, "a probe's connection ended");
                    }
                });
            }
        }
    }
}

fn answer(request: &Request<Incoming>, metrics: &Registry, ready: &Ready) -> Response<Full<Bytes>> {
    let (status, kind, body) = match request.uri().path() {
        "/healthz" => (StatusCode::OK, "text/plain", "ok\n".to_owned()),
        "/readyz" => {
            let ready = ready.borrow();
            let status = match *ready {
                Readiness::Ready => StatusCode::OK,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            (status, "text/plain", format!("{}\n", *ready))
        }
        "/metrics" => {
            let mut text = String::new();
            match encode(&mut text, metrics) {
                Ok(()) => (
                    StatusCode::OK,
                    "application/openmetrics-text; version=1.0.0; charset=utf-8",
                    text,
                ),
                Err(error) => (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "text/plain",
                    error.to_string(),
                ),
            }
        }
        _ => (
            StatusCode::NOT_FOUND,
            "text/plain",
            "not found; there is /healthz, /readyz and /metrics\n".to_owned(),
        ),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static(kind),
    );
    response
}
