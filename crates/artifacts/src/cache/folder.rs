//! The files of the cache.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use oarlock_core::reference::Digest;

use super::CacheError;

/// A file that is still being written after this time was left behind.
const ABANDONED: Duration = Duration::from_secs(3600);

/// `blobs/` by digest, `records/` by question, and files being written beside them.
pub(super) struct Folder {
    dir: PathBuf,
    capacity: u64,
    /// Bytes written since the folder was last looked through.
    since_pruned: AtomicU64,
}

impl Folder {
    pub(super) fn open(dir: PathBuf, capacity: u64) -> Result<Self, CacheError> {
        let opened = make(&dir).and_then(|()| fs::metadata(&dir));
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
        for part in ["blobs", "records"] {
            if let Err(source) = make(&dir.join(part)) {
                return Err(CacheError::Open { dir, source });
            }
        }
        Ok(Self {
            dir,
            capacity,
            since_pruned: AtomicU64::new(u64::MAX),
        })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn part(&self, name: &str) -> io::Result<PathBuf> {
        let part = self.dir.join(name);
        make(&part)?;
        Ok(part)
    }

    pub(super) fn blob(&self, digest: &Digest) -> Option<Arc<[u8]>> {
        let path = self.blob_path(digest);
        let mut file = OpenOptions::new().read(true).write(true).open(&path).ok()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        if Digest::of(&bytes) != *digest {
            tracing::warn!(entry = %path.display(), "chart cache entry is damaged, fetching again");
            return None;
        }
        touch(&file, &path);
        Some(bytes.into())
    }

    pub(super) fn keep(&self, bytes: &[u8]) -> io::Result<Digest> {
        let digest = Digest::of(bytes);
        let path = self.blob_path(&digest);
        // Most of what is kept was kept before; reading is cheaper than writing.
        let there = path.exists() && self.blob(&digest).is_some();
        if !there {
            self.write(&path, bytes)?;
        }
        Ok(digest)
    }

    pub(super) fn record(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.record_path(name);
        let mut file = OpenOptions::new().read(true).write(true).open(&path).ok()?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).ok()?;
        touch(&file, &path);
        Some(text)
    }

    pub(super) fn note(&self, name: &str, text: &[u8]) -> io::Result<()> {
        self.write(&self.record_path(name), text)
    }

    /// Written aside and renamed: a reader sees all of it or nothing.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // A random name, which must not be there: containers that share a volume have the same process ids.
        let mut aside = tempfile::Builder::new()
            .prefix(".")
            .rand_bytes(16)
            .make_in(&self.dir, |path| {
                OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(path)
            })?;
        aside.as_file_mut().write_all(bytes)?;
        aside.persist(path).map_err(|error| error.error)?;
        self.prune_sometimes(path, bytes.len() as u64);
        Ok(())
    }

    /// Looking through all files for every one that is written would be most of the work.
    fn prune_sometimes(&self, last: &Path, size: u64) {
        let add = |before: u64| Some(before.saturating_add(size));
        let since = self
            .since_pruned
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add)
            .unwrap_or(u64::MAX)
            .saturating_add(size);
        if since < self.capacity / 16 {
            return;
        }
        self.since_pruned.store(0, Ordering::Relaxed);
        if let Err(error) = self.prune(last) {
            tracing::warn!(dir = %self.dir.display(), error = %error, "cannot remove old entries of the chart cache");
        }
    }

    /// Removes what was not used for the longest time until the rest fits. `last` stays.
    fn prune(&self, last: &Path) -> io::Result<()> {
        self.remove_abandoned()?;
        let mut entries = Vec::new();
        for part in ["blobs", "records"] {
            for entry in fs::read_dir(self.dir.join(part))? {
                let path = entry?.path();
                // Gone in between: another process prunes too.
                let Ok(metadata) = fs::metadata(&path) else {
                    continue;
                };
                entries.push((metadata.modified()?, metadata.len(), path));
            }
        }
        entries.sort();
        let mut size: u64 = entries.iter().map(|(_, size, _)| size).sum();
        for (_, freed, path) in entries {
            if size <= self.capacity {
                break;
            }
            if path != last {
                remove(&path)?;
                size -= freed;
            }
        }
        Ok(())
    }

    fn remove_abandoned(&self) -> io::Result<()> {
        let now = SystemTime::now();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            let age = now.duration_since(metadata.modified()?).unwrap_or_default();
            if hidden && metadata.is_file() && age > ABANDONED {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.dir.join("blobs").join(digest.hex())
    }

    fn record_path(&self, name: &str) -> PathBuf {
        self.dir.join("records").join(name)
    }
}

fn make(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Notes that an entry was used.
fn touch(file: &File, path: &Path) {
    if let Err(error) = file.set_modified(SystemTime::now()) {
        tracing::debug!(entry = %path.display(), error = %error, "cannot note the use of a chart cache entry");
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
