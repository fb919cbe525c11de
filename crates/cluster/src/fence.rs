//! The fence: after a moment that is set beforehand, nothing is written.
//!
//! A process that may have lost its lease must not write, also when it does not know yet that it has: its thread may not have
//! run, or the whole process may have been stopped. So the permission to write ends by itself, at a [`Moment`] that was known
//! when the lease was last renewed, and every mutating request asks for it right before it is sent.
//!
//! Owned here: that one moment. Not known here: leases, and who sets it.

pub(crate) mod line;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use oarlock_core::egress::{Credentials, Egress};
use oarlock_core::future::BoxFuture;
use oarlock_core::reconciler::{HttpError, HttpRequest, HttpResponse};
use oarlock_core::request::ApiError;
use thiserror::Error;

use crate::lease::Moment;

/// Reason of what is not sent.
const LEASE_LOST: &str = "LeaseLost";

const SHUT: u64 = 0;
const NO_LIMIT: u64 = u64::MAX;

/// Whether writes may be sent, and until when. Clones share one state.
#[derive(Clone, Debug)]
pub struct Fence(Arc<AtomicU64>);

impl PartialEq for Fence {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Fence {}

impl Fence {
    /// One that lets everything pass for ever.
    #[must_use]
    pub fn open() -> Self {
        Self(Arc::new(AtomicU64::new(NO_LIMIT)))
    }

    /// One that lets nothing pass until [`Self::open_until`].
    #[must_use]
    pub fn shut() -> Self {
        Self(Arc::new(AtomicU64::new(SHUT)))
    }

    /// Lets writes pass until `end`.
    pub(crate) fn open_until(&self, end: Moment) {
        self.0.store(end.as_nanos(), Ordering::SeqCst);
    }

    /// Lets nothing pass from now on.
    pub(crate) fn close(&self) {
        self.0.store(SHUT, Ordering::SeqCst);
    }

    /// For how much longer writes may be sent; `None` when they may not.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.remaining_at(Moment::now())
    }

    fn remaining_at(&self, now: Moment) -> Option<Duration> {
        match self.0.load(Ordering::SeqCst) {
            SHUT => None,
            NO_LIMIT => Some(Duration::MAX),
            end => Some(end.checked_sub(now.as_nanos()).map(Duration::from_nanos)?)
                .filter(|left| !left.is_zero()),
        }
    }

    /// Does `write` as long as it may be done: a lease that is renewed meanwhile gives it more time.
    ///
    /// # Errors
    /// Code 0 when it was not begun, or had no answer when the lease ended.
    pub(crate) async fn guard<T>(
        &self,
        write: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        match self.hold(write).await {
            Ok(result) => result,
            Err(shut) => Err(ApiError::new(0, LEASE_LOST, shut.to_string())),
        }
    }

    async fn hold<T>(&self, future: impl Future<Output = T>) -> Result<T, Shut> {
        let mut left = self.remaining().ok_or(Shut::NotSent)?;
        let mut future = std::pin::pin!(future);
        loop {
            if let Ok(done) = tokio::time::timeout(left, &mut future).await {
                return Ok(done);
            }
            left = self.remaining().ok_or(Shut::GivenUp)?;
        }
    }
}

/// What a fence that is shut does to a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
enum Shut {
    #[error(
        "not sent: this process does not hold the lease (any more), and another may be at work"
    )]
    NotSent,
    #[error("given up without an answer: the lease of this process has ended")]
    GivenUp,
}

/// The way to the world outside, through a fence: an effect of a process that lost its lease is refused too.
pub struct FencedEgress {
    inner: Arc<dyn Egress>,
    fence: Fence,
}

impl FencedEgress {
    /// `inner`, as long as `fence` is open.
    #[must_use]
    pub fn new(inner: Arc<dyn Egress>, fence: Fence) -> Self {
        Self { inner, fence }
    }
}

impl Egress for FencedEgress {
    fn send(
        &self,
        request: HttpRequest,
        credentials: Option<Credentials>,
        limit: Duration,
    ) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            let sent = self.inner.send(request, credentials, limit);
            match self.fence.hold(sent).await {
                Ok(answer) => answer,
                Err(Shut::NotSent) => Err(HttpError::Connect(Shut::NotSent.to_string())),
                Err(Shut::GivenUp) => Err(HttpError::Other(Shut::GivenUp.to_string())),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn it_shuts_by_itself() {
        let fence = Fence::shut();
        let (now, second) = (Moment::from_nanos(5_000_000_000), Duration::from_secs(1));
        assert_eq!(fence.remaining_at(now), None);
        fence.open_until(now.after(second));
        assert_eq!(fence.remaining_at(now), Some(second));
        assert_eq!(fence.clone().remaining_at(now), Some(second));
        assert_eq!(fence.remaining_at(now.after(second)), None);
        assert_eq!(fence.remaining_at(now.after(second * 2)), None);
        fence.open_until(now.after(second * 9));
        fence.close();
        assert_eq!(fence.remaining_at(now), None);
    }

    #[tokio::test]
    async fn what_is_not_sent_says_why() {
        let nothing = async { Ok(()) };
        assert_eq!(Fence::open().guard(nothing).await, Ok(()));
        let refused = Fence::shut().guard(async { Ok(()) }).await.unwrap_err();
        insta::assert_snapshot!(refused, @"not sent: this process does not hold the lease (any more), and another may be at work (LeaseLost, 0)");
    }

    #[tokio::test]
    async fn what_has_no_answer_is_given_up_when_the_lease_ends() {
        let fence = Fence::shut();
        fence.open_until(Moment::now().after(Duration::from_millis(20)));
        let silence = std::future::pending::<Result<(), ApiError>>();
        let given_up = fence.guard(silence).await.unwrap_err();
        insta::assert_snapshot!(given_up, @"given up without an answer: the lease of this process has ended (LeaseLost, 0)");
    }

    #[tokio::test]
    async fn a_lease_that_is_renewed_meanwhile_gives_more_time() {
        let fence = Fence::shut();
        let first_end = Moment::now().after(Duration::from_millis(20));
        fence.open_until(first_end);
        let (answer, answered) = tokio::sync::oneshot::channel();
        let write = fence.guard(async { Ok(answered.await) });
        let renewal = async {
            fence.open_until(first_end.after(Duration::from_secs(60)));
            while Moment::now() <= first_end {
                tokio::task::yield_now().await;
            }
            answer.send(7)
        };
        let (written, _sent) = tokio::join!(write, renewal);
        assert_eq!(written, Ok(Ok(7)));
    }
}
