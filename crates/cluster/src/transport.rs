//! One call to the API server: headers out, status and errors in.
//!
//! Retries are decided here and nowhere else. `429 Too Many Requests` was refused before anything happened, so it is
//! repeated for any verb, after the server's `Retry-After`, a bounded number of times. Everything else goes back to the
//! caller: after a 5xx or a broken connection a write may have taken effect, and only the engine, which looks at the cache
//! and backs off per object, can tell whether it still is what is wanted. That is also why [`crate::client`] switches
//! off the client's own retries, which look at the status alone, wait up to 1000 s and use a timer of their own.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, DATE, RETRY_AFTER, WARNING};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use kube::client::Body;
use oarlock_core::clock::Clock;
use oarlock_core::cluster::ServiceAccount;
use oarlock_core::request::ApiError;
use oarlock_core::timestamp::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::fence::Fence;
use crate::rate::{Bucket, Rate};
use crate::requests::Requests;
use crate::server_clock::ServerClock;

/// Reason of an [`ApiError`] with code 0.
const UNREACHABLE: &str = "Unreachable";

const MOST_THROTTLED: u32 = 5;
const LONGEST_THROTTLE: Duration = Duration::from_secs(10);

pub(crate) const JSON: &str = "application/json";

/// Metadata suffices; a server that cannot send it alone sends whole objects.
pub(crate) const METADATA: &str =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
pub(crate) const METADATA_LIST: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

pub(crate) const MERGE_PATCH: &str = "application/merge-patch+json";
pub(crate) const APPLY_PATCH: &str = "application/apply-patch+yaml";

/// The way to the API server.
pub(crate) struct Transport {
    client: kube::Client,
    /// For what changes something.
    writes: kube::Client,
    clock: Arc<dyn Clock>,
    timeout: Duration,
    bucket: Option<Bucket>,
    requests: Requests,
    fence: Fence,
    server_clock: Option<ServerClock>,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct ApiCall {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: String,
    /// Content type and bytes.
    pub(crate) body: Option<(&'static str, Vec<u8>)>,
    pub(crate) accept: &'static str,
    pub(crate) account: Option<ServiceAccount>,
}

impl ApiCall {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            body: None,
            accept: JSON,
            account: None,
        }
    }

    pub(crate) fn json(self, value: &Value) -> Self {
        self.content(JSON, value)
    }

    pub(crate) fn content(mut self, content_type: &'static str, value: &Value) -> Self {
        self.body = Some((content_type, value.to_string().into_bytes()));
        self
    }

    pub(crate) fn account(mut self, account: Option<&ServiceAccount>) -> Self {
        self.account = account.cloned();
        self
    }

    pub(crate) const fn accept(mut self, accept: &'static str) -> Self {
        self.accept = accept;
        self
    }

    /// Whether it changes anything.
    fn writes(&self) -> bool {
        writes(&self.method, &self.path)
    }

    fn request(&self) -> Result<http::Request<Body>, ApiError> {
        let mut request = http::Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header(ACCEPT, self.accept);
        if let Some(account) = &self.account {
            // The API server adds the groups of a service account by itself when no group is named.
            request = request.header("impersonate-user", user_name(account));
        }
        let body = self
            .body
            .as_ref()
            .map(|(content_type, bytes)| (*content_type, bytes.clone()));
        if let Some((content_type, _)) = &body {
            request = request.header(CONTENT_TYPE, *content_type);
        }
        request
            .body(Body::from(body.map(|(_, bytes)| bytes).unwrap_or_default()))
            .map_err(|error| ApiError::new(400, "BadRequest", format!("{}: {error}", self.path)))
    }
}

/// A successful answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) body: Bytes,
    /// Texts of `Warning` headers.
    pub(crate) warnings: Vec<String>,
}

impl Answer {
    pub(crate) fn parse<'a, T: Deserialize<'a>>(&'a self, what: &str) -> Result<T, ApiError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            // Truncated or foreign: a proxy in between, most likely. Nothing is known of what happened.
            unreachable_error(format!("{what}: the answer cannot be read: {error}"))
        })
    }
}

/// `system:serviceaccount:namespace:name`.
pub(crate) fn user_name(account: &ServiceAccount) -> String {
    format!(
        "system:serviceaccount:{}:{}",
        account.namespace, account.name
    )
}

/// The API server was not reached, or what came back was not from it.
pub(crate) fn unreachable_error(message: impl Into<String>) -> ApiError {
    ApiError::new(0, UNREACHABLE, message)
}

impl Transport {
    pub(crate) fn new(client: kube::Client, clock: Arc<dyn Clock>, timeout: Duration) -> Self {
        Self {
            writes: client.clone(),
            client,
            clock,
            timeout,
            bucket: None,
            requests: Requests::to(String::new()),
            fence: Fence::open(),
            server_clock: None,
        }
    }

    /// Tells this clock the time of every answer.
    pub(crate) fn setting(mut self, clock: Option<ServerClock>) -> Self {
        self.server_clock = clock;
        self
    }

    /// Sends what changes something by `writes`, and only while `fence` is open.
    pub(crate) fn fenced(mut self, writes: kube::Client, fence: Fence) -> Self {
        self.writes = writes;
        self.fence = fence;
        self
    }

    /// Sends no more than that.
    pub(crate) fn limited(mut self, rate: Option<Rate>) -> Self {
        self.bucket = rate.map(|rate| Bucket::new(rate, Arc::clone(&self.clock)));
        self
    }

    /// Counts what is sent.
    pub(crate) fn counted(mut self, requests: Requests) -> Self {
        self.requests = requests;
        self
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// One call, its whole answer.
    pub(crate) async fn send(&self, call: &ApiCall) -> Result<Answer, ApiError> {
        let mut throttled = 0;
        loop {
            if let Some(bucket) = &self.bucket {
                self.requests.waited(&call.method, bucket.take().await);
            }
            // On the heap: it is part of every future that makes a call.
            let answer = Box::pin(self.limit(self.once(call)));
            let (status, headers, body) = if call.writes() {
                // Last of all: whatever was waited for has been waited for.
                self.fence.guard(answer).await?
            } else {
                answer.await?
            };
            if status == StatusCode::TOO_MANY_REQUESTS && throttled < MOST_THROTTLED {
                throttled += 1;
                self.slow_down(call, &headers).await;
                continue;
            }
            return if status.is_success() {
                Ok(Answer {
                    body,
                    warnings: warnings(&headers),
                })
            } else {
                Err(refusal(status, &body))
            };
        }
    }

    /// One call and the parsed answer.
    pub(crate) async fn json(&self, call: &ApiCall) -> Result<Value, ApiError> {
        self.send(call).await?.parse(&call.path)
    }

    /// One call whose answer arrives bit by bit.
    pub(crate) async fn stream(&self, call: &ApiCall) -> Result<Body, ApiError> {
        let mut throttled = 0;
        loop {
            let mut request = call.request()?;
            // One gzip member per event is what newer API servers send, and decoders stop after the first.
            request
                .headers_mut()
                .insert(ACCEPT_ENCODING, http::HeaderValue::from_static("identity"));
            let response = self.limit(self.answered(&call.method, request)).await?;
            let status = response.status();
            if status.is_success() {
                return Ok(response.into_body());
            }
            if status == StatusCode::TOO_MANY_REQUESTS && throttled < MOST_THROTTLED {
                throttled += 1;
                self.slow_down(call, response.headers()).await;
                continue;
            }
            let body = self.limit(collect(response.into_body())).await?;
            return Err(refusal(status, &body));
        }
    }

    /// Sends a request, and counts it.
    async fn answered(
        &self,
        method: &Method,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, ApiError> {
        let (began, left) = (self.clock.now(), Instant::now());
        let client = if writes(method, request.uri().path()) {
            &self.writes
        } else {
            &self.client
        };
        let sent = client.send(request).await;
        if let (Some(clock), Ok(answer)) = (&self.server_clock, &sent)
            && let Some(date) = date(answer.headers())
        {
            clock.heard(date, left);
        }
        let status = sent.as_ref().ok().map(http::Response::status);
        let took = self.clock.now().since(began);
        self.requests.sent(method, status, took);
        sent.map_err(|error| unreachable_error(chain(&error)))
    }

    async fn slow_down(&self, call: &ApiCall, headers: &HeaderMap) {
        let wait = retry_after(headers);
        self.requests
            .retried(&call.method, StatusCode::TOO_MANY_REQUESTS);
        tracing::debug!(path = call.path, ?wait, "the API server asks to slow down");
        self.clock.sleep_until(self.clock.now().after(wait)).await;
    }

    async fn once(&self, call: &ApiCall) -> Result<(StatusCode, HeaderMap, Bytes), ApiError> {
        let request = call.request()?;
        let response = self.answered(&call.method, request).await?;
        let (parts, body) = response.into_parts();
        Ok((parts.status, parts.headers, collect(body).await?))
    }

    /// Gives up what takes longer than a call may.
    pub(crate) async fn limit<T>(
        &self,
        future: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        match tokio::time::timeout(self.timeout, future).await {
            Ok(result) => result,
            Err(_elapsed) => Err(unreachable_error(format!(
                "no answer from the API server within {:?}",
                self.timeout
            ))),
        }
    }
}

/// When the server wrote an answer, as it says.
fn date(headers: &HeaderMap) -> Option<Timestamp> {
    Timestamp::parse_http_date(headers.get(DATE)?.to_str().ok()?)
}

/// Whether a request changes anything. Reviews are questions, though they are posted.
fn writes(method: &Method, path: &str) -> bool {
    let is_review = [
        "/apis/authorization.k8s.io/",
        "/apis/authentication.k8s.io/",
    ]
    .iter()
    .any(|group| path.starts_with(group));
    method != Method::GET && !is_review
}

/// One call through a client, its whole answer; without limits and retries.
pub(crate) async fn exchange(client: &kube::Client, call: &ApiCall) -> Result<Answer, ApiError> {
    let sent = client.send(call.request()?).await;
    let response = sent.map_err(|error| unreachable_error(chain(&error)))?;
    let (parts, body) = response.into_parts();
    let body = collect(body).await?;
    if parts.status.is_success() {
        Ok(Answer {
            body,
            warnings: warnings(&parts.headers),
        })
    } else {
        Err(refusal(parts.status, &body))
    }
}

async fn collect(body: Body) -> Result<Bytes, ApiError> {
    match body.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) => Err(unreachable_error(format!(
            "the answer broke off: {}",
            chain(&error)
        ))),
    }
}

fn retry_after(headers: &HeaderMap) -> Duration {
    headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .map_or(Duration::from_secs(1), Duration::from_secs)
        .min(LONGEST_THROTTLE)
}

/// Texts of `299 - "text"` (RFC 7234 5.5, as Kubernetes writes it).
fn warnings(headers: &HeaderMap) -> Vec<String> {
    headers
        .get_all(WARNING)
        .iter()
        .filter_map(|value| {
            let text = std::str::from_utf8(value.as_bytes()).ok()?;
            let (_, quoted) = text.split_once('"')?;
            let end = quoted.rfind('"').unwrap_or(quoted.len());
            Some(quoted[..end].replace("\\\"", "\"").replace("\\\\", "\\"))
        })
        .collect()
}

/// A `metav1.Status`, as far as it is used.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    pub(crate) kind: String,
    pub(crate) code: u16,
    pub(crate) reason: String,
    pub(crate) message: String,
}

impl Status {
    /// As it is handed on.
    pub(crate) fn into_error(self) -> ApiError {
        ApiError::new(self.code, self.reason, self.message)
    }
}

/// What the storage says of an object beyond its limits (1.5 MiB, as etcd is set up by default). The API server hands it on
/// as an internal error, though the same object is refused for ever.
const BEYOND_STORAGE: [&str; 2] = [
    "etcdserver: request is too large",
    "trying to send message larger than max",
];

fn refusal(status: StatusCode, body: &[u8]) -> ApiError {
    let parsed: Status = serde_json::from_slice(body).unwrap_or_default();
    let reason = if parsed.reason.is_empty() {
        let canonical = status.canonical_reason().unwrap_or("Unknown");
        canonical.replace(' ', "")
    } else {
        parsed.reason
    };
    let message = if parsed.message.is_empty() {
        // Not a Status: a proxy, or a server that is starting up. A short piece of it tells which.
        let text = String::from_utf8_lossy(body);
        let text: String = text.trim().chars().take(200).collect();
        if text.is_empty() {
            status.to_string()
        } else {
            text
        }
    } else {
        parsed.message
    };
    if BEYOND_STORAGE.iter().any(|words| message.contains(words)) {
        return ApiError::new(413, "RequestEntityTooLarge", message);
    }
    ApiError::new(status.as_u16(), reason, message)
}

/// An error with all that caused it; parts that repeat their cause are said once.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_keep_what_the_server_said() {
        let status = br#"{"kind":"Status","code":409,"reason":"Conflict","message":"Apply failed with 1 conflict: conflict with \"kubectl\" using v1: .data.a"}"#;
        let error = refusal(StatusCode::CONFLICT, status);
        assert_eq!((error.code, error.reason.as_str()), (409, "Conflict"));
        assert!(error.message.contains("kubectl"));
        let html = refusal(StatusCode::BAD_GATEWAY, b"<html>upstream</html>\n");
        assert_eq!(
            html,
            ApiError::new(502, "BadGateway", "<html>upstream</html>")
        );
        assert!(html.is_transient());
        assert_eq!(
            refusal(StatusCode::NOT_FOUND, b""),
            ApiError::new(404, "NotFound", "404 Not Found")
        );
    }

    #[test]
    fn what_the_storage_cannot_take_is_no_passing_trouble() {
        let status =
            br#"{"kind":"Status","code":500,"message":"etcdserver: request is too large"}"#;
        let error = refusal(StatusCode::INTERNAL_SERVER_ERROR, status);
        assert_eq!(
            (error.code, error.reason.as_str()),
            (413, "RequestEntityTooLarge")
        );
        assert!(!error.is_transient());
    }

    #[test]
    fn requests_are_made_as_the_account() {
        let account = ServiceAccount {
            namespace: "n".to_owned(),
            name: "robot".to_owned(),
        };
        let header = |account: Option<&ServiceAccount>| {
            let request = ApiCall::get("/x").account(account).request();
            let headers = request
                .map(|request| request.headers().clone())
                .unwrap_or_default();
            headers
                .get("impersonate-user")
                .and_then(|value| Some(value.to_str().ok()?.to_owned()))
        };
        assert_eq!(header(None), None);
        assert_eq!(
            header(Some(&account)).as_deref(),
            Some("system:serviceaccount:n:robot")
        );
        // Nothing that is no header value gets through.
        let forged = ServiceAccount {
            name: "robot\r\nimpersonate-group: system:masters".to_owned(),
            ..account
        };
        assert!(ApiCall::get("/x").account(Some(&forged)).request().is_err());
    }

    #[test]
    fn warnings_are_unquoted() {
        let mut headers = HeaderMap::new();
        for text in ["299 - \"unknown field \\\"spec.foo\\\"\"", "nonsense"] {
            headers.append(WARNING, http::HeaderValue::from_static(text));
        }
        assert_eq!(warnings(&headers), ["unknown field \"spec.foo\""]);
    }

    #[test]
    fn throttles_are_bounded() {
        let mut headers = HeaderMap::new();
        assert_eq!(retry_after(&headers), Duration::from_secs(1));
        headers.insert(RETRY_AFTER, http::HeaderValue::from_static("3"));
        assert_eq!(retry_after(&headers), Duration::from_secs(3));
        headers.insert(RETRY_AFTER, http::HeaderValue::from_static("99999"));
        assert_eq!(retry_after(&headers), LONGEST_THROTTLE);
    }
}
