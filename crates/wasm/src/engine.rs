//! The WebAssembly engine: its settings, its pool of instances, and the clock that interrupts guests.

use std::path::PathBuf;
use std::sync::Arc;

use oarlock_core::reconciler::Fault;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::{
    Config, Enabled, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    WasmBacktraceDetails,
};

use crate::cache::{CacheError, CompileCache};
use crate::engine::ticker::{Running, Ticker};
use crate::library::LibraryLimits;
use crate::library::answers::Answers;

mod ticker;

const MIB: usize = 1 << 20;

/// Libraries that run at the same time, whatever memory they may have.
const LIBRARIES: u32 = 16;

/// Stack of a guest. Go's calls are calls of WebAssembly: Helm's own limit of a thousand templates inside each other is
/// reached only when they fit.
const WASM_STACK: usize = 16 * MIB;
/// What is left below it for the host's part of a call: on the way back from a guest, inside an import, into a library.
const HOST_STACK: usize = 2 * MIB;

/// Core instances, memories and tables of one component. A Python component has 38 core instances, linked to each other at
/// run time; others have fewer than 14.
const CORE_INSTANCES: u32 = 64;
const MEMORIES: u32 = 4;
const TABLES: u32 = 16;
/// Elements of one table. CPython needs about 20,000.
pub(crate) const TABLE_ELEMENTS: usize = 100_000;

/// What an engine is made of.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Where compiled modules are kept; `None` to compile every time.
    pub cache: Option<PathBuf>,
    /// Instances that live at the same time, those that wait in an import included; at least one. More runs than this wait.
    ///
    /// Each costs address space: 16 GiB of memories and 18 MiB of stack. While a run lasts it has what its limits allow, and
    /// what it needs of the stack, which no limit counts. Afterwards 64 KiB of the stack stay, and up to 2 MiB of each of its
    /// memories for as long as it is warm.
    pub instances: u32,
    /// Bytes of memory that all running libraries together may have, each counted with all that its limits allow. More calls
    /// than fit wait; at most 16 run at the same time. These come on top of `instances`. No library is allowed more than this
    /// for one call, whatever its limits are.
    pub library_memory: usize,
    /// Bytes of answers of libraries that are kept for equal calls; 0 for none.
    pub answers: usize,
}

impl Default for EngineOptions {
    /// No compile cache, 128 instances, 4 GiB for libraries, 64 MiB of answers.
    fn default() -> Self {
        Self {
            cache: None,
            instances: 128,
            library_memory: 4 << 30,
            answers: 64 << 20,
        }
    }
}

/// Why there is no engine.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The pool of instances could not be reserved, or the processor is not supported.
    #[error(
        "cannot set up the WebAssembly engine for {instances} instances; hint: each reserves 16 GiB of address space, \
         see `ulimit -v`"
    )]
    Configure {
        /// Instances asked for.
        instances: u32,
        /// What the engine said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No thread for the clock.
    #[error("cannot start the thread that interrupts modules")]
    StartTicker {
        /// What the system said.
        source: std::io::Error,
    },
    /// The cache directory cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

/// The engine and what it owns. One per process is enough.
pub(crate) struct Engine {
    // Dropped, and its thread joined, before the engine that it ticks.
    ticker: Ticker,
    wasm: wasmtime::Engine,
    places: Arc<Semaphore>,
    /// In MiB.
    library_memory: Arc<Semaphore>,
    library_memory_total: u32,
    cache: Option<CompileCache>,
    answers: Answers,
}

impl Engine {
    pub(crate) fn new(options: EngineOptions) -> Result<Self, EngineError> {
        let instances = options.instances.max(1);
        let cache = options.cache.map(CompileCache::open).transpose()?;
        let wasm =
            wasmtime::Engine::new(&config(instances)).map_err(|error| EngineError::Configure {
                instances,
                source: error.into(),
            })?;
        let ticker = Ticker::start(&wasm).map_err(|source| EngineError::StartTicker { source })?;
        let library_memory_total = mib(options.library_memory);
        Ok(Self {
            ticker,
            wasm,
            places: Arc::new(Semaphore::new(instances as usize)),
            library_memory: Arc::new(Semaphore::new(library_memory_total as usize)),
            library_memory_total,
            cache,
            answers: Answers::new(options.answers),
        })
    }

    pub(crate) const fn wasm(&self) -> &wasmtime::Engine {
        &self.wasm
    }

    pub(crate) const fn cache(&self) -> Option<&CompileCache> {
        self.cache.as_ref()
    }

    pub(crate) const fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Waits for a place in the pool.
    pub(crate) async fn enter(&self) -> Result<Place, Fault> {
        self.admit(&self.places, 1).await
    }

    /// Waits for a place for a library that may have `memory` bytes, with what `waiting` gives in hand if it has to wait at
    /// all. Whoever holds a place waits for no other: a library calls none.
    pub(crate) async fn enter_library<W>(
        &self,
        memory: usize,
        waiting: impl FnOnce() -> W,
    ) -> Result<Place, Fault> {
        let least = self.library_memory_total.div_ceil(LIBRARIES);
        let weight = mib(memory).max(least).min(self.library_memory_total);
        let places = &self.library_memory;
        // Who waits longer already has what is free.
        if let Ok(permit) = Arc::clone(places).try_acquire_many_owned(weight) {
            return Ok(self.place(permit));
        }
        let _waiting = waiting();
        self.admit(places, weight).await
    }

    /// `limits`, with no more memory than there is for all libraries.
    pub(crate) const fn within(&self, mut limits: LibraryLimits) -> LibraryLimits {
        let total = (self.library_memory_total as usize).saturating_mul(MIB);
        if limits.memory > total {
            limits.memory = total;
        }
        limits
    }

    async fn admit(&self, places: &Arc<Semaphore>, weight: u32) -> Result<Place, Fault> {
        // The error never comes to pass: the semaphores are not closed.
        let permit = Arc::clone(places).acquire_many_owned(weight).await;
        permit
            .map(|permit| self.place(permit))
            .map_err(|_closed| Fault::NoInstance {
                message: "the engine is closed".to_owned(),
            })
    }

    fn place(&self, permit: OwnedSemaphorePermit) -> Place {
        Place {
            _running: self.ticker.run(),
            _permit: permit,
        }
    }
}

/// In MiB, at least one.
fn mib(bytes: usize) -> u32 {
    u32::try_from(bytes / MIB).unwrap_or(u32::MAX).max(1)
}

/// The right to one instance. While any is held the clock ticks.
pub(crate) struct Place {
    _running: Running,
    _permit: OwnedSemaphorePermit,
}

fn config(instances: u32) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .memory_init_cow(true)
        .cranelift_opt_level(OptLevel::Speed)
        // The contract has no async functions: the store needs no bookkeeping for them.
        .concurrency_support(false)
        // Equal inputs, equal outcomes, on every processor.
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .relaxed_simd_deterministic(true)
        .wasm_component_model(true)
        // Not from the environment: a trap's text must not depend on it.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(WASM_STACK + HOST_STACK)
        // What one deep recursion dirtied would stay with the pool.
        .async_stack_zeroing(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(
            instances.saturating_add(LIBRARIES),
        )));
    config
}

fn pool(instances: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES))
        .total_memories(instances.saturating_mul(MEMORIES))
        .total_tables(instances.saturating_mul(TABLES))
        .total_stacks(instances)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_tables_per_module(4)
        .table_elements(TABLE_ELEMENTS)
        .max_core_instance_size(4 * MIB)
        .max_component_instance_size(8 * MIB)
        // A slot remembers the module that it served, and is fastest for that one; beyond these the memory is better
        // spent elsewhere.
        .max_unused_warm_slots(16)
        // A small module's pages stay mapped between runs, and only what it dirtied is set back.
        .linear_memory_keep_resident(2 * MIB)
        .table_keep_resident(64 << 10)
        .async_stack_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto);
    pool
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use wasmtime::{Instance, Module, Store, Trap};

    use super::*;

    #[tokio::test]
    async fn a_deep_stack_is_given_back() {
        let engine = Engine::new(EngineOptions {
            instances: 1,
            ..EngineOptions::default()
        });
        let engine = engine.unwrap();
        let wasm = engine.wasm();
        let recursion = r#"(module (func $deeper (export "deeper") (call $deeper)))"#;
        let module = Module::new(wasm, wat::parse_str(recursion).unwrap()).unwrap();
        let mut store = Store::new(wasm, ());
        store.set_epoch_deadline(1 << 40);
        let instance = Instance::new_async(&mut store, &module, &[]).await.unwrap();
        let deeper = instance.get_typed_func::<(), ()>(&mut store, "deeper");
        let error = deeper
            .unwrap()
            .call_async(&mut store, ())
            .await
            .unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&Trap::StackOverflow));
        drop(store);
        let pool = wasm.pooling_allocator_metrics().unwrap();
        let left = pool.unused_stack_bytes_resident();
        assert!(left.is_some_and(|left| left <= 64 << 10), "{left:?}");
    }
}
