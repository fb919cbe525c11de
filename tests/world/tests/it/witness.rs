//! Reconcilers around a real component, which watch it work.

use std::sync::Arc;

use oarlock_core::future::BoxFuture;
use oarlock_core::limits::Limits;
use oarlock_core::manifest::Manifest;
use oarlock_core::object::Object;
use oarlock_core::outcome::Outcome;
use oarlock_core::reconciler::{Host, Reconciler, RunError};
use oarlock_core::reference::Digest;
use oarlock_core::request::Request;
use oarlock_wasm::WasmModule;
use parking_lot::Mutex;

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    pub(crate) object: Object,
    pub(crate) good: bool,
}

/// Notes the runs of a component.
pub(crate) struct Witness {
    inner: Arc<WasmModule>,
    runs: Mutex<Vec<Ran>>,
}

impl Witness {
    pub(crate) fn of(inner: Arc<WasmModule>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            runs: Mutex::default(),
        })
    }

    pub(crate) fn runs(&self) -> Vec<Ran> {
        self.runs.lock().clone()
    }
}

impl Reconciler for Witness {
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
            self.runs.lock().push(Ran {
                object: Object::parse(request.object.as_str()).unwrap(),
                good: result.is_ok(),
            });
            result
        })
    }
}
