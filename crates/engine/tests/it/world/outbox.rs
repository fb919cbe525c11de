//! The world outside the cluster, which answers everything with 200.

use std::time::Duration;

use oarlock_core::egress::{Credentials, Egress};
use oarlock_core::future::BoxFuture;
use oarlock_core::reconciler::{HttpError, HttpRequest, HttpResponse};
use parking_lot::Mutex;

#[derive(Default)]
pub(crate) struct Outbox(Mutex<Vec<HttpRequest>>);

impl Outbox {
    /// What was sent since the last call, as `METHOD url body`.
    pub(crate) fn sent(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock())
            .iter()
            .map(|request| {
                let body = String::from_utf8_lossy(&request.body);
                format!("{} {} {body}", request.method, request.url)
            })
            .collect()
    }
}

impl Egress for Outbox {
    fn send(
        &self,
        request: HttpRequest,
        _: Option<Credentials>,
        _: Duration,
    ) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        self.0.lock().push(request);
        Box::pin(std::future::ready(Ok(HttpResponse {
            status: 200,
            headers: Vec::new(),
            body: Vec::new(),
        })))
    }
}
