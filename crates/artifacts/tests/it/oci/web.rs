//! A server whose answers a test writes, and which remembers what it was asked.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What was asked, without a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Path and query.
    pub(crate) target: String,
    pub(crate) authorization: Option<String>,
}

pub(crate) type Answer = Response<Full<Bytes>>;

/// Gone when dropped.
pub(crate) struct Web {
    /// `http://host:port`.
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    _tasks: JoinSet<()>,
}

impl Web {
    pub(crate) async fn new(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answer, log) = (Arc::new(answer), Arc::clone(&asked));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                let service = service_fn(move |request: Request<Incoming>| {
                    let header = request.headers().get("authorization");
                    let asked = Asked {
                        target: request.uri().to_string(),
                        authorization: header.map(|value| value.to_str().unwrap().to_owned()),
                    };
                    let response = answer(&asked);
                    log.lock().push(asked);
                    async move { Ok::<_, Infallible>(response) }
                });
                connections.spawn(async move {
                    let stream = TokioIo::new(stream);
                    let connection = hyper::server::conn::http1::Builder::new();
                    // The caller may be gone.
                    let _ended = connection.serve_connection(stream, service).await;
                });
            }
        });
        Self {
            url,
            asked,
            _tasks: tasks,
        }
    }

    /// What was asked since the last time.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock())
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }
}

pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(Full::new(body.into())).unwrap()
}
