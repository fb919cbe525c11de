//! The world outside the cluster, which answers everything with 200.

use std::time::Duration;

use oarlock_core::egress::{Credentials, Egress};
use oarlock_core::future::BoxFuture;
use oarlock_core::reconciler::{HttpError, HttpRequest, HttpResponse};
use parking_lot::Mutex;

#[derive(Default)]
pub(crate) struct Outbox(Mutex<Vec<Letter>>);

/// What was sent, and as whom.
pub(crate) struct Letter {
    pub(crate) request: HttpRequest,
    pub(crate) credentials: Option<Credentials>,
}

impl Outbox {
    /// What was sent since the last call, as `METHOD url body`.
    pub(crate) fn sent(&self) -> Vec<String> {
        self.letters()
            .iter()
            .map(|Letter { request, .. }| {
                let body = String::from_utf8_lossy(&request.body);
                format!("{} {} {body}", request.method, request.url)
            })
            .collect()
    }

    /// The same with all that there is of it.
    pub(crate) fn letters(&self) -> Vec<Letter> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl Egress for Outbox {
    fn send(
        &self,
        request: HttpRequest,
        credentials: Option<Credentials>,
        _: Duration,
    ) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        let answer = answer(&request.url, credentials.as_ref());
        let letter = Letter {
            request,
            credentials,
        };
        self.0.lock().push(letter);
        Box::pin(std::future::ready(Ok(answer)))
    }
}

/// Below `/repeat/STATUS` the one that answers is indiscreet.
fn answer(url: &str, credentials: Option<&Credentials>) -> HttpResponse {
    let said = url
        .split_once("/repeat/")
        .and_then(|(_, status)| status.parse().ok());
    let body = match (said, credentials) {
        (Some(_), Some(Credentials::Bearer { token })) => [b"not by ", token.as_slice()].concat(),
        _ => Vec::new(),
    };
    HttpResponse {
        status: said.unwrap_or(200),
        headers: Vec::new(),
        body,
    }
}
