//! An HTTP server on loopback whose answers the test chooses: webhooks, and whatever else is asked by HTTP.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::process::PATIENCE;

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// GET, POST, …
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: String,
    /// Header fields.
    pub(crate) headers: HeaderMap,
    /// The whole body.
    pub(crate) body: Bytes,
}

impl Received {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    /// A header field, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Status and body.
    Says(u16, String),
    /// Status 200 and so many MiB of one line.
    Floods(usize),
    /// Nothing, for as long as somebody waits.
    Hangs,
}

impl Answer {
    /// Only a status.
    pub(crate) fn status(status: u16) -> Self {
        Self::Says(status, String::new())
    }
}

type Script = Box<dyn Fn(&Received) -> Answer + Send>;

/// The server. Ends when dropped.
pub(crate) struct Web {
    /// Where it is, such as `http://127.0.0.1:4711`.
    pub(crate) url: String,
    received: watch::Receiver<Vec<Received>>,
    script: Arc<Mutex<Script>>,
    _task: AbortOnDropHandle<()>,
}

impl Web {
    /// Answers as `script` says.
    pub(crate) async fn new(script: impl Fn(&Received) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Box::new(script)));
        let (sender, received) = watch::channel(Vec::new());
        let (notes, answers) = (Arc::new(sender), Arc::clone(&script));
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (notes, answers) = (Arc::clone(&notes), Arc::clone(&answers));
                let service = service_fn(move |request| {
                    serve(request, Arc::clone(&notes), Arc::clone(&answers))
                });
                let server = hyper::server::conn::http1::Builder::new();
                connections.spawn(server.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self {
            url,
            received,
            script,
            _task: AbortOnDropHandle::new(task),
        }
    }

    /// Answers otherwise from now on.
    pub(crate) fn answers(&self, script: impl Fn(&Received) -> Answer + Send + 'static) {
        *self.script.lock() = Box::new(script);
    }

    /// Changes with every request.
    pub(crate) fn looks(&self) -> watch::Receiver<Vec<Received>> {
        self.received.clone()
    }

    /// What came up to now.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.borrow().clone()
    }

    /// What came up to now at a path.
    pub(crate) fn received_at(&self, path: &str) -> Vec<Received> {
        let mut all = self.received();
        all.retain(|received| received.path == path);
        all
    }

    /// Waits until `count` requests came to a path.
    pub(crate) async fn comes(&self, path: &str, count: usize) -> Vec<Received> {
        let mut received = self.received.clone();
        let came = received.wait_for(|all| {
            let here = all.iter().filter(|received| received.path == path);
            here.count() >= count
        });
        if tokio::time::timeout(PATIENCE, came).await.is_err() {
            panic!(
                "{count} did not come to {path}: {:#?}",
                self.received_at(path)
            );
        }
        self.received_at(path)
    }
}

async fn serve(
    request: Request<Incoming>,
    notes: Arc<watch::Sender<Vec<Received>>>,
    script: Arc<Mutex<Script>>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let received = Received {
        method: head.method,
        path: head.uri.to_string(),
        headers: head.headers,
        body: body.collect().await?.to_bytes(),
    };
    notes.send_modify(|all| all.push(received.clone()));
    let answer = script.lock()(&received);
    let (status, body) = match answer {
        Answer::Says(status, text) => (status, Full::new(Bytes::from(text)).boxed()),
        Answer::Floods(mebibytes) => {
            let chunk = Bytes::from(vec![b'x'; 1 << 20]);
            let frames = (0..mebibytes).map(move |_| Ok(Frame::data(chunk.clone())));
            (200, StreamBody::new(stream::iter(frames)).boxed())
        }
        Answer::Hangs => std::future::pending().await,
    };
    let mut response = Response::new(body);
    *response.status_mut() = status.try_into().unwrap();
    Ok(response)
}
