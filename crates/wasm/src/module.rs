//! A loaded module.

use std::fmt;
use std::sync::Arc;

use oarlock_core::future::BoxFuture;
use oarlock_core::limits::Limits;
use oarlock_core::manifest::Manifest;
use oarlock_core::outcome::Outcome;
use oarlock_core::reconciler::{Fault, Host, Reconciler, RunError};
use oarlock_core::reference::Digest;
use oarlock_core::request::Request;

use crate::bindings::ExternalPre;
use crate::convert::{Wrong, outcome, request};
use crate::engine::Engine;
use crate::inspect::Inspection;
use crate::run::Run;
use crate::store::RunState;

/// A component, compiled and linked: what is left to do for a run is to make an instance of it.
///
/// Every run has an instance of its own, so that no run sees what another one left behind.
pub struct WasmModule {
    pub(crate) engine: Arc<Engine>,
    pub(crate) linked: ExternalPre<RunState>,
    pub(crate) manifest: Manifest,
    pub(crate) digest: Digest,
    pub(crate) inspection: Inspection,
}

impl WasmModule {
    /// What there is to know of it without running it.
    #[must_use]
    pub const fn inspection(&self) -> &Inspection {
        &self.inspection
    }

    async fn run(
        &self,
        request: &Request,
        host: Arc<dyn Host>,
        limits: Limits,
    ) -> Result<Outcome, RunError> {
        let run = Run {
            engine: &self.engine,
            place: self.engine.enter().await?,
            linked: &self.linked,
            host,
            limits,
            now: request.now.as_millis(),
            seed: request.seed,
        };
        let told = request::request(request);
        let answer = run
            .call(async |instance, store| {
                instance
                    .oarlock_reconcile_module()
                    .call_reconcile(store, &told)
                    .await
            })
            .await?;
        match answer {
            Ok(answer) => Ok(outcome::outcome(answer).map_err(bad_outcome)?),
            Err(failure) => Err(outcome::failure(failure).map_err(bad_outcome)?.into()),
        }
    }
}

impl fmt::Debug for WasmModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasmModule")
            .field("name", &self.manifest.name)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

impl Reconciler for WasmModule {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn digest(&self) -> &Digest {
        &self.digest
    }

    fn libraries(&self) -> Vec<(String, Digest)> {
        let bound = self.inspection.libraries.iter();
        bound
            .filter_map(|import| Some((import.interface.clone(), import.library.clone()?)))
            .collect()
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

fn bad_outcome(wrong: Wrong) -> Fault {
    Fault::BadOutcome {
        place: wrong.place,
        message: wrong.message,
    }
}
