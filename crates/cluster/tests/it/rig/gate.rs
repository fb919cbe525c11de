//! What stands between the room under test and the API: it logs, answers in the API's place, and meddles with what passes.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::{Request, Response, Uri};
use http_body_util::BodyExt;
use hyper::body::Frame;
use kube::client::Body;
use oarlock_devcluster::Service;
use parking_lot::Mutex;
use serde_json::Value;
use thiserror::Error;
use tokio::sync::{mpsc, watch};

/// The code of an answer that never goes on: headers, and then nothing for ever.
pub(crate) const SILENCE: u16 = 0;

/// The code of an answer that is none: nobody listens there.
pub(crate) const REFUSED: u16 = 1;

type Fault = Box<dyn FnMut(&Request<Body>) -> Option<(u16, Value)> + Send>;

type Meddler = Box<dyn FnMut(&str) -> Option<Meddling> + Send>;

type Detour = Box<dyn FnMut(&str) -> Option<String> + Send>;

/// What happens to the body of an answer.
pub(crate) enum Meddling {
    /// Only the watch events pass that are wanted.
    Events(Box<dyn FnMut(&Value) -> bool + Send>),
    /// The connection breaks after so many bytes.
    BreakAfter(usize),
    /// Nothing passes until this is true.
    Hold(watch::Receiver<bool>),
}

/// The connection broke.
#[derive(Debug, Error)]
#[error("connection reset by peer")]
pub(crate) struct Reset;

/// A body whose bytes come through the gate.
pub(crate) struct Piped(mpsc::Receiver<Result<Bytes, Reset>>);

impl hyper::body::Body for Piped {
    type Data = Bytes;
    type Error = Reset;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Reset>>> {
        let received = self.0.poll_recv(context);
        received.map(|next| next.map(|result| result.map(Frame::data)))
    }
}

/// Stands before the API.
#[derive(Clone)]
pub(crate) struct Gate {
    inner: Arc<Mutex<Service>>,
    log: Arc<Mutex<Vec<String>>>,
    fault: Arc<Mutex<Option<Fault>>>,
    meddler: Arc<Mutex<Option<Meddler>>>,
    detour: Arc<Mutex<Option<Detour>>>,
    cuts: watch::Sender<Cut>,
}

/// How connections that are open end.
#[derive(Clone, Copy, Default)]
enum Cut {
    /// With an error.
    #[default]
    Broken,
    /// As if there were nothing more to say.
    Ended,
}

impl Gate {
    pub(crate) fn new(service: Service) -> Self {
        Self {
            inner: Arc::new(Mutex::new(service)),
            log: Arc::default(),
            fault: Arc::default(),
            meddler: Arc::default(),
            detour: Arc::default(),
            cuts: watch::Sender::default(),
        }
    }

    /// Answers requests with a Status of its own where `fault` says so.
    pub(crate) fn break_with(
        &self,
        fault: impl FnMut(&Request<Body>) -> Option<(u16, Value)> + Send + 'static,
    ) {
        *self.fault.lock() = Some(Box::new(fault));
    }

    /// Changes the answers to requests, by path and query, where `meddler` says so.
    pub(crate) fn meddle_with(
        &self,
        meddler: impl FnMut(&str) -> Option<Meddling> + Send + 'static,
    ) {
        *self.meddler.lock() = Some(Box::new(meddler));
    }

    /// Asks the API for another path and query than the room did, where `detour` says so.
    pub(crate) fn redirect(&self, detour: impl FnMut(&str) -> Option<String> + Send + 'static) {
        *self.detour.lock() = Some(Box::new(detour));
    }

    /// Lets everything pass again.
    pub(crate) fn mend(&self) {
        *self.fault.lock() = None;
        *self.meddler.lock() = None;
        *self.detour.lock() = None;
    }

    /// Breaks every connection that is open.
    pub(crate) fn cut(&self) {
        self.cuts.send_replace(Cut::Broken);
    }

    /// Ends every answer that is going on, with all courtesy.
    pub(crate) fn end(&self) {
        self.cuts.send_replace(Cut::Ended);
    }

    /// From now on another API is behind it.
    pub(crate) fn lead_to(&self, service: Service) {
        *self.inner.lock() = service;
    }

    /// Requests since the last call, as `METHOD path`.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.log.lock().drain(..).collect()
    }

    fn pass(&self, request: Request<Body>) -> (Request<Body>, Option<Meddling>) {
        let asked = request.uri().to_string();
        let meddling = self.meddler.lock().as_mut().and_then(|m| m(&asked));
        let detour = self.detour.lock().as_mut().and_then(|d| d(&asked));
        let (mut parts, body) = request.into_parts();
        if let Some(path) = detour {
            parts.uri = path.parse::<Uri>().unwrap();
        }
        (Request::from_parts(parts, body), meddling)
    }
}

impl tower::Service<Request<Body>> for Gate {
    type Response = Response<Piped>;
    type Error = Reset;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Piped>, Reset>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Reset>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let line = format!("{} {}", request.method(), request.uri());
        self.log.lock().push(line);
        let answer = self.fault.lock().as_mut().and_then(|fault| fault(&request));
        if let Some((code, content)) = answer {
            return Box::pin(async move { made_up(code, &content).await });
        }
        let (request, meddling) = self.pass(request);
        let mut inner = self.inner.lock().clone();
        let cuts = self.cuts.subscribe();
        Box::pin(async move {
            let response = tower::Service::call(&mut inner, request).await;
            let response = response.unwrap_or_else(|never: Infallible| match never {});
            Ok(response.map(|body| pipe(body, meddling, cuts)))
        })
    }
}

async fn made_up(code: u16, content: &Value) -> Result<Response<Piped>, Reset> {
    let (sender, receiver) = mpsc::channel(1);
    match code {
        REFUSED => return Err(Reset),
        SILENCE => {
            // Its other end is never dropped.
            tokio::spawn(async move {
                sender.closed().await;
            });
            return Ok(Response::new(Piped(receiver)));
        }
        _ => {}
    }
    // No content: a body that ends at once.
    if !content.is_null() {
        let bytes = Bytes::from(content.to_string());
        sender.send(Ok(bytes)).await.unwrap();
    }
    let response = Response::builder().status(code).header("retry-after", "1");
    Ok(response.body(Piped(receiver)).unwrap())
}

fn pipe(
    mut body: oarlock_devcluster::Body,
    mut meddling: Option<Meddling>,
    mut cuts: watch::Receiver<Cut>,
) -> Piped {
    let (sender, receiver) = mpsc::channel(16);
    tokio::spawn(async move {
        if let Some(Meddling::Hold(open)) = &mut meddling {
            let _opened = open.wait_for(|open| *open).await;
        }
        let mut left = match &meddling {
            Some(Meddling::BreakAfter(bytes)) => *bytes,
            _ => usize::MAX,
        };
        loop {
            let frame = tokio::select! {
                biased;
                _ = cuts.changed() => {
                    let cut = *cuts.borrow();
                    if matches!(cut, Cut::Broken) {
                        let _nobody_listens = sender.send(Err(Reset)).await;
                    }
                    return;
                }
                () = sender.closed() => return,
                frame = body.frame() => frame,
            };
            let Some(Ok(frame)) = frame else {
                return;
            };
            let Ok(mut data) = frame.into_data() else {
                continue;
            };
            if let Some(Meddling::Events(wanted)) = &mut meddling {
                data = filtered(&data, wanted);
            }
            let end = data.len() >= left;
            data.truncate(left);
            left -= data.len();
            let nobody_listens = sender.send(Ok(data)).await.is_err();
            if end {
                let _nobody_listens = sender.send(Err(Reset)).await;
            }
            if end || nobody_listens {
                return;
            }
        }
    });
    Piped(receiver)
}

/// The lines of a watch that are wanted. A frame holds whole lines.
fn filtered(data: &[u8], wanted: &mut dyn FnMut(&Value) -> bool) -> Bytes {
    let mut passed = BytesMut::new();
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        if wanted(&serde_json::from_slice(line).unwrap()) {
            passed.extend_from_slice(line);
        }
    }
    passed.freeze()
}
