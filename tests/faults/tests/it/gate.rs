//! What stands between one life of the operator and the API server, and does the seed's will.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use kube::client::Body;
use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::{DevCluster, Store};
use parking_lot::Mutex;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::faults::{Fault, Injector, OF_OPENING, OF_READS, OF_WRITES};
use crate::stream::unreliable;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Answer = UnsyncBoxBody<Bytes, BoxError>;

/// A request that reached the API server or was answered in its place.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) at: Timestamp,
    pub(crate) life: usize,
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: String,
}

/// All requests of all lives.
pub(crate) type Requests = Arc<Mutex<Vec<Sent>>>;

/// The way to the API server in one life of the operator.
#[derive(Clone)]
pub(crate) struct Gate {
    inner: oarlock_devcluster::Service,
    store: Store,
    injector: Injector,
    requests: Requests,
    life: usize,
    /// No request goes through any more: the process is gone.
    dead: CancellationToken,
}

impl Gate {
    pub(crate) fn new(
        cluster: &DevCluster,
        injector: Injector,
        requests: Requests,
        life: usize,
    ) -> Self {
        Self {
            inner: cluster.service(),
            store: cluster.store().clone(),
            injector,
            requests,
            life,
            dead: CancellationToken::new(),
        }
    }

    /// Cancelled when the process is gone.
    pub(crate) const fn dead(&self) -> &CancellationToken {
        &self.dead
    }

    async fn respond(mut self, request: Request<Body>) -> Result<Response<Answer>, BoxError> {
        if self.dead.is_cancelled() {
            return std::future::pending().await;
        }
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let is_watch = uri
            .query()
            .is_some_and(|query| query.contains("watch=true"));
        let verb = if is_watch { "WATCH" } else { method.as_str() };
        let visit = self.injector.visit(&format!("{verb} {}", uri.path()));
        self.requests.lock().push(Sent {
            at: self.injector.now(),
            life: self.life,
            method: method.clone(),
            path: uri.to_string(),
        });
        let faults = match (is_watch, &method) {
            (true, _) => OF_OPENING,
            (false, &Method::GET) => OF_READS,
            (false, _) => OF_WRITES,
        };
        self.injector.delay("request", &visit).await;
        let mishap = self.injector.mishap(&visit, faults);
        match mishap {
            Some(Fault::Conflict) => return Ok(refused(409, "Conflict", None)),
            Some(Fault::Throttled) => {
                let wait = 1 + self.injector.draw("wait", &visit).below(3);
                return Ok(refused(429, "TooManyRequests", Some(wait)));
            }
            Some(Fault::ServerError) => return Ok(refused(500, "InternalError", None)),
            Some(Fault::Unavailable | Fault::WatchRefused) => {
                return Ok(refused(503, "ServiceUnavailable", None));
            }
            Some(Fault::WatchExpired) => return Ok(refused(410, "Expired", None)),
            Some(Fault::BrokenBefore) => return Err("the connection was refused".into()),
            Some(Fault::LostBefore) => return std::future::pending().await,
            Some(Fault::CrashBefore) => return self.die().await,
            _ => {}
        }
        let line = format!("{verb} {uri}");
        let response = tower::Service::call(&mut self.inner, request).await?;
        // The revision tells of everything that anybody has written so far.
        self.injector.log(format!(
            "{} {line} {} {}",
            self.life,
            response.status().as_u16(),
            self.store.revision()
        ));
        match mishap {
            Some(Fault::CrashAfter) => return self.die().await,
            Some(Fault::LostAfter) => return std::future::pending().await,
            Some(Fault::BrokenAfter) => {
                let body = "{\"kind\":".as_bytes();
                return Ok(response.map(|_| whole(Bytes::from_static(body))));
            }
            Some(Fault::GatewayTimeout) => return Ok(refused(504, "Timeout", None)),
            _ => {}
        }
        self.injector.delay("answer", &visit).await;
        if self.dead.is_cancelled() {
            return std::future::pending().await;
        }
        let place = format!("events of {}", uri.path());
        Ok(response.map(|body| {
            let body = body.map_err(Into::into);
            if is_watch {
                unreliable(body, self.injector.clone(), place)
            } else {
                body.boxed_unsync()
            }
        }))
    }

    /// The process is gone: nothing of it goes on.
    async fn die(&self) -> Result<Response<Answer>, BoxError> {
        self.dead.cancel();
        std::future::pending().await
    }
}

impl tower::Service<Request<Body>> for Gate {
    type Response = Response<Answer>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().respond(request))
    }
}

fn whole(bytes: Bytes) -> Answer {
    Full::new(bytes)
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A `Status` as the API server gives it.
fn refused(code: u16, reason: &str, retry_after: Option<u64>) -> Response<Answer> {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "code": code, "reason": reason, "message": format!("injected: {reason}")});
    let mut response = Response::builder().status(code);
    if let Some(seconds) = retry_after {
        response = response.header("retry-after", seconds);
    }
    response
        .body(whole(Bytes::from(status.to_string())))
        .unwrap()
}
