//! Bytes in, a module out: checked, compiled, linked, and asked what it is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::limits::Limits;
use oarlock_core::manifest::Manifest;
use oarlock_core::reconciler::Fault;
use wasmtime::component::{HasSelf, Linker};

use crate::bindings::{External, ExternalPre};
use crate::capability::wasi;
use crate::convert;
use crate::engine::{Engine, EngineError, EngineOptions};
use crate::inspect::{Inspection, World};
use crate::library::answers::AnswerFigures;
use crate::library::bridge::LibraryImport;
use crate::library::{Library, LibraryLimits};
use crate::loader::compiled::{Compiled, Linkers};
use crate::loader::denial::LoadHost;
use crate::module::WasmModule;
use crate::run::Run;
use crate::store::RunState;

mod compiled;
mod denial;
mod error;

pub(crate) use compiled::Libraries;
pub use error::LoadError;

/// What `describe` may use. It answers with constants.
const DESCRIBE_LIMITS: Limits = Limits {
    cpu: Duration::from_secs(1),
    deadline: Duration::from_secs(10),
    memory: 256 << 20,
    output: 8 << 20,
    log: 64 << 10,
};

/// Makes modules of bytes. Owns the engine; modules keep it alive.
pub struct Loader {
    engine: Arc<Engine>,
    linkers: Arc<Linkers>,
}

impl Loader {
    /// An engine and its linkers.
    ///
    /// # Errors
    /// When the engine's address space or thread cannot be had, or its cache directory is not to be trusted.
    pub fn new(options: EngineOptions) -> Result<Self, EngineError> {
        let instances = options.instances;
        let engine = Engine::new(options)?;
        let link = |wasi| {
            linker(&engine, wasi).map_err(|error| EngineError::Configure {
                instances,
                source: error.into(),
            })
        };
        let linkers = Linkers {
            contract: link(false)?,
            with_wasi: link(true)?,
        };
        Ok(Self {
            linkers: Arc::new(linkers),
            engine: Arc::new(engine),
        })
    }

    /// Compiles a component on a thread of its own, links it, and asks it what it is.
    ///
    /// # Errors
    /// When it is no component, does not fit the contract, or its manifest is wrong.
    pub async fn load(&self, bytes: impl Into<Arc<[u8]>>) -> Result<WasmModule, LoadError> {
        self.load_with(bytes, &BTreeMap::new()).await
    }

    /// As [`load`](Self::load), with a library for each interface that the module imports and the host does not have. The
    /// map's keys are names of interfaces, with a version or without; a version serves wherever semantic versioning says
    /// so. What the module does not import is passed over.
    ///
    /// # Errors
    /// As [`load`](Self::load), and when a library is missing or has an interface in another form.
    pub async fn load_with(
        &self,
        bytes: impl Into<Arc<[u8]>>,
        libraries: &BTreeMap<String, Arc<Library>>,
    ) -> Result<WasmModule, LoadError> {
        self.module(bytes.into(), Libraries::Given(libraries.clone()))
            .await
    }

    /// As [`load`](Self::load), to look at a module whose libraries are not at hand: a run that calls one is a fault.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn load_alone(&self, bytes: impl Into<Arc<[u8]>>) -> Result<WasmModule, LoadError> {
        self.module(bytes.into(), Libraries::Absent).await
    }

    /// Compiles a component that other modules import, on a thread of its own, and links it.
    ///
    /// # Errors
    /// When it is no component, exports no interface, or imports what the host does not have; a library has no libraries.
    pub async fn load_library(
        &self,
        bytes: impl Into<Arc<[u8]>>,
        limits: LibraryLimits,
    ) -> Result<Library, LoadError> {
        let compiled = self.compiled(bytes.into(), Libraries::Refused).await?;
        let exports = compiled.interfaces(&self.engine);
        if exports.is_empty() {
            return Err(LoadError::NoLibrary {
                exports: compiled.exports(&self.engine),
            });
        }
        Ok(Library {
            engine: Arc::clone(&self.engine),
            linked: compiled.linked,
            digest: compiled.digest,
            limits: self.engine.within(limits),
            exports,
            imports: compiled.imports,
            size: compiled.size,
            compiled_size: compiled.compiled_size,
            load_time: compiled.load_time,
            cached: compiled.cached,
        })
    }

    /// How the answers of libraries fare that are kept for equal calls.
    #[must_use]
    pub fn answers(&self) -> AnswerFigures {
        self.engine.answers().figures()
    }

    async fn compiled(
        &self,
        bytes: Arc<[u8]>,
        libraries: Libraries,
    ) -> Result<Compiled, LoadError> {
        let (engine, linkers) = (Arc::clone(&self.engine), Arc::clone(&self.linkers));
        let compile = move || Compiled::new(&engine, &linkers, &bytes, &libraries);
        tokio::task::spawn_blocking(compile)
            .await
            .map_err(|_gone| LoadError::Interrupted)?
    }

    async fn module(
        &self,
        bytes: Arc<[u8]>,
        libraries: Libraries,
    ) -> Result<WasmModule, LoadError> {
        let compiled = self.compiled(bytes, libraries.clone()).await?;
        let linked = compiled.typed(&self.engine)?;
        let manifest = self.describe(&linked).await?;
        let imports = compiled.imports.iter().map(String::as_str);
        let reached = libraries.imports(&compiled.libraries);
        Ok(WasmModule {
            engine: Arc::clone(&self.engine),
            linked,
            digest: compiled.digest.clone(),
            inspection: Inspection {
                manifest: manifest.clone(),
                world: World::of(imports.chain(reached)),
                digest: compiled.digest,
                size: compiled.size,
                compiled_size: compiled.compiled_size,
                load_time: compiled.load_time,
                cached: compiled.cached,
                wasi: compiled
                    .imports
                    .iter()
                    .any(|import| import.starts_with("wasi:")),
                imports: compiled.imports,
                libraries: compiled.libraries,
            },
            manifest,
        })
    }

    async fn describe(&self, linked: &ExternalPre<RunState>) -> Result<Manifest, LoadError> {
        let broken = |fault| match fault {
            Fault::NoInstance { message } => LoadError::Instantiate { message },
            fault => LoadError::Describe { source: fault },
        };
        let run = Run {
            engine: &self.engine,
            linked,
            place: self.engine.enter().await.map_err(broken)?,
            host: Arc::new(LoadHost),
            limits: DESCRIBE_LIMITS,
            // The answer is the same at any time.
            now: 0,
            seed: 0,
        };
        let said = run
            .call(async |instance, store| {
                instance
                    .oarlock_reconcile_module()
                    .call_describe(store)
                    .await
            })
            .await
            .map_err(broken)?;
        convert::manifest::manifest(said).map_err(|wrong| LoadError::Manifest {
            place: wrong.place,
            message: wrong.message,
        })
    }
}

impl Libraries {
    /// What those libraries import that answer `bound`.
    fn imports<'a>(&'a self, bound: &'a [LibraryImport]) -> impl Iterator<Item = &'a str> {
        let given = match self {
            Self::Given(libraries) => Some(libraries),
            Self::Absent | Self::Refused => None,
        };
        given
            .into_iter()
            .flat_map(BTreeMap::values)
            .filter(|library| {
                bound
                    .iter()
                    .any(|bound| bound.library.as_ref() == Some(library.digest()))
            })
            .flat_map(|library| library.imports().iter().map(String::as_str))
    }
}

fn linker(engine: &Engine, wasi: bool) -> wasmtime::Result<Linker<RunState>> {
    let mut linker = Linker::new(engine.wasm());
    External::add_to_linker::<_, HasSelf<_>>(&mut linker, |state: &mut RunState| state)?;
    if wasi {
        wasi::add_to_linker(&mut linker)?;
    }
    Ok(linker)
}
