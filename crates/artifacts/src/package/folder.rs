//! Reading a folder.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ignore::Rules;
use super::{File, PackageError};
use crate::options::Limits;

/// Folders within folders: a symbolic link to a folder above it would have no end.
const DEPTH: usize = 64;

/// The files below `root`, ordered by path.
pub(super) fn read(
    root: &Path,
    boundary: &Path,
    limits: &Limits,
) -> Result<Vec<File>, PackageError> {
    let boundary = fs::canonicalize(boundary)
        .map_err(|error| PackageError::Read(boundary.display().to_string(), error.to_string()))?;
    let mut walk = Walk {
        rules: rules(root, limits)?,
        boundary,
        limits,
        left: limits.unpacked,
        folders: 0,
        files: Vec::new(),
    };
    walk.folder(root, "", 0)?;
    if walk.files.is_empty() {
        return Err(PackageError::NoChartYaml);
    }
    walk.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(walk.files)
}

/// What the folder's `.helmignore` says.
fn rules(root: &Path, limits: &Limits) -> Result<Rules, PackageError> {
    let mut text = Vec::new();
    match fs::File::open(root.join(".helmignore")) {
        Err(_) => return Ok(Rules::none()),
        Ok(file) => file
            .take(limits.file)
            .read_to_end(&mut text)
            .map_err(|error| read_error(".helmignore", &error))?,
    };
    Rules::parse(&text)
}

struct Walk<'a> {
    rules: Rules,
    boundary: PathBuf,
    limits: &'a Limits,
    left: u64,
    /// That were visited: links may lead to one of them again and again.
    folders: usize,
    files: Vec<File>,
}

impl Walk<'_> {
    /// The folder `dir`, which is at `path` within the chart.
    fn folder(&mut self, dir: &Path, path: &str, depth: usize) -> Result<(), PackageError> {
        if depth > DEPTH {
            let top = path.split('/').next().unwrap_or(path);
            return Err(PackageError::TooDeep(format!("{top}/…"), DEPTH));
        }
        if self.folders == self.limits.files {
            return Err(PackageError::TooManyFolders(self.limits.files));
        }
        self.folders += 1;
        for name in names(dir)? {
            let at = dir.join(&name);
            let path = if path.is_empty() {
                name.to_string_lossy().into_owned()
            } else {
                format!("{path}/{}", name.to_string_lossy())
            };
            let link = fs::symlink_metadata(&at).map_err(|error| read_error(&path, &error))?;
            let real = if link.is_symlink() {
                fs::canonicalize(&at)
                    .map_err(|error| PackageError::Link(path.clone(), error.to_string()))?
            } else {
                at.clone()
            };
            let metadata = fs::metadata(&real).map_err(|error| read_error(&path, &error))?;
            if self.rules.skips(&path, metadata.is_dir()) {
                continue;
            }
            if link.is_symlink() && !real.starts_with(&self.boundary) {
                return Err(self.leads_out(&at, path));
            }
            if metadata.is_dir() {
                self.folder(&real, &path, depth + 1)?;
            } else if metadata.is_file() {
                self.file(&real, path)?;
            } else {
                return Err(PackageError::Irregular(path));
            }
        }
        Ok(())
    }

    fn leads_out(&self, link: &Path, path: String) -> PackageError {
        let target = fs::read_link(link).unwrap_or_default();
        PackageError::LinkOutside(
            path,
            target.display().to_string(),
            self.boundary.display().to_string(),
        )
    }

    fn file(&mut self, real: &Path, path: String) -> Result<(), PackageError> {
        if self.files.len() == self.limits.files {
            return Err(PackageError::TooManyFiles(self.limits.files));
        }
        let most = self.limits.file;
        let mut content = Vec::new();
        OpenOptions::new()
            .read(true)
            // It was no link a moment ago.
            .custom_flags(NO_FOLLOW)
            .open(real)
            .and_then(|file| file.take(most + 1).read_to_end(&mut content))
            .map_err(|error| read_error(&path, &error))?;
        if content.len() as u64 > most {
            let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
            return Err(PackageError::FolderFileTooLarge(name, most));
        }
        self.left = self
            .left
            .checked_sub(content.len() as u64)
            .ok_or(PackageError::TooLarge(self.limits.unpacked))?;
        self.files.push(File {
            path,
            content: Arc::from(content),
        });
        Ok(())
    }
}

/// `O_NOFOLLOW`, as the kernel of this machine has it.
const NO_FOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();

fn names(dir: &Path) -> Result<Vec<OsString>, PackageError> {
    let list = || -> std::io::Result<Vec<OsString>> {
        fs::read_dir(dir)?
            .map(|entry| Ok(entry?.file_name()))
            .collect()
    };
    let mut names = list().map_err(|error| read_error(&dir.display().to_string(), &error))?;
    names.sort();
    Ok(names)
}

fn read_error(path: &str, error: &std::io::Error) -> PackageError {
    PackageError::Read(path.to_owned(), error.to_string())
}
