//! An HTTP server of files, on loopback, that remembers what it was asked.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Write as _;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{StreamExt as _, stream};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// A server. It ends when it is dropped.
pub(crate) struct Server {
    /// `http://127.0.0.1:port`.
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    routes: BTreeMap<String, Reply>,
    seen: Vec<Seen>,
}

/// One request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    pub(crate) condition: Option<String>,
    /// Whether a client certificate was shown.
    pub(crate) certificate: bool,
}

/// What is at a path.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Body,
    /// `Authorization` that is asked for.
    login: Option<String>,
}

#[derive(Clone, Debug)]
enum Body {
    Whole(Bytes),
    /// These bytes, and then the connection breaks.
    Broken(Bytes),
    /// These bytes, and then nothing.
    Silent(Bytes),
    /// These bytes for ever.
    Endless(Bytes),
}

impl Reply {
    pub(crate) fn ok(body: impl Into<Bytes>) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: Body::Whole(body.into()),
            login: None,
        }
    }

    pub(crate) fn status(status: u16) -> Self {
        Self {
            status,
            ..Self::ok("no")
        }
    }

    pub(crate) fn redirect(to: &str) -> Self {
        Self::status(302).header("location", to)
    }

    pub(crate) fn broken(body: impl Into<Bytes>) -> Self {
        Self {
            body: Body::Broken(body.into()),
            ..Self::ok("")
        }
    }

    pub(crate) fn silent(body: impl Into<Bytes>) -> Self {
        Self {
            body: Body::Silent(body.into()),
            ..Self::ok("")
        }
    }

    pub(crate) fn endless(body: impl Into<Bytes>) -> Self {
        Self {
            body: Body::Endless(body.into()),
            ..Self::ok("")
        }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn login(mut self, authorization: &str) -> Self {
        self.login = Some(authorization.to_owned());
        self
    }

    fn response(&self, seen: &Seen) -> Response<BoxBody<Bytes, std::io::Error>> {
        let body = |body: &Bytes| {
            Full::new(body.clone())
                .map_err(|never| match never {})
                .boxed()
        };
        let mut response = Response::builder();
        if self.login.is_some() && self.login != seen.authorization {
            return response
                .status(401)
                .body(body(&Bytes::from_static(b"who are you")))
                .unwrap();
        }
        let tag = self
            .headers
            .iter()
            .find(|(name, _)| *name == "etag" || *name == "last-modified");
        for (name, value) in &self.headers {
            response = response.header(*name, value);
        }
        if tag.is_some() && tag.map(|(_, value)| value) == seen.condition.as_ref() {
            return response.status(304).body(body(&Bytes::new())).unwrap();
        }
        let frame = |bytes: &Bytes| Ok(Frame::data(bytes.clone()));
        let content = match &self.body {
            Body::Whole(bytes) => body(bytes),
            Body::Broken(bytes) => {
                let broken = Err(std::io::Error::other("broken"));
                BodyExt::boxed(StreamBody::new(stream::iter([frame(bytes), broken])))
            }
            Body::Silent(bytes) => {
                let silent = stream::iter([frame(bytes)]).chain(stream::pending());
                BodyExt::boxed(StreamBody::new(silent))
            }
            Body::Endless(bytes) => {
                let bytes = bytes.clone();
                let endless = stream::repeat_with(move || Ok(Frame::data(bytes.clone())));
                BodyExt::boxed(StreamBody::new(endless))
            }
        };
        response.status(self.status).body(content).unwrap()
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::serve(None).await
    }

    /// With TLS, as `localhost`, vouched for by `ca`. A client certificate is looked at where one is shown.
    pub(crate) async fn start_tls() -> Self {
        let pem = |pem: &'static [u8]| CertificateDer::from_pem_slice(pem).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut clients = RootCertStore::empty();
        clients.add(pem(include_bytes!("tls/clients.pem"))).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(clients.into(), Arc::clone(&provider))
                .allow_unauthenticated()
                .build()
                .unwrap();
        let key = include_bytes!("oci/tls/server.key.pem");
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                vec![pem(include_bytes!("oci/tls/server.pem"))],
                PrivateKeyDer::from_pem_slice(key).unwrap(),
            )
            .unwrap();
        Self::serve(Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn serve(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = match &tls {
            None => format!("http://127.0.0.1:{port}"),
            Some(_) => format!("https://localhost:{port}"),
        };
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (state, tls) = (Arc::clone(&shared), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => converse(stream, state, false).await,
                        // Who does not trust goes away.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                let certificate = stream.get_ref().1.peer_certificates().is_some();
                                converse(stream, state, certificate).await;
                            }
                        }
                    }
                });
            }
        });
        Self { url, state, task }
    }

    /// From now on, `reply` is at `path`, query included.
    pub(crate) fn put(&self, path: &str, reply: Reply) {
        self.state.lock().routes.insert(path.to_owned(), reply);
    }

    /// What came since this was asked last.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state.lock().seen)
    }

    /// The paths of what came since this was asked last.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.path).collect()
    }

    /// `text` without what differs from run to run.
    pub(crate) fn shown(&self, text: impl ToString) -> String {
        text.to_string().replace(&self.url, "http://charts.example")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    state: Arc<Mutex<State>>,
    certificate: bool,
) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let response = answer(&state, &request, certificate);
        async move { Ok::<_, Infallible>(response) }
    });
    // A client that goes away is a part of some tests.
    let _ended = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}

fn answer(
    state: &Mutex<State>,
    request: &Request<Incoming>,
    certificate: bool,
) -> Response<BoxBody<Bytes, std::io::Error>> {
    let header = |name: &str| {
        let value = request.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    let path = request.uri().path_and_query().unwrap().to_string();
    let seen = Seen {
        authorization: header("authorization"),
        condition: header("if-none-match").or_else(|| header("if-modified-since")),
        path,
        certificate,
    };
    let mut state = state.lock();
    state.seen.push(seen.clone());
    match state.routes.get(&seen.path) {
        Some(reply) => reply.response(&seen),
        None => Reply::status(404).response(&seen),
    }
}

/// A packed chart.
pub(crate) fn chart(name: &str, version: &str) -> Vec<u8> {
    packed(&[
        (
            &format!("{name}/Chart.yaml"),
            &format!("apiVersion: v2\nname: {name}\nversion: {version}\n"),
        ),
        (&format!("{name}/values.yaml"), "a: 1\n"),
    ])
}

/// An archive of files.
pub(crate) fn packed(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        // As it is: what is no good as a path is wanted here too.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, content.as_bytes()).unwrap();
    }
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&tar.into_inner().unwrap()).unwrap();
    gzip.finish().unwrap()
}
