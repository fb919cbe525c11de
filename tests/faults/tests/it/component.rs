//! The module under test: nearly always compiled natively, at times as the component that people run.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use oarlock_core::reconciler::Reconciler;
use oarlock_native::Native;
use oarlock_wasm::{EngineOptions, Loader, WasmModule};

/// Every so manieth seed runs the real component, which costs more.
const EVERY: u64 = 20;

static NATIVE: LazyLock<Arc<Native>> = LazyLock::new(|| Arc::new(Native::default()));
static WASM: LazyLock<Arc<WasmModule>> = LazyLock::new(|| {
    let path = root().join("target/oarlock/modules/canary.wasm");
    let bytes = fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "cannot read {}: {error}\nhint: cargo xtask modules",
            path.display()
        )
    });
    let options = EngineOptions {
        cache: Some(root().join("target/oarlock/cache")),
        ..EngineOptions::default()
    };
    // A thread of its own: whoever asks first may be in a runtime.
    let loading = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().build().unwrap();
        runtime.block_on(Loader::new(options).unwrap().load(bytes))
    });
    Arc::new(loading.join().unwrap().unwrap())
});

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

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file of the repository.
pub(crate) fn text(path: &str) -> String {
    let path = root().join(path);
    fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}
