//! The operator: watches.yaml and modules from the disk, into the engine, while they change.
//!
//! What is wanted (the file) and what can be had (the modules) are compared whenever either changes. What is broken keeps
//! its last good version, and says so; what never was good is down, and says so; everything else is not touched.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use oarlock_artifacts::Depot;
use oarlock_config::{ModuleSource, Parsed, Reading, Rejected, Severity, Watch};
use oarlock_core::clock::Clock;
use oarlock_core::cluster::Cluster;
use oarlock_core::egress::Egress;
use oarlock_core::json::Json;
use oarlock_core::limits::Limits;
use oarlock_core::manifest::Grants;
use oarlock_core::object::Object;
use oarlock_core::reference::Gvk;
use oarlock_core::selector::LabelSelector;
use oarlock_engine::{Engine, Module, Options};
use oarlock_registry::{Directory, Snapshot, WatchesFile};
use oarlock_wasm::{EngineOptions, Loader};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::arguments::{environment, size};
use crate::readiness::{Readiness, Ready};

mod first_lists;
mod shelf;
mod stock;
mod text;

pub(crate) use shelf::Shelf;

use stock::{Delivery, Stock, Supply};

/// Where an operator's watches and modules are.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Sources {
    /// The watches file.
    #[arg(
        long,
        alias = "watches-file",
        default_value = "watches.yaml",
        value_name = "FILE"
    )]
    pub(crate) watches: PathBuf,
    /// The directory that `module:` paths start from.
    #[arg(long, default_value = "modules", value_name = "DIR")]
    pub(crate) modules: PathBuf,
    /// The folder of the charts that modules may fetch as local [default: the folder of the watches file].
    #[arg(long, value_name = "DIR")]
    pub(crate) charts: Option<PathBuf>,
    /// Where compiled modules and fetched charts are kept between starts [default: ~/.cache/oarlock].
    #[arg(
        long,
        env = "OARLOCK_CACHE_DIR",
        hide_env_values = true,
        value_name = "DIR"
    )]
    pub(crate) cache_dir: Option<PathBuf>,
    /// How much of it fetched charts may take, such as 512Mi [default: 1Gi]: half of it packages and indexes, half of it git
    /// repositories. What is being fetched comes on top.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) chart_cache_size: Option<u64>,
}

/// What may be kept on disk where `size` is all.
fn limits(size: Option<u64>) -> oarlock_artifacts::Limits {
    let usual = oarlock_artifacts::Limits::default();
    match size {
        None => usual,
        Some(size) => oarlock_artifacts::Limits {
            cache: size / 2,
            repository: usual.repository.min(size / 2),
            ..usual
        },
    }
}

impl Sources {
    /// Whether there is a file to begin with. A path that is wrong is told before anything else is begun; a file that is
    /// taken away later is waited for.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        if self.watches.exists() {
            return Ok(());
        }
        bail!(
            "the watches file {} does not exist; hint: --watches names it, and `oarlock inspect MODULE.wasm` tells what to \
             write into it",
            self.watches.display()
        )
    }

    /// Where packages come from.
    pub(crate) fn depot(&self) -> anyhow::Result<Depot> {
        Depot::new(self.depot_options()).context("charts cannot be kept")
    }

    /// The same, asking its sources as often as is meant by `clock`.
    fn depot_on(&self, clock: &Arc<dyn Clock>) -> anyhow::Result<Depot> {
        Depot::with_clock(self.depot_options(), Arc::clone(clock)).context("charts cannot be kept")
    }

    fn depot_options(&self) -> oarlock_artifacts::Options {
        // A file without a folder is in the working directory.
        let beside = self.watches.parent().filter(|p| !p.as_os_str().is_empty());
        let charts = self.charts.as_deref().or(beside);
        oarlock_artifacts::Options {
            cache: self.cache().map(|cache| cache.join("charts")),
            charts: Some(charts.unwrap_or(Path::new(".")).to_owned()),
            limits: limits(self.chart_cache_size),
            ..oarlock_artifacts::Options::default()
        }
    }

    /// The cache directory that was asked for, or the user's.
    pub(crate) fn cache(&self) -> Option<PathBuf> {
        let variable = |name| {
            std::env::var_os(name)
                .filter(|v| !v.is_empty())
                .map(PathBuf::from)
        };
        self.cache_dir.clone().or_else(|| {
            variable("XDG_CACHE_HOME")
                .or_else(|| variable("HOME").map(|home| home.join(".cache")))
                .map(|cache| cache.join("oarlock"))
        })
    }
}

/// An operator that has not started.
pub(crate) struct Operator {
    directory: Arc<Directory>,
    cluster: Arc<dyn Cluster>,
    engine: Arc<Engine>,
    /// What serves, by kind.
    served: BTreeMap<Gvk, (Watch, Module)>,
    stock: Stock,
    /// The watches file that was last told about: its digest, or what is wrong with it as a whole.
    told: Option<String>,
    /// Errors in the watches file as it is now.
    errors: Gauge,
    readiness: watch::Sender<Readiness>,
    /// Waits for the first lists of what the first good file names.
    listing: Option<AbortOnDropHandle<()>>,
}

impl Operator {
    /// Looks at the sources for the first time. Libraries share so many bytes of memory.
    pub(crate) fn new(
        sources: &Sources,
        library_memory: usize,
        cluster: Arc<dyn Cluster>,
        egress: Arc<dyn Egress>,
        clock: Arc<dyn Clock>,
        options: Options,
        metrics: &mut Registry,
    ) -> anyhow::Result<Self> {
        let directory = Arc::new(Directory::open(&sources.watches, &sources.modules));
        let loader = Loader::new(EngineOptions {
            cache: sources.cache(),
            library_memory,
            ..EngineOptions::default()
        })
        .context("the WebAssembly engine did not start")?;
        let depot = Arc::new(sources.depot_on(&clock)?);
        let engine = Engine::with_packages(Arc::clone(&cluster), egress, depot, clock, options);
        engine.register_metrics(metrics);
        let errors = Gauge::default();
        metrics.register(
            "oarlock_watches_errors",
            "Errors in the watches file as it is now; the log has their places",
            errors.clone(),
        );
        Ok(Self {
            directory,
            cluster,
            engine,
            served: BTreeMap::new(),
            stock: Stock::new(loader),
            told: None,
            errors,
            readiness: watch::Sender::default(),
            listing: None,
        })
    }

    /// Tells how far it is, whenever that changes.
    pub(crate) fn ready(&self) -> Ready {
        self.readiness.subscribe()
    }

    /// What reconciles.
    pub(crate) const fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Loads every module that the watches file names.
    pub(crate) async fn load_all(&mut self) {
        self.follow(&self.directory.snapshot());
        while let Some(delivery) = self.stock.next().await {
            self.loaded(delivery).await;
        }
    }

    /// Why some kinds are not served as the watches file wants it.
    pub(crate) fn problems(&self) -> Vec<String> {
        let modules = self.served.values().map(|(_, module)| module);
        modules
            .filter(|module| !matches!(module, Module::Serving(_)))
            .map(text::module)
            .collect()
    }

    /// Definitions that the loaded modules bring.
    pub(crate) fn definitions(&self) -> Vec<Object> {
        let modules = self.stock.modules();
        modules
            .flat_map(|module| module.manifest().crds.clone())
            .collect()
    }

    /// Whether a watch names the kind of this definition.
    pub(crate) fn watches(&self, definition: &Object) -> bool {
        let text = |pointer: &str| definition.pointer(pointer).and_then(Value::as_str);
        let (group, kind) = (text("/spec/group"), text("/spec/names/kind"));
        let mut kinds = self.served.keys();
        kinds.any(|gvk| Some(gvk.group.as_str()) == group && Some(gvk.kind.as_str()) == kind)
    }

    /// Works until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut snapshots = self.directory.subscribe();
        let engine = tokio::spawn(Arc::clone(&self.engine).run(stop.clone()));
        let directory = Arc::clone(&self.directory);
        let _following = AbortOnDropHandle::new(tokio::spawn(async move { directory.run().await }));
        let snapshot = snapshots.borrow_and_update().clone();
        self.follow(&snapshot);
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                Some(delivery) = self.stock.next() => self.loaded(delivery).await,
                Ok(()) = snapshots.changed() => {
                    let snapshot = snapshots.borrow_and_update().clone();
                    self.follow(&snapshot);
                }
            }
        }
        if let Err(error) = engine.await {
            tracing::error!(%error, "the engine ended badly");
        }
    }

    /// Files what became of a module or a library.
    async fn loaded(&mut self, delivery: Delivery) {
        if !self.stock.file(delivery) {
            self.directory.refresh().await;
        }
        self.follow(&self.directory.snapshot());
    }

    /// Brings what serves to what the snapshot wants, as far as it can be had by now.
    fn follow(&mut self, snapshot: &Snapshot) {
        let parsed = match self.parse(snapshot) {
            Ok(parsed) => parsed,
            Err(problem) => {
                if self.listing.is_none() {
                    self.readiness
                        .send_replace(Readiness::WithoutWatches(problem));
                }
                return;
            }
        };
        let mut served = BTreeMap::new();
        let mut compiling = Vec::new();
        for watch in &parsed.watches {
            let before = self
                .served
                .get(&watch.gvk)
                .map(|(_, module)| module.clone());
            let module = match self.stock.supply(watch, snapshot) {
                Supply::Ready(module) => Module::Serving(module),
                Supply::Broken(problem) => broken(before.as_ref(), problem),
                // What serves goes on.
                Supply::Compiling(files) => {
                    compiling.extend(files);
                    match before {
                        Some(module) => module,
                        None => continue,
                    }
                }
            };
            served.insert(watch.gvk.clone(), (watch.clone(), module));
        }
        for (gvk, rejected) in parsed.unserved() {
            let entry = self.without_entry(gvk, place(&parsed, rejected));
            served.insert(gvk.clone(), entry);
        }
        // Of an entry that does not say its kind nobody knows which one it was: what is missing keeps its last good one.
        if let Some(nameless) = parsed.rejected.iter().find(|r| r.gvk.is_none()) {
            for gvk in self.served.keys() {
                if !served.contains_key(gvk) {
                    let entry = self.without_entry(gvk, place(&parsed, nameless));
                    served.insert(gvk.clone(), entry);
                }
            }
        }
        self.stock.sweep();
        self.engine.serve(served.values().cloned().collect());
        let before = std::mem::replace(&mut self.served, served);
        self.progress(compiling);
        // Told once it is so.
        self.tell(&before);
    }

    /// Tells how far the start is.
    fn progress(&mut self, compiling: Vec<String>) {
        if self.listing.is_some() {
            return;
        }
        if !compiling.is_empty() {
            self.readiness.send_replace(Readiness::Loading(compiling));
            return;
        }
        let kinds: BTreeSet<Gvk> = self.served.keys().cloned().collect();
        self.readiness
            .send_replace(Readiness::Listing(kinds.iter().cloned().collect()));
        let listing = first_lists::wait(Arc::clone(&self.cluster), kinds, self.readiness.clone());
        self.listing = Some(AbortOnDropHandle::new(tokio::spawn(listing)));
    }

    /// What becomes of a kind whose entry is bad.
    fn without_entry(&self, gvk: &Gvk, problem: String) -> (Watch, Module) {
        match self.served.get(gvk) {
            Some((watch, module)) => (watch.clone(), broken(Some(module), problem)),
            None => (bare(gvk), Module::Down(problem)),
        }
    }

    /// The file's entries; where it says nothing at all, why, so that what runs keeps running.
    fn parse(&mut self, snapshot: &Snapshot) -> Result<Parsed, String> {
        let file = self.directory.watches_path().display().to_string();
        let (text, digest) = match &snapshot.watches {
            WatchesFile::Present { text, digest } => (text, digest),
            WatchesFile::Missing => return Err(self.unreadable(format!("{file} is gone"))),
            WatchesFile::Unreadable { message } => return Err(self.unreadable(message.clone())),
        };
        let parsed = oarlock_config::parse(&file, text, &environment());
        let errors = parsed
            .diagnostics
            .iter()
            .filter(|d| d.severity == Severity::Error);
        self.errors
            .set(i64::try_from(errors.count()).unwrap_or(i64::MAX));
        if self.told.as_deref() != Some(digest.as_str()) {
            self.told = Some(digest.as_str().to_owned());
            for diagnostic in &parsed.diagnostics {
                match diagnostic.severity {
                    Severity::Error => tracing::error!("{diagnostic}"),
                    Severity::Warning => tracing::warn!("{diagnostic}"),
                }
            }
        }
        match parsed.reading {
            Reading::List => Ok(parsed),
            Reading::Unreadable => Err(parsed.diagnostics.first().map_or(file, |d| {
                format!("{}:{}:{}: {}", d.file, d.line, d.column, d.summary())
            })),
        }
    }

    /// Tells once that the watches file cannot be read as a whole.
    fn unreadable(&mut self, message: String) -> String {
        self.errors.set(1);
        if self.told.as_ref() != Some(&message) {
            tracing::error!("{message}; what runs keeps running");
            self.told = Some(message.clone());
        }
        message
    }

    /// Logs what is other than before.
    fn tell(&self, before: &BTreeMap<Gvk, (Watch, Module)>) {
        for (gvk, (watch, module)) in &self.served {
            let old = before.get(gvk).map(|(_, module)| module);
            if old.is_some_and(|old| text::module(old) == text::module(module)) {
                continue;
            }
            let source = text::source(&watch.module);
            match module {
                Module::Serving(_) => {
                    tracing::info!(kind = %gvk, source, "serving {}", text::module(module));
                }
                Module::LastGood(..) | Module::Down(_) => {
                    tracing::error!(kind = %gvk, source, "{}", text::module(module));
                }
            }
        }
        for gvk in before.keys().filter(|gvk| !self.served.contains_key(*gvk)) {
            tracing::info!(kind = %gvk, "no longer served: the watches file does not name it any more");
        }
    }
}

/// Where and why an entry is bad, as its objects show it.
fn place(parsed: &Parsed, rejected: &Rejected) -> String {
    // The first error of the entry: its reason may only count the others.
    let first = parsed.diagnostics.iter().find(|found| {
        found.severity == Severity::Error
            && found.line >= rejected.line
            && rejected.reason.starts_with(&found.summary())
    });
    let line = first.map_or(rejected.line, |found| found.line);
    format!("watches.yaml line {line}: {}", rejected.reason)
}

/// The module before, if it was good.
fn broken(before: Option<&Module>, problem: String) -> Module {
    match before.and_then(Module::serving) {
        Some(good) => Module::LastGood(Arc::clone(good), problem),
        None => Module::Down(problem),
    }
}

/// An entry that only tells its objects what is wrong.
fn bare(gvk: &Gvk) -> Watch {
    Watch {
        gvk: gvk.clone(),
        module: ModuleSource::File(String::new()),
        libraries: BTreeMap::new(),
        period: oarlock_config::DEFAULT_PERIOD,
        workers: None,
        dependents: false,
        cluster_scoped_dependents: false,
        manage_status: true,
        selector: LabelSelector::default(),
        blacklist: Vec::new(),
        finalizer: None,
        settings: Json::empty_object(),
        grants: Grants::default(),
        limits: Limits::default(),
        service_account: None,
        line: 0,
    }
}
