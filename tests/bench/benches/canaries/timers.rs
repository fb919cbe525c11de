//! When a module asked to be called again, and when it was.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use oarlock_core::clock::Clock;
use oarlock_core::future::BoxFuture;
use oarlock_core::limits::Limits;
use oarlock_core::manifest::Manifest;
use oarlock_core::outcome::{Outcome, Requeue};
use oarlock_core::reconciler::{Host, Reconciler, RunError};
use oarlock_core::reference::Digest;
use oarlock_core::request::Request;
use oarlock_core::timestamp::Timestamp;

/// How late the timers of a round were.
#[derive(Debug)]
pub(crate) struct Lateness {
    /// How many there were.
    pub(crate) timers: usize,
    pub(crate) median: Duration,
    pub(crate) p99: Duration,
    pub(crate) most: Duration,
    /// Those that were later than is tolerated, or did not come at all.
    pub(crate) missed: usize,
}

/// Notes when timers are due and when they come.
pub(crate) struct Timers {
    clock: Arc<dyn Clock>,
    notes: Mutex<Notes>,
}

#[derive(Default)]
struct Notes {
    /// Instants at which objects are due, by uid.
    due: HashMap<String, Timestamp>,
    /// By how much timers were late since the beginning of the round.
    late: Vec<Duration>,
}

impl Timers {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            notes: Mutex::default(),
        })
    }

    /// Begins a round: what came before does not count.
    pub(crate) fn begin(&self) {
        self.notes().late.clear();
    }

    /// Ends a round.
    pub(crate) fn end(&self, tolerance: Duration) -> Lateness {
        let now = self.clock.now();
        let notes = self.notes();
        let mut late = notes.late.clone();
        // Still waiting to be called.
        late.extend(
            notes
                .due
                .values()
                .filter(|due| due.after(tolerance) < now)
                .map(|due| now.since(*due)),
        );
        drop(notes);
        late.sort_unstable();
        let at = |percent: usize| {
            let last = late.len().saturating_sub(1);
            late.get(last * percent / 100).copied().unwrap_or_default()
        };
        Lateness {
            timers: late.len(),
            median: at(50),
            p99: at(99),
            most: at(100),
            missed: late.iter().filter(|time| **time > tolerance).count(),
        }
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn called(&self, object: &str) {
        let now = self.clock.now();
        let mut notes = self.notes();
        // One that is not due yet is called for another reason; it asks again.
        if let Some(due) = notes.due.remove(object)
            && due <= now
        {
            notes.late.push(now.since(due));
        }
    }

    fn asked(&self, object: String, requeue: Requeue) {
        let now = self.clock.now();
        let due = match requeue {
            Requeue::OnChange | Requeue::OnceWritten => return,
            Requeue::After(time) => now.after(time),
            Requeue::At(at) => at,
        };
        // What is past is no timer: it asks to be called at once.
        if due > now {
            self.notes().due.insert(object, due);
        }
    }
}

/// A module whose timers are noted.
pub(crate) struct Timed {
    pub(crate) inner: Arc<dyn Reconciler>,
    pub(crate) timers: Arc<Timers>,
}

impl Reconciler for Timed {
    fn manifest(&self) -> &Manifest {
        self.inner.manifest()
    }

    fn digest(&self) -> &Digest {
        self.inner.digest()
    }

    fn reconcile<'a>(
        &'a self,
        request: &'a Request,
        host: Arc<dyn Host>,
        limits: Limits,
    ) -> BoxFuture<'a, Result<Outcome, RunError>> {
        Box::pin(async move {
            let object = request.object.to_value();
            let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
            self.timers.called(uid);
            let outcome = self.inner.reconcile(request, host, limits).await?;
            self.timers.asked(uid.to_owned(), outcome.requeue);
            Ok(outcome)
        })
    }
}
