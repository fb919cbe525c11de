//! The engine: loaded once, called with a fresh instance each time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::reconciler::{Fault, Host};
use oarlock_core::reference::Digest;
use oarlock_wasm::{Library, LibraryLimits, Loader, RunState};
use thiserror::Error;
use wasmtime::Store;

use crate::bindings::exports::oarlock::helm::engine;
use crate::bindings::{Face, FaceIndices, FacePre};
use crate::{Chart, Failure, Rendered, Request, ValueSource};

/// The interface that faults are told of.
const INTERFACE: &str = "oarlock:helm/engine@0.1.0";

/// What calls of the engine may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What one call may use.
    pub limits: LibraryLimits,
    /// Wall time of one call, what it reads included.
    pub deadline: Duration,
}

impl Default for Options {
    /// A library's default limits, and a minute.
    fn default() -> Self {
        Self {
            limits: LibraryLimits::default(),
            deadline: Duration::from_secs(60),
        }
    }
}

/// Why there is no engine.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LoadError {
    /// The bytes are no library.
    #[error(transparent)]
    Library(#[from] oarlock_wasm::LoadError),
    /// They are another library, or the engine of another version.
    #[error(
        "the component does not export {INTERFACE} as this program knows it, it exports {}; hint: take the engine that came \
         with this program: {message}",
        .exports.join(", ")
    )]
    NoEngine {
        /// What it exports.
        exports: Vec<String>,
        /// What the WebAssembly engine said.
        message: String,
    },
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RenderError {
    /// Helm says no.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// The engine did not answer.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Helm's engine, compiled.
pub struct Engine {
    library: Arc<Library>,
    face: FaceIndices,
    deadline: Duration,
}

impl Engine {
    /// Compiles the engine, or reads it from the loader's compile cache. Compiling takes half a minute.
    ///
    /// # Errors
    /// When `bytes` are not the engine.
    pub async fn load(
        loader: &Loader,
        bytes: impl Into<Arc<[u8]>>,
        options: Options,
    ) -> Result<Self, LoadError> {
        let library = loader.load_library(bytes, options.limits).await?;
        let linked = library.linked();
        let no_engine = |error: wasmtime::Error| LoadError::NoEngine {
            exports: library.exports().to_vec(),
            message: format!("{error:#}"),
        };
        let face = FacePre::new(linked.clone())
            .and_then(|_typed| FaceIndices::new(linked))
            .map_err(no_engine)?;
        Ok(Self {
            library: Arc::new(library),
            face,
            deadline: options.deadline,
        })
    }

    /// The engine as a library, for modules that import it.
    #[must_use]
    pub const fn library(&self) -> &Arc<Library> {
        &self.library
    }

    /// Renders a chart. `host` serves its bytes and, with [`Request::lookup`], what it looks up.
    ///
    /// # Errors
    /// When Helm says no, or the engine breaks a limit.
    pub async fn render(
        &self,
        request: &Request,
        host: Arc<dyn Host>,
    ) -> Result<Rendered, RenderError> {
        let answer = self
            .call(host, async |engine, store| {
                engine.call_render(store, request).await
            })
            .await?;
        Ok(answer.map_err(Failure::from)?)
    }

    /// What is in a chart.
    ///
    /// # Errors
    /// When Helm cannot load it, or the engine breaks a limit.
    pub async fn inspect(&self, chart: &Digest, host: Arc<dyn Host>) -> Result<Chart, RenderError> {
        let answer = self
            .call(host, async |engine, store| {
                engine.call_inspect(store, chart.as_str()).await
            })
            .await?;
        Ok(answer.map_err(Failure::from)?)
    }

    /// The caller's values, merged as a rendering merges them. Only [`ValueSource::ChartFile`] needs a chart.
    ///
    /// # Errors
    /// When Helm cannot read them, or the chart that they need, or the engine breaks a limit.
    pub async fn merge(
        &self,
        chart: Option<&Digest>,
        values: &[ValueSource],
        host: Arc<dyn Host>,
    ) -> Result<String, RenderError> {
        let answer = self
            .call(host, async |engine, store| {
                let chart = chart.map(Digest::as_str);
                engine.call_merge(store, chart, values).await
            })
            .await?;
        Ok(answer.map_err(Failure::from)?)
    }

    /// A chart as the record of a release with these values has it: Helm's own JSON.
    ///
    /// # Errors
    /// When Helm cannot load it or read the values, or the engine breaks a limit.
    pub async fn record_of(
        &self,
        chart: &Digest,
        values: &[ValueSource],
        host: Arc<dyn Host>,
    ) -> Result<String, RenderError> {
        let answer = self
            .call(host, async |engine, store| {
                engine.call_record_of(store, chart.as_str(), values).await
            })
            .await?;
        Ok(answer.map_err(Failure::from)?)
    }

    /// Helm's version, such as `v4.2.4`.
    ///
    /// # Errors
    /// When the engine breaks a limit.
    pub async fn version(&self, host: Arc<dyn Host>) -> Result<String, Fault> {
        self.call(host, async |engine, store| engine.call_version(store).await)
            .await
    }

    async fn call<T>(
        &self,
        host: Arc<dyn Host>,
        call: impl AsyncFnOnce(&engine::Guest, &mut Store<RunState>) -> wasmtime::Result<T>,
    ) -> Result<T, Fault> {
        self.library
            .call(INTERFACE, host, self.deadline, async |instance, store| {
                let face: Face = self.face.load(&mut *store, instance)?;
                call(face.oarlock_helm_engine(), store).await
            })
            .await
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("library", &self.library)
            .finish_non_exhaustive()
    }
}
