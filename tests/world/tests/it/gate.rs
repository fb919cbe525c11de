//! What stands between one life of the operator and the API: it counts requests, and can pull the plug.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use kube::client::Body;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// When the plug is pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The write never reaches the API server.
    Before,
    /// The write takes effect, and its answer reaches nobody.
    After,
}

/// Counts the requests of one life of the operator.
#[derive(Clone)]
pub(crate) struct Gate {
    inner: oarlock_devcluster::Service,
    state: Arc<Mutex<State>>,
    /// No request goes through any more.
    dead: CancellationToken,
    /// The last write is over: the process may be taken away.
    died: CancellationToken,
}

/// What is answered instead of the API: a status code, for a request of this method and path.
type Refusal = Box<dyn FnMut(&Method, &str) -> Option<StatusCode> + Send>;

#[derive(Default)]
struct State {
    requests: Vec<String>,
    writes: usize,
    kill: Option<(usize, Moment)>,
    refusal: Option<Refusal>,
}

impl Gate {
    pub(crate) fn new(inner: oarlock_devcluster::Service) -> Self {
        Self {
            inner,
            state: Arc::default(),
            dead: CancellationToken::new(),
            died: CancellationToken::new(),
        }
    }

    /// Pulls the plug at the write of this index, counted from 0.
    pub(crate) fn kill_at(&self, write: usize, moment: Moment) {
        self.state.lock().kill = Some((write, moment));
    }

    /// Answers some requests without the API, from now on.
    pub(crate) fn refuse(
        &self,
        refusal: impl FnMut(&Method, &str) -> Option<StatusCode> + Send + 'static,
    ) {
        self.state.lock().refusal = Some(Box::new(refusal));
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.is_cancelled()
    }

    /// Resolves once the plug is pulled.
    pub(crate) async fn died(&self) {
        self.died.cancelled().await;
    }

    /// Writes so far, Events included.
    pub(crate) fn writes(&self) -> usize {
        self.state.lock().writes
    }

    /// Requests since the last call, as `METHOD path?query`.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().requests)
    }

    /// The refusal of a request, if it is refused.
    fn refusal(&self, request: &Request<Body>) -> Option<Response<oarlock_devcluster::Body>> {
        let mut state = self.state.lock();
        let refusal = state.refusal.as_mut()?;
        let code = refusal(request.method(), request.uri().path())?;
        let reason = match code {
            StatusCode::CONFLICT => "Conflict",
            _ => "InternalError",
        };
        let status = serde_json::json!({
            "apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code.as_u16(),
            "reason": reason, "message": "refused by the test",
        });
        let body = Full::from(status.to_string()).boxed_unsync();
        let mut response = Response::new(body);
        *response.status_mut() = code;
        Some(response)
    }

    /// Counts a request; whether the plug is pulled at it.
    fn count(&self, request: &Request<Body>) -> Option<Moment> {
        let mut state = self.state.lock();
        let line = format!("{} {}", request.method(), request.uri());
        state.requests.push(line);
        if request.method() == Method::GET {
            return None;
        }
        let index = state.writes;
        state.writes += 1;
        state
            .kill
            .filter(|(write, _)| *write == index)
            .map(|(_, moment)| moment)
    }
}

impl tower::Service<Request<Body>> for Gate {
    type Response = Response<oarlock_devcluster::Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut gate = self.clone();
        Box::pin(async move {
            if gate.dead.is_cancelled() {
                return std::future::pending().await;
            }
            let kill = gate.count(&request);
            if let Some(refusal) = gate.refusal(&request) {
                return Ok(refusal);
            }
            if kill.is_some() {
                gate.dead.cancel();
            }
            let answer = match kill {
                Some(Moment::Before) => None,
                Some(Moment::After) | None => {
                    Some(tower::Service::call(&mut gate.inner, request).await)
                }
            };
            match (kill, answer) {
                (None, Some(answer)) => answer,
                _ => {
                    gate.died.cancel();
                    std::future::pending().await
                }
            }
        })
    }
}
