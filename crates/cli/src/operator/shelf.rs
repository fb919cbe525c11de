//! What a whole watches file names, loaded once and one after the other: for commands that begin and end.

use std::collections::BTreeMap;
use std::sync::Arc;

use oarlock_config::{ModuleSource, Watch};
use oarlock_registry::Snapshot;
use oarlock_wasm::{Library, Loader};

use super::stock::{Libraries, Loaded, LoadedLibrary, find, load, load_library};

/// Said of a file that cannot be read as it was seen.
const CHANGED: &str = "the file was changed while it was read";

/// What is loaded so far: each file once.
pub(crate) struct Shelf {
    loader: Loader,
    snapshot: Arc<Snapshot>,
    modules: BTreeMap<Named, Loaded>,
    libraries: BTreeMap<String, LoadedLibrary>,
}

/// A module and its libraries, as a watch calls them.
type Named = (String, BTreeMap<String, String>);

impl Shelf {
    /// Nothing yet.
    pub(crate) const fn new(loader: Loader, snapshot: Arc<Snapshot>) -> Self {
        Self {
            loader,
            snapshot,
            modules: BTreeMap::new(),
            libraries: BTreeMap::new(),
        }
    }

    /// The module of a watch, with the libraries of the watch.
    pub(crate) async fn module(&mut self, watch: &Watch) -> Loaded {
        let libraries = watch.libraries.iter();
        let libraries =
            libraries.map(|(interface, source)| (interface.clone(), source.to_string()));
        let named = (watch.module.to_string(), libraries.collect());
        if let Some(known) = self.modules.get(&named) {
            return known.clone();
        }
        let module = self.load(watch).await;
        self.modules.insert(named, module.clone());
        module
    }

    async fn load(&mut self, watch: &Watch) -> Loaded {
        let file = find(&watch.module, &self.snapshot)?.clone();
        let mut libraries = Libraries::new();
        for (interface, source) in &watch.libraries {
            let library = self.library(source).await;
            let library = library.map_err(|problem| format!("library {interface}: {problem}"))?;
            libraries.insert(interface.clone(), library);
        }
        let module = load(&self.loader, file, &libraries).await;
        module.unwrap_or_else(|| Err(CHANGED.to_owned()))
    }

    async fn library(&mut self, source: &ModuleSource) -> Result<Arc<Library>, String> {
        let name = source.to_string();
        if let Some(known) = self.libraries.get(&name) {
            return known.clone();
        }
        let library = match find(source, &self.snapshot) {
            Ok(file) => load_library(&self.loader, file.clone())
                .await
                .unwrap_or_else(|| Err(CHANGED.to_owned()))
                .map_err(|problem| format!("{name}: {problem}")),
            Err(problem) => Err(problem),
        };
        self.libraries.insert(name, library.clone());
        library
    }
}
