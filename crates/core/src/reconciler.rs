//! The port to modules, and the port that a running module has to its host.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::artifact::{Artifact, Closed, FetchError, Source};
use crate::future::BoxFuture;
use crate::json::Json;
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::outcome::{Failure, Outcome};
use crate::reference::{Digest, Gvk, KindInfo, ObjectRef};
use crate::request::Request;

/// A loaded module: a pure function with a manifest.
pub trait Reconciler: Send + Sync + 'static {
    /// What it said of itself when it was loaded.
    fn manifest(&self) -> &Manifest;

    /// Digest of its bytes.
    fn digest(&self) -> &Digest;

    /// The libraries that it calls: the interface, and the digest of the library's bytes. With others it is another module.
    fn libraries(&self) -> Vec<(String, Digest)> {
        Vec::new()
    }

    /// One run. Dropping the future ends the run.
    fn reconcile<'a>(
        &'a self,
        request: &'a Request,
        host: Arc<dyn Host>,
        limits: Limits,
    ) -> BoxFuture<'a, Result<Outcome, RunError>>;
}

/// A run without an outcome.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RunError {
    /// The module answered with a failure.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// The module did not answer as a module should. Nobody else is affected.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// How a run broke.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// It trapped: a panic, an endless recursion, an illegal instruction.
    #[error("the module trapped: {message}")]
    Trapped {
        /// The trap and, where the module left one, its panic message.
        message: String,
    },
    /// It computed for too long.
    #[error(
        "the module used more than {limit:?} of CPU time; hint: raise limits.cpu of the watch, or fix an endless loop"
    )]
    CpuExceeded {
        /// The limit.
        limit: Duration,
    },
    /// It took too long, imports included.
    #[error("the module did not answer within {limit:?}; hint: raise limits.deadline of the watch")]
    DeadlineExceeded {
        /// The limit.
        limit: Duration,
    },
    /// It asked for too much memory.
    #[error(
        "the module asked for more than {limit} bytes of memory; hint: raise limits.memory of the watch"
    )]
    MemoryExceeded {
        /// The limit in bytes.
        limit: usize,
    },
    /// Its answer is too large.
    #[error("the module's answer is larger than {limit} bytes")]
    OutputExceeded {
        /// The limit in bytes.
        limit: usize,
    },
    /// Its answer is not what the contract says.
    #[error("the module's answer is wrong: {place}: {message}")]
    BadOutcome {
        /// Where in the answer, such as `children[2].object`.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// The host has no room for another instance. Nothing is wrong with the module.
    #[error("no instance could be made: {message}")]
    NoInstance {
        /// What the engine said.
        message: String,
    },
    /// A library that it called did not answer.
    #[error("the library {library} {fault}")]
    Library {
        /// The interface that was called, such as `oarlock:helm/engine@0.1.0`.
        library: String,
        /// How it broke.
        fault: LibraryFault,
    },
}

/// How a call of a library broke. Each text goes on after the library's name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LibraryFault {
    /// It trapped.
    #[error("trapped: {message}")]
    Trapped {
        /// The trap and, where the library left one, its panic message.
        message: String,
    },
    /// It computed for too long.
    #[error(
        "used more than {limit:?} of CPU time for one call; hint: look for an endless loop, or far too much, in what it was \
         given"
    )]
    CpuExceeded {
        /// The limit.
        limit: Duration,
    },
    /// It took too long, imports included.
    #[error(
        "did not answer within {limit:?}; hint: what it reads is slow, or too much was asked at once"
    )]
    DeadlineExceeded {
        /// The limit.
        limit: Duration,
    },
    /// It asked for too much memory.
    #[error(
        "asked for more than {limit} bytes of memory for one call; hint: look for an endless loop, or far too much, in what \
         it was given; --library-memory and the memory limit of the container bound it, too"
    )]
    MemoryExceeded {
        /// The limit in bytes.
        limit: usize,
    },
    /// Its answer is too large.
    #[error("answered with more than {limit} bytes; hint: ask it for less at once")]
    OutputExceeded {
        /// The limit in bytes.
        limit: usize,
    },
    /// The host has no room for an instance of it.
    #[error("could not be started: {message}")]
    NoInstance {
        /// What the engine said.
        message: String,
    },
}

/// A run waits for room of the host, until this is dropped.
pub type Waiting<'a> = Box<dyn Send + 'a>;

/// What a running module may ask for. One value serves one run of one object: it checks grants and remembers what was
/// read.
pub trait Host: Send + Sync + 'static {
    /// One object from the cache.
    fn get(
        &self,
        target: ObjectRef,
        act_as: Option<String>,
    ) -> BoxFuture<'_, Result<Option<Json>, ReadError>>;

    /// One object from the API server.
    fn get_live(
        &self,
        target: ObjectRef,
        act_as: Option<String>,
    ) -> BoxFuture<'_, Result<Option<Json>, ReadError>>;

    /// All objects that match.
    fn query(&self, selection: Selection) -> BoxFuture<'_, Result<Vec<Json>, ReadError>>;

    /// What the object owns.
    fn children(&self) -> BoxFuture<'_, Result<Vec<Json>, ReadError>>;

    /// Readiness by kstatus' rules, in the order of `targets`.
    fn observe(
        &self,
        targets: Vec<ObjectRef>,
    ) -> BoxFuture<'_, Result<Vec<ObservedState>, ReadError>>;

    /// Every kind that is served.
    fn kinds(&self) -> BoxFuture<'_, Result<Vec<KindInfo>, ReadError>>;

    /// The API server's version, such as `v1.34.0`.
    fn server_version(&self) -> BoxFuture<'_, Result<String, ReadError>>;

    /// One package from outside, fetched and kept by the host. A host that says nothing fetches nothing.
    fn fetch(&self, request: ArtifactRequest) -> BoxFuture<'_, Result<Artifact, FetchError>> {
        let refused = Closed::refusal(&request.source);
        Box::pin(ready(Err(refused)))
    }

    /// The versions that a source has, newest first.
    fn versions(
        &self,
        source: Source,
        _credentials: Option<String>,
        _max_age: Duration,
    ) -> BoxFuture<'_, Result<Vec<String>, FetchError>> {
        Box::pin(ready(Err(Closed::refusal(&source))))
    }

    /// Bytes of a package that this run fetched.
    fn artifact(&self, digest: Digest) -> BoxFuture<'_, Result<Arc<[u8]>, FetchError>> {
        Box::pin(ready(Err(Closed::refusal(&digest))))
    }

    /// One HTTP call.
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>>;

    /// One log line.
    fn log(&self, line: LogLine);

    /// Says that the run is not at work: it waits until the host has room for a library that it calls.
    fn waiting(&self) -> Waiting<'_> {
        Box::new(())
    }
}

/// A query of the cache.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selection {
    /// The kind.
    pub gvk: Gvk,
    /// `None` for all namespaces and for cluster-scoped kinds.
    pub namespace: Option<String>,
    /// Label selector in kubectl's syntax.
    pub labels: Option<String>,
    /// JSON pointers to keep; empty for whole objects.
    pub fields: Vec<String>,
    /// ServiceAccount to read as.
    pub act_as: Option<String>,
}

/// Why a read was not answered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// Not granted; the text names the missing grant.
    #[error("{0}")]
    Denied(String),
    /// The API server does not serve the kind.
    #[error("the API server does not serve {0}")]
    UnknownKind(String),
    /// The API server cannot be reached, or the cache is not filled yet.
    #[error("{0}")]
    Unavailable(String),
}

/// kstatus' classes of readiness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// As wanted.
    Current,
    /// On its way.
    InProgress,
    /// Will not get there by itself.
    Failed,
    /// Being deleted.
    Terminating,
    /// Not there.
    NotFound,
    /// Cannot be told.
    Unknown,
}

/// Readiness of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedState {
    /// The object.
    pub target: ObjectRef,
    /// Its class.
    pub health: Health,
    /// What is waited for.
    pub message: String,
}

/// A key of a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretKey {
    /// The Secret's namespace; `None` for the object's own.
    pub namespace: Option<String>,
    /// The Secret's name.
    pub name: String,
    /// The key in its data.
    pub key: String,
}

/// A package that a module wants, with Secrets by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactRequest {
    /// Where it is from.
    pub source: Source,
    /// Secret of the object's namespace that opens the source.
    pub credentials: Option<String>,
    /// Anything but this digest is refused.
    pub expect: Option<Digest>,
    /// How old may be what the host knows of the source.
    pub max_age: Duration,
    /// Whether what the chart depends on and does not carry is fetched too.
    pub dependencies: bool,
    /// What has to be proven.
    pub verify: Vec<ArtifactProof>,
}

/// A proof that a package has to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArtifactProof {
    /// A provenance file, signed with a key of this OpenPGP keyring.
    Provenance(SecretKey),
    /// A cosign signature by this public key.
    Cosign(SecretKey),
}

/// Credentials by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpAuth {
    /// User name and password.
    Basic(SecretKey, SecretKey),
    /// A bearer token.
    Bearer(SecretKey),
}

/// One outgoing call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// Method, such as `GET`.
    pub method: String,
    /// Absolute URL.
    pub url: String,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// For the whole call; `None` for what is left of the run.
    pub timeout: Option<Duration>,
    /// PEM certificates to trust instead of the host's.
    pub ca_bundle: Option<String>,
    /// Whether any certificate is accepted; [`Grants::insecure_skip_tls_verify`](crate::manifest::Grants) must name the origin.
    pub insecure_skip_tls_verify: bool,
    /// Credentials, filled in after recording.
    pub auth: Option<HttpAuth>,
    /// Idempotency key, where the call has an effect.
    pub effect: Option<String>,
}

/// One whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// HTTP status code.
    pub status: u16,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HttpError {
    /// Nothing was sent: not granted, an address that is never opened, no credentials, or nothing that could be sent.
    #[error("{0}")]
    Denied(String),
    /// Too slow; the request may have got there.
    #[error("timed out")]
    TimedOut,
    /// No connection: nothing was sent.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// No trust: nothing was sent.
    #[error("TLS: {0}")]
    Tls(String),
    /// The answer is larger than so many bytes.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(u64),
    /// Anything else; the request may have got there.
    #[error("{0}")]
    Other(String),
}

/// One line of a module's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How important.
    pub level: LogLevel,
    /// Best a constant.
    pub message: String,
    /// What varies.
    pub fields: Vec<(String, String)>,
}

/// Importance of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For the module's author.
    Trace,
    /// For debugging.
    Debug,
    /// For operators.
    Info,
    /// Something is odd.
    Warn,
    /// Something is wrong.
    Error,
}
