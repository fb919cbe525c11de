//! Bytes in, a component out that is compiled and linked. What it is for is not asked here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use oarlock_core::reference::Digest;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, InstancePre, Linker};

use crate::binary::Binary;
use crate::bindings::ExternalPre;
use crate::cache::CacheKey;
use crate::engine::Engine;
use crate::library::Library;
use crate::library::bridge::{self, LibraryImport};
use crate::loader::LoadError;
use crate::store::RunState;

/// What a module must export, without its version.
const MODULE: &str = "oarlock:reconcile/module";

/// What the host has for components.
pub(super) struct Linkers {
    /// The contract.
    pub(super) contract: Linker<RunState>,
    /// And WASI.
    pub(super) with_wasi: Linker<RunState>,
}

/// What there is for imports that the host does not have.
#[derive(Clone)]
pub(crate) enum Libraries {
    /// These, by interface.
    Given(BTreeMap<String, Arc<Library>>),
    /// None is at hand; who calls one is ended.
    Absent,
    /// There can be none.
    Refused,
}

/// A component, compiled and linked.
pub(super) struct Compiled {
    pub(super) linked: InstancePre<RunState>,
    pub(super) digest: Digest,
    pub(super) size: usize,
    pub(super) compiled_size: usize,
    pub(super) load_time: Duration,
    pub(super) cached: bool,
    pub(super) imports: Vec<String>,
    pub(super) libraries: Vec<LibraryImport>,
}

impl Compiled {
    pub(super) fn new(
        engine: &Engine,
        linkers: &Linkers,
        bytes: &[u8],
        libraries: &Libraries,
    ) -> Result<Self, LoadError> {
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
            &linkers.with_wasi
        } else {
            &linkers.contract
        };
        let mut own = linker.clone();
        let libraries = bridge::bind(&mut own, engine, &component, &foreign(&imports), libraries)?;
        let linked = link(&own, &component, &imports, &libraries)?;
        let image = component.image_range();
        Ok(Self {
            linked,
            digest,
            size: bytes.len(),
            compiled_size: image.end.addr().saturating_sub(image.start.addr()),
            load_time,
            cached,
            imports,
            libraries,
        })
    }

    /// Names of all that it exports.
    pub(super) fn exports(&self, engine: &Engine) -> Vec<String> {
        names(
            self.linked
                .component()
                .component_type()
                .exports(engine.wasm()),
        )
    }

    /// Names of the interfaces that it exports and that have a function.
    pub(super) fn interfaces(&self, engine: &Engine) -> Vec<String> {
        let ty = self.linked.component().component_type();
        let interfaces = ty
            .exports(engine.wasm())
            .filter(|(_, item)| match &item.ty {
                ComponentItem::ComponentInstance(interface) => interface
                    .exports(engine.wasm())
                    .any(|(_, item)| matches!(item.ty, ComponentItem::ComponentFunc(_))),
                _ => false,
            });
        interfaces.map(|(name, _)| name.to_owned()).collect()
    }

    /// As a module.
    pub(super) fn typed(&self, engine: &Engine) -> Result<ExternalPre<RunState>, LoadError> {
        ExternalPre::new(self.linked.clone()).map_err(|error| {
            let exports = self.exports(engine);
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
    libraries: &[LibraryImport],
) -> Result<InstancePre<RunState>, LoadError> {
    let is_bound = |import: &str| libraries.iter().any(|bound| bound.interface == import);
    linker.instantiate_pre(component).map_err(|error| {
        let unknown: Vec<String> = imports
            .iter()
            .filter(|import| !is_offered(import) && !is_bound(import))
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

/// The imports that a library could answer: interfaces that are neither the contract's nor WASI's.
fn foreign(imports: &[String]) -> Vec<String> {
    let foreign = |import: &&String| {
        let package = import.split_once('/').map(|(package, _)| package);
        package.is_some_and(|package| package != CONTRACT && !package.starts_with("wasi:"))
    };
    imports.iter().filter(foreign).cloned().collect()
}

/// The contract's package.
const CONTRACT: &str = "oarlock:reconcile";

/// Whether the host has an interface of this name, in whatever version.
fn is_offered(import: &str) -> bool {
    let name = import.split('@').next().unwrap_or(import);
    match name.split_once('/') {
        Some((CONTRACT, interface)) => {
            matches!(
                interface,
                "types" | "log" | "cluster" | "http" | "artifacts"
            )
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

fn names<'a, T>(items: impl Iterator<Item = (&'a str, T)>) -> Vec<String> {
    items.map(|(name, _)| name.to_owned()).collect()
}
