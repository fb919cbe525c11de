//! What a run is charged: time on the CPU.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CPU time of one run, in nanoseconds. The thread's own time is taken, so that neither waiting in an import nor a busy
/// machine is charged.
#[derive(Default)]
pub(crate) struct CpuMeter {
    before: AtomicU64,
    polled_at: AtomicU64,
}

impl CpuMeter {
    pub(super) fn used(&self) -> Duration {
        let now = thread_time().saturating_sub(self.polled_at.load(Ordering::Relaxed));
        Duration::from_nanos(self.before.load(Ordering::Relaxed).saturating_add(now))
    }

    pub(super) async fn measure<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|context| {
            self.polled_at.store(thread_time(), Ordering::Relaxed);
            let polled = future.as_mut().poll(context);
            let used = u64::try_from(self.used().as_nanos()).unwrap_or(u64::MAX);
            self.before.store(used, Ordering::Relaxed);
            polled
        })
        .await
    }

    /// Waits for `future` inside what is measured, without being charged for it.
    pub(crate) async fn aside<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|context| {
            let start = thread_time();
            let polled = future.as_mut().poll(context);
            let spent = thread_time().saturating_sub(start);
            self.polled_at.fetch_add(spent, Ordering::Relaxed);
            polled
        })
        .await
    }
}

/// CPU time of this thread, in nanoseconds.
fn thread_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let part = |part: i64| u64::try_from(part).unwrap_or(0);
    part(time.tv_sec)
        .saturating_mul(1_000_000_000)
        .saturating_add(part(time.tv_nsec))
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// Uses up CPU time of this thread.
    fn work(time: Duration) {
        let end = Duration::from_nanos(thread_time()) + time;
        while Duration::from_nanos(thread_time()) < end {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn only_what_is_done_inside_is_charged() {
        let meter = CpuMeter::default();
        let (inside, outside) = (Duration::from_millis(2), Duration::from_millis(200));
        let mut polls = 0;
        {
            let mut run = pin!(meter.measure(poll_fn(|_| {
                work(inside);
                polls += 1;
                if polls < 3 {
                    Poll::Pending
                } else {
                    Poll::Ready(())
                }
            })));
            let mut context = Context::from_waker(Waker::noop());
            while run.as_mut().poll(&mut context).is_pending() {
                // What others do while the run waits.
                work(outside);
            }
        }
        let used = Duration::from_nanos(meter.before.load(Ordering::Relaxed));
        assert!(used >= inside * 3, "{used:?}");
        assert!(used < outside, "{used:?}");
    }

    #[test]
    fn what_is_done_aside_is_not_charged() {
        let meter = CpuMeter::default();
        let (own, aside) = (Duration::from_millis(2), Duration::from_millis(100));
        let mut polls = 0;
        {
            let mut run = pin!(meter.measure(async {
                work(own);
                let other = poll_fn(|_| {
                    work(aside);
                    polls += 1;
                    if polls < 3 {
                        Poll::Pending
                    } else {
                        Poll::Ready(())
                    }
                });
                meter.aside(other).await;
                work(own);
            }));
            let mut context = Context::from_waker(Waker::noop());
            while run.as_mut().poll(&mut context).is_pending() {}
        }
        let used = Duration::from_nanos(meter.before.load(Ordering::Relaxed));
        assert!(used >= own * 2, "{used:?}");
        assert!(used < aside, "{used:?}");
    }
}
