//! Looks at the files and says what is there.
//!
//! Files are hashed again only when their metadata changed, or when they are so young that metadata cannot tell (two
//! writes within one tick of the file system's clock leave the same time behind).

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use oarlock_core::reference::Digest;

use crate::snapshot::{ModuleEntry, ModuleFile, WatchesFile};

/// A ConfigMap has at most 1 MiB; whatever is much larger is not a watches file.
const LARGEST_WATCHES: u64 = 16 << 20;
/// The largest component that anybody would want to compile.
const LARGEST_MODULE: u64 = 512 << 20;
/// How deep below the modules directory is looked.
pub(crate) const DEEPEST: usize = 8;
/// Files younger than this are always read: coarse clocks tick once in two seconds (FAT).
const YOUNG: Duration = Duration::from_secs(3);

/// What tells one state of a file from another without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// What is there, and whether it held still meanwhile.
#[derive(Debug)]
pub(crate) struct Sight {
    pub(crate) watches: WatchesFile,
    pub(crate) modules: BTreeMap<String, ModuleEntry>,
    /// No file changed while it was read. Otherwise it is worth looking again.
    pub(crate) settled: bool,
}

/// Remembers digests from one look to the next.
#[derive(Debug)]
pub(crate) struct Scanner {
    watches: PathBuf,
    modules: PathBuf,
    known: BTreeMap<PathBuf, (Stamp, Digest)>,
}

impl Scanner {
    pub(crate) const fn new(watches: PathBuf, modules: PathBuf) -> Self {
        Self {
            watches,
            modules,
            known: BTreeMap::new(),
        }
    }

    /// Looks at everything. Blocks.
    pub(crate) fn look(&mut self) -> Sight {
        let mut sight = Sight {
            watches: WatchesFile::Missing,
            modules: BTreeMap::new(),
            settled: true,
        };
        sight.watches = read_watches(&self.watches, &mut sight.settled);
        let mut known = BTreeMap::new();
        // Without the canonical root there is no directory, and nothing in it.
        if let Ok(root) = fs::canonicalize(&self.modules) {
            let mut walk = Walk {
                root: &root,
                before: &self.known,
                known: &mut known,
                sight: &mut sight,
                above: vec![root.clone()],
            };
            walk.directory(&self.modules, "");
        }
        self.known = known;
        sight
    }
}

fn read_watches(path: &Path, settled: &mut bool) -> WatchesFile {
    let unreadable = |message: String| WatchesFile::Unreadable { message };
    match read(path, LARGEST_WATCHES) {
        Ok(content) => {
            *settled &= content.settled;
            match String::from_utf8(content.bytes) {
                Ok(text) => WatchesFile::Present {
                    digest: Digest::of(text.as_bytes()),
                    text: text.into(),
                },
                Err(error) => unreadable(format!(
                    "{} is not UTF-8 text (from byte {} on)",
                    path.display(),
                    error.utf8_error().valid_up_to()
                )),
            }
        }
        Err(Refusal::Missing) => WatchesFile::Missing,
        Err(Refusal::Other(message)) => unreadable(message),
    }
}

struct Walk<'w> {
    root: &'w Path,
    before: &'w BTreeMap<PathBuf, (Stamp, Digest)>,
    known: &'w mut BTreeMap<PathBuf, (Stamp, Digest)>,
    sight: &'w mut Sight,
    /// The real directories on the way down: a symlink to one of them is a circle.
    above: Vec<PathBuf>,
}

impl Walk<'_> {
    fn directory(&mut self, path: &Path, prefix: &str) {
        let Ok(entries) = fs::read_dir(path) else {
            // Gone since, or forbidden: what is in it is not there for us.
            return;
        };
        for entry in entries.flatten() {
            let file_name = entry.file_name();
            let Some(file_name) = file_name.to_str().filter(|name| !name.starts_with('.')) else {
                continue;
            };
            let name = format!("{prefix}{file_name}");
            let path = entry.path();
            // Through symlinks: in a mounted ConfigMap every file is one.
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() => {
                    if let Some(real) = self.way_down(&path) {
                        self.above.push(real);
                        self.directory(&path, &format!("{name}/"));
                        self.above.pop();
                    }
                }
                Ok(metadata) if name.ends_with(".wasm") => {
                    let module = self.module(&path, &metadata);
                    self.sight.modules.extend(module.map(|m| (name, m)));
                }
                Err(error)
                    if name.ends_with(".wasm") && error.kind() != io::ErrorKind::NotFound =>
                {
                    let message = format!("cannot look at {}: {error}", path.display());
                    self.sight
                        .modules
                        .insert(name, ModuleEntry::Unreadable { message });
                }
                Ok(_) | Err(_) => {}
            }
        }
    }

    fn way_down(&self, path: &Path) -> Option<PathBuf> {
        let real = fs::canonicalize(path).ok()?;
        let new = real.starts_with(self.root) && !self.above.contains(&real);
        (new && self.above.len() <= DEEPEST).then_some(real)
    }

    fn is_inside(&self, path: &Path) -> bool {
        fs::canonicalize(path).is_ok_and(|path| path.starts_with(self.root))
    }

    fn module(&mut self, path: &Path, metadata: &Metadata) -> Option<ModuleEntry> {
        let unreadable = |message: String| Some(ModuleEntry::Unreadable { message });
        if !self.is_inside(path) {
            let path = path.display();
            return unreadable(format!(
                "{path} is a symlink that leaves the modules directory; hint: copy the file into it"
            ));
        }
        let stamp = Stamp::of(metadata);
        if let Some((known, digest)) = self.before.get(path)
            && *known == stamp
            && !is_young(metadata)
        {
            let digest = digest.clone();
            self.known.insert(path.to_owned(), (stamp, digest.clone()));
            return present(path, digest, metadata.len());
        }
        match read(path, LARGEST_MODULE) {
            Ok(content) => {
                self.sight.settled &= content.settled;
                let digest = Digest::of(&content.bytes);
                self.known
                    .insert(path.to_owned(), (content.stamp, digest.clone()));
                present(path, digest, content.bytes.len() as u64)
            }
            Err(Refusal::Missing) => None,
            Err(Refusal::Other(message)) => unreadable(message),
        }
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the shape of its only caller's answers"
)]
fn present(path: &Path, digest: Digest, size: u64) -> Option<ModuleEntry> {
    Some(ModuleEntry::Present(ModuleFile {
        digest,
        size,
        path: path.to_owned(),
    }))
}

/// A file from the future counts as young: the clock was set back, and metadata tells nothing.
fn is_young(metadata: &Metadata) -> bool {
    metadata.modified().is_ok_and(|modified| {
        SystemTime::now()
            .duration_since(modified)
            .is_ok_and(|age| age < YOUNG)
            || modified > SystemTime::now()
    })
}

struct ReadFile {
    bytes: Vec<u8>,
    stamp: Stamp,
    settled: bool,
}

enum Refusal {
    Missing,
    Other(String),
}

fn read(path: &Path, largest: u64) -> Result<ReadFile, Refusal> {
    let refusal = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Refusal::Missing,
        _ => Refusal::Other(format!("cannot read {}: {error}", path.display())),
    };
    let before = fs::metadata(path).map_err(refusal)?;
    // Reading a pipe would wait for ever.
    if !before.is_file() {
        return Err(Refusal::Other(format!("{} is no file", path.display())));
    }
    if before.len() > largest {
        return Err(Refusal::Other(format!(
            "{} is too large: {} bytes, at most {largest} are read",
            path.display(),
            before.len()
        )));
    }
    let bytes = fs::read(path).map_err(refusal)?;
    let after = fs::metadata(path).map_err(refusal)?;
    let stamp = Stamp::of(&before);
    Ok(ReadFile {
        settled: stamp == Stamp::of(&after) && bytes.len() as u64 == before.len(),
        bytes,
        stamp,
    })
}

#[cfg(test)]
mod tests;
