//! The compile cache: what is used, what is not trusted.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use oarlock_wasm::{EngineOptions, Loader, WasmModule};

use crate::guests::{LIMITS, bytes, run};

fn loader(dir: &Path) -> Loader {
    Loader::new(options(dir)).unwrap()
}

fn options(dir: &Path) -> EngineOptions {
    EngineOptions {
        cache: Some(dir.to_owned()),
        instances: 2,
        ..EngineOptions::default()
    }
}

/// Loads by a loader of its own, as another process would, and runs it.
async fn load(dir: &Path) -> WasmModule {
    let module = loader(dir).load(bytes("hostile-echo")).await.unwrap();
    run(&module, "{}", LIMITS).await.unwrap();
    module
}

fn entry(dir: &Path, extension: &str) -> PathBuf {
    let mut found = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == extension));
    let entry = found.next().unwrap();
    assert!(found.next().is_none(), "one entry of each sort");
    entry
}

#[tokio::test]
async fn the_second_load_is_from_the_cache() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("new/cache");
    assert!(!load(&cache).await.inspection().cached);
    let mode = fs::metadata(&cache).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert!(load(&cache).await.inspection().cached);
    // Nothing is left of the writing.
    assert_eq!(fs::read_dir(&cache).unwrap().count(), 2);
}

#[tokio::test]
async fn damaged_entries_are_compiled_again() {
    let dir = tempfile::tempdir().unwrap();
    load(dir.path()).await;
    let code = entry(dir.path(), "cwasm");
    let good = fs::read(&code).unwrap();

    // A flipped bit of machine code, which no loader could notice.
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(&code, &flipped).unwrap();
    assert!(!load(dir.path()).await.inspection().cached);
    assert_eq!(fs::read(&code).unwrap(), good);

    // A file that is cut off.
    fs::write(&code, &good[..100]).unwrap();
    assert!(!load(dir.path()).await.inspection().cached);

    // One without its digest.
    fs::remove_file(entry(dir.path(), "sum")).unwrap();
    assert!(!load(dir.path()).await.inspection().cached);
    assert!(load(dir.path()).await.inspection().cached);
}

/// The digest is right, the content is not what the engine makes.
#[tokio::test]
async fn foreign_entries_are_compiled_again() {
    let dir = tempfile::tempdir().unwrap();
    load(dir.path()).await;
    let foreign = b"not code";
    fs::write(entry(dir.path(), "cwasm"), foreign).unwrap();
    let digest = oarlock_core::reference::Digest::of(foreign);
    fs::write(entry(dir.path(), "sum"), digest.as_str()).unwrap();
    assert!(!load(dir.path()).await.inspection().cached);
}

#[tokio::test]
async fn a_cache_that_others_can_write_to_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o770)).unwrap();
    let said = refusal(dir.path());
    insta::assert_snapshot!(said, @"the compile cache DIR can be written by others (mode 0770); hint: chmod go-w, what is in it is run as native code");
}

#[tokio::test]
async fn a_file_is_no_cache() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Loader::new(options(&file)).err().unwrap();
    assert!(
        error
            .to_string()
            .starts_with("cannot open the compile cache"),
        "{error}"
    );
}

fn refusal(dir: &Path) -> String {
    let error = Loader::new(options(dir)).err().unwrap();
    error.to_string().replace(dir.to_str().unwrap(), "DIR")
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_only_costs_time() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache");
    let loader = loader(&cache);
    fs::remove_dir(&cache).unwrap();
    let module = loader.load(bytes("hostile-echo")).await.unwrap();
    run(&module, "{}", LIMITS).await.unwrap();
    assert!(!module.inspection().cached);
}
