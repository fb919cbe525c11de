//! Where rendering takes place: the engine, the charts, and what a running engine may ask for, which is next to nothing.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use oarlock_artifacts::{Depot, Options};
use oarlock_core::artifact::{Artifacts, Credentials, Wanted};
use oarlock_core::reconciler::{LogLevel, LogLine};
use oarlock_core::reference::Digest;
use oarlock_helm::{Engine, Offline, RenderError, Rendered, Request};
use oarlock_wasm::{EngineOptions, Loader};
use tokio::sync::OnceCell;

use super::chart::Located;
use super::log;
use super::source::{Flags, on};
use crate::operator::Sources;

/// Name of the engine among the modules.
const ENGINE: &str = "helm-engine.wasm";

/// Where things are.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "The engine")]
pub(super) struct Places {
    /// Helm's engine [default: helm-engine.wasm of the modules].
    #[arg(long, value_name = "FILE")]
    engine: Option<PathBuf>,
    /// The directory that modules are in.
    #[arg(long, default_value = "modules", value_name = "DIR")]
    modules: PathBuf,
    /// Where charts and compiled modules are kept between starts [default: ~/.cache/oarlock].
    #[arg(
        long,
        env = "OARLOCK_CACHE_DIR",
        hide_env_values = true,
        value_name = "DIR"
    )]
    cache_dir: Option<PathBuf>,
}

impl Places {
    /// As the operator finds its cache.
    fn cache(&self) -> Option<PathBuf> {
        let sources = Sources {
            watches: PathBuf::new(),
            modules: self.modules.clone(),
            charts: None,
            cache_dir: self.cache_dir.clone(),
            chart_cache_size: None,
        };
        sources.cache()
    }
}

/// The engine's room.
pub(super) struct Room {
    depot: Depot,
    file: PathBuf,
    cache: Option<PathBuf>,
    debug: bool,
    engine: OnceCell<Engine>,
}

impl Room {
    /// Opens it. The engine is loaded when it is needed: what is wrong before costs no time.
    pub(super) fn open(places: &Places, debug: bool) -> anyhow::Result<Self> {
        let cache = places.cache();
        let options = Options {
            cache: cache.as_ref().map(|cache| cache.join("charts")),
            ..Options::default()
        };
        let depot = Depot::new(options).context("charts cannot be kept")?;
        let engine = places.engine.clone();
        Ok(Self {
            depot,
            file: engine.unwrap_or_else(|| places.modules.join(ENGINE)),
            cache,
            debug,
            engine: OnceCell::new(),
        })
    }

    /// Fetches a chart, with what it depends on where that is asked for.
    pub(super) async fn fetch(&self, located: Located, flags: &Flags) -> anyhow::Result<Digest> {
        let verify = flags.verification()?;
        let dependencies = on(flags.dependency_update);
        let fetched = match located {
            Located::Local(path) => {
                let place = format!("{}: ", path.display());
                let fetched = self.depot.fetch_path(path, dependencies, verify).await;
                // Whoever named the chart knows where it is, and Helm does not say it.
                fetched.map_err(|error| anyhow!(without(&place, &error.to_string())))
            }
            Located::Remote(source, credentials) => {
                let wanted = Wanted {
                    source,
                    credentials: *credentials,
                    reach: flags.reach(),
                    expect: None,
                    max_age: Duration::ZERO,
                    dependencies,
                    verify,
                };
                self.depot.fetch(wanted).await.map_err(anyhow::Error::from)
            }
        };
        Ok(fetched?.digest)
    }

    /// The text of a file behind a URL.
    pub(super) async fn text(&self, url: &str) -> anyhow::Result<Vec<u8>> {
        let text = self.depot.text(url, &Credentials::default()).await?;
        Ok(text.to_vec())
    }

    /// Renders a chart that was fetched.
    pub(super) async fn render(
        &self,
        request: &Request,
    ) -> anyhow::Result<Result<Rendered, RenderError>> {
        let depot: Arc<dyn Artifacts> = Arc::new(self.depot.clone());
        self.render_from(request, depot).await
    }

    /// Renders a chart that is among `charts`.
    pub(super) async fn render_from(
        &self,
        request: &Request,
        charts: Arc<dyn Artifacts>,
    ) -> anyhow::Result<Result<Rendered, RenderError>> {
        let engine = self.engine.get_or_try_init(|| self.load()).await?;
        let debug = self.debug;
        let host = Offline::new(charts, move |line| tell(&line, debug));
        Ok(engine.render(request, Arc::new(host)).await)
    }

    async fn load(&self) -> anyhow::Result<Engine> {
        let name = self.file.display();
        let bytes = tokio::fs::read(&self.file).await.map_err(|error| {
            anyhow!(
                "cannot read Helm's engine: {}; hint: --engine names it, or --modules its directory; `cargo xtask modules` builds it",
                super::go::path_error("open", &name.to_string(), &error)
            )
        })?;
        let loader = Loader::new(EngineOptions {
            cache: self.cache.clone(),
            ..EngineOptions::default()
        })
        .context("the WebAssembly engine did not start")?;
        tracing::info!(engine = %name, "loading Helm's engine; the first time it is compiled, which takes half a minute");
        Engine::load(&loader, bytes, oarlock_helm::Options::default())
            .await
            .with_context(|| format!("{name} is not Helm's engine"))
    }
}

fn without(place: &str, text: &str) -> String {
    text.strip_prefix(place).unwrap_or(text).to_owned()
}

/// What Helm logs.
fn tell(line: &LogLine, debug: bool) {
    let level = match line.level {
        LogLevel::Trace | LogLevel::Debug if !debug => return,
        LogLevel::Trace | LogLevel::Debug => "DEBUG",
        LogLevel::Info => "INFO",
        LogLevel::Warn => "WARN",
        LogLevel::Error => "ERROR",
    };
    let fields: Vec<(&str, &str)> = line
        .fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    log::line(level, &line.message, &fields);
}
