//! The operator: watches.yaml and modules from the disk, into the engine, while they change.
//!
//! What is wanted (the file) and what can be had (the modules) are compared whenever either changes. What is broken keeps
//! its last good version, and says so; what never was good is down, and says so; everything else is not touched.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use oarlock_config::{Env, ModuleSource, Parsed, Reading, Severity, Watch};
use oarlock_core::clock::Clock;
use oarlock_core::cluster::Cluster;
use oarlock_core::egress::Egress;
use oarlock_core::json::Json;
use oarlock_core::limits::Limits;
use oarlock_core::manifest::Grants;
use oarlock_core::object::Object;
use oarlock_core::reconciler::Reconciler;
use oarlock_core::reference::{Digest, Gvk};
use oarlock_core::selector::LabelSelector;
use oarlock_engine::{Engine, Module, Options};
use oarlock_registry::{Directory, ModuleEntry, ModuleFile, Snapshot, WatchesFile};
use oarlock_wasm::{EngineOptions, Loader};
use prometheus_client::registry::Registry;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

mod text;

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
    /// Where compiled modules are kept between starts; created with mode 0700.
    #[arg(long, env = "OARLOCK_CACHE_DIR", value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
}

impl Sources {
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

/// A module, or why there is none.
type Loaded = Result<Arc<dyn Reconciler>, String>;

/// An operator that has not started.
pub(crate) struct Operator {
    directory: Arc<Directory>,
    loader: Arc<Loader>,
    engine: Arc<Engine>,
    /// What serves, by kind.
    served: BTreeMap<Gvk, (Watch, Module)>,
    /// Every module that is wanted, by the digest of its bytes; `None` while it is being compiled.
    loaded: HashMap<Digest, Option<Loaded>>,
    loading: JoinSet<(Digest, Loaded)>,
    /// The watches text that was last complained about.
    told: Option<Digest>,
}

impl Operator {
    /// Looks at the sources for the first time.
    pub(crate) fn new(
        sources: &Sources,
        cluster: Arc<dyn Cluster>,
        egress: Arc<dyn Egress>,
        clock: Arc<dyn Clock>,
        options: Options,
        metrics: &mut Registry,
    ) -> anyhow::Result<Self> {
        let directory = Arc::new(Directory::open(&sources.watches, &sources.modules));
        if directory.snapshot().watches == WatchesFile::Missing {
            bail!(
                "{} does not exist; hint: --watches names the file, `oarlock validate FILE` checks it",
                sources.watches.display()
            );
        }
        let loader = Loader::new(EngineOptions {
            cache: sources.cache(),
            ..EngineOptions::default()
        })
        .context("the WebAssembly engine did not start")?;
        let engine = Engine::new(cluster, egress, clock, options);
        engine.register_metrics(metrics);
        Ok(Self {
            directory,
            loader: Arc::new(loader),
            engine,
            served: BTreeMap::new(),
            loaded: HashMap::new(),
            loading: JoinSet::new(),
            told: None,
        })
    }

    /// Definitions that the modules in the directory bring.
    pub(crate) async fn definitions(&mut self) -> Vec<Object> {
        self.follow(&self.directory.snapshot());
        while let Some(Ok((digest, module))) = self.loading.join_next().await {
            self.loaded.insert(digest, Some(module));
        }
        let modules = self.loaded.values().flatten().flatten();
        modules
            .flat_map(|module| module.manifest().crds.clone())
            .collect()
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
                Some(Ok((digest, module))) = self.loading.join_next() => {
                    self.loaded.insert(digest, Some(module));
                    let snapshot = self.directory.snapshot();
                    self.follow(&snapshot);
                }
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

    /// Brings what serves to what the snapshot wants, as far as it can be had by now.
    fn follow(&mut self, snapshot: &Snapshot) {
        let Some(parsed) = self.parse(snapshot) else {
            return;
        };
        let mut served = BTreeMap::new();
        let mut wanted = Vec::new();
        for watch in &parsed.watches {
            let before = self
                .served
                .get(&watch.gvk)
                .map(|(_, module)| module.clone());
            let module = match find(&watch.module, snapshot) {
                Err(problem) => broken(before.as_ref(), problem),
                Ok(file) => {
                    wanted.push(file.digest.clone());
                    match self.load(file) {
                        Some(Ok(module)) => Module::Serving(module),
                        Some(Err(problem)) => broken(
                            before.as_ref(),
                            format!("{}: {problem}", text::source(&watch.module)),
                        ),
                        // Being compiled: what serves goes on.
                        None => match before {
                            Some(module) => module,
                            None => continue,
                        },
                    }
                }
            };
            served.insert(watch.gvk.clone(), (watch.clone(), module));
        }
        for (gvk, rejected) in parsed.unserved() {
            let problem = format!("watches.yaml line {}: {}", rejected.line, rejected.reason);
            let entry = match self.served.get(gvk) {
                Some((watch, module)) => (watch.clone(), broken(Some(module), problem)),
                None => (bare(gvk), Module::Down(problem)),
            };
            served.insert(gvk.clone(), entry);
        }
        self.tell(&served);
        self.loaded.retain(|digest, _| wanted.contains(digest));
        self.engine.serve(served.values().cloned().collect());
        self.served = served;
    }

    /// The file's entries; `None` where it says nothing at all, so that what runs keeps running.
    fn parse(&mut self, snapshot: &Snapshot) -> Option<Parsed> {
        let file = self.directory.watches_path().display().to_string();
        let (text, digest) = match &snapshot.watches {
            WatchesFile::Present { text, digest } => (text, digest),
            WatchesFile::Missing => {
                tracing::error!(file, "the watches file is gone; what runs keeps running");
                return None;
            }
            WatchesFile::Unreadable { message } => {
                tracing::error!(file, "{message}; what runs keeps running");
                return None;
            }
        };
        let env: Env = std::env::vars().collect();
        let parsed = oarlock_config::parse(&file, text, &env);
        if self.told.as_ref() != Some(digest) {
            self.told = Some(digest.clone());
            for diagnostic in &parsed.diagnostics {
                match diagnostic.severity {
                    Severity::Error => tracing::error!("{diagnostic}"),
                    Severity::Warning => tracing::warn!("{diagnostic}"),
                }
            }
        }
        (parsed.reading == Reading::List).then_some(parsed)
    }

    /// The module in `file`; `None` while it is being compiled.
    fn load(&mut self, file: &ModuleFile) -> Option<Loaded> {
        if let Some(known) = self.loaded.get(&file.digest) {
            return known.clone();
        }
        self.loaded.insert(file.digest.clone(), None);
        let (loader, file) = (Arc::clone(&self.loader), file.clone());
        self.loading.spawn(async move {
            let digest = file.digest.clone();
            (digest, load(&loader, file).await)
        });
        None
    }

    /// Logs what changes.
    fn tell(&self, served: &BTreeMap<Gvk, (Watch, Module)>) {
        for (gvk, (watch, module)) in served {
            let before = self.served.get(gvk).map(|(_, module)| module);
            if before.is_some_and(|before| text::module(before) == text::module(module)) {
                continue;
            }
            let source = text::source(&watch.module);
            match module {
                Module::Serving(_) => {
                    tracing::info!(kind = %gvk, source, "serving {}", text::module(module))
                }
                Module::LastGood(..) | Module::Down(_) => {
                    tracing::error!(kind = %gvk, source, "{}", text::module(module));
                }
            }
        }
        for gvk in self.served.keys().filter(|gvk| !served.contains_key(*gvk)) {
            tracing::info!(kind = %gvk, "no longer served: the watches file does not name it any more");
        }
    }
}

async fn load(loader: &Loader, file: ModuleFile) -> Loaded {
    let bytes = tokio::task::spawn_blocking(move || file.load())
        .await
        .map_err(|error| error.to_string())?
        .map_err(|error| text::chain(&error))?;
    let module = loader
        .load(bytes)
        .await
        .map_err(|error| text::chain(&error))?;
    Ok(Arc::new(module))
}

/// The file that a watch names.
fn find<'a>(source: &ModuleSource, snapshot: &'a Snapshot) -> Result<&'a ModuleFile, String> {
    let path = match source {
        ModuleSource::File(path) => path,
        ModuleSource::Oci(_) => {
            return Err(format!(
                "{}: modules are not fetched from registries by this version; hint: put the file into the modules directory",
                text::source(source)
            ));
        }
    };
    match snapshot.modules.get(path) {
        Some(ModuleEntry::Present(file)) => Ok(file),
        Some(ModuleEntry::Unreadable { message }) => Err(message.clone()),
        None => Err(format!(
            "{path} is not in the modules directory; it serves as soon as it is there"
        )),
    }
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
