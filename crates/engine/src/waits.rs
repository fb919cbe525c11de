//! Runs that wait for somebody outside, for the API server's word on what an account may, or for room for a library: they
//! hold no worker.
//!
//! A call to the outside takes as long as somebody else likes. Counted as work, the calls of two modules would keep all
//! workers for as long as a deadline. What bounds them is the limit of their own watch.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use oarlock_core::egress::{Credentials, Egress};
use oarlock_core::future::BoxFuture;
use oarlock_core::reconciler::{HttpError, HttpRequest, HttpResponse};
use tokio::sync::Notify;

/// How many runs wait.
#[derive(Debug)]
pub(crate) struct Waits {
    runs: AtomicUsize,
    /// Told when a worker becomes free.
    freed: Arc<Notify>,
}

impl Waits {
    /// None yet.
    pub(crate) fn new(freed: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self {
            runs: AtomicUsize::new(0),
            freed,
        })
    }

    /// Runs that wait now.
    pub(crate) fn count(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    /// One run more, until what is returned is dropped.
    pub(crate) fn begin(&self) -> Waiting<'_> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        self.freed.notify_one();
        Waiting(self)
    }
}

/// A run that waits, until this is dropped. It then goes on at once, beside whoever took its worker.
pub(crate) struct Waiting<'a>(&'a Waits);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.runs.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The way out of runs: who is on it waits.
pub(crate) struct CountedEgress {
    inner: Arc<dyn Egress>,
    waits: Arc<Waits>,
}

impl CountedEgress {
    /// Counts the calls of `inner`.
    pub(crate) fn new(inner: Arc<dyn Egress>, waits: Arc<Waits>) -> Arc<Self> {
        Arc::new(Self { inner, waits })
    }
}

impl Egress for CountedEgress {
    fn send(
        &self,
        request: HttpRequest,
        credentials: Option<Credentials>,
        limit: Duration,
    ) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            let _waiting = self.waits.begin();
            self.inner.send(request, credentials, limit).await
        })
    }
}
