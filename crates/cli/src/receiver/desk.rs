//! Who answers a webhook, and what it is told.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Body;
use oarlock_core::artifact::Upstream;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::Recipient;
use super::configuration::{Configuration, Post};
use super::mailbox::Mailbox;
use super::payload;

/// Longest payload.
const LONGEST: usize = 2 << 20;

/// How long a payload may take.
const READING: Duration = Duration::from_secs(10);

/// Where webhooks go, before the receiver's name.
const PATH: &str = "/hook/";

type Labels = Vec<(&'static str, String)>;

/// What is counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Metrics {
    requests: Family<Labels, Counter>,
    runs: Counter,
}

impl Metrics {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "oarlock_webhook_requests",
            "Webhooks by receiver (empty: none of that name) and status",
            metrics.requests.clone(),
        );
        registry.register(
            "oarlock_webhook_runs",
            "Objects that ran because of webhooks",
            metrics.runs.clone(),
        );
        metrics
    }

    pub(super) fn runs(&self) -> Counter {
        self.runs.clone()
    }

    fn count(&self, receiver: &str, status: StatusCode) {
        let labels = vec![
            ("receiver", receiver.to_owned()),
            ("code", status.as_str().to_owned()),
        ];
        self.requests.get_or_create(&labels).inc();
    }
}

/// What all connections share.
pub(super) struct Desk {
    configuration: Configuration,
    recipient: Arc<dyn Recipient>,
    mailbox: Arc<Mailbox>,
    metrics: Metrics,
}

/// What becomes of a webhook: a status and a line of text.
struct Answer {
    status: StatusCode,
    text: String,
    header: Option<(http::HeaderName, HeaderValue)>,
}

impl Answer {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
            header: None,
        }
    }

    fn with(self, name: http::HeaderName, value: &'static str) -> Self {
        Self {
            header: Some((name, HeaderValue::from_static(value))),
            ..self
        }
    }

    fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::from(format!("{}\n", self.text)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        if let Some((name, value)) = self.header {
            headers.insert(name, value);
        }
        response
    }
}

impl Desk {
    pub(super) fn new(
        configuration: Configuration,
        recipient: Arc<dyn Recipient>,
        mailbox: Arc<Mailbox>,
        metrics: Metrics,
    ) -> Self {
        Self {
            configuration,
            recipient,
            mailbox,
            metrics,
        }
    }

    pub(super) async fn answer<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send,
    {
        let path = request.uri().path().to_owned();
        let (name, tail) = place(&path);
        let Some(post) = self.configuration.get(name) else {
            self.metrics.count("", StatusCode::NOT_FOUND);
            return nothing_there().into_response();
        };
        let answer = self.receive(name, post, tail, request).await;
        let answer = answer.unwrap_or_else(|refusal| refusal);
        self.metrics.count(name, answer.status);
        if answer.status.is_client_error() {
            tracing::info!(
                receiver = name,
                status = answer.status.as_u16(),
                "a webhook was refused: {}",
                answer.text
            );
        }
        answer.into_response()
    }

    async fn receive<B>(
        &self,
        name: &str,
        post: &Post,
        tail: Option<&str>,
        request: Request<B>,
    ) -> Result<Answer, Answer>
    where
        B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send,
    {
        if tail.is_some() && !post.sender.takes_token_in_url() {
            return Err(nothing_there());
        }
        if request.method() != Method::POST {
            let refusal = Answer::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "webhooks are sent with POST",
            );
            return Err(refusal.with(ALLOW, "POST"));
        }
        if !self.recipient.is_on_duty() {
            let refusal = Answer::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "this replica stands by; send it to the one that leads",
            );
            return Err(refusal.with(RETRY_AFTER, "10"));
        }
        let (head, body) = request.into_parts();
        let body = read(&head.headers, body).await?;
        let token = post.token().map_err(|error| {
            tracing::error!(receiver = name, "{error:#}");
            Answer::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the receiver's token cannot be read; its log says why",
            )
        })?;
        if !post.sender.is_genuine(&token, &head.headers, tail, &body) {
            return Err(Answer::new(
                StatusCode::UNAUTHORIZED,
                "not signed with the receiver's token",
            ));
        }
        if !post.sender.is_news(&head.headers) {
            return Ok(Answer::new(
                StatusCode::OK,
                "ok: nothing that is waited for",
            ));
        }
        let named = payload::upstreams(post.sender, &body).map_err(|error| {
            Answer::new(StatusCode::BAD_REQUEST, format!("the payload: {error}"))
        })?;
        let upstreams = self.spoken_for(post, named);
        if upstreams.is_empty() {
            return Ok(Answer::new(
                StatusCode::OK,
                "ok: nothing of the receiver's sources",
            ));
        }
        self.mailbox.put(name, &upstreams).map_err(|_full| {
            let refusal = Answer::new(StatusCode::TOO_MANY_REQUESTS, "too many pushes at a time");
            refusal.with(RETRY_AFTER, "5")
        })?;
        Ok(Answer::new(StatusCode::OK, "ok"))
    }

    /// Of what a payload names, what the receiver speaks for; of one that need not name anything, all that.
    fn spoken_for(&self, post: &Post, named: Option<Vec<Upstream>>) -> Vec<Upstream> {
        let is_known =
            |upstream: &Upstream| post.sources.iter().any(|source| source.covers(upstream));
        match named {
            Some(named) => named.into_iter().filter(is_known).collect(),
            None => {
                let read = self.recipient.upstreams().into_iter().filter(is_known);
                let named = post.sources.iter().filter_map(|source| source.single());
                let mut all: Vec<Upstream> = read.chain(named.cloned()).collect();
                all.sort();
                all.dedup();
                all
            }
        }
    }
}

fn nothing_there() -> Answer {
    Answer::new(
        StatusCode::NOT_FOUND,
        "not found; webhooks go to /hook/NAME, by the name of a receiver",
    )
}

/// The receiver's name in a path, and what follows it.
fn place(path: &str) -> (&str, Option<&str>) {
    let rest = path.strip_prefix(PATH).unwrap_or_default();
    match rest.split_once('/') {
        Some((name, tail)) => (name, Some(tail)),
        None => (rest, None),
    }
}

async fn read<B>(headers: &HeaderMap, body: B) -> Result<Bytes, Answer>
where
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send,
{
    let too_long = || {
        Answer::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "payloads have 2 MiB at most; sources are polled all the same",
        )
    };
    let announced = headers.get(http::header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > LONGEST) {
        return Err(too_long());
    }
    let body = std::pin::pin!(Limited::new(body, LONGEST).collect());
    match tokio::time::timeout(READING, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_long()),
        Ok(Err(_)) => Err(Answer::new(
            StatusCode::BAD_REQUEST,
            "the payload broke off",
        )),
        Err(_) => Err(Answer::new(
            StatusCode::REQUEST_TIMEOUT,
            "the payload took too long",
        )),
    }
}

#[cfg(test)]
mod tests;
