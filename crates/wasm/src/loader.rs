//! Bytes in, a module out: checked, compiled, linked, and asked what it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use oarlock_core::limits::Limits;
use oarlock_core::manifest::Manifest;
use oarlock_core::reconciler::Fault;
use oarlock_core::reference::Digest;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};

use crate::binary::Binary;
use crate::bindings::{External, ExternalPre};
use crate::cache::CacheKey;
use crate::capability::wasi;
use crate::convert;
use crate::engine::{Engine, EngineError, EngineOptions};
use crate::inspect::{Inspection, World};
use crate::loader::denial::LoadHost;
use crate::module::WasmModule;
use crate::run::Run;
use crate::store::RunState;

mod denial;
mod error;

pub use error::LoadError;

/// What a module must export, without its version.
const MODULE: &str = "oarlock:reconcile/module";

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
    contract: Arc<Linker<RunState>>,
    with_wasi: Arc<Linker<RunState>>,
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
        Ok(Self {
            contract: Arc::new(link(false)?),
            with_wasi: Arc::new(link(true)?),
            engine: Arc::new(engine),
        })
    }

    /// Compiles a component on a thread of its own, links it, and asks it what it is.
    ///
    /// # Errors
    /// When it is no component, does not fit the contract, or its manifest is wrong.
    pub async fn load(&self, bytes: impl Into<Arc<[u8]>>) -> Result<WasmModule, LoadError> {
        let bytes = bytes.into();
        let (engine, contract, with_wasi) = (
            Arc::clone(&self.engine),
            Arc::clone(&self.contract),
            Arc::clone(&self.with_wasi),
        );
        let compile = move || compile(&engine, &contract, &with_wasi, &bytes);
        let compiled = tokio::task::spawn_blocking(compile)
            .await
            .map_err(|_gone| LoadError::Interrupted)??;
        let manifest = self.describe(&compiled.linked).await?;
        Ok(WasmModule {
            engine: Arc::clone(&self.engine),
            linked: compiled.linked,
            digest: compiled.digest.clone(),
            inspection: Inspection {
                manifest: manifest.clone(),
                digest: compiled.digest,
                size: compiled.size,
                compiled_size: compiled.compiled_size,
                load_time: compiled.load_time,
                cached: compiled.cached,
                world: World::of(compiled.imports.iter().map(String::as_str)),
                wasi: compiled
                    .imports
                    .iter()
                    .any(|import| import.starts_with("wasi:")),
                imports: compiled.imports,
            },
            manifest,
        })
    }

    async fn describe(&self, linked: &ExternalPre<RunState>) -> Result<Manifest, LoadError> {
        let run = Run {
            engine: &self.engine,
            module: linked,
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
            .map_err(|fault| match fault {
                Fault::NoInstance { message } => LoadError::Instantiate { message },
                fault => LoadError::Describe { source: fault },
            })?;
        convert::manifest::manifest(said).map_err(|wrong| LoadError::Manifest {
            place: wrong.place,
            message: wrong.message,
        })
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

/// A component, compiled and linked.
struct Compiled {
    linked: ExternalPre<RunState>,
    digest: Digest,
    size: usize,
    compiled_size: usize,
    load_time: Duration,
    cached: bool,
    imports: Vec<String>,
}

fn compile(
    engine: &Engine,
    contract: &Linker<RunState>,
    with_wasi: &Linker<RunState>,
    bytes: &[u8],
) -> Result<Compiled, LoadError> {
    match Binary::of(bytes) {
        Binary::Component => {}
        Binary::Core { wrappable } => return Err(LoadError::CoreModule { wrappable }),
        Binary::Other(found) => return Err(LoadError::NotWasm { found }),
    }
    let start = Instant::now();
    let digest = Digest::of(bytes);
    let (component, cached) = component(engine, &digest, bytes)?;
    let load_time = start.elapsed();
    let imports = names(component.component_type().imports(engine.wasm()));
    let linker = if imports.iter().any(|import| import.starts_with("wasi:")) {
        with_wasi
    } else {
        contract
    };
    let linked = link(linker, &component, &imports)?;
    let image = component.image_range();
    Ok(Compiled {
        linked: typed(linked, &component, engine)?,
        digest,
        size: bytes.len(),
        compiled_size: image.end.addr().saturating_sub(image.start.addr()),
        load_time,
        cached,
        imports,
    })
}

/// The compiled component, and whether it comes from the cache.
fn component(
    engine: &Engine,
    digest: &Digest,
    bytes: &[u8],
) -> Result<(Component, bool), LoadError> {
    let build = || {
        Component::from_binary(engine.wasm(), bytes).map_err(|error| LoadError::Compile {
            message: format!("{error:#}"),
        })
    };
    let Some(cache) = engine.cache() else {
        return Ok((build()?, false));
    };
    let key = CacheKey::new(engine.wasm(), digest);
    if let Some(component) = cache.load(engine.wasm(), &key) {
        return Ok((component, true));
    }
    Ok((cache.keep(engine.wasm(), &key, build()?), false))
}

fn link(
    linker: &Linker<RunState>,
    component: &Component,
    imports: &[String],
) -> Result<InstancePre<RunState>, LoadError> {
    linker.instantiate_pre(component).map_err(|error| {
        let unknown: Vec<String> = imports
            .iter()
            .filter(|import| !is_offered(import))
            .cloned()
            .collect();
        if unknown.is_empty() {
            LoadError::ImportMismatch {
                message: format!("{error:#}"),
            }
        } else {
            LoadError::UnknownImport { imports: unknown }
        }
    })
}

/// Whether the host has an interface of this name, in whatever version.
fn is_offered(import: &str) -> bool {
    let name = import.split('@').next().unwrap_or(import);
    match name.split_once('/') {
        Some(("oarlock:reconcile", interface)) => {
            matches!(interface, "types" | "log" | "cluster" | "http")
        }
        Some((package, _)) => matches!(
            package,
            "wasi:cli"
                | "wasi:clocks"
                | "wasi:filesystem"
                | "wasi:io"
                | "wasi:random"
                | "wasi:sockets"
        ),
        None => false,
    }
}

fn typed(
    linked: InstancePre<RunState>,
    component: &Component,
    engine: &Engine,
) -> Result<ExternalPre<RunState>, LoadError> {
    ExternalPre::new(linked).map_err(|error| {
        let exports = names(component.component_type().exports(engine.wasm()));
        let ours = |export: &String| export.split('@').next() == Some(MODULE);
        if exports
            .iter()
            .any(|export| ours(export) && export.contains("@0.1."))
        {
            LoadError::ExportMismatch {
                message: format!("{error:#}"),
            }
        } else {
            LoadError::WrongWorld { exports }
        }
    })
}

fn names<'a, T>(items: impl Iterator<Item = (&'a str, T)>) -> Vec<String> {
    items.map(|(name, _)| name.to_owned()).collect()
}
