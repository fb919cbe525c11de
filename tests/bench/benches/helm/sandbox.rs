//! The engine, called as operator and command line call it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use oarlock_core::artifact::{
    Artifact, Artifacts, Closed, Credentials, FetchError, Reach, Source, Wanted,
};
use oarlock_core::future::BoxFuture;
use oarlock_core::reference::Digest;
use oarlock_helm::{
    Capabilities, Engine, Offline, Options, Release, Rendered, Request, ValueSource,
};
use oarlock_wasm::{EngineOptions, Loader};

use crate::charts::Chart;
use crate::table::Table;
use crate::usage::{forget_peak, median, peak, process_time, resident};

/// The engine, compiled.
pub(crate) struct Sandbox(Engine);

/// What a render takes.
pub(crate) struct Figures {
    pub(crate) render: Duration,
    pub(crate) load: Duration,
    /// Bytes more than before the call, at most.
    pub(crate) resident: u64,
    pub(crate) digest: String,
}

impl Sandbox {
    /// Compiles it into an empty cache, or takes it from the one below `target`.
    pub(crate) async fn new(
        path: &Path,
        cache: Option<&Path>,
        table: &mut Table,
    ) -> anyhow::Result<Self> {
        let bytes: Arc<[u8]> = std::fs::read(path)
            .with_context(|| format!("cannot read {}; hint: cargo xtask modules", path.display()))?
            .into();
        table.note(
            "size of the engine",
            format!("{} MB", bytes.len() / 1_000_000),
        );
        let kept = path.with_file_name("../cache");
        let loader = |cache: &Path| {
            Loader::new(EngineOptions {
                cache: Some(cache.to_owned()),
                // What was answered before is no measure.
                answers: 0,
                ..EngineOptions::default()
            })
        };
        if let Some(empty) = cache {
            let (began, cpu) = (Instant::now(), process_time());
            Engine::load(&loader(empty)?, Arc::clone(&bytes), options()).await?;
            let cpu = process_time().saturating_sub(cpu);
            table.note(
                "engine compiled",
                format!(
                    "{:.1} s, {:.1} s CPU",
                    began.elapsed().as_secs_f64(),
                    cpu.as_secs_f64()
                ),
            );
        }
        let place = cache.unwrap_or(&kept);
        // Whatever is compiled here is compiled before the clock starts.
        Engine::load(&loader(place)?, Arc::clone(&bytes), options()).await?;
        let loader = loader(place)?;
        let began = Instant::now();
        let engine = Engine::load(&loader, bytes, options()).await?;
        table.note(
            "engine loaded from the compile cache",
            format!("{:.1} ms", began.elapsed().as_secs_f64() * 1e3),
        );
        Ok(Self(engine))
    }

    /// CPU time of a call that does nothing.
    pub(crate) async fn start(&self, rounds: usize) -> anyhow::Result<Duration> {
        let mut times = Vec::with_capacity(rounds);
        for _ in 0..=rounds {
            let cpu = process_time();
            self.0.version(host(&Vec::new().into())).await?;
            times.push(process_time().saturating_sub(cpu));
        }
        times.remove(0);
        Ok(median(times))
    }

    pub(crate) async fn render(&self, chart: &Chart, rounds: usize) -> anyhow::Result<Figures> {
        let digest = Digest::of(&chart.archive);
        let request = request(chart, &digest);
        // Once for what a first call leaves behind.
        let rendered = self.0.render(&request, host(&chart.archive)).await?;
        let (mut renders, mut loads, mut most) = (Vec::new(), Vec::new(), 0);
        for _ in 0..rounds {
            let cpu = process_time();
            self.0.inspect(&digest, host(&chart.archive)).await?;
            loads.push(process_time().saturating_sub(cpu));
            let before = resident()?;
            forget_peak()?;
            let cpu = process_time();
            self.0.render(&request, host(&chart.archive)).await?;
            renders.push(process_time().saturating_sub(cpu));
            most = most.max(peak()?.saturating_sub(before));
        }
        Ok(Figures {
            render: median(renders),
            load: median(loads),
            resident: most,
            digest: Digest::of(printed(&rendered).as_bytes()).to_string(),
        })
    }
}

/// Limits that no chart here reaches.
fn options() -> Options {
    Options {
        deadline: Duration::from_secs(300),
        ..Options::default()
    }
}

/// What the native program prints, too.
fn printed(rendered: &Rendered) -> String {
    let hooks = rendered.hooks.iter().map(|hook| &hook.document);
    rendered
        .documents
        .iter()
        .chain(hooks)
        .map(|document| format!("---\n# Source: {}\n{}\n", document.source, document.content))
        .collect()
}

fn request(chart: &Chart, digest: &Digest) -> Request {
    Request {
        chart: digest.to_string(),
        values: chart
            .values
            .iter()
            .cloned()
            .map(ValueSource::Yaml)
            .collect(),
        release: Release {
            name: chart.release.clone(),
            namespace: chart.namespace.clone(),
            revision: 1,
            upgrade: false,
        },
        capabilities: Capabilities {
            kube_version: chart.kube_version.clone(),
            api_versions: chart.api_versions.clone(),
            complete: false,
        },
        now: 1_793_610_867_000,
        seed: "a seed".to_owned(),
        lookup: false,
        act_as: None,
        sub_notes: false,
        skip_schema_validation: false,
    }
}

fn host(package: &Arc<[u8]>) -> Arc<Offline> {
    Arc::new(Offline::new(
        Arc::new(Shelf(Arc::clone(package))),
        |_line| {},
    ))
}

/// One package, whatever is asked for.
struct Shelf(Arc<[u8]>);

impl Artifacts for Shelf {
    fn fetch(&self, wanted: Wanted) -> BoxFuture<'_, Result<Artifact, FetchError>> {
        Closed.fetch(wanted)
    }

    fn versions(
        &self,
        source: Source,
        credentials: Credentials,
        reach: Reach,
        max_age: Duration,
    ) -> BoxFuture<'_, Result<Vec<String>, FetchError>> {
        Closed.versions(source, credentials, reach, max_age)
    }

    fn read(&self, _digest: Digest) -> BoxFuture<'_, Result<Arc<[u8]>, FetchError>> {
        let package = Arc::clone(&self.0);
        Box::pin(async { Ok(package) })
    }
}
