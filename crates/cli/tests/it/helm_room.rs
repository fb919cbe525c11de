//! The engine in this process, for tests that render much.

use std::path::PathBuf;
use std::sync::Arc;

use oarlock_artifacts::Depot;
use oarlock_core::artifact::Artifacts;
use oarlock_helm::{
    Capabilities, Engine, Failure, Offline, Release, RenderError, Request, ValueSource,
};
use oarlock_wasm::{EngineOptions, Loader};

use crate::helm_manifest::{self as manifest, Parts};
use crate::process;

/// 2026-01-31T12:00:00Z.
const NOW: u64 = 1_769_860_800_000;

/// One engine for all renders.
pub(crate) struct Room {
    engine: Engine,
    depot: Depot,
}

/// What is to be rendered.
pub(crate) struct Render {
    pub(crate) chart: PathBuf,
    pub(crate) values: Vec<ValueSource>,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) upgrade: bool,
    pub(crate) kube_version: String,
    pub(crate) api_versions: Vec<String>,
    pub(crate) crds: bool,
    pub(crate) seed: String,
}

impl Room {
    /// Loads the engine.
    pub(crate) async fn open() -> Self {
        let _tls = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let loader = Loader::new(EngineOptions {
            cache: Some(process::engine_cache()),
            ..EngineOptions::default()
        });
        let bytes = std::fs::read(process::helm_engine().await).unwrap();
        let options = oarlock_helm::Options::default();
        let engine = Engine::load(&loader.unwrap(), bytes, options).await;
        let depot = Depot::new(oarlock_artifacts::Options::default());
        Self {
            engine: engine.unwrap(),
            depot: depot.unwrap(),
        }
    }

    /// The stream that is printed, and the notes; or why there is none.
    pub(crate) async fn render(&self, render: Render) -> Result<(String, String), String> {
        let chart = self.depot.fetch_path(render.chart, false, Vec::new()).await;
        let chart = chart.map_err(|error| error.to_string())?;
        let request = Request {
            chart: chart.digest.to_string(),
            values: render.values,
            release: Release {
                name: render.name,
                namespace: render.namespace,
                revision: 1,
                upgrade: render.upgrade,
            },
            capabilities: Capabilities {
                kube_version: Some(render.kube_version),
                api_versions: render.api_versions,
                complete: false,
            },
            now: NOW,
            seed: render.seed,
            lookup: false,
            act_as: None,
            sub_notes: false,
            skip_schema_validation: false,
        };
        let charts: Arc<dyn Artifacts> = Arc::new(self.depot.clone());
        let host = Arc::new(Offline::new(charts, |_line| {}));
        match self.engine.render(&request, host).await {
            Ok(rendered) => {
                let parts = Parts {
                    crds: render.crds,
                    ..Parts::default()
                };
                let stream = manifest::stream(&rendered, parts);
                Ok((stream, rendered.notes))
            }
            Err(RenderError::Failure(Failure::Output { message, .. })) => Err(message),
            Err(error) => Err(error.to_string()),
        }
    }
}
