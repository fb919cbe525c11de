//! Stands before the API, counts, and makes watches late.

mod late;

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Response, StatusCode};
use kube::client::Body;
use oarlock_devcluster::Service;
use parking_lot::Mutex;
use tokio::sync::watch;

use late::{Late, Lateness};

#[derive(Clone)]
pub(super) struct Gate {
    inner: Service,
    log: Arc<Mutex<Vec<String>>>,
    watches: Arc<Mutex<Vec<String>>>,
    /// Requests of which the path ends so are never answered.
    held: Arc<Mutex<Option<&'static str>>>,
    late: watch::Sender<Lateness>,
    /// Whose bearer token goes with each request.
    token: Option<&'static str>,
    /// Requests of the operator itself that were forbidden.
    refused: Arc<watch::Sender<Vec<String>>>,
}

impl Gate {
    pub(super) fn new(inner: Service) -> Self {
        Self {
            inner,
            log: Arc::default(),
            watches: Arc::default(),
            held: Arc::default(),
            late: watch::Sender::default(),
            token: None,
            refused: Arc::default(),
        }
    }

    /// From now on nothing comes from watches of which the path ends so; what they have told comes with `None`.
    pub(super) fn delay(&self, lateness: Lateness) {
        self.late.send_replace(lateness);
    }

    /// From now on requests are made with this token.
    pub(super) fn speak_as(&mut self, token: &'static str) {
        self.token = Some(token);
    }

    /// What was forbidden so far.
    pub(super) fn refused(&self) -> watch::Receiver<Vec<String>> {
        self.refused.subscribe()
    }

    /// From now on requests to what ends so hang.
    pub(super) fn hold(&self, path: &'static str) {
        *self.held.lock() = Some(path);
    }

    /// Paths of the watches that were opened since the last call.
    pub(super) fn watched(&self) -> Vec<String> {
        std::mem::take(&mut *self.watches.lock())
    }

    pub(super) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock())
    }
}

impl tower::Service<Request<Body>> for Gate {
    type Response = Response<oarlock_devcluster::Body>;
    type Error = Infallible;
    type Future = <Service as tower::Service<Request<Body>>>::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if let Some(token) = self.token {
            let bearer = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
            request.headers_mut().insert(AUTHORIZATION, bearer);
        }
        let what = format!("{} {}", request.method(), request.uri());
        let (uri, headers) = (request.uri(), request.headers());
        let asks = |what: &str| uri.query().is_some_and(|query| query.contains(what));
        let (is_watch, is_list) = (asks("watch="), asks("sendInitialEvents="));
        let path = uri.path().to_owned();
        if is_watch {
            self.watches.lock().push(path.clone());
        }
        if !is_watch || is_list {
            let mut line = format!("{} {}", request.method(), uri.path());
            if let Some(user) = headers.get("impersonate-user") {
                line.push_str(&format!(" as {}", user.to_str().unwrap_or("?")));
            }
            self.log.lock().push(line);
        }
        let held = *self.held.lock();
        if held.is_some_and(|path| request.uri().path().ends_with(path)) {
            return Box::pin(std::future::pending());
        }
        let refused = Arc::clone(&self.refused);
        let answer = tower::Service::call(&mut self.inner, request);
        let answer = Box::pin(async move {
            let response = answer.await?;
            if response.status() == StatusCode::FORBIDDEN {
                refused.send_modify(|refused| refused.push(what));
            }
            Ok(response)
        });
        if !is_watch {
            return answer;
        }
        let late = self.late.subscribe();
        Box::pin(async move {
            let response = answer.await?;
            Ok(response.map(|body| Late::body(body, path, late)))
        })
    }
}
