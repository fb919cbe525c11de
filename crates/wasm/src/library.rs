//! Libraries: components that other modules import.
//!
//! Every call has an instance of its own, as every run has. What a library reads goes through the host of whoever called it,
//! so that it may read what its caller may, and nothing else. It has no clock and no randomness but its arguments, which is
//! what makes its answers worth keeping ([`answers`]).

pub(crate) mod answers;
pub(crate) mod bridge;
pub(crate) mod interface;
mod question;
mod reads;
mod recorder;
mod shape;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::limits::Limits;
use oarlock_core::reconciler::{Fault, Host, LibraryFault};
use oarlock_core::reference::Digest;
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use crate::engine::{Engine, Place};
use crate::run::Run;
use crate::store::RunState;

/// What one call of a library may use. Its time is its own: the caller is not charged for it, but its deadline goes on, except
/// while there is no room for the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LibraryLimits {
    /// Time on the CPU.
    pub cpu: Duration,
    /// Bytes of all linear memories together. Counted in full against
    /// [`EngineOptions::library_memory`](crate::EngineOptions::library_memory) while a call lasts, and never more than that.
    pub memory: usize,
    /// Bytes of the answer, and of what it gives to one import.
    pub output: usize,
    /// Bytes of log lines; within the log limit of the caller's run.
    pub log: usize,
}

impl Default for LibraryLimits {
    /// 60 s, 1 GiB, 64 MiB, 64 KiB: what rendering the largest known charts takes, several times over, and what looking for the
    /// primes of one large RSA key may.
    fn default() -> Self {
        Self {
            cpu: Duration::from_secs(60),
            memory: 1 << 30,
            output: 64 << 20,
            log: 64 << 10,
        }
    }
}

impl LibraryLimits {
    pub(crate) const fn within(&self, deadline: Duration) -> Limits {
        Limits {
            cpu: self.cpu,
            deadline,
            memory: self.memory,
            output: self.output,
            log: self.log,
        }
    }
}

/// A component that exports interfaces for other modules, compiled and linked.
pub struct Library {
    pub(crate) engine: Arc<Engine>,
    pub(crate) linked: InstancePre<RunState>,
    pub(crate) digest: Digest,
    pub(crate) limits: LibraryLimits,
    /// With their versions.
    pub(crate) exports: Vec<String>,
    pub(crate) imports: Vec<String>,
    pub(crate) size: usize,
    pub(crate) compiled_size: usize,
    pub(crate) load_time: Duration,
    pub(crate) cached: bool,
}

impl Library {
    /// Digest of its bytes.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The interfaces that it has, with their versions, such as `oarlock:helm/engine@0.1.0`.
    #[must_use]
    pub fn exports(&self) -> &[String] {
        &self.exports
    }

    /// The interfaces that it needs of the host, with their versions.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    /// What one call may use.
    #[must_use]
    pub const fn limits(&self) -> LibraryLimits {
        self.limits
    }

    /// Bytes of the component.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Bytes of the compiled code.
    #[must_use]
    pub const fn compiled_size(&self) -> usize {
        self.compiled_size
    }

    /// What its loading took: compiling, or reading from the cache.
    #[must_use]
    pub const fn load_time(&self) -> Duration {
        self.load_time
    }

    /// Whether it was read from the compile cache.
    #[must_use]
    pub const fn cached(&self) -> bool {
        self.cached
    }

    /// The component as it is linked, for bindings that are made of it, such as those of `wasmtime::component::bindgen!`.
    #[must_use]
    pub const fn linked(&self) -> &InstancePre<RunState> {
        &self.linked
    }

    /// Makes an instance and calls it from outside any run: `call` gets the instance and its store. What it reads is asked
    /// of `host`; `deadline` is wall time from when there is room for it. Answers are not kept. Dropping the future ends the
    /// call.
    ///
    /// # Errors
    /// [`Fault::Library`], under the name of `interface`, when it does not answer as it should.
    pub async fn call<T>(
        &self,
        interface: &str,
        host: Arc<dyn Host>,
        deadline: Duration,
        call: impl AsyncFnOnce(&Instance, &mut Store<RunState>) -> wasmtime::Result<T>,
    ) -> Result<T, Fault> {
        let answer = async {
            let waiting = || host.waiting();
            let place = self.engine.enter_library(self.limits.memory, waiting);
            let place = place.await?;
            self.run(place, Arc::clone(&host), deadline, call).await
        };
        answer.await.map_err(|fault| named(interface, fault))
    }

    async fn run<T>(
        &self,
        place: Place,
        host: Arc<dyn Host>,
        deadline: Duration,
        call: impl AsyncFnOnce(&Instance, &mut Store<RunState>) -> wasmtime::Result<T>,
    ) -> Result<T, Fault> {
        let run = Run {
            engine: &self.engine,
            linked: &self.linked,
            place,
            host,
            limits: self.limits.within(deadline),
            // Time and seed are arguments, where a library needs them. Equal arguments give equal answers.
            now: 0,
            seed: 0,
        };
        run.call(call).await
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library")
            .field("exports", &self.exports)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// A fault as the caller sees it.
fn named(interface: &str, fault: Fault) -> Fault {
    let fault = match fault {
        Fault::Library { .. } => return fault,
        Fault::Trapped { message } => LibraryFault::Trapped { message },
        Fault::CpuExceeded { limit } => LibraryFault::CpuExceeded { limit },
        Fault::DeadlineExceeded { limit } => LibraryFault::DeadlineExceeded { limit },
        Fault::MemoryExceeded { limit } => LibraryFault::MemoryExceeded { limit },
        Fault::OutputExceeded { limit } => LibraryFault::OutputExceeded { limit },
        Fault::NoInstance { message } => LibraryFault::NoInstance { message },
        Fault::BadOutcome { place, message } => LibraryFault::Trapped {
            message: format!("{place}: {message}"),
        },
    };
    Fault::Library {
        library: interface.to_owned(),
        fault,
    }
}
