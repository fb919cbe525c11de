//! Watches that are late: what they tell is kept until somebody lets it go.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Bytes, Frame};
use tokio::sync::watch;

/// Which watches are late, by the end of their path.
pub(super) type Lateness = Option<&'static str>;

type Pieces = UnsyncBoxBody<Bytes, Infallible>;

/// The answer to one request.
pub(super) struct Late {
    inner: Pieces,
    path: String,
    lateness: watch::Receiver<Lateness>,
    kept: Option<Frame<Bytes>>,
    waiting: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Late {
    /// The body of an answer to `path`.
    pub(super) fn body(inner: Pieces, path: String, lateness: watch::Receiver<Lateness>) -> Pieces {
        UnsyncBoxBody::new(Self {
            inner,
            path,
            lateness,
            kept: None,
            waiting: None,
        })
    }

    fn in_time(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (path, mut lateness) = (self.path.clone(), self.lateness.clone());
        Box::pin(async move {
            let _in_time = lateness
                .wait_for(|late| late.is_none_or(|end| !path.ends_with(end)))
                .await;
        })
    }
}

impl Body for Late {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.waiting.is_none() {
            match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
                Some(Ok(frame)) => self.kept = Some(frame),
                end => return Poll::Ready(end),
            }
            self.waiting = Some(self.in_time());
        }
        if let Some(waiting) = &mut self.waiting {
            ready!(waiting.as_mut().poll(context));
        }
        self.waiting = None;
        Poll::Ready(self.kept.take().map(Ok))
    }
}
