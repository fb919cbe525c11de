//! Where guests come from, and how a test runs one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use oarlock_core::json::Json;
use oarlock_core::limits::Limits;
use oarlock_core::outcome::Outcome;
use oarlock_core::reconciler::{Reconciler, RunError};
use oarlock_core::request::Request;
use oarlock_core::timestamp::Timestamp;
use oarlock_wasm::{EngineOptions, Loader, WasmModule};

use crate::host::FakeHost;

/// One engine for all tests that do not ask for their own. It keeps what it compiled: unoptimised, the host takes half a
/// minute for the Python guest.
pub(crate) static LOADER: LazyLock<Loader> = LazyLock::new(|| {
    Loader::new(EngineOptions {
        cache: Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled-guests")),
        ..EngineOptions::default()
    })
    .unwrap()
});

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The component of a guest. Missing ones fail the test: nothing is skipped.
pub(crate) fn bytes(guest: &str) -> Vec<u8> {
    let path = root()
        .join("target/oarlock/guests")
        .join(format!("{guest}.wasm"));
    fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "cannot read {}: {error}\nhint: cargo xtask guests",
            path.display()
        )
    })
}

pub(crate) async fn load(guest: &str) -> WasmModule {
    LOADER.load(bytes(guest)).await.unwrap()
}

/// A request with these settings.
pub(crate) fn request(settings: &str) -> Request {
    Request {
        object: Json::parse(
            r#"{"apiVersion":"example.com/v1","kind":"Boat","metadata":{"name":"skiff","namespace":"default"}}"#,
        )
        .unwrap(),
        settings: Json::parse(settings).unwrap(),
        now: Timestamp::from_millis(1_700_000_000_123),
        seed: 42,
        attempt: 0,
        deleting: false,
        last: None,
    }
}

/// Limits that a test tightens where it means to.
pub(crate) const LIMITS: Limits = Limits {
    cpu: std::time::Duration::from_secs(20),
    deadline: std::time::Duration::from_secs(60),
    memory: 64 << 20,
    output: 8 << 20,
    log: 64 << 10,
};

pub(crate) async fn run(
    module: &WasmModule,
    settings: &str,
    limits: Limits,
) -> Result<Outcome, RunError> {
    run_on(module, settings, limits, &Arc::new(FakeHost::default())).await
}

pub(crate) async fn run_on(
    module: &WasmModule,
    settings: &str,
    limits: Limits,
    host: &Arc<FakeHost>,
) -> Result<Outcome, RunError> {
    let host = Arc::clone(host);
    module.reconcile(&request(settings), host, limits).await
}

/// The error of a run, for people.
pub(crate) fn text<T: std::fmt::Debug>(result: Result<T, RunError>) -> String {
    result.expect_err("the run should have failed").to_string()
}

/// Every guest has a test that names it.
#[test]
fn every_hostile_guest_is_named_by_a_test() {
    let tests: String = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let guests = fs::read_dir(root().join("tests/hostile-guests")).unwrap();
    let mut seen = 0;
    for folder in guests.map(|entry| entry.unwrap().path()) {
        let name = folder.file_name().unwrap().to_str().unwrap();
        if name == "contract" || !folder.join("Cargo.toml").is_file() {
            continue;
        }
        seen += 1;
        let quoted = format!("\"hostile-{name}\"");
        assert!(
            tests.contains(&quoted),
            "tests/hostile-guests/{name} is named by no test; hint: load {quoted} in crates/wasm/tests/it"
        );
    }
    assert!(seen > 10, "found only {seen} hostile guests");
}
