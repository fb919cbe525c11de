//! Outgoing HTTP to granted origins: one request, one whole answer.

use std::fmt;
use std::time::Duration;

/// One HTTP request. Redirects are not followed.
///
/// ```
/// # use oarlock_sdk::http::Request;
/// let put = Request::new("PUT", "https://broker.example.com/v2/service_instances/1")
///     .json(&oarlock_sdk::json!({"plan_id": "small"}))
///     .effect("provision-1");
/// assert_eq!(put.body, br#"{"plan_id":"small"}"#);
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Request {
    /// Such as `GET`.
    pub method: String,
    /// Absolute, `http` or `https`.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// For the whole call; none for what is left of the run's deadline.
    pub timeout: Option<Duration>,
    /// PEM certificates to trust instead of the host's.
    pub ca_bundle: Option<String>,
    /// Accept any certificate: anybody in between may read and change what is sent. The watch must grant the origin for
    /// this, too, or the call is [`HttpError::Denied`].
    pub insecure_skip_tls_verify: bool,
    /// Who asks.
    pub auth: Option<Auth>,
    /// Some: the call has an effect out there, and this is its idempotency key.
    pub effect: Option<String>,
}

/// Credentials by name: the host fills them in, and no module or record ever holds one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Auth {
    /// User name and password.
    Basic(SecretRef, SecretRef),
    /// A token.
    Bearer(SecretRef),
}

/// A key of a Secret.
///
/// It counts as read, whether it is there or not: the object is called again when it changes.
///
/// ```
/// # use oarlock_sdk::http::SecretRef;
/// let own = SecretRef::new("broker", "password");
/// assert_eq!(own.namespace, None);
/// let theirs = SecretRef::new("broker", "password").in_namespace("brokers");
/// assert_eq!(theirs.namespace.as_deref(), Some("brokers"));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SecretRef {
    /// None for the object's own namespace; another one needs a read grant for the Secret there. An object without a
    /// namespace names one.
    pub namespace: Option<String>,
    /// Name of the Secret.
    pub name: String,
    /// Key in its data.
    pub key: String,
}

/// An answer, whatever its status.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Response {
    /// HTTP status code.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// A call without an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HttpError {
    /// Nothing was sent: no grant for the origin, an address that is never opened, or a Secret that is not granted, not
    /// there, or lacks the key.
    Denied(String),
    /// No answer in time; the request may have got there.
    TimedOut,
    /// No connection: nothing was sent.
    Connect(String),
    /// No trust: nothing was sent.
    Tls(String),
    /// The answer is larger than so many bytes.
    TooLarge(u64),
    /// Anything else; the request may have got there.
    Other(String),
}

/// Where calls go.
pub trait Http {
    /// Sends one request.
    ///
    /// # Errors
    ///
    /// Where there is no answer; a status of 500 is one.
    fn send(&self, request: &Request) -> Result<Response, HttpError>;
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            ..Self::default()
        }
    }

    /// A GET.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// One more header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// A JSON body with its content type.
    pub fn json(self, body: &serde_json::Value) -> Self {
        Self {
            body: body.to_string().into_bytes(),
            ..self
        }
        .header("content-type", "application/json")
    }

    /// PEM certificates to trust instead of the host's.
    pub fn ca_bundle(self, certificates: impl Into<String>) -> Self {
        Self {
            ca_bundle: Some(certificates.into()),
            ..self
        }
    }

    /// Whether any certificate will do: then anybody in between may read and change what is sent.
    pub fn insecure_skip_tls_verify(self, skip: bool) -> Self {
        Self {
            insecure_skip_tls_verify: skip,
            ..self
        }
    }

    /// At most so long.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self {
            timeout: Some(timeout),
            ..self
        }
    }

    /// Who asks.
    pub fn auth(self, auth: Auth) -> Self {
        Self {
            auth: Some(auth),
            ..self
        }
    }

    /// The call has an effect, with this idempotency key: a plan stops here, and a shadow is answered from the record.
    pub fn effect(self, key: impl Into<String>) -> Self {
        Self {
            effect: Some(key.into()),
            ..self
        }
    }
}

impl SecretRef {
    /// A key of a Secret in the object's own namespace.
    pub fn new(name: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            namespace: None,
            name: name.into(),
            key: key.into(),
        }
    }

    /// The Secret of that name in this namespace.
    pub fn in_namespace(self, namespace: impl Into<String>) -> Self {
        Self {
            namespace: Some(namespace.into()),
            ..self
        }
    }
}

impl Response {
    /// A JSON answer, as tests give it.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self {
            status,
            body: body.to_string().into_bytes(),
            ..Self::default()
        }
    }

    /// A header's value; names are compared without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(message)
            | Self::Connect(message)
            | Self::Tls(message)
            | Self::Other(message) => f.write_str(message),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::TooLarge(limit) => write!(f, "the answer is larger than {limit} bytes"),
        }
    }
}

impl std::error::Error for HttpError {}
