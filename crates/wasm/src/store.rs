//! What one run has: its host, its log, its memory, and what it may use of them.

use std::fmt;
use std::sync::Arc;

use oarlock_core::limits::Limits;
use oarlock_core::reconciler::Host;
use thiserror::Error;
use wasmtime::ResourceLimiter;

use crate::capability::log::LogSink;
use crate::capability::wasi::Wasi;
use crate::engine::TABLE_ELEMENTS;
use crate::run::{CpuMeter, Deadline};

/// The state of one run. Lives as long as its instance, and is nobody's business outside: only its name is needed, to say
/// what a [`Store`](wasmtime::Store) is of.
pub struct RunState {
    pub(crate) host: Arc<dyn Host>,
    pub(crate) log: Arc<LogSink>,
    pub(crate) memory: MemoryMeter,
    pub(crate) wasi: Wasi,
    /// What the run is charged by.
    pub(crate) cpu: Arc<CpuMeter>,
    /// When it has to be over.
    pub(crate) deadline: Arc<Deadline>,
}

impl fmt::Debug for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunState").finish_non_exhaustive()
    }
}

impl RunState {
    pub(crate) fn new(
        host: Arc<dyn Host>,
        limits: &Limits,
        now: u64,
        seed: u64,
        cpu: Arc<CpuMeter>,
        deadline: Arc<Deadline>,
    ) -> Self {
        let log = Arc::new(LogSink::new(Arc::clone(&host), limits.log));
        Self {
            host,
            memory: MemoryMeter::new(limits.memory),
            wasi: Wasi::new(now, seed, Arc::clone(&log)),
            log,
            cpu,
            deadline,
        }
    }
}

/// Counts the bytes of all linear memories of a run.
pub(crate) struct MemoryMeter {
    limit: usize,
    used: usize,
    last_growth: usize,
}

/// A memory was to grow beyond the limit.
#[derive(Debug, Error)]
#[error("more than {limit} bytes of memory")]
pub(crate) struct MemorySpent {
    pub(crate) limit: usize,
}

impl MemoryMeter {
    const fn new(limit: usize) -> Self {
        Self {
            limit,
            used: 0,
            last_growth: 0,
        }
    }
}

impl ResourceLimiter for MemoryMeter {
    /// An error, not a refusal: a guest's allocator would turn a refusal into a trap that names no limit.
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let growth = desired.saturating_sub(current);
        let used = self.used.saturating_add(growth);
        if used > self.limit {
            return Err(MemorySpent { limit: self.limit }.into());
        }
        self.used = used;
        self.last_growth = growth;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.used = self
            .used
            .saturating_sub(std::mem::take(&mut self.last_growth));
        Ok(())
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS)
    }
}
