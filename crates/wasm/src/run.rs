//! One run: a fresh instance, a call, and what became of it.

mod deadline;
mod meter;
mod stop;

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::limits::Limits;
use oarlock_core::reconciler::{Fault, Host};
use wasmtime::component::{Instance, InstancePre};
use wasmtime::{Store, UpdateDeadline};

use crate::bindings::{External, ExternalPre};
use crate::engine::{Engine, Place};
use crate::run::stop::{CpuSpent, Stop};
use crate::store::RunState;

pub(crate) use crate::run::deadline::Deadline;
pub(crate) use crate::run::meter::CpuMeter;
pub(crate) use crate::run::stop::LibraryStopped;

/// What an instance can be made of.
pub(crate) trait Linked {
    type Instance;

    fn instantiate(
        &self,
        store: &mut Store<RunState>,
    ) -> impl Future<Output = wasmtime::Result<Self::Instance>> + Send;
}

impl Linked for ExternalPre<RunState> {
    type Instance = External;

    async fn instantiate(&self, store: &mut Store<RunState>) -> wasmtime::Result<External> {
        self.instantiate_async(store).await
    }
}

impl Linked for InstancePre<RunState> {
    type Instance = Instance;

    async fn instantiate(&self, store: &mut Store<RunState>) -> wasmtime::Result<Instance> {
        self.instantiate_async(store).await
    }
}

/// What a run needs to know before it begins.
pub(crate) struct Run<'a, L> {
    pub(crate) engine: &'a Engine,
    pub(crate) linked: &'a L,
    pub(crate) place: Place,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) limits: Limits,
    pub(crate) now: u64,
    pub(crate) seed: u64,
}

impl<L: Linked> Run<'_, L> {
    /// Makes an instance and calls it. Dropping the future ends the run.
    pub(crate) async fn call<T>(
        self,
        call: impl AsyncFnOnce(&L::Instance, &mut Store<RunState>) -> wasmtime::Result<T>,
    ) -> Result<T, Fault> {
        let _place = self.place;
        let meter = Arc::new(CpuMeter::default());
        let deadline = Arc::new(Deadline::after(self.limits.deadline));
        let state = RunState::new(
            self.host,
            &self.limits,
            self.now,
            self.seed,
            Arc::clone(&meter),
            Arc::clone(&deadline),
        );
        let log = Arc::clone(&state.log);
        let mut store = Store::new(self.engine.wasm(), state);
        store.limiter(|state| &mut state.memory);
        // What may cross from the guest in one call. Counted while it is lifted, so that an answer that names the same
        // memory many times costs the host no more than this.
        store.set_hostcall_fuel(self.limits.output);
        charge(&mut store, Arc::clone(&meter), self.limits.cpu);

        let run = async {
            let instance = self.linked.instantiate(&mut store).await;
            let instance = instance.map_err(Stop::Instantiate)?;
            call(&instance, &mut store).await.map_err(Stop::Call)
        };
        let answer = deadline.hold(meter.measure(run)).await;
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
