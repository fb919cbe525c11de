//! The outgoing HTTP of sources: one policy for all of them.
//!
//! Redirects are followed as Helm follows them, up to a limit, but credentials and client certificates go to the origin that
//! they were given for and to no other. Names are resolved here, and no connection goes to an address that is never opened
//! ([`oarlock_core::address`]), whatever a name or a redirect says, nor from a server on the internet to a private one that nobody
//! chose. No proxies are read from the environment. Answers are
//! neither unpacked nor larger than the caller allows.

mod resolver;
mod trail;
mod trust;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use oarlock_core::address::is_private;
use oarlock_core::artifact::{Credentials, FetchError, Reach, without_query};
use oarlock_core::reference::Digest;
use parking_lot::Mutex;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Method, StatusCode, Url};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::options::{Limits, Timeouts};
use resolver::NotOpened;
pub(crate) use trail::NamedBy;
use trail::{IsPrivate, Trail};

/// How this program calls itself to servers.
const USER_AGENT: &str = concat!("oarlock/", env!("CARGO_PKG_VERSION"));

/// Trusts and certificates whose connections are kept; more of them only lose reuse.
const MOST_POOLS: usize = 64;

/// The way out for all sources.
pub(crate) struct Client {
    timeouts: Timeouts,
    redirects: usize,
    calls: usize,
    /// By origin, so that a slow server keeps nobody from the others.
    turns: Mutex<HashMap<String, Weak<Semaphore>>>,
    /// By trust, and by whether private addresses are opened.
    pools: Mutex<HashMap<(Digest, bool), reqwest::Client>>,
    private: IsPrivate,
}

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    /// GET or HEAD.
    pub(crate) method: Method,
    /// Where to: http or https, without user and password.
    pub(crate) url: Url,
    /// Beside those that the client sets. Sensitive ones do not follow a redirect to another origin.
    pub(crate) headers: HeaderMap,
    /// Trust, client certificate and authorization.
    pub(crate) credentials: &'a Credentials,
    /// Servers that may be asked, wherever they are.
    pub(crate) reach: &'a Reach,
    /// Who says that it goes there.
    pub(crate) named_by: NamedBy,
    /// Bytes of the answer's body.
    pub(crate) limit: u64,
}

/// A whole answer, whatever its status.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Who gave it, after all redirects.
    pub(crate) url: Url,
    /// Its status.
    pub(crate) status: StatusCode,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its body; empty for HEAD.
    pub(crate) body: Bytes,
    /// Whether who gave it may have a private address.
    pub(crate) may_be_private: bool,
    /// Whether it, and all that led to it, have private addresses.
    pub(crate) is_private: bool,
}

impl<'a> Call<'a> {
    /// A GET of `url` with what `credentials` have for HTTP.
    pub(crate) fn get(
        url: Url,
        credentials: &'a Credentials,
        reach: &'a Reach,
        limit: u64,
    ) -> Result<Self, FetchError> {
        let mut headers = HeaderMap::new();
        if let Some(authorization) = authorization(credentials)? {
            headers.insert(AUTHORIZATION, authorization);
        }
        Ok(Self {
            method: Method::GET,
            url,
            headers,
            credentials,
            reach,
            named_by: NamedBy::Caller,
            limit,
        })
    }

    /// With one more header. A value that is none is left out: it comes from a server, such as an ETag.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}

impl Answer {
    /// A header as text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<String> {
        let value = self.headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    }
}

impl Client {
    pub(crate) fn new(timeouts: Timeouts, limits: &Limits) -> Self {
        Self {
            timeouts,
            redirects: limits.redirects,
            calls: limits.calls,
            turns: Mutex::default(),
            pools: Mutex::default(),
            private: is_private,
        }
    }

    #[cfg(test)]
    pub(crate) const fn with_private(mut self, private: IsPrivate) -> Self {
        self.private = private;
        self
    }

    /// Sends `call`, follows redirects, and reads the answer.
    pub(crate) async fn send(&self, call: Call<'_>) -> Result<Answer, FetchError> {
        let first = shown(&call.url);
        let whole = self.timeouts.whole;
        let turn = tokio::time::timeout(whole, self.turn(&call.url)).await;
        let _turn = turn.map_err(|_elapsed| {
            FetchError::Unavailable(format!(
                "failed to fetch {first}: none of the {} calls that its server may have at a time came to an end within {whole:?}; \
                 hint: the server is slow, or too much is asked of it",
                self.calls
            ))
        })?;
        match tokio::time::timeout(self.timeouts.whole, self.follow(call)).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(FetchError::Unavailable(format!(
                "failed to fetch {first}: no whole answer within {:?}; hint: the server is slow or the connection is bad",
                self.timeouts.whole
            ))),
        }
    }

    /// Waits for one of the calls that its server may have at the same time. `None` never comes: nobody closes the semaphore.
    async fn turn(&self, url: &Url) -> Option<OwnedSemaphorePermit> {
        let origin = url.origin().ascii_serialization();
        let turns = {
            let mut known = self.turns.lock();
            match known.get(&origin).and_then(Weak::upgrade) {
                Some(turns) => turns,
                None => {
                    known.retain(|_, turns| turns.strong_count() > 0);
                    let turns = Arc::new(Semaphore::new(self.calls));
                    known.insert(origin, Arc::downgrade(&turns));
                    turns
                }
            }
        };
        turns.acquire_owned().await.ok()
    }

    async fn follow(&self, mut call: Call<'_>) -> Result<Answer, FetchError> {
        let origin = call.url.origin();
        let first = shown(&call.url);
        let mut trail = Trail::new(&call.url, call.named_by, call.reach);
        for _ in 0..=self.redirects {
            let own = call.url.origin() == origin;
            if !own {
                call.headers = public(&call.headers);
            }
            let may_be_private = trail.may_be_private(&call.url);
            let refused = (!may_be_private).then_some(self.private);
            check(&call.url, refused)?;
            let pool = self.pool(&call.url, call.credentials, own, refused)?;
            let request = pool
                .request(call.method.clone(), call.url.clone())
                .headers(call.headers.clone());
            let response = request
                .send()
                .await
                .map_err(|error| self.failure(&call.url, &error))?;
            let address = response.remote_addr().map(|address| address.ip());
            trail.passed(address.is_some_and(self.private));
            match target(&call.url, &response)? {
                Some(target) => call.url = target,
                None => {
                    let private = (may_be_private, trail.is_private());
                    return self.read(&call, response, private).await;
                }
            }
        }
        Err(FetchError::Unavailable(format!(
            "failed to fetch {first}: stopped after {} redirects; hint: the server sends its callers in circles",
            self.redirects
        )))
    }

    async fn read(
        &self,
        call: &Call<'_>,
        mut response: reqwest::Response,
        (may_be_private, is_private): (bool, bool),
    ) -> Result<Answer, FetchError> {
        let too_large = || {
            FetchError::Invalid(format!(
                "{} is larger than {} bytes, which is the most that is read of it",
                shown(&call.url),
                call.limit
            ))
        };
        if call.method != Method::HEAD && response.content_length() > Some(call.limit) {
            return Err(too_large());
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = BytesMut::new();
        while let Some(piece) = response
            .chunk()
            .await
            .map_err(|error| self.failure(&call.url, &error))?
        {
            if (body.len() + piece.len()) as u64 > call.limit {
                return Err(too_large());
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer {
            url: call.url.clone(),
            status,
            headers,
            body: body.freeze(),
            may_be_private,
            is_private,
        })
    }

    /// Connections are shared by those who trust the same and show the same certificate.
    fn pool(
        &self,
        url: &Url,
        credentials: &Credentials,
        own: bool,
        refused: Option<IsPrivate>,
    ) -> Result<reqwest::Client, FetchError> {
        let trust = trust::Trust::of(url, credentials, own);
        // A connection that one may use is not found by those who may not.
        let key = (trust.digest(), refused.is_none());
        if let Some(pool) = self.pools.lock().get(&key) {
            return Ok(pool.clone());
        }
        let builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .dns_resolver(Arc::new(resolver::Checked { refused }))
            .connect_timeout(self.timeouts.connect)
            .read_timeout(self.timeouts.idle)
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(4);
        let pool = trust.apply(builder)?.build().map_err(|error| {
            FetchError::Unavailable(format!(
                "cannot open TLS connections: {}; hint: install the CA certificates of this machine, or pass a CA bundle",
                chain(&error)
            ))
        })?;
        let mut pools = self.pools.lock();
        if pools.len() >= MOST_POOLS {
            pools.clear();
        }
        pools.insert(key, pool.clone());
        Ok(pool)
    }

    /// What a failed exchange means.
    fn failure(&self, url: &Url, error: &reqwest::Error) -> FetchError {
        let shown = shown(url);
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(current) = cause {
            if let Some(refused) = current.downcast_ref::<NotOpened>() {
                return FetchError::Denied(format!("failed to fetch {shown}: {refused}"));
            }
            cause = current.source();
        }
        if error.is_timeout() {
            let (what, limit) = if error.is_connect() {
                ("no connection", self.timeouts.connect)
            } else {
                ("no data", self.timeouts.idle)
            };
            return FetchError::Unavailable(format!(
                "failed to fetch {shown}: {what} within {limit:?}; hint: the server is down, slow, or behind a firewall"
            ));
        }
        let hint = if error.is_connect() {
            "; hint: is the address right, is the server up, and is its certificate from an authority that is trusted here?"
        } else {
            ""
        };
        FetchError::Unavailable(format!("failed to fetch {shown}: {}{hint}", causes(error)))
    }
}

/// `url` for people: without query, which may be a signature, and without fragment.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Only URLs that cannot have them refuse.
    let _none = url.set_username("");
    let _none = url.set_password(None);
    url.to_string()
}

/// `text` as a URL that can be called.
pub(crate) fn parse(text: &str) -> Result<Url, FetchError> {
    let invalid = |problem: String| {
        let text = without_query(text);
        let text = match (text.find("://"), text.rfind('@')) {
            (Some(scheme), Some(at)) if scheme < at => {
                format!("{}://…{}", &text[..scheme], &text[at..])
            }
            _ => text.to_owned(),
        };
        FetchError::Invalid(format!("invalid chart URL format: {text}: {problem}"))
    };
    let url = Url::parse(text).map_err(|error| invalid(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(invalid(
            "expected http:// or https:// and a host".to_owned(),
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid(
            "a user name or password in the URL is refused; hint: name the credentials in `credentials`"
                .to_owned(),
        ));
    }
    Ok(url)
}

/// What an answer other than 200 means, in Helm's words.
pub(crate) fn refused(url: &Url, status: StatusCode, credentials: &Credentials) -> FetchError {
    let text = format!("failed to fetch {} : {status}", shown(url));
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            let hint = if credentials.basic.is_some() || credentials.bearer.is_some() {
                "the credentials are not taken, or may not read this: check user name, password and token"
            } else {
                "no credentials were sent: name a Secret with `username` and `password`, or with `bearerToken`"
            };
            FetchError::Unauthorized(format!("{text}; hint: {hint}"))
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => FetchError::NotFound(format!(
            "{text}; hint: check the URL; some servers say so too when credentials are missing"
        )),
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            FetchError::Unavailable(format!("{text}; hint: it may pass, try again later"))
        }
        _ => FetchError::Unavailable(text),
    }
}

/// The `Authorization` of HTTP.
fn authorization(credentials: &Credentials) -> Result<Option<HeaderValue>, FetchError> {
    let text = match (&credentials.basic, &credentials.bearer) {
        (Some((user, _)), _) if user.contains(':') => {
            return Err(FetchError::Unauthorized(
                "the user name contains a colon, which HTTP has no way to say".to_owned(),
            ));
        }
        (Some((user, password)), _) => {
            format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
        }
        // A line end at the end of a Secret's key is how editors leave it, and never part of a token.
        (None, Some(token)) => format!("Bearer {}", token.trim_end()),
        (None, None) => return Ok(None),
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| {
        FetchError::Unauthorized(
            "the token is no header value; hint: it has line breaks or control characters in it"
                .to_owned(),
        )
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// The headers that any server may see.
fn public(headers: &HeaderMap) -> HeaderMap {
    headers
        .iter()
        .filter(|(name, value)| !value.is_sensitive() && *name != AUTHORIZATION)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Addresses are not resolved, so they are looked at here.
fn check(url: &Url, refused: Option<IsPrivate>) -> Result<(), FetchError> {
    let host = url.host_str().unwrap_or_default();
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let Ok(address) = bare.parse::<IpAddr>() else {
        return Ok(());
    };
    resolver::check(None, address, refused)
        .map_err(|error| FetchError::Denied(format!("failed to fetch {}: {error}", shown(url))))
}

/// Where a redirect leads; `None` for an answer that is none.
fn target(from: &Url, response: &reqwest::Response) -> Result<Option<Url>, FetchError> {
    let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let Some(location) = response.headers().get(LOCATION).filter(|_| redirects) else {
        return Ok(None);
    };
    let location = String::from_utf8_lossy(location.as_bytes());
    let invalid = |problem: &str| {
        FetchError::Unavailable(format!(
            "failed to fetch {}: it redirects to a URL {problem}",
            shown(from)
        ))
    };
    let url = from.join(&location).map_err(|_| invalid("that is none"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid("that is neither http nor https"));
    }
    if from.scheme() == "https" && url.scheme() == "http" {
        return Err(invalid("without TLS, while its own is with TLS"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("that has a user name in it"));
    }
    Ok(Some(url))
}

/// The causes of `error` that say something: the outermost one only repeats the URL.
fn causes(error: &reqwest::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => chain(source),
        None => error.to_string(),
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(current) = cause {
        let next = current.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = current.source();
    }
    text
}

#[cfg(test)]
mod tests;
