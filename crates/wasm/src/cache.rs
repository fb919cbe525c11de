//! Compiled components on disk. A Python component takes seconds to compile and milliseconds to load.
//!
//! Compiled code is native code: it is loaded only from a directory that nobody else can write to, and only when its
//! bytes are those that were written.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use oarlock_core::reference::Digest;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use wasmtime::Engine;
use wasmtime::component::Component;

/// The engine's version. It is also part of the compatibility hash; here it is for people who look at a key's making.
const ENGINE: &str = "wasmtime 48";

/// Bytes of compiled code that are kept: some fifty Python modules, or thousands in Rust.
const CAPACITY: u64 = 2 << 30;

/// Why a directory is no compile cache.
#[derive(Debug, Error)]
pub enum CacheError {
    /// It cannot be made or looked at.
    #[error("cannot open the compile cache {}", dir.display())]
    Open {
        /// The directory.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is something else.
    #[error("the compile cache {} is not a directory", dir.display())]
    NotADirectory {
        /// The path.
        dir: PathBuf,
    },
    /// Somebody else owns it.
    #[error(
        "the compile cache {} belongs to user {owner}, not to user {user} who runs this; hint: name a directory of your \
         own, what is in it is run as native code",
        dir.display()
    )]
    Foreign {
        /// The directory.
        dir: PathBuf,
        /// Its owner.
        owner: u32,
        /// Who runs this.
        user: u32,
    },
    /// Others can write to it.
    #[error(
        "the compile cache {} can be written by others (mode {mode:04o}); hint: chmod go-w, what is in it is run as native \
         code",
        dir.display()
    )]
    Writable {
        /// The directory.
        dir: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// A directory of compiled components.
pub(crate) struct CompileCache {
    dir: PathBuf,
    /// Tells the temporary files of one process apart.
    written: AtomicU64,
}

impl CompileCache {
    /// Opens `dir`, and makes it where it is missing.
    pub(crate) fn open(dir: PathBuf) -> Result<Self, CacheError> {
        let opened = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)
            .and_then(|()| fs::metadata(&dir));
        let metadata = match opened {
            Ok(metadata) => metadata,
            Err(source) => return Err(CacheError::Open { dir, source }),
        };
        if !metadata.is_dir() {
            return Err(CacheError::NotADirectory { dir });
        }
        let (owner, user) = (metadata.uid(), rustix::process::geteuid().as_raw());
        if owner != user {
            return Err(CacheError::Foreign { dir, owner, user });
        }
        let mode = metadata.mode() & 0o7777;
        if mode & 0o022 != 0 {
            return Err(CacheError::Writable { dir, mode });
        }
        Ok(Self {
            dir,
            written: AtomicU64::new(0),
        })
    }

    /// The component under `key`. `None` where there is none, or none that can be trusted.
    pub(crate) fn load(&self, engine: &Engine, key: &CacheKey) -> Option<Component> {
        let code = self.code(key);
        let sum = fs::read_to_string(self.sum(key)).ok()?;
        let found = fs::read(&code).ok().map(|bytes| Digest::of(&bytes));
        if found.as_ref().map(Digest::as_str) != Some(sum.as_str()) {
            tracing::warn!(entry = %code.display(), "compile cache entry is damaged, compiling again");
            return None;
        }
        match deserialize(engine, &code) {
            Ok(component) => {
                self.touch(&code);
                Some(component)
            }
            Err(error) => {
                tracing::warn!(entry = %code.display(), error = %error, "compile cache entry does not load, compiling again");
                None
            }
        }
    }

    /// Keeps `component` under `key` and gives it back as it is loaded from there: mapped from the file, so that its pages
    /// are shared and can be reclaimed.
    pub(crate) fn keep(&self, engine: &Engine, key: &CacheKey, component: Component) -> Component {
        let kept = component
            .serialize()
            .map_err(io::Error::other)
            .and_then(|code| {
                self.write(&self.code(key), &code)?;
                self.write(&self.sum(key), Digest::of(&code).as_str().as_bytes())
            });
        if let Err(error) = kept {
            tracing::warn!(dir = %self.dir.display(), error = %error, "cannot write to the compile cache");
            return component;
        }
        let loaded = self.load(engine, key).unwrap_or(component);
        if let Err(error) = self.prune(CAPACITY) {
            tracing::warn!(dir = %self.dir.display(), error = %error, "cannot remove old entries of the compile cache");
        }
        loaded
    }

    /// Notes that an entry was used.
    fn touch(&self, code: &Path) {
        let touched = OpenOptions::new()
            .write(true)
            .open(code)
            .and_then(|file| file.set_modified(SystemTime::now()));
        if let Err(error) = touched {
            tracing::debug!(entry = %code.display(), error = %error, "cannot note the use of a compile cache entry");
        }
    }

    /// Removes the entries that were not used for the longest time until the rest fits into `capacity` bytes. The last one
    /// stays. Who has mapped an entry keeps it.
    fn prune(&self, capacity: u64) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "cwasm")
            {
                // Gone in between: another process prunes too.
                let Ok(metadata) = fs::metadata(&path) else {
                    continue;
                };
                entries.push((metadata.modified()?, metadata.len(), path));
            }
        }
        entries.sort();
        let mut size: u64 = entries.iter().map(|(_, size, _)| size).sum();
        entries.pop();
        for (_, freed, code) in entries {
            if size <= capacity {
                break;
            }
            remove(&code.with_extension("sum"))?;
            remove(&code)?;
            size -= freed;
        }
        Ok(())
    }

    /// Written aside and renamed: a reader sees all of it or nothing.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let aside = self.dir.join(format!(".{}.{number}", std::process::id()));
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&aside)
            .and_then(|mut file| file.write_all(bytes))
            .and_then(|()| fs::rename(&aside, path));
        if written.is_err() {
            // The error that counts is the first one.
            let _gone = fs::remove_file(&aside);
        }
        written
    }

    fn code(&self, key: &CacheKey) -> PathBuf {
        self.dir.join(format!("{}.cwasm", key.0))
    }

    fn sum(&self, key: &CacheKey) -> PathBuf {
        self.dir.join(format!("{}.sum", key.0))
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[expect(
    unsafe_code,
    reason = "loading compiled code is what a compile cache is for; the one place that does"
)]
fn deserialize(engine: &Engine, code: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file must be what `Component::serialize` gave and must not change while it is mapped. The directory
    // belongs to this user and nobody else can write to it (`CompileCache::open`), files in it are replaced by renaming and
    // never changed (`CompileCache::write`), and the caller has compared the content with the digest that was written with
    // it. The engine itself refuses code of another version or of other settings.
    unsafe { Component::deserialize_file(engine, code) }
}

/// Names the compiled form of some bytes under some engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CacheKey(String);

impl CacheKey {
    pub(crate) fn new(engine: &Engine, component: &Digest) -> Self {
        let mut hasher = Sha256Hasher(Sha256::new());
        hasher.write(ENGINE.as_bytes());
        hasher.write(component.as_str().as_bytes());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let mut text = String::with_capacity(64);
        for byte in hasher.0.finalize() {
            let _infallible = write!(text, "{byte:02x}");
        }
        Self(text)
    }
}

/// The standard hashers may change from release to release; a file's name must not.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest
            .iter()
            .take(8)
            .fold(0, |sum, &byte| (sum << 8) | u64::from(byte))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let dir = tempfile::tempdir().unwrap();
        let cache = CompileCache::open(dir.path().to_owned()).unwrap();
        for (age, name) in [(3, "b"), (1, "c"), (2, "a")] {
            let code = dir.path().join(name).with_extension("cwasm");
            cache.write(&code, &[0; 100]).unwrap();
            cache.write(&code.with_extension("sum"), b"sum").unwrap();
            let used = SystemTime::now() - Duration::from_secs(60 * age);
            OpenOptions::new()
                .write(true)
                .open(&code)
                .unwrap()
                .set_modified(used)
                .unwrap();
        }
        let left = || {
            let entries = fs::read_dir(dir.path()).unwrap();
            let mut names: Vec<String> = entries
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names.join(" ")
        };
        cache.prune(300).unwrap();
        assert_eq!(left(), "a.cwasm a.sum b.cwasm b.sum c.cwasm c.sum");
        cache.prune(299).unwrap();
        assert_eq!(left(), "a.cwasm a.sum c.cwasm c.sum");
        cache.touch(&dir.path().join("a.cwasm"));
        cache.prune(0).unwrap();
        assert_eq!(left(), "a.cwasm a.sum");
    }
}
