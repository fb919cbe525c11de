//! When modules want to be called again: what a simulation needs to know that nothing is to come.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::future::BoxFuture;
use oarlock_core::limits::Limits;
use oarlock_core::manifest::Manifest;
use oarlock_core::object::Object;
use oarlock_core::outcome::{Failure, Outcome, Requeue};
use oarlock_core::reconciler::{Host, Reconciler, RunError};
use oarlock_core::reference::{Digest, ObjectRef};
use oarlock_core::request::Request;
use oarlock_core::timestamp::Timestamp;
use parking_lot::Mutex;

/// A wish to be called again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wake {
    /// When the wish was made.
    pub(crate) asked: Timestamp,
    /// When the call is due.
    pub(crate) due: Timestamp,
}

/// How late a call can be.
const MOMENT: Duration = Duration::from_secs(60);

/// The wishes of all objects. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wakes(Arc<Mutex<BTreeMap<ObjectRef, Wake>>>);

impl Wakes {
    /// Calls that are due, or were a moment ago and are perhaps being made; the next one first.
    pub(crate) fn pending(&self, now: Timestamp) -> Vec<Wake> {
        let wakes = self.0.lock();
        let pending = wakes
            .values()
            .copied()
            .filter(|w| w.due.after(MOMENT) > now);
        let mut pending: Vec<Wake> = pending.collect();
        pending.sort_by_key(|wake| wake.due);
        pending
    }

    /// Forgets all, as an operator that ends does.
    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }

    /// The same module, listened to.
    pub(crate) fn listen(&self, module: Arc<dyn Reconciler>) -> Arc<dyn Reconciler> {
        Arc::new(Overheard {
            inner: module,
            wakes: self.clone(),
        })
    }

    fn note(&self, request: &Request, result: &Result<Outcome, RunError>) {
        let Ok(object) = Object::parse(request.object.as_str()) else {
            return;
        };
        let after = |time: Duration| Some(request.now.after(time));
        let due = match result {
            Ok(outcome) => match &outcome.requeue {
                // At once: the run is there before anybody asks.
                Requeue::OnChange | Requeue::OnceWritten => None,
                Requeue::After(time) => after(*time),
                Requeue::At(at) => Some(*at),
            },
            Err(RunError::Failure(Failure::RetryAfter(time, _))) => after(*time),
            // Backoff ends within minutes, and a simulation waits longer than that.
            Err(_) => None,
        };
        let mut wakes = self.0.lock();
        match due {
            Some(due) => {
                let asked = request.now;
                wakes.insert(object.target().clone(), Wake { asked, due });
            }
            None => {
                wakes.remove(object.target());
            }
        }
    }
}

/// A module whose outcomes are looked at.
struct Overheard {
    inner: Arc<dyn Reconciler>,
    wakes: Wakes,
}

impl Reconciler for Overheard {
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
            let result = self.inner.reconcile(request, host, limits).await;
            self.wakes.note(request, &result);
            result
        })
    }
}
