//! The module under test: nearly always compiled natively, at times as the component that people run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use oarlock_core::reconciler::Reconciler;
use oarlock_native::Native;
use oarlock_wasm::{EngineOptions, LibraryLimits, Loader, WasmModule};

/// Every so manieth seed runs the real component, which costs more.
const EVERY: u64 = 20;

static NATIVE: LazyLock<Arc<Native>> = LazyLock::new(|| Arc::new(Native::default()));
static LOADER: LazyLock<Loader> = LazyLock::new(|| {
    let options = EngineOptions {
        cache: Some(root().join("target/oarlock/cache")),
        ..EngineOptions::default()
    };
    Loader::new(options).unwrap()
});
static WASM: LazyLock<Arc<WasmModule>> = LazyLock::new(|| {
    let bytes = built("canary");
    Arc::new(apart(async move { LOADER.load(bytes).await.unwrap() }))
});
static HELM: LazyLock<Arc<WasmModule>> = LazyLock::new(|| {
    let (module, engine) = (built("helm"), built("helm-engine"));
    Arc::new(apart(async move {
        let engine = LOADER.load_library(engine, LibraryLimits::default()).await;
        let library = ("oarlock:helm/engine".to_owned(), Arc::new(engine.unwrap()));
        let libraries = BTreeMap::from([library]);
        LOADER.load_with(module, &libraries).await.unwrap()
    }))
});

/// A component as people run it.
fn built(name: &str) -> Vec<u8> {
    let path = root().join(format!("target/oarlock/modules/{name}.wasm"));
    fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "cannot read {}: {error}\nhint: cargo xtask modules",
            path.display()
        )
    })
}

/// Done on a thread of its own, with a clock of its own: whoever asks may be in a runtime.
pub(crate) fn apart<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let working = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(work)
    });
    working.join().unwrap()
}

/// The module of Helm releases; there is none but the component.
pub(crate) fn helm() -> Arc<dyn Reconciler> {
    Arc::clone(&*HELM) as _
}

/// The one of a seed.
pub(crate) fn of(seed: u64) -> Arc<dyn Reconciler> {
    if is_real(seed) {
        Arc::clone(&*WASM) as _
    } else {
        Arc::clone(&*NATIVE) as _
    }
}

/// Whether a seed runs the real component. How long it computes before it lets others in is a matter of real time.
pub(crate) const fn is_real(seed: u64) -> bool {
    seed % EVERY == EVERY - 1
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file of the repository.
pub(crate) fn text(path: &str) -> String {
    let path = root().join(path);
    fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}
