#![expect(clippy::unwrap_used, reason = "tests")]

use std::os::unix::fs::symlink;

use super::*;

struct Place {
    root: tempfile::TempDir,
    scanner: Scanner,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("modules")).unwrap();
        let scanner = Scanner::new(
            root.path().join("watches.yaml"),
            root.path().join("modules"),
        );
        Self { root, scanner }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn names(&mut self) -> Vec<String> {
        self.scanner.look().modules.into_keys().collect()
    }

    /// Makes a file old enough for its metadata to be believed.
    fn age(&self, name: &str) {
        let hour_ago = SystemTime::now() - Duration::from_secs(3600);
        fs::File::options()
            .append(true)
            .open(self.path(name))
            .unwrap()
            .set_modified(hour_ago)
            .unwrap();
    }
}

#[test]
fn finds_modules_and_nothing_else() {
    let mut place = Place::new();
    place.write("modules/canary.wasm", b"1");
    place.write("modules/team/helm.wasm", b"2");
    place.write("modules/readme.md", b"3");
    place.write("modules/.hidden.wasm", b"4");
    place.write("modules/..2024/canary.wasm", b"5");
    fs::create_dir(place.path("modules/directory.wasm")).unwrap();
    assert_eq!(place.names(), ["canary.wasm", "team/helm.wasm"]);
}

#[test]
fn symlinks_inside_are_followed_and_those_that_leave_are_refused() {
    let mut place = Place::new();
    place.write("modules/real/a.wasm", b"1");
    place.write("outside/b.wasm", b"2");
    symlink("real/a.wasm", place.path("modules/inside.wasm")).unwrap();
    symlink("../outside/b.wasm", place.path("modules/leaves.wasm")).unwrap();
    symlink("../outside", place.path("modules/away")).unwrap();
    symlink(".", place.path("modules/loop")).unwrap();
    symlink("nowhere.wasm", place.path("modules/dangling.wasm")).unwrap();
    let modules = place.scanner.look().modules;
    let inside = modules.get("inside.wasm").unwrap();
    assert!(matches!(inside, ModuleEntry::Present(file) if file.load().unwrap() == b"1"));
    let Some(ModuleEntry::Unreadable { message }) = modules.get("leaves.wasm") else {
        panic!("{modules:?}")
    };
    assert!(
        message.contains("leaves the modules directory"),
        "{message}"
    );
    let names: Vec<_> = modules.keys().map(String::as_str).collect();
    assert_eq!(names, ["inside.wasm", "leaves.wasm", "real/a.wasm"]);
}

#[test]
fn the_watches_file_in_all_its_states() {
    let mut place = Place::new();
    assert_eq!(place.scanner.look().watches, WatchesFile::Missing);
    place.write("watches.yaml", b"[]");
    let WatchesFile::Present { text, digest } = place.scanner.look().watches else {
        panic!("it is there")
    };
    assert_eq!((&*text, digest), ("[]", Digest::of(b"[]")));
    place.write("watches.yaml", b"ab\xff");
    let WatchesFile::Unreadable { message } = place.scanner.look().watches else {
        panic!("it is no text")
    };
    assert!(
        message.ends_with("is not UTF-8 text (from byte 2 on)"),
        "{message}"
    );
    fs::remove_file(place.path("watches.yaml")).unwrap();
    fs::create_dir(place.path("watches.yaml")).unwrap();
    let WatchesFile::Unreadable { message } = place.scanner.look().watches else {
        panic!("it is a directory")
    };
    assert!(message.ends_with("is no file"), "{message}");
}

#[test]
fn a_changed_module_is_not_loaded_for_another() {
    let mut place = Place::new();
    place.write("modules/a.wasm", b"one");
    let modules = place.scanner.look().modules;
    let Some(ModuleEntry::Present(file)) = modules.get("a.wasm") else {
        panic!("{modules:?}")
    };
    place.write("modules/a.wasm", b"two");
    let error = file.load().unwrap_err();
    assert!(
        matches!(error, crate::LoadModule::Changed { .. }),
        "{error}"
    );
}

#[test]
fn old_files_are_read_once_and_young_ones_always() {
    let mut place = Place::new();
    place.write("modules/a.wasm", b"one");
    place.age("modules/a.wasm");
    place.scanner.look();
    let poisoned = Digest::of(b"remembered");
    for (_, digest) in place.scanner.known.values_mut() {
        *digest = poisoned.clone();
    }
    let digest_of_a = |place: &mut Place| match place.scanner.look().modules.remove("a.wasm") {
        Some(ModuleEntry::Present(file)) => file.digest,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        digest_of_a(&mut place),
        poisoned,
        "believed without reading"
    );
    place.write("modules/a.wasm", b"two");
    assert_eq!(digest_of_a(&mut place), Digest::of(b"two"));
    for (_, digest) in place.scanner.known.values_mut() {
        *digest = poisoned.clone();
    }
    assert_eq!(
        digest_of_a(&mut place),
        Digest::of(b"two"),
        "too young to be believed"
    );
}

#[test]
fn without_a_directory_there_are_no_modules() {
    let mut place = Place::new();
    fs::remove_dir(place.path("modules")).unwrap();
    assert_eq!(place.names(), [""; 0]);
}
