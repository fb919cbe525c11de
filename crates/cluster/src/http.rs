//! The outgoing HTTP of modules: one call, one whole answer.
//!
//! Owned here: connections, trust and limits; what [`oarlock_core::address`] names is never opened. Not known here: which origins
//! are granted (the engine has checked), recording, Secrets (the caller brings the credentials).
//!
//! A name is resolved when a connection is opened, each address is checked, and the connection goes to a checked address and
//! to no other, so that a name that resolves differently the next time gains nothing. Pooled connections are kept per
//! origin, certificates trusted, and nothing else: one whose certificate nobody looked at carries no call that wants it
//! looked at. Redirects are not followed, and no proxy variables are read.

mod connector;
mod trust;

use std::collections::HashMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use k8s_openapi::ByteString;
use oarlock_core::egress::{self, Credentials};
use oarlock_core::future::BoxFuture;
use oarlock_core::origin::{Origin, Scheme, without_query};
use oarlock_core::reconciler::{HttpError, HttpRequest, HttpResponse};
use oarlock_core::reference::Digest;
use parking_lot::Mutex;

use crate::http::connector::{Checked, Refused, Within};

type Pool = Client<Within<HttpsConnector<Checked>>, Full<Bytes>>;

/// `ca_bundle`s whose connections are kept; a module that varies them only loses reuse.
const MOST_BUNDLES: usize = 64;

/// Headers that belong to the connection, not to the caller (RFC 9110 7.6.1), and those that would change where a
/// call goes or how its body is framed.
const NOT_THE_CALLERS: [&str; 10] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EgressLimits {
    /// Bytes of an answer's body.
    pub response: u64,
    /// For a connection, TLS included.
    pub connect: Duration,
}

impl Default for EgressLimits {
    fn default() -> Self {
        Self {
            response: 8 << 20,
            connect: Duration::from_secs(10),
        }
    }
}

/// The way out.
pub struct Egress {
    limits: EgressLimits,
    native: Mutex<Option<Pool>>,
    bundles: Mutex<HashMap<Digest, Pool>>,
    /// Of calls that take any certificate.
    unchecked: Mutex<Option<Pool>>,
}

/// Whose certificates a call trusts.
#[derive(Clone, Copy)]
enum Trust<'a> {
    /// No TLS.
    Needless,
    /// Those of the machine.
    Native,
    /// These, as PEM.
    Bundle(&'a str),
    /// Any.
    Anybody,
}

impl<'a> Trust<'a> {
    fn of(request: &'a HttpRequest, scheme: Scheme) -> Self {
        match (scheme, request.ca_bundle.as_deref()) {
            (Scheme::Http, _) => Self::Needless,
            (Scheme::Https, _) if request.insecure_skip_tls_verify => Self::Anybody,
            (Scheme::Https, Some(bundle)) => Self::Bundle(bundle),
            (Scheme::Https, None) => Self::Native,
        }
    }
}

impl Egress {
    /// Nothing is opened yet.
    #[must_use]
    pub fn new(limits: EgressLimits) -> Self {
        Self {
            limits,
            native: Mutex::default(),
            bundles: Mutex::default(),
            unchecked: Mutex::default(),
        }
    }

    async fn call(
        &self,
        request: &HttpRequest,
        credentials: Option<&Credentials>,
    ) -> Result<HttpResponse, HttpError> {
        let origin =
            Origin::of(&request.url).map_err(|error| HttpError::Denied(error.to_string()))?;
        let outgoing = outgoing(request, credentials)?;
        let pool = self.pool(Trust::of(request, origin.scheme()))?;
        self.exchange(&pool, outgoing).await
    }

    async fn exchange(
        &self,
        pool: &Pool,
        request: Request<Full<Bytes>>,
    ) -> Result<HttpResponse, HttpError> {
        let response = pool
            .request(request)
            .await
            .map_err(|error| failure(&error))?;
        let (parts, mut body) = response.into_parts();
        let mut content = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame
                .map_err(|error| HttpError::Other(format!("the answer broke off: {error}")))?;
            let Some(data) = frame.data_ref() else {
                continue;
            };
            let size = (content.len() + data.len()) as u64;
            if size > self.limits.response {
                return Err(HttpError::TooLarge(self.limits.response));
            }
            content.extend_from_slice(data);
        }
        Ok(HttpResponse {
            status: parts.status.as_u16(),
            headers: plain(&parts.headers),
            body: content.into(),
        })
    }

    fn pool(&self, trust: Trust<'_>) -> Result<Pool, HttpError> {
        match trust {
            Trust::Needless => self.native(false),
            Trust::Native => self.native(true),
            Trust::Bundle(bundle) => self.bundle(bundle),
            Trust::Anybody => {
                let mut unchecked = self.unchecked.lock();
                if let Some(pool) = &*unchecked {
                    return Ok(pool.clone());
                }
                let pool = self.build(trust::anybody()?);
                *unchecked = Some(pool.clone());
                Ok(pool)
            }
        }
    }

    fn native(&self, needed: bool) -> Result<Pool, HttpError> {
        let mut native = self.native.lock();
        if let Some(pool) = &*native {
            return Ok(pool.clone());
        }
        let pool = self.build(trust::native(needed)?);
        if needed {
            // A pool made for plain calls may lack trust.
            *native = Some(pool.clone());
        }
        Ok(pool)
    }

    fn bundle(&self, bundle: &str) -> Result<Pool, HttpError> {
        let digest = Digest::of(bundle.as_bytes());
        if let Some(pool) = self.bundles.lock().get(&digest) {
            return Ok(pool.clone());
        }
        let pool = self.build(trust::bundle(bundle)?);
        let mut bundles = self.bundles.lock();
        if bundles.len() >= MOST_BUNDLES {
            bundles.clear();
        }
        bundles.insert(digest, pool.clone());
        Ok(pool)
    }

    fn build(&self, trust: rustls::ClientConfig) -> Pool {
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(trust)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(Checked);
        let connector = Within::new(connector, self.limits.connect);
        Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(4)
            .build(connector)
    }
}

/// The request as it is sent. Else nothing is sent, and what is told of it has neither values of headers nor the query.
fn outgoing(
    request: &HttpRequest,
    credentials: Option<&Credentials>,
) -> Result<Request<Full<Bytes>>, HttpError> {
    let denied = |what: String| HttpError::Denied(what);
    let method = Method::from_bytes(request.method.as_bytes())
        .map_err(|_| denied(format!("{:?} is no HTTP method", request.method)))?;
    if matches!(method, Method::CONNECT | Method::TRACE) {
        return Err(HttpError::Denied(format!(
            "method {method} is not for modules"
        )));
    }
    let uri: Uri = request
        .url
        .parse()
        .map_err(|error| denied(format!("{:?}: {error}", without_query(&request.url))))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| denied(format!("{name:?} is no header name")))?;
        if NOT_THE_CALLERS.contains(&name.as_str()) {
            return Err(HttpError::Denied(format!(
                "header {name} is set by the host"
            )));
        }
        let value = HeaderValue::from_str(value)
            .map_err(|_| denied(format!("header {name}: not a header value")))?;
        headers.append(name, value);
    }
    if let Some(credentials) = credentials {
        headers.insert(AUTHORIZATION, authorization(credentials)?);
    }
    // Nobody but the connection says where it goes.
    headers.remove(HOST);
    let mut outgoing = Request::new(Full::new(Bytes::from(request.body.clone())));
    *outgoing.method_mut() = method;
    *outgoing.uri_mut() = uri;
    *outgoing.headers_mut() = headers;
    Ok(outgoing)
}

fn authorization(credentials: &Credentials) -> Result<HeaderValue, HttpError> {
    let mut text = match credentials {
        Credentials::Basic { user, password } => {
            if user.contains(&b':') {
                return Err(HttpError::Denied(
                    "the user name contains a colon".to_owned(),
                ));
            }
            let both = ByteString([user.as_slice(), b":", password].concat());
            // Serialises as Base64, the way Secrets hold it.
            let encoded = serde_json::to_value(&both)
                .map_err(|error| HttpError::Denied(error.to_string()))?;
            format!("Basic {}", encoded.as_str().unwrap_or_default()).into_bytes()
        }
        Credentials::Bearer { token } => [b"Bearer ", token.as_slice()].concat(),
    };
    // A line end at the end of a Secret's key is how editors leave it, and never part of a token.
    while text.last().is_some_and(u8::is_ascii_whitespace) {
        text.pop();
    }
    let mut value = HeaderValue::from_bytes(&text)
        .map_err(|_| HttpError::Denied("the credentials are no header value".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Headers as texts; what is not text is replaced byte by byte (Latin-1), as RFC 9110 5.5 has it for old servers.
fn plain(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = value
                .as_bytes()
                .iter()
                .map(|&byte| char::from(byte))
                .collect();
            (name.as_str().to_owned(), value)
        })
        .collect()
}

/// What a failed exchange means to the module.
fn failure(error: &hyper_util::client::legacy::Error) -> HttpError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(refused) = current.downcast_ref::<Refused>() {
            return match refused {
                Refused::NeverOpened { .. } => HttpError::Denied(refused.to_string()),
                Refused::Resolve { .. } | Refused::Connect { .. } | Refused::TimedOut { .. } => {
                    HttpError::Connect(crate::transport::chain(refused))
                }
            };
        }
        // Later than that, the request may have got there.
        if let Some(tls) = tls_error(current).filter(|_| error.is_connect()) {
            return HttpError::Tls(tls.to_string());
        }
        cause = current.source();
    }
    let text = crate::transport::chain(error);
    if error.is_connect() {
        HttpError::Connect(text)
    } else {
        HttpError::Other(text)
    }
}

/// TLS errors travel within I/O errors, whose `source` skips over them.
fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(tls);
    }
    let inner = error.downcast_ref::<std::io::Error>()?.get_ref()?;
    tls_error(inner)
}

impl egress::Egress for Egress {
    fn send(
        &self,
        request: HttpRequest,
        credentials: Option<Credentials>,
        limit: Duration,
    ) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            let limit = request.timeout.map_or(limit, |timeout| timeout.min(limit));
            match tokio::time::timeout(limit, self.call(&request, credentials.as_ref())).await {
                Ok(result) => result,
                Err(_elapsed) => Err(HttpError::TimedOut),
            }
        })
    }
}

#[cfg(test)]
mod tests;
