//! Packages: archives and folders of charts, read and written within limits.
//!
//! What Helm refuses of an archive is refused here, in its words. What is not here: whether the chart in it is any good.

mod archive;
mod folder;
pub(crate) mod ignore;
mod metadata;
mod tarball;

use std::sync::Arc;

use oarlock_core::artifact::FetchError;
use thiserror::Error;

use crate::options::Limits;
pub(crate) use archive::Budget;
pub(crate) use metadata::Chart;
use oarlock_version::quoted;

/// What an archive of gzip begins with.
const GZIP: [u8; 3] = [0x1f, 0x8b, 0x08];

/// First part of all paths in a tar of ours; readers drop the first part, whatever it is.
const ROOT: &str = "chart";

/// The files of a chart, by their paths within it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    files: Vec<File>,
    layout: Layout,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// With `/`, without the folder that the chart is in.
    pub(crate) path: String,
    /// Its bytes.
    pub(crate) content: Arc<[u8]>,
}

/// Where the files are from. Helm reads them differently: `.helmignore` counts in folders only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// A `.tgz`.
    Archive,
    /// A folder, or an uncompressed tar of one.
    Folder,
}

/// Why something is no package. Helm's words where Helm has some.
#[derive(Debug, Error)]
pub(crate) enum PackageError {
    #[error("chart illegally contains absolute paths")]
    AbsolutePath,
    #[error("chart illegally contains content outside the base directory: {}", quoted(.0))]
    OutsideBase(String),
    #[error("chart illegally references parent directory")]
    ParentDirectory,
    #[error("chart contains illegally named files")]
    IllegalName,
    #[error("chart yaml not in base directory")]
    NoBaseDirectory,
    #[error("decompressed chart is larger than the maximum size {0}")]
    TooLarge(u64),
    #[error("decompressed chart file {} is larger than the maximum file size {}", quoted(.0), .1)]
    FileTooLarge(String, u64),
    #[error("chart file {} is larger than the maximum file size {}", quoted(.0), .1)]
    FolderFileTooLarge(String, u64),
    #[error("chart has more than {0} files, which is the most that is read")]
    TooManyFiles(usize),
    #[error(
        "chart has more than {0} folders, which is the most that is read; hint: do symbolic links lead to the same folders again and again?"
    )]
    TooManyFolders(usize),
    #[error(
        "{0} is more than {1} folders deep, which is the most that is read; hint: does a symbolic link lead to a folder above it?"
    )]
    TooDeep(String, usize),
    #[error("no files in chart archive")]
    NoFiles,
    #[error("cannot load irregular file {0} as it has file mode type bits set")]
    Irregular(String),
    #[error(
        "{0} is a symbolic link to {1}, which is outside of {2}; hint: copy what it points at into the chart"
    )]
    LinkOutside(String, String, String),
    #[error(
        "does not appear to be a gzipped archive; hint: a chart is a .tgz as `helm package` makes it"
    )]
    NotAnArchive,
    #[error("does not appear to be a valid chart file: {0}")]
    Broken(String),
    #[error("error reading {0}: {1}")]
    Read(String, String),
    #[error("Chart.yaml file is missing")]
    NoChartYaml,
    #[error("cannot load Chart.yaml: {0}")]
    ChartYaml(String),
    #[error("validation: {0}")]
    Validation(String),
    #[error("error evaluating symlink {0}: {1}; hint: does what it points at exist?")]
    Link(String, String),
    #[error("{0}; hint: it is in the chart's .helmignore")]
    Ignore(&'static str),
}

impl PackageError {
    /// As an error of a fetch; `place` is the package's origin, for people.
    pub(crate) fn at(&self, place: &str) -> FetchError {
        FetchError::Invalid(format!("{place}: {self}"))
    }
}

impl Package {
    /// The files of a `.tgz`, or of an uncompressed tar of a folder.
    pub(crate) fn open(bytes: &[u8], limits: &Limits) -> Result<Self, PackageError> {
        Self::open_within(bytes, limits, &mut Budget::of(limits))
    }

    /// The same, of one package of some that have to make do with one budget.
    pub(crate) fn open_within(
        bytes: &[u8],
        limits: &Limits,
        budget: &mut Budget,
    ) -> Result<Self, PackageError> {
        let (files, layout) = if is_gzip(bytes) {
            (archive::unpack(bytes, limits, budget)?, Layout::Archive)
        } else if is_tar(bytes) {
            (archive::read(bytes, limits, budget)?, Layout::Folder)
        } else {
            return Err(PackageError::NotAnArchive);
        };
        Ok(Self { files, layout })
    }

    /// The files of the folder `root`, but for those that its `.helmignore` names. Symbolic links are followed as Helm follows
    /// them, but not out of `boundary`.
    pub(crate) fn folder(
        root: &std::path::Path,
        boundary: &std::path::Path,
        limits: &Limits,
    ) -> Result<Self, PackageError> {
        Ok(Self {
            files: folder::read(root, boundary, limits)?,
            layout: Layout::Folder,
        })
    }

    /// These files, as those of a folder.
    pub(crate) fn of(files: Vec<File>) -> Self {
        Self {
            files,
            layout: Layout::Folder,
        }
    }

    /// What `Chart.yaml` says.
    pub(crate) fn chart(&self) -> Result<Chart, PackageError> {
        // Helm takes the last one.
        let file = self.files.iter().rfind(|file| file.path == "Chart.yaml");
        Chart::parse(&file.ok_or(PackageError::NoChartYaml)?.content)
    }

    /// All files, in their order.
    pub(crate) fn files(&self) -> &[File] {
        &self.files
    }

    /// The content of the file at `path`.
    pub(crate) fn file(&self, path: &str) -> Option<&[u8]> {
        let file = self.files.iter().rfind(|file| file.path == path)?;
        Some(&file.content)
    }

    /// Adds a file, or replaces what is at its path.
    pub(crate) fn put(&mut self, path: &str, content: Arc<[u8]>) {
        self.remove(path);
        self.files.push(File {
            path: path.to_owned(),
            content,
        });
    }

    /// Removes the file at `path`.
    pub(crate) fn remove(&mut self, path: &str) {
        self.files.retain(|file| file.path != path);
    }

    /// The same files as a `.tgz` that depends on nothing else.
    pub(crate) fn archive(&self) -> Arc<[u8]> {
        tarball::gzip(&tarball::tar(&self.files)).into()
    }

    /// The same files as bytes that depend on nothing else: an uncompressed tar for a folder, and for an archive the same in
    /// gzip, so that whoever reads them treats them as what they were.
    pub(crate) fn bytes(&self) -> Arc<[u8]> {
        match self.layout {
            Layout::Folder => tarball::tar(&self.files).into(),
            Layout::Archive => self.archive(),
        }
    }
}

/// Whether `bytes` begin as a `.tgz` does.
pub(crate) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&GZIP)
}

/// Whether `bytes` begin as a tar of POSIX or GNU does.
fn is_tar(bytes: &[u8]) -> bool {
    bytes.get(257..262) == Some(b"ustar")
}

#[cfg(test)]
pub(crate) mod tests;
