//! A module that traps at times, and what can be seen from where it stands: never two runs of one object at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use oarlock_core::future::BoxFuture;
use oarlock_core::limits::Limits;
use oarlock_core::manifest::Manifest;
use oarlock_core::outcome::Outcome;
use oarlock_core::reconciler::{self, Host, Reconciler, RunError};
use oarlock_core::reference::Digest;
use oarlock_core::request::Request;
use parking_lot::Mutex;

use crate::faults::{Fault, Injector, OF_RUNS};

/// A module behind the seed's will.
pub(crate) struct Unreliable {
    inner: Arc<dyn Reconciler>,
    digest: Digest,
    injector: Injector,
    watch: Arc<Watchman>,
}

/// Sees who runs.
#[derive(Default)]
pub(crate) struct Watchman {
    running: Mutex<BTreeSet<String>>,
    /// Objects that had two runs at once.
    doubled: Mutex<BTreeSet<String>>,
}

impl Watchman {
    pub(crate) fn doubled(&self) -> BTreeSet<String> {
        self.doubled.lock().clone()
    }

    /// A process is gone, and its runs with it.
    pub(crate) fn forget(&self) {
        self.running.lock().clear();
    }
}

impl Unreliable {
    /// `build` tells one build from another.
    pub(crate) fn new(
        inner: Arc<dyn Reconciler>,
        build: u32,
        injector: Injector,
        watch: Arc<Watchman>,
    ) -> Self {
        let digest = Digest::of(format!("{} {build}", inner.digest().as_str()).as_bytes());
        Self {
            inner,
            digest,
            injector,
            watch,
        }
    }

    async fn run(
        &self,
        request: &Request,
        host: Arc<dyn Host>,
        limits: Limits,
    ) -> Result<Outcome, RunError> {
        let object = request.object.to_value();
        let name = format!("{}", object["metadata"]["uid"]);
        let visit = self.injector.visit(&format!("run of {name}"));
        if !self.watch.running.lock().insert(name.clone()) {
            self.watch.doubled.lock().insert(name.clone());
        }
        let mishap = self.injector.mishap(&visit, OF_RUNS);
        let trapped = || {
            Err(RunError::Fault(reconciler::Fault::Trapped {
                message: "injected".to_owned(),
            }))
        };
        let result = if mishap == Some(Fault::Trapped) {
            trapped()
        } else {
            let result = self.inner.reconcile(request, host, limits).await;
            if mishap == Some(Fault::TrappedLate) {
                trapped()
            } else {
                result
            }
        };
        self.watch.running.lock().remove(&name);
        result
    }
}

impl Reconciler for Unreliable {
    fn manifest(&self) -> &Manifest {
        self.inner.manifest()
    }

    fn digest(&self) -> &Digest {
        &self.digest
    }

    fn reconcile<'a>(
        &'a self,
        request: &'a Request,
        host: Arc<dyn Host>,
        limits: Limits,
    ) -> BoxFuture<'a, Result<Outcome, RunError>> {
        Box::pin(self.run(request, host, limits))
    }
}
