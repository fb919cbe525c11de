//! Tells when it is time to look again.
//!
//! Directories are watched, never files: an editor replaces a file by another, and a mounted ConfigMap swaps a symlink next
//! to it. Whatever is missing is waited for at its nearest ancestor that exists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

use crate::scan::DEEPEST;

/// A directory as it was when its watch was set: a directory that was replaced needs a new one.
type Identity = (u64, u64);

/// The watches on all directories that matter.
pub(crate) struct Sentry {
    watches: PathBuf,
    modules: PathBuf,
    watcher: RecommendedWatcher,
    posts: BTreeMap<PathBuf, Identity>,
}

impl Sentry {
    /// Nothing is watched yet: see [`Self::man`]. `alarm` needs room for one: a second one says nothing new.
    pub(crate) fn new(
        watches: &Path,
        modules: &Path,
        alarm: mpsc::Sender<()>,
    ) -> Result<Self, notify::Error> {
        let watcher = notify::recommended_watcher(move |event: Result<Event, notify::Error>| {
            if event.as_ref().map_or(true, matters) {
                // Full means that an alarm is already on its way; closed, that nobody follows any more.
                let _sent = alarm.try_send(());
            }
        })?;
        Ok(Self {
            watches: watches.to_owned(),
            modules: modules.to_owned(),
            watcher,
            posts: BTreeMap::new(),
        })
    }

    /// Sets the watches that are needed now. `true` when there is a new one: what happened before it was set, nobody saw.
    /// Blocks.
    pub(crate) fn man(&mut self) -> Result<bool, notify::Error> {
        let wanted = wanted(&self.watches, &self.modules);
        let mut new = false;
        for (path, identity) in &wanted {
            if self.posts.get(path) == Some(identity) {
                continue;
            }
            self.leave(path);
            match self.watcher.watch(path, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.posts.insert(path.clone(), *identity);
                    new = true;
                }
                // Gone since; its parent is watched.
                Err(error) if is_gone(&error) => new = true,
                Err(error) => return Err(error),
            }
        }
        let obsolete: Vec<PathBuf> = self
            .posts
            .keys()
            .filter(|path| !wanted.contains_key(*path))
            .cloned()
            .collect();
        for path in obsolete {
            self.leave(&path);
        }
        Ok(new)
    }

    fn leave(&mut self, path: &Path) {
        if self.posts.remove(path).is_some() {
            // The watch of a directory that is gone is gone with it.
            let _may_be_gone = self.watcher.unwatch(path);
        }
    }
}

/// Our own reading is no reason to read again.
fn matters(event: &Event) -> bool {
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => event.need_rescan(),
        _ => true,
    }
}

fn is_gone(error: &notify::Error) -> bool {
    match &error.kind {
        notify::ErrorKind::PathNotFound => true,
        notify::ErrorKind::Io(error) => error.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}

fn wanted(watches: &Path, modules: &Path) -> BTreeMap<PathBuf, Identity> {
    let mut paths = BTreeSet::new();
    // The directory of the file, and its real one where the file is a symlink.
    paths.extend(watches.parent().map(Path::to_owned));
    if let Ok(real) = fs::canonicalize(watches) {
        paths.extend(real.parent().map(Path::to_owned));
    }
    paths.insert(modules.to_owned());
    if let Ok(real) = fs::canonicalize(modules) {
        let mut below = BTreeSet::new();
        directories(&real, &real, 0, &mut below);
        paths.append(&mut below);
    }
    // The parent of each notices when the directory itself is made, replaced or removed.
    let parents: Vec<PathBuf> = [watches.parent(), Some(modules)]
        .into_iter()
        .flatten()
        .filter_map(Path::parent)
        .map(Path::to_owned)
        .collect();
    paths.extend(parents);
    paths
        .into_iter()
        .filter_map(|path| nearest(&path))
        .collect()
}

/// `path` or its nearest ancestor that is there, and is a directory.
fn nearest(path: &Path) -> Option<(PathBuf, Identity)> {
    path.ancestors().find_map(|path| {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_dir)?;
        Some((path.to_owned(), (metadata.dev(), metadata.ino())))
    })
}

/// The real directories from `path` down, as deep as modules are looked for, and not beyond `root`.
fn directories(root: &Path, path: &Path, depth: usize, found: &mut BTreeSet<PathBuf>) {
    if !path.starts_with(root) || !found.insert(path.to_owned()) || depth >= DEEPEST {
        return;
    }
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if let Ok(real) = fs::canonicalize(entry.path())
            && !is_hidden
            && real.is_dir()
        {
            directories(root, &real, depth + 1, found);
        }
    }
}
