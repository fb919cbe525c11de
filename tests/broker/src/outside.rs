//! Brokers in front of an engine in the same process: no socket, no time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oarlock_core::egress::{Credentials, Egress};
use oarlock_core::future::BoxFuture;
use oarlock_core::reconciler::{HttpError, HttpRequest, HttpResponse};
use parking_lot::Mutex;

use crate::answer::{Reply, Wait};
use crate::asked::Asked;
use crate::broker::Broker;

/// A larger answer is not received; as where there is a wire.
const LARGEST: usize = 8 << 20;

/// The world outside of a cluster, where brokers are.
///
/// A timeout is told at once, and so is an answer that would be too slow for the call's limit; held answers wait for the test.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    brokers: Arc<Mutex<BTreeMap<String, Known>>>,
}

#[derive(Clone, Debug)]
struct Known {
    broker: Broker,
    /// Whom a caller has to trust, where it is told.
    ca: Option<String>,
}

impl Outside {
    /// Nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// And a broker at this address, such as `http://broker.example`.
    #[must_use]
    pub fn at(self, address: &str, broker: Broker) -> Self {
        self.put(address, broker);
        self
    }

    /// There is a broker at this address from now on.
    pub fn put(&self, address: &str, broker: Broker) {
        let known = Known { broker, ca: None };
        self.brokers.lock().insert(address.to_owned(), known);
    }

    /// Only who trusts these certificates, or anybody, talks to the broker at this address; none where that ends.
    pub fn vouch(&self, address: &str, ca: Option<&str>) {
        if let Some(known) = self.brokers.lock().get_mut(address) {
            known.ca = ca.map(str::to_owned);
        }
    }

    /// There is nobody at this address any more.
    pub fn take(&self, address: &str) {
        self.brokers.lock().remove(address);
    }

    fn find(&self, url: &str) -> Option<(Known, String)> {
        let brokers = self.brokers.lock();
        brokers.iter().find_map(|(address, known)| {
            let target = url.strip_prefix(address.as_str())?;
            let target = target.starts_with('/').then(|| target.to_owned())?;
            Some((known.clone(), target))
        })
    }

    async fn exchange(
        &self,
        request: HttpRequest,
        credentials: Option<Credentials>,
        limit: Duration,
    ) -> Result<HttpResponse, HttpError> {
        let Some((known, target)) = self.find(&request.url) else {
            return Err(HttpError::Connect("connection refused".to_owned()));
        };
        let trusts = request.insecure_skip_tls_verify
            || known.ca.is_none()
            || known.ca.as_deref().map(str::trim) == request.ca_bundle.as_deref().map(str::trim);
        if !trusts {
            return Err(HttpError::Tls("unknown issuer".to_owned()));
        }
        let mut asked = Asked::new(&request.method, &target);
        asked.headers = request.headers;
        asked.headers.extend(credentials.map(authorization));
        asked.body = request.body;
        let given = known.broker.answer(&asked);
        match given.wait {
            Wait::For(duration) if duration >= limit => return Err(HttpError::TimedOut),
            Wait::None | Wait::For(_) => {}
            Wait::Release(_) => known.broker.wait(given.wait).await,
        }
        let broken = |what: &str| Err(HttpError::Other(what.to_owned()));
        match given.reply {
            Reply::Answer(answer) if answer.body.len() > LARGEST => {
                Err(HttpError::TooLarge(LARGEST as u64))
            }
            Reply::Answer(answer) => Ok(HttpResponse {
                status: answer.status,
                headers: answer.headers,
                body: answer.body,
            }),
            Reply::Silence => Err(HttpError::TimedOut),
            Reply::Cut => broken("connection closed before message completed"),
            Reply::Garbage => broken("invalid chunk size"),
            Reply::Half(_) => broken("end of file before message length reached"),
        }
    }
}

fn authorization(credentials: Credentials) -> (String, String) {
    let value = match credentials {
        Credentials::Basic { user, password } => {
            let both = [user.as_slice(), b":", password.as_slice()].concat();
            format!("Basic {}", STANDARD.encode(both))
        }
        Credentials::Bearer { token } => format!("Bearer {}", String::from_utf8_lossy(&token)),
    };
    ("authorization".to_owned(), value)
}

impl Egress for Outside {
    fn send(
        &self,
        request: HttpRequest,
        credentials: Option<Credentials>,
        limit: Duration,
    ) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        let limit = request.timeout.unwrap_or(limit).min(limit);
        Box::pin(self.exchange(request, credentials, limit))
    }
}
