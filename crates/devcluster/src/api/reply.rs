//! Responses: status, headers and a body that may go on for long.

use std::convert::Infallible;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::TryStreamExt as _;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use serde::Serialize;

use crate::status::Status;

/// The body of every response of the cluster.
pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A response in the making.
pub(crate) struct Reply {
    code: StatusCode,
    content_type: &'static str,
    warnings: Vec<String>,
    /// Seconds.
    retry_after: Option<u32>,
    body: Body,
}

impl Reply {
    /// A JSON document.
    pub(crate) fn json(code: StatusCode, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(bytes) => Self::bytes(code, "application/json", bytes),
            Err(error) => Self::refusal(&Status::internal(error)),
        }
    }

    /// Bytes of any media type.
    pub(crate) fn bytes(
        code: StatusCode,
        content_type: &'static str,
        bytes: impl Into<Bytes>,
    ) -> Self {
        let body = Full::new(bytes.into()).boxed_unsync();
        Self {
            code,
            content_type,
            warnings: Vec::new(),
            retry_after: None,
            body,
        }
    }

    /// A stream of JSON documents, one per line.
    pub(crate) fn lines(lines: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        use futures_util::StreamExt as _;
        let frames = lines.map(Ok::<_, Infallible>).map_ok(Frame::data);
        Self {
            code: StatusCode::OK,
            content_type: "application/json",
            warnings: Vec::new(),
            retry_after: None,
            body: StreamBody::new(frames).boxed_unsync(),
        }
    }

    /// A refusal.
    pub(crate) fn refusal(status: &Status) -> Self {
        let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if *status == Status::page_not_found() {
            return Self::bytes(code, "text/plain; charset=utf-8", status.message.clone());
        }
        let mut reply = Self::bytes(code, "application/json", status.to_value().to_string());
        reply.retry_after = status
            .details
            .as_ref()
            .and_then(|details| details.retry_after_seconds);
        reply
    }

    /// The same answer as another media type.
    pub(crate) fn of_type(mut self, content_type: &'static str) -> Self {
        self.content_type = content_type;
        self
    }

    /// The same answer without its body: to HEAD.
    pub(crate) fn without_body(mut self) -> Self {
        self.body = Full::new(Bytes::new()).boxed_unsync();
        self
    }

    /// Adds `Warning` headers.
    pub(crate) fn warn(&mut self, warnings: impl IntoIterator<Item = String>) {
        self.warnings.extend(warnings);
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.code;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(self.content_type),
        );
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-cache, private"),
        );
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        for warning in self.warnings {
            // RFC 7234 5.5: 299 is a warning that persists, "-" an unnamed agent, the text a quoted string.
            let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"");
            if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
                headers.append(header::WARNING, value);
            }
        }
        response
    }
}
