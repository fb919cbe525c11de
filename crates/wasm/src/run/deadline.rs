//! Wall time of one run, which stands still while the run waits for room of the host.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use oarlock_core::reconciler::HttpRequest;
use parking_lot::Mutex;
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, sleep_until};

/// What is kept of a run for what comes after a call that is not answered; of a short one a tenth.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// When a run has to be over.
pub(crate) struct Deadline(Mutex<State>);

struct State {
    /// Never, where that is too far away for the clock.
    at: Option<Instant>,
    stops: usize,
}

/// The run took too long.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Elapsed;

impl Deadline {
    /// So much from now.
    pub(super) fn after(limit: Duration) -> Self {
        Self(Mutex::new(State {
            at: Instant::now().checked_add(limit),
            stops: 0,
        }))
    }

    /// What `future` gives, if it does before the deadline.
    pub(super) async fn hold<F: Future>(&self, future: F) -> Result<F::Output, Elapsed> {
        let mut future = pin!(future);
        let mut timer = pin!(sleep_until(Instant::now()));
        poll_fn(|context| {
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Ok(output));
            }
            // The clock goes on inside `future`, and then this is polled.
            let Some(at) = self.0.lock().next() else {
                return Poll::Pending;
            };
            if timer.deadline() != at {
                timer.as_mut().reset(at);
            }
            // Also where `future` used up what a task may do at a time.
            let timer = pin!(unconstrained(timer.as_mut()));
            timer.poll(context).map(|()| Err(Elapsed))
        })
        .await
    }

    /// The call with a limit that ends it before the run: who is not answered shall live to say so.
    pub(crate) fn within(&self, call: HttpRequest) -> HttpRequest {
        let Some(at) = self.0.lock().at else {
            return call;
        };
        let left = at.saturating_duration_since(Instant::now());
        let left = left - (left / 10).min(LAST_WORDS);
        let timeout = call.timeout.map_or(left, |timeout| timeout.min(left));
        HttpRequest {
            timeout: Some(timeout),
            ..call
        }
    }

    /// Stops the clock until what is returned is dropped. Only what [`hold`](Self::hold) polls may do so.
    pub(crate) fn stop(&self) -> Stopped<'_> {
        self.0.lock().stops += 1;
        Stopped {
            deadline: self,
            since: Instant::now(),
        }
    }
}

impl State {
    /// None while the clock stands.
    fn next(&self) -> Option<Instant> {
        self.at.filter(|_| self.stops == 0)
    }
}

/// While it lives the clock stands.
pub(crate) struct Stopped<'a> {
    deadline: &'a Deadline,
    since: Instant,
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        let mut state = self.deadline.0.lock();
        state.stops -= 1;
        state.at = state.at.and_then(|at| at.checked_add(self.since.elapsed()));
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Works, waits for ten seconds, and works.
    async fn work(before: Duration, after: Duration) -> (Result<(), Elapsed>, Duration) {
        let start = Instant::now();
        let deadline = Deadline::after(SECOND);
        let held = deadline.hold(async {
            sleep(before).await;
            let stopped = deadline.stop();
            sleep(10 * SECOND).await;
            drop(stopped);
            sleep(after).await;
        });
        (held.await, start.elapsed())
    }

    /// The timer of the runtime counts milliseconds.
    fn about(time: Duration) -> std::ops::Range<Duration> {
        time..time + Duration::from_millis(5)
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_room_does_not_count() {
        let (held, _) = work(SECOND / 2, SECOND / 4).await;
        assert_eq!(held, Ok(()));
        let (held, took) = work(SECOND / 2, SECOND * 3 / 4).await;
        assert_eq!(held, Err(Elapsed));
        assert!(about(11 * SECOND).contains(&took), "{took:?}");
        let (held, took) = work(SECOND * 2, SECOND).await;
        assert_eq!(held, Err(Elapsed));
        assert!(about(SECOND).contains(&took), "{took:?}");
    }

    fn call(timeout: Option<Duration>) -> HttpRequest {
        HttpRequest {
            method: "GET".to_owned(),
            url: "http://slow.example.com/".to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout,
            ca_bundle: None,
            insecure_skip_tls_verify: false,
            auth: None,
            effect: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_ends_before_the_run() {
        let limit = |deadline: &Deadline, timeout| deadline.within(call(timeout)).timeout;
        let deadline = Deadline::after(30 * SECOND);
        assert_eq!(limit(&deadline, None), Some(29 * SECOND));
        assert_eq!(limit(&deadline, Some(60 * SECOND)), Some(29 * SECOND));
        assert_eq!(limit(&deadline, Some(SECOND)), Some(SECOND));
        sleep(25 * SECOND).await;
        assert_eq!(limit(&deadline, None), Some(SECOND * 9 / 2));
        sleep(5 * SECOND).await;
        assert_eq!(limit(&deadline, Some(SECOND)), Some(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn some_have_no_deadline() {
        let deadline = Deadline::after(Duration::MAX);
        assert_eq!(deadline.within(call(None)).timeout, None);
        let held = deadline.hold(sleep(1_000_000 * SECOND)).await;
        assert_eq!(held, Ok(()));
    }
}
