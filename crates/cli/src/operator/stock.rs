//! Modules and the libraries that they import, each compiled once: by what they are made of, whatever their files are called.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use oarlock_config::{ModuleSource, Watch};
use oarlock_core::reconciler::Reconciler;
use oarlock_core::reference::Digest;
use oarlock_registry::{LoadModule, ModuleEntry, ModuleFile, Snapshot};
use oarlock_wasm::{Library, LibraryLimits, Loader};
use tokio::task::JoinSet;

use super::text;

/// A module, or why there is none.
pub(crate) type Loaded = Result<Arc<dyn Reconciler>, String>;

/// A library, or why there is none.
pub(crate) type LoadedLibrary = Result<Arc<Library>, String>;

/// Libraries by the interface that they are for.
pub(crate) type Libraries = BTreeMap<String, Arc<Library>>;

/// What a module is made of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Recipe {
    module: Digest,
    /// By interface.
    libraries: BTreeMap<String, Digest>,
}

/// What came of a file: `None` where it is another one by now, and has to be looked at again.
pub(super) enum Delivery {
    Module(Recipe, Option<Loaded>),
    Library(Digest, Option<LoadedLibrary>),
}

/// What a watch can have.
pub(super) enum Supply {
    /// Its module.
    Ready(Arc<dyn Reconciler>),
    /// None, as the text says.
    Broken(String),
    /// None yet: these files are being compiled.
    Compiling(Vec<String>),
}

/// What is loaded, and being loaded.
pub(super) struct Stock {
    loader: Arc<Loader>,
    /// `None` while it is being compiled.
    modules: HashMap<Recipe, Option<Loaded>>,
    libraries: HashMap<Digest, Option<LoadedLibrary>>,
    loading: JoinSet<Delivery>,
    wanted: Wanted,
}

/// What the watches ask for since the last look.
#[derive(Default)]
struct Wanted {
    modules: BTreeSet<Recipe>,
    libraries: BTreeSet<Digest>,
}

impl Stock {
    /// Nothing yet.
    pub(super) fn new(loader: Loader) -> Self {
        Self {
            loader: Arc::new(loader),
            modules: HashMap::new(),
            libraries: HashMap::new(),
            loading: JoinSet::new(),
            wanted: Wanted::default(),
        }
    }

    /// The module of a watch, with the libraries of the watch. What is not there is begun.
    pub(super) fn supply(&mut self, watch: &Watch, snapshot: &Snapshot) -> Supply {
        let module = match find(&watch.module, snapshot) {
            Ok(module) => module,
            Err(problem) => return Supply::Broken(problem),
        };
        let mut recipe = Recipe {
            module: module.digest.clone(),
            libraries: BTreeMap::new(),
        };
        let (mut libraries, mut compiling) = (Libraries::new(), Vec::new());
        let mut broken = None;
        for (interface, source) in &watch.libraries {
            match self.library(source, snapshot) {
                Ok((digest, library)) => {
                    recipe.libraries.insert(interface.clone(), digest);
                    match library {
                        Some(library) => drop(libraries.insert(interface.clone(), library)),
                        None => compiling.push(text::source(source)),
                    }
                }
                Err(problem) => {
                    broken.get_or_insert(format!("library {interface}: {problem}"));
                }
            }
        }
        self.wanted.modules.insert(recipe.clone());
        if let Some(problem) = broken {
            return Supply::Broken(problem);
        }
        if compiling.is_empty() {
            match self.module(recipe, module, libraries) {
                Some(Ok(module)) => return Supply::Ready(module),
                Some(Err(problem)) => {
                    let source = text::source(&watch.module);
                    return Supply::Broken(format!("{source}: {problem}"));
                }
                None => compiling.push(text::source(&watch.module)),
            }
        }
        Supply::Compiling(compiling)
    }

    /// The library in a file and its digest; no library while it is being compiled.
    fn library(
        &mut self,
        source: &ModuleSource,
        snapshot: &Snapshot,
    ) -> Result<(Digest, Option<Arc<Library>>), String> {
        let file = find(source, snapshot)?;
        let digest = file.digest.clone();
        self.wanted.libraries.insert(digest.clone());
        match self.libraries.get(&digest) {
            Some(Some(Ok(library))) => Ok((digest, Some(Arc::clone(library)))),
            Some(Some(Err(problem))) => Err(format!("{}: {problem}", text::source(source))),
            Some(None) => Ok((digest, None)),
            None => {
                self.libraries.insert(digest.clone(), None);
                let (loader, file) = (Arc::clone(&self.loader), file.clone());
                self.loading.spawn(async move {
                    let digest = file.digest.clone();
                    Delivery::Library(digest, load_library(&loader, file).await)
                });
                Ok((digest, None))
            }
        }
    }

    /// `None` while it is being compiled.
    fn module(
        &mut self,
        recipe: Recipe,
        file: &ModuleFile,
        libraries: Libraries,
    ) -> Option<Loaded> {
        if let Some(known) = self.modules.get(&recipe) {
            return known.clone();
        }
        self.modules.insert(recipe.clone(), None);
        let (loader, file) = (Arc::clone(&self.loader), file.clone());
        self.loading.spawn(async move {
            let module = load(&loader, file, &libraries).await;
            Delivery::Module(recipe, module)
        });
        None
    }

    /// Waits for the next file; `None` when nothing is being loaded.
    pub(super) async fn next(&mut self) -> Option<Delivery> {
        loop {
            match self.loading.join_next().await? {
                Ok(delivery) => return Some(delivery),
                Err(error) => tracing::error!(%error, "loading a module ended badly"),
            }
        }
    }

    /// Files what came. `false` where a file has to be looked at again.
    pub(super) fn file(&mut self, delivery: Delivery) -> bool {
        match delivery {
            Delivery::Module(recipe, Some(module)) => {
                self.modules.insert(recipe, Some(module));
            }
            Delivery::Library(digest, Some(library)) => {
                self.libraries.insert(digest, Some(library));
            }
            Delivery::Module(recipe, None) => {
                self.modules.remove(&recipe);
                return false;
            }
            Delivery::Library(digest, None) => {
                self.libraries.remove(&digest);
                return false;
            }
        }
        true
    }

    /// Lets go of what no watch asked for since this was called before.
    pub(super) fn sweep(&mut self) {
        let wanted = std::mem::take(&mut self.wanted);
        self.modules
            .retain(|recipe, _| wanted.modules.contains(recipe));
        self.libraries
            .retain(|digest, _| wanted.libraries.contains(digest));
    }

    /// Every module that is loaded.
    pub(super) fn modules(&self) -> impl Iterator<Item = &Arc<dyn Reconciler>> {
        self.modules.values().flatten().flatten()
    }
}

/// The module in a file; `None` where the file is another one by now.
pub(crate) async fn load(
    loader: &Loader,
    file: ModuleFile,
    libraries: &Libraries,
) -> Option<Loaded> {
    let bytes = match read(file).await? {
        Ok(bytes) => bytes,
        Err(problem) => return Some(Err(problem)),
    };
    Some(match loader.load_with(bytes, libraries).await {
        Ok(module) => Ok(Arc::new(module)),
        Err(error) => Err(text::chain(&error)),
    })
}

/// The library in a file; `None` where the file is another one by now.
pub(crate) async fn load_library(loader: &Loader, file: ModuleFile) -> Option<LoadedLibrary> {
    let bytes = match read(file).await? {
        Ok(bytes) => bytes,
        Err(problem) => return Some(Err(problem)),
    };
    let library = loader.load_library(bytes, LibraryLimits::default()).await;
    Some(library.map(Arc::new).map_err(|error| text::chain(&error)))
}

async fn read(file: ModuleFile) -> Option<Result<Vec<u8>, String>> {
    match tokio::task::spawn_blocking(move || file.load()).await {
        Ok(Ok(bytes)) => Some(Ok(bytes)),
        Ok(Err(LoadModule::Changed { .. })) => None,
        Ok(Err(error)) => Some(Err(text::chain(&error))),
        Err(error) => Some(Err(error.to_string())),
    }
}

/// The file that a watch names.
pub(crate) fn find<'a>(
    source: &ModuleSource,
    snapshot: &'a Snapshot,
) -> Result<&'a ModuleFile, String> {
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::path::{Path, PathBuf};

    use oarlock_config::{Env, parse};
    use oarlock_registry::Directory;
    use oarlock_wasm::EngineOptions;

    use super::*;

    fn guests() -> PathBuf {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
        root.unwrap().join("target/oarlock/guests")
    }

    #[tokio::test]
    async fn a_library_of_several_watches_is_loaded_once() {
        let libraries = "libraries: {\"local:oar/oar\": hostile-library.wasm, \"local:other/greeter\": \
                         hostile-wrong-world.wasm}";
        let entry = |kind: &str, module: &str| {
            format!("- {{version: v1, kind: {kind}, module: {module}, {libraries}}}\n")
        };
        let text = [
            entry("A", "hostile-calls.wasm"),
            entry("B", "hostile-calls.wasm"),
            entry("C", "hostile-nothing.wasm"),
        ]
        .concat();
        let watches = parse("watches.yaml", &text, &Env::empty()).watches;
        let snapshot = Directory::open(guests().join("watches.yaml"), guests()).snapshot();
        let loader = Loader::new(EngineOptions {
            cache: Some(guests().with_file_name("test-cache")),
            ..EngineOptions::default()
        });
        let mut stock = Stock::new(loader.unwrap());
        let mut loaded = Vec::new();
        let modules = loop {
            let supplies = watches.iter().map(|watch| stock.supply(watch, &snapshot));
            let supplies: Vec<Supply> = supplies.collect();
            let ready = supplies.iter().filter_map(|supply| match supply {
                Supply::Ready(module) => Some(Arc::clone(module)),
                Supply::Compiling(_) => None,
                Supply::Broken(problem) => panic!("{problem}; hint: cargo xtask guests"),
            });
            let ready: Vec<Arc<dyn Reconciler>> = ready.collect();
            stock.sweep();
            if ready.len() == watches.len() {
                break ready;
            }
            let delivery = stock.next().await.unwrap();
            loaded.push(match &delivery {
                Delivery::Module(..) => "module",
                Delivery::Library(..) => "library",
            });
            assert!(stock.file(delivery));
        };
        assert_eq!(loaded, ["library", "library", "module", "module"]);
        assert!(Arc::ptr_eq(&modules[0], &modules[1]));
        assert_eq!(modules[0].libraries().len(), 2);
        assert!(modules[2].libraries().is_empty(), "it imports none");
        // What nobody asks for any more is let go.
        stock.sweep();
        assert_eq!((stock.modules().count(), stock.libraries.len()), (0, 0));
    }
}
