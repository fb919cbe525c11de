//! One run: a fresh instance, a call, and what became of it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use oarlock_core::limits::Limits;
use oarlock_core::reconciler::{Fault, Host};
use rustix::time::{ClockId, clock_gettime};
use thiserror::Error;
use wasmtime::{Store, Trap, UpdateDeadline, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::bindings::{External, ExternalPre};
use crate::engine::Engine;
use crate::store::{MemorySpent, RunState};

/// What a run needs to know before it begins.
pub(crate) struct Run<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) module: &'a ExternalPre<RunState>,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) limits: Limits,
    pub(crate) now: u64,
    pub(crate) seed: u64,
}

impl Run<'_> {
    /// Makes an instance and calls it. Dropping the future ends the run.
    pub(crate) async fn call<T>(
        self,
        call: impl AsyncFnOnce(&External, &mut Store<RunState>) -> wasmtime::Result<T>,
    ) -> Result<T, Fault> {
        let Some(_place) = self.engine.enter().await else {
            return Err(Fault::NoInstance {
                message: "the engine is closed".to_owned(),
            });
        };
        let meter = Arc::new(CpuMeter::default());
        let state = RunState::new(self.host, &self.limits, self.now, self.seed);
        let log = Arc::clone(&state.log);
        let mut store = Store::new(self.engine.wasm(), state);
        store.limiter(|state| &mut state.memory);
        // What may cross from the guest in one call. Counted while it is lifted, so that an answer that names the same
        // memory many times costs the host no more than this.
        store.set_hostcall_fuel(self.limits.output);
        charge(&mut store, Arc::clone(&meter), self.limits.cpu);

        let run = async {
            let instance = self.module.instantiate_async(&mut store).await;
            let instance = instance.map_err(Stop::Instantiate)?;
            call(&instance, &mut store).await.map_err(Stop::Call)
        };
        let answer = tokio::time::timeout(self.limits.deadline, meter.measure(run)).await;
        log.flush();
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(stop)) => Err(stop.fault(&self.limits, log.panic_message())),
            Err(_elapsed) => Err(Fault::DeadlineExceeded {
                limit: self.limits.deadline,
            }),
        }
    }
}

/// Interrupts the guest at every tick: to give the worker to others, and to end a run that has used up its time.
fn charge(store: &mut Store<RunState>, meter: Arc<CpuMeter>, limit: Duration) {
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_| {
        if meter.used() > limit {
            return Err(CpuSpent.into());
        }
        Ok(UpdateDeadline::Yield(1))
    });
}

/// The run has used up its CPU time.
#[derive(Debug, Error)]
#[error("out of CPU time")]
struct CpuSpent;

/// CPU time of one run, in nanoseconds. The thread's own time is taken, so that neither waiting in an import nor a busy
/// machine is charged.
#[derive(Default)]
struct CpuMeter {
    before: AtomicU64,
    polled_at: AtomicU64,
}

impl CpuMeter {
    fn used(&self) -> Duration {
        let now = thread_time().saturating_sub(self.polled_at.load(Ordering::Relaxed));
        Duration::from_nanos(self.before.load(Ordering::Relaxed).saturating_add(now))
    }

    async fn measure<F: Future>(&self, future: F) -> F::Output {
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
}

/// CPU time of this thread, in nanoseconds.
fn thread_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let part = |part: i64| u64::try_from(part).unwrap_or(0);
    part(time.tv_sec)
        .saturating_mul(1_000_000_000)
        .saturating_add(part(time.tv_nsec))
}

/// Where a run ended that did not answer.
enum Stop {
    Instantiate(wasmtime::Error),
    Call(wasmtime::Error),
}

impl Stop {
    fn fault(self, limits: &Limits, panic: Option<String>) -> Fault {
        let (Self::Instantiate(error) | Self::Call(error)) = &self;
        if error.is::<CpuSpent>() {
            return Fault::CpuExceeded { limit: limits.cpu };
        }
        if let Some(spent) = error.downcast_ref::<MemorySpent>() {
            return Fault::MemoryExceeded { limit: spent.limit };
        }
        let in_guest = error.downcast_ref::<WasmBacktrace>().is_some();
        let cause = error.root_cause().to_string();
        if cause.starts_with(FUEL_SPENT) {
            return if in_guest {
                Fault::Trapped {
                    message: format!("an import was given more than {} bytes", limits.output),
                }
            } else {
                Fault::OutputExceeded {
                    limit: limits.output,
                }
            };
        }
        let trap = match (
            error.downcast_ref::<Trap>(),
            error.downcast_ref::<I32Exit>(),
        ) {
            (Some(trap), _) => trap_text(*trap),
            (None, Some(exit)) => format!("it called exit({})", exit.0),
            (None, None) if matches!(self, Self::Instantiate(_)) && !in_guest => {
                return Fault::NoInstance { message: cause };
            }
            (None, None) => cause,
        };
        Fault::Trapped {
            message: match panic {
                Some(panic) => format!("{panic} ({trap})"),
                None => trap,
            },
        }
    }
}

/// How the engine's error begins that says that more crossed than may. Its type is private.
const FUEL_SPENT: &str = "too much data is being copied";

/// The engine's words, without its prefix.
fn trap_text(trap: Trap) -> String {
    let text = trap.to_string();
    let text = text.strip_prefix("wasm trap: ").unwrap_or(&text);
    match trap {
        // Linkers put a guest's stack at the bottom of its memory.
        Trap::MemoryOutOfBounds => format!("{text}; endless recursion ends so too"),
        _ => text.to_owned(),
    }
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
}
