//! Where components come from. All tests of the process share one loader, and each component is compiled once.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use oarlock_core::reconciler::Reconciler;
use oarlock_engine::Module;
use oarlock_wasm::{EngineOptions, Library, LibraryLimits, LoadError, Loader, WasmModule};
use parking_lot::Mutex;

/// Unoptimised, the host takes half a minute for the Python guest: what it compiled is kept between runs.
static LOADER: LazyLock<Loader> = LazyLock::new(|| {
    Loader::new(EngineOptions {
        cache: Some(root().join("target/oarlock/cache")),
        ..EngineOptions::default()
    })
    .unwrap()
});

static LOADED: Mutex<BTreeMap<String, Arc<WasmModule>>> = Mutex::new(BTreeMap::new());

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file of the repository.
pub(crate) fn text(path: &str) -> String {
    let path = root().join(path);
    fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

/// The bytes of `modules/NAME` or `guests/NAME`. A missing one fails the test: nothing is skipped.
pub(crate) fn bytes(name: &str) -> Vec<u8> {
    let path = root().join("target/oarlock").join(format!("{name}.wasm"));
    fs::read(&path).unwrap_or_else(|error| {
        let task = name.split('/').next().unwrap_or_default();
        panic!(
            "cannot read {}: {error}\nhint: cargo xtask {task}",
            path.display()
        )
    })
}

/// A component that loads.
pub(crate) async fn component(name: &str) -> Arc<WasmModule> {
    let known = LOADED.lock().get(name).cloned();
    if let Some(known) = known {
        return known;
    }
    let module = Arc::new(LOADER.load(bytes(name)).await.unwrap());
    LOADED.lock().insert(name.to_owned(), Arc::clone(&module));
    module
}

/// A component with a library, which serves this interface.
pub(crate) async fn component_with(name: &str, interface: &str, library: &str) -> Arc<WasmModule> {
    component_with_all(name, &[(interface, library)]).await
}

/// A component with libraries, by the interfaces that they serve.
pub(crate) async fn component_with_all(name: &str, wanted: &[(&str, &str)]) -> Arc<WasmModule> {
    let known = LOADED.lock().get(name).cloned();
    if let Some(known) = known {
        return known;
    }
    let mut libraries = BTreeMap::<String, Arc<Library>>::new();
    for (interface, library) in wanted {
        let limits = LibraryLimits::default();
        let library = LOADER.load_library(bytes(library), limits).await.unwrap();
        libraries.insert((*interface).to_owned(), Arc::new(library));
    }
    let module = LOADER.load_with(bytes(name), &libraries).await;
    let module = Arc::new(module.unwrap());
    LOADED.lock().insert(name.to_owned(), Arc::clone(&module));
    module
}

/// The same component under another digest: with a custom section that says `word`, as a rebuild might have.
pub(crate) async fn rebuilt(name: &str, word: &str) -> Arc<WasmModule> {
    let mut bytes = bytes(name);
    let section = "rebuilt";
    let content = section.len() + 1 + word.len();
    // A custom section: id 0, size, name, content. All sizes are below 128: one byte of LEB128.
    bytes.extend([
        0,
        u8::try_from(content).unwrap(),
        u8::try_from(section.len()).unwrap(),
    ]);
    bytes.extend(section.as_bytes());
    bytes.extend(word.as_bytes());
    Arc::new(LOADER.load(bytes).await.unwrap())
}

pub(crate) async fn load(bytes: Vec<u8>) -> Result<WasmModule, LoadError> {
    LOADER.load(bytes).await
}

/// As the operator has it: what does not load is down, with the whole chain of reasons.
pub(crate) async fn module(name: &str) -> Module {
    match load(bytes(name)).await {
        Ok(module) => serving(Arc::new(module)),
        Err(error) => {
            let mut text = error.to_string();
            let mut next = error.source();
            while let Some(source) = next {
                text = format!("{text}: {source}");
                next = source.source();
            }
            Module::Down(text)
        }
    }
}

pub(crate) fn serving(module: Arc<impl Reconciler>) -> Module {
    Module::Serving(module)
}
