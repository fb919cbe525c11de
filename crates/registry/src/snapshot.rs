//! What there is at one moment.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use oarlock_core::reference::Digest;
use thiserror::Error;

/// The watches file and the modules at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Counts publications, from 1.
    pub generation: u64,
    /// The watches file.
    pub watches: WatchesFile,
    /// Every `*.wasm` file below the modules directory by its path from there, with `/`. Names that begin with a dot are
    /// left out, files and directories alike: they belong to the machinery of mounts and editors.
    pub modules: BTreeMap<String, ModuleEntry>,
}

/// The watches file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchesFile {
    /// There is none. Perhaps not yet, perhaps it is just being replaced.
    Missing,
    /// It is there and cannot be read.
    Unreadable {
        /// Why, for people.
        message: String,
    },
    /// It is there.
    Present {
        /// Its text.
        text: Arc<str>,
        /// The digest of the text.
        digest: Digest,
    },
}

/// One name in the modules directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModuleEntry {
    /// It can be loaded.
    Present(ModuleFile),
    /// It is there and cannot be used.
    Unreadable {
        /// Why, for people.
        message: String,
    },
}

/// A module's file, as it was when the snapshot was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleFile {
    /// Digest of its bytes.
    pub digest: Digest,
    /// Number of its bytes.
    pub size: u64,
    pub(crate) path: PathBuf,
}

/// A module's bytes could not be had.
#[derive(Debug, Error)]
pub enum LoadModule {
    /// The file cannot be read any more.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is another one by now.
    #[error(
        "{path} has changed: expected {expected}, found {found}; the next snapshot has the new one"
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// What the snapshot says.
        expected: Digest,
        /// What is there.
        found: Digest,
    },
}

impl ModuleFile {
    /// Reads the bytes and makes sure that they are those of the snapshot. Blocks: for a thread where that is fine.
    ///
    /// # Errors
    /// When the file cannot be read, or has other bytes by now.
    pub fn load(&self) -> Result<Vec<u8>, LoadModule> {
        let bytes = std::fs::read(&self.path).map_err(|source| LoadModule::Read {
            path: self.path.clone(),
            source,
        })?;
        let found = Digest::of(&bytes);
        if found == self.digest {
            return Ok(bytes);
        }
        Err(LoadModule::Changed {
            path: self.path.clone(),
            expected: self.digest.clone(),
            found,
        })
    }
}

impl Snapshot {
    /// Whether both have the same content, whatever their generation.
    #[must_use]
    pub fn same_content(&self, other: &Self) -> bool {
        self.watches == other.watches && self.modules == other.modules
    }

    /// The module of this name, where it can be loaded.
    #[must_use]
    pub fn module(&self, name: &str) -> Option<&ModuleFile> {
        match self.modules.get(name)? {
            ModuleEntry::Present(file) => Some(file),
            ModuleEntry::Unreadable { .. } => None,
        }
    }
}
