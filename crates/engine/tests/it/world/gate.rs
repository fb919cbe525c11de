//! Stands before the API and counts.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use kube::client::Body;
use oarlock_devcluster::Service;
use parking_lot::Mutex;

#[derive(Clone)]
pub(super) struct Gate {
    inner: Service,
    log: Arc<Mutex<Vec<String>>>,
}

impl Gate {
    pub(super) fn new(inner: Service) -> Self {
        Self {
            inner,
            log: Arc::default(),
        }
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

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (uri, headers) = (request.uri(), request.headers());
        if !uri.query().is_some_and(|query| query.contains("watch=")) {
            let mut line = format!("{} {}", request.method(), uri.path());
            if let Some(user) = headers.get("impersonate-user") {
                line.push_str(&format!(" as {}", user.to_str().unwrap_or("?")));
            }
            self.log.lock().push(line);
        }
        tower::Service::call(&mut self.inner, request)
    }
}
