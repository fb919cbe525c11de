//! Reading tar, packed or not.

use std::io::{self, Read};
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;
use tar::EntryType;

use super::{File, PackageError};
use crate::options::Limits;

/// What a tar may add to a file: its header, the rest of its last block, and a long name.
const OVERHEAD: u64 = 4096;

/// What may still be read of archives: of one, or of some together. What is read counts, whatever comes of it.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Bytes of tar.
    tar: u64,
    /// Bytes of files.
    content: u64,
}

impl Budget {
    /// What one package may need.
    pub(crate) const fn of(limits: &Limits) -> Self {
        Self {
            tar: limits.unpacked + OVERHEAD * limits.files as u64,
            content: limits.unpacked,
        }
    }
}

/// The files of a `.tgz`.
pub(super) fn unpack(
    bytes: &[u8],
    limits: &Limits,
    budget: &mut Budget,
) -> Result<Vec<File>, PackageError> {
    read(MultiGzDecoder::new(bytes), limits, budget)
}

/// The files of a tar.
pub(super) fn read(
    tar: impl Read,
    limits: &Limits,
    budget: &mut Budget,
) -> Result<Vec<File>, PackageError> {
    let Budget {
        tar: most,
        content: left,
    } = budget;
    let mut archive = tar::Archive::new(Bounded {
        inner: tar,
        left: most,
    });
    let broken = |error: io::Error| {
        if error.kind() == io::ErrorKind::FileTooLarge {
            PackageError::TooLarge(limits.unpacked)
        } else {
            PackageError::Broken(error.to_string())
        }
    };
    let mut files = Vec::new();
    for entry in archive.entries().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let kind = entry.header().entry_type();
        let is_header = kind == EntryType::XGlobalHeader || kind == EntryType::XHeader;
        if kind.is_dir() || name.ends_with('/') || is_header {
            continue;
        }
        let path = path_within(&name)?;
        if files.len() == limits.files {
            return Err(PackageError::TooManyFiles(limits.files));
        }
        // Links and devices have no content, to Helm as well.
        let has_content = matches!(
            kind,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse
        );
        let size = if has_content { entry.size() } else { 0 };
        if size > *left {
            return Err(PackageError::TooLarge(limits.unpacked));
        }
        if size > limits.file {
            return Err(PackageError::FileTooLarge(name, limits.file));
        }
        let mut content = Vec::new();
        // A sparse file may be longer than it says.
        entry
            .take(if has_content { limits.file + 1 } else { 0 })
            .read_to_end(&mut content)
            .map_err(broken)?;
        if content.len() as u64 > limits.file {
            return Err(PackageError::FileTooLarge(name, limits.file));
        }
        *left = left.saturating_sub(content.len() as u64);
        if *left == 0 {
            return Err(PackageError::TooLarge(limits.unpacked));
        }
        files.push(File {
            path,
            content: Arc::from(content),
        });
    }
    if files.is_empty() {
        return Err(PackageError::NoFiles);
    }
    Ok(files)
}

/// The path of an entry within its chart. The rules, their order and their words are those of Helm's loader of archives.
fn path_within(name: &str) -> Result<String, PackageError> {
    let delimiter = if name.contains('\\') { '\\' } else { '/' };
    let (first, rest) = name.split_once(delimiter).unwrap_or((name, ""));
    let rest = rest.replace(delimiter, "/");
    if rest.starts_with('/') {
        return Err(PackageError::AbsolutePath);
    }
    let path = clean(&rest);
    if path == "." {
        return Err(PackageError::OutsideBase(name.to_owned()));
    }
    if path.starts_with("..") {
        return Err(PackageError::ParentDirectory);
    }
    if has_drive(&path) {
        return Err(PackageError::IllegalName);
    }
    if first == "Chart.yaml" {
        return Err(PackageError::NoBaseDirectory);
    }
    Ok(path)
}

/// The shortest path that means the same, as text: nothing is looked up.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    }
}

/// `c:/` and the like.
fn has_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':', b'/', ..] if letter.is_ascii_alphabetic())
}

/// Fails once too much was read: what is packed well is long before it is anything.
struct Bounded<'a, R> {
    inner: R,
    left: &'a mut u64,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let left = self.left.checked_sub(read as u64);
        *self.left = left.unwrap_or_default();
        left.ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde::Deserialize;

    use super::*;

    #[test]
    fn paths_as_helm_reads_them() {
        #[derive(Deserialize)]
        struct Row {
            name: String,
            #[serde(default)]
            path: String,
            #[serde(default)]
            error: String,
        }
        for line in include_str!("../../tests/golden/paths.jsonl").lines() {
            let row: Row = serde_json::from_str(line).unwrap();
            let (path, error) = match path_within(&row.name) {
                Ok(path) => (path, String::new()),
                Err(error) => (String::new(), error.to_string()),
            };
            assert_eq!((path, error), (row.path, row.error), "{:?}", row.name);
        }
    }
}
