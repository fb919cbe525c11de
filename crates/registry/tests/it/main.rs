//! Real files, real events: what is published when they change.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::reference::Digest;
use oarlock_registry::{Directory, ModuleEntry, Pace, Snapshot, WatchesFile};
use tokio::sync::watch;
use tokio::task::JoinHandle;

struct Place {
    root: tempfile::TempDir,
    directory: Arc<Directory>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    run: Option<JoinHandle<()>>,
}

impl Place {
    /// `prepare` makes the files that are there from the start. No poll and no backstop: only events help.
    fn follow(prepare: impl FnOnce(&std::path::Path)) -> Self {
        let never = Duration::from_secs(24 * 60 * 60);
        let pace = Pace {
            quiet: Duration::from_millis(20),
            poll: never,
            backstop: never,
            ..Pace::default()
        };
        Self::follow_at(pace, prepare)
    }

    fn follow_at(pace: Pace, prepare: impl FnOnce(&std::path::Path)) -> Self {
        let root = tempfile::tempdir().unwrap();
        prepare(root.path());
        let directory = Arc::new(Directory::open_at(
            root.path().join("config/watches.yaml"),
            root.path().join("modules"),
            pace,
        ));
        let run = tokio::spawn({
            let directory = Arc::clone(&directory);
            async move { directory.run().await }
        });
        Self {
            snapshots: directory.subscribe(),
            root,
            directory,
            run: Some(run),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    async fn until(&mut self, what: &str, holds: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        let wait = self.snapshots.wait_for(|snapshot| holds(snapshot));
        match tokio::time::timeout(Duration::from_secs(60), wait).await {
            Ok(snapshot) => snapshot.unwrap().clone(),
            Err(_) => panic!(
                "{what} was never published; {:?}",
                self.directory.snapshot()
            ),
        }
    }

    async fn until_watches(&mut self, text: &str) -> Arc<Snapshot> {
        self.until(text, |s| watches(s) == Some(text)).await
    }

    async fn until_module(&mut self, name: &str, bytes: &[u8]) -> Arc<Snapshot> {
        let digest = Digest::of(bytes);
        self.until(name, |s| s.module(name).is_some_and(|m| m.digest == digest))
            .await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(run) = self.run.take() {
            run.abort();
        }
    }
}

fn watches(snapshot: &Snapshot) -> Option<&str> {
    match &snapshot.watches {
        WatchesFile::Present { text, .. } => Some(text),
        WatchesFile::Missing | WatchesFile::Unreadable { .. } => None,
    }
}

fn plain(root: &std::path::Path) {
    fs::create_dir(root.join("config")).unwrap();
    fs::create_dir(root.join("modules")).unwrap();
    fs::write(root.join("config/watches.yaml"), "one").unwrap();
    fs::write(root.join("modules/a.wasm"), "A1").unwrap();
}

#[tokio::test]
async fn edits_in_place() {
    let mut place = Place::follow(plain);
    let first = place.directory.snapshot();
    assert_eq!((first.generation, watches(&first)), (1, Some("one")));
    fs::write(place.path("config/watches.yaml"), "two").unwrap();
    place.until_watches("two").await;
    fs::write(place.path("modules/a.wasm"), "A2").unwrap();
    let last = place.until_module("a.wasm", b"A2").await;
    assert!(last.generation >= 3);
    assert_eq!(last.module("a.wasm").unwrap().load().unwrap(), b"A2");
    assert_eq!(last.module("a.wasm").unwrap().size, 2);
}

#[tokio::test]
async fn atomic_renames() {
    let mut place = Place::follow(plain);
    fs::write(place.path("config/.watches.yaml.tmp"), "two").unwrap();
    fs::rename(
        place.path("config/.watches.yaml.tmp"),
        place.path("config/watches.yaml"),
    )
    .unwrap();
    place.until_watches("two").await;
    fs::write(place.path("modules/a.wasm.tmp"), "A2").unwrap();
    fs::rename(
        place.path("modules/a.wasm.tmp"),
        place.path("modules/a.wasm"),
    )
    .unwrap();
    let last = place.until_module("a.wasm", b"A2").await;
    assert_eq!(last.modules.len(), 1);
}

/// What the kubelet does to a mounted ConfigMap.
#[tokio::test]
async fn swaps_of_the_data_symlink() {
    let mount = |directory: PathBuf, stamp: &str, name: &str, content: &str| {
        fs::create_dir(directory.join(stamp)).unwrap();
        fs::write(directory.join(stamp).join(name), content).unwrap();
        symlink(stamp, directory.join("..data_tmp")).unwrap();
        fs::rename(directory.join("..data_tmp"), directory.join("..data")).unwrap();
    };
    let mut place = Place::follow(|root| {
        for (directory, name, content) in [
            ("config", "watches.yaml", "one"),
            ("modules", "a.wasm", "A1"),
        ] {
            let directory = root.join(directory);
            fs::create_dir(&directory).unwrap();
            mount(directory.clone(), "..2024_1", name, content);
            symlink(format!("..data/{name}"), directory.join(name)).unwrap();
        }
    });
    assert_eq!(watches(&place.directory.snapshot()), Some("one"));
    for (round, stamp) in [(2, "..2024_2"), (3, "..2024_3")] {
        let (text, bytes) = (format!("text {round}"), format!("A{round}"));
        mount(place.path("config"), stamp, "watches.yaml", &text);
        place.until_watches(&text).await;
        mount(place.path("modules"), stamp, "a.wasm", &bytes);
        let snapshot = place.until_module("a.wasm", bytes.as_bytes()).await;
        assert_eq!(snapshot.modules.len(), 1);
    }
}

#[tokio::test]
async fn deletion_and_return_of_files() {
    let mut place = Place::follow(plain);
    fs::remove_file(place.path("config/watches.yaml")).unwrap();
    fs::remove_file(place.path("modules/a.wasm")).unwrap();
    place
        .until("nothing", |s| {
            s.watches == WatchesFile::Missing && s.modules.is_empty()
        })
        .await;
    fs::write(place.path("config/watches.yaml"), "two").unwrap();
    fs::write(place.path("modules/a.wasm"), "A2").unwrap();
    place.until_watches("two").await;
    place.until_module("a.wasm", b"A2").await;
}

#[tokio::test]
async fn deletion_and_return_of_directories() {
    let mut place = Place::follow(plain);
    for round in 0..3 {
        fs::remove_dir_all(place.path("config")).unwrap();
        fs::remove_dir_all(place.path("modules")).unwrap();
        place
            .until("nothing", |s| {
                s.watches == WatchesFile::Missing && s.modules.is_empty()
            })
            .await;
        let (text, bytes) = (format!("text {round}"), format!("A{round}"));
        fs::create_dir(place.path("config")).unwrap();
        fs::create_dir(place.path("modules")).unwrap();
        fs::write(place.path("config/watches.yaml"), &text).unwrap();
        fs::write(place.path("modules/a.wasm"), &bytes).unwrap();
        place.until_watches(&text).await;
        place.until_module("a.wasm", bytes.as_bytes()).await;
        // The new directories are watched like the old ones.
        fs::write(place.path("modules/b.wasm"), &bytes).unwrap();
        place.until_module("b.wasm", bytes.as_bytes()).await;
    }
}

#[tokio::test]
async fn everything_appears_after_the_start() {
    let mut place = Place::follow(|_| {});
    assert_eq!(place.directory.snapshot().watches, WatchesFile::Missing);
    fs::create_dir(place.path("modules")).unwrap();
    fs::create_dir(place.path("modules/team")).unwrap();
    fs::write(place.path("modules/team/a.wasm"), "A1").unwrap();
    place.until_module("team/a.wasm", b"A1").await;
    fs::write(place.path("modules/team/a.wasm"), "A2").unwrap();
    place.until_module("team/a.wasm", b"A2").await;
    fs::create_dir(place.path("config")).unwrap();
    fs::write(place.path("config/watches.yaml"), "one").unwrap();
    place.until_watches("one").await;
}

#[tokio::test]
async fn half_written_files_are_corrected() {
    use std::io::Write as _;
    let mut place = Place::follow(plain);
    let mut file = fs::File::create(place.path("modules/a.wasm")).unwrap();
    file.write_all(b"first half, ").unwrap();
    file.flush().unwrap();
    place.until_module("a.wasm", b"first half, ").await;
    file.write_all(b"second half").unwrap();
    place
        .until_module("a.wasm", b"first half, second half")
        .await;
}

#[tokio::test]
async fn unchanged_rewrites_are_not_published() {
    let place = Place::follow(plain);
    let directory = &place.directory;
    fs::write(place.path("config/watches.yaml"), "one").unwrap();
    fs::write(place.path("modules/a.wasm"), "A1").unwrap();
    fs::write(place.path("modules/readme.md"), "not a module").unwrap();
    assert!(!directory.refresh().await);
    assert_eq!(directory.snapshot().generation, 1);
    fs::write(place.path("config/watches.yaml"), "two").unwrap();
    // Either this look publishes it or the one that the event caused, but only one of them.
    directory.refresh().await;
    assert_eq!(directory.snapshot().generation, 2);
    assert!(!directory.refresh().await);
    assert_eq!(directory.snapshot().generation, 2);
}

#[tokio::test]
async fn without_events_the_files_are_looked_at() {
    let pace = Pace {
        events: false,
        poll: Duration::from_millis(10),
        ..Pace::default()
    };
    let mut place = Place::follow_at(pace, plain);
    fs::write(place.path("modules/a.wasm"), "A2").unwrap();
    place.until_module("a.wasm", b"A2").await;
}

#[tokio::test]
async fn an_unusable_module_is_a_state() {
    let mut place = Place::follow(plain);
    fs::write(place.path("config/outside"), "X").unwrap();
    symlink("../config/outside", place.path("modules/b.wasm")).unwrap();
    let snapshot = place
        .until("b.wasm", |s| s.modules.contains_key("b.wasm"))
        .await;
    assert!(matches!(
        snapshot.modules["b.wasm"],
        ModuleEntry::Unreadable { .. }
    ));
    assert!(snapshot.module("b.wasm").is_none());
    assert!(snapshot.module("a.wasm").is_some());
}
