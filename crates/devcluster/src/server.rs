//! The listener: connections, and the clock's own paths. Everything else goes to the API.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::Body;
use crate::cluster::{DevCluster, Service};
use crate::status::Status;

mod clock;

/// How long requests may take to finish after the listener has been told to stop.
const DRAIN: Duration = Duration::from_secs(2);

/// How long accepting rests after a failure, so that a lack of descriptors is not made worse by haste.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Connections at once: far beyond any development use, and a bound all the same.
const MAX_CONNECTIONS: usize = 4096;

pub(crate) async fn serve(
    cluster: &DevCluster,
    listener: TcpListener,
    stop: CancellationToken,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "{address} is not a loopback address; hint: the embedded cluster has no authentication, listen on 127.0.0.1"
            ),
        ));
    }
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = cluster.stop().cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(cluster.clone(), stream, stop.clone()));
                }
                Err(error) => {
                    // Out of descriptors, or a peer that is gone already: neither is the listener's end.
                    tracing::warn!(%error, "accepting a connection failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        tracing::debug!("connections closed with requests under way");
    }
    Ok(())
}

async fn connection(cluster: DevCluster, stream: TcpStream, stop: CancellationToken) {
    // Small answers and watch events are to leave at once.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "setting TCP_NODELAY failed");
    }
    let ended = cluster.stop().clone();
    let service = cluster.service();
    let handler = service_fn(move |request| {
        let (cluster, service) = (cluster.clone(), service.clone());
        async move { Ok::<_, std::convert::Infallible>(respond(&cluster, &service, request).await) }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    let mut serving = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), handler));
    let result = tokio::select! {
        result = serving.as_mut() => result,
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            // Watches never finish by themselves; the drain's time-out ends them.
            serving.await
        }
        () = ended.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended");
    }
}

async fn respond(
    cluster: &DevCluster,
    service: &Service,
    request: Request<Incoming>,
) -> Response<Body> {
    let path = request.uri().path();
    if path == "/clock" || path.starts_with("/clock/") {
        return clock::answer(cluster, request).await.into_response();
    }
    service.respond(request).await
}

/// The kubeconfig of a cluster without authentication.
pub(crate) fn kubeconfig(url: &str) -> String {
    format!(
        "apiVersion: v1\n\
         kind: Config\n\
         clusters:\n\
         - name: oarlock-dev\n  cluster:\n    server: {url}\n\
         users:\n\
         - name: oarlock-dev\n  user: {{}}\n\
         contexts:\n\
         - name: oarlock-dev\n  context:\n    cluster: oarlock-dev\n    user: oarlock-dev\n    namespace: default\n\
         current-context: oarlock-dev\n"
    )
}

/// A small body of the listener's own paths.
async fn body(request: Request<Incoming>) -> Result<Bytes, Status> {
    use http_body_util::{BodyExt as _, Limited};
    let limited = Limited::new(request.into_body(), 64 * 1024);
    match limited.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) => Err(Status::bad_request(format!("reading the body: {error}"))),
    }
}
