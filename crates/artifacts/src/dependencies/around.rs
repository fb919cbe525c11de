//! What is around a chart: where `file://` leads.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oarlock_core::artifact::{FetchError, Reach, Source, Wanted};

use crate::depot::Depot;
use crate::git;
use crate::options::Limits;
use crate::package::{File, Package, is_gzip};

/// Where a chart came from, as far as other charts may be there.
pub(super) enum Around {
    /// A folder; others have to be below the boundary.
    Folder {
        /// The chart's folder, without symbolic links.
        real: PathBuf,
        boundary: PathBuf,
    },
    /// A folder of a commit.
    Commit {
        url: String,
        commit: String,
        path: String,
    },
    /// Nothing but its own files.
    Nothing,
}

impl Around {
    /// What is around the chart that was fetched for `wanted`.
    pub(super) fn of(depot: &Depot, wanted: &Wanted, bytes: &[u8], revision: &str) -> Self {
        if is_gzip(bytes) {
            return Self::Nothing;
        }
        match &wanted.source {
            Source::Git { url, path, .. } => Self::Commit {
                url: url.clone(),
                commit: revision.to_owned(),
                path: path.clone(),
            },
            Source::Local(path) => Self::of_folder(depot.charts(), &wanted.reach, path),
            Source::Archive(_) | Source::Repository { .. } | Source::Oci { .. } => Self::Nothing,
        }
    }

    /// Below the chart folder for whom grants it; for a person at a command line, all that the person may read.
    fn of_folder(charts: Option<&Path>, reach: &Reach, path: &str) -> Self {
        let below = charts.and_then(|charts| {
            let boundary = fs::canonicalize(charts).ok()?;
            let real = fs::canonicalize(boundary.join(path)).ok()?;
            real.starts_with(&boundary)
                .then_some(Self::Folder { real, boundary })
        });
        if let Some(below) = below {
            return below;
        }
        match (reach, fs::canonicalize(path)) {
            (Reach::Anywhere { .. }, Ok(real)) => Self::Folder {
                real,
                boundary: PathBuf::from("/"),
            },
            _ => Self::Nothing,
        }
    }

    /// The chart at `path`, seen from the folder of the chart that is `bytes`.
    pub(super) async fn chart(
        &self,
        depot: &Depot,
        wanted: &Wanted,
        bytes: &Arc<[u8]>,
        path: &str,
    ) -> Result<Package, FetchError> {
        let limits = depot.options().limits;
        match self {
            Self::Folder { real, boundary } => {
                let (from, boundary) = (real.clone(), boundary.clone());
                let path = path.to_owned();
                depot
                    .unpack(move || folder(&from, &boundary, &path, &limits))
                    .await?
            }
            Self::Commit {
                url,
                commit,
                path: from,
            } => {
                let to = joined(from, path).ok_or_else(|| missing(path))?;
                let fetched = git::fetch(depot, wanted, url, commit, &to).await;
                let fetched = fetched.map_err(|error| match error {
                    FetchError::NotFound(_) => missing(path),
                    error => error,
                })?;
                opened(depot, fetched.bytes, path).await
            }
            Self::Nothing => {
                let prefix = joined("", path)
                    .filter(|prefix| !prefix.is_empty())
                    .ok_or_else(|| missing(path))?;
                let package = opened(depot, Arc::clone(bytes), path).await?;
                within(&package, &prefix).ok_or_else(|| missing(path))
            }
        }
    }
}

async fn opened(depot: &Depot, bytes: Arc<[u8]>, path: &str) -> Result<Package, FetchError> {
    let limits = depot.options().limits;
    let package = depot.unpack(move || Package::open(&bytes, &limits)).await?;
    package.map_err(|error| error.at(&format!("file://{path}")))
}

fn folder(
    from: &Path,
    boundary: &Path,
    path: &str,
    limits: &Limits,
) -> Result<Package, FetchError> {
    let real = fs::canonicalize(from.join(path)).map_err(|_| missing(path))?;
    // The same words whether something is there or not.
    if !real.starts_with(boundary) || !real.is_dir() {
        return Err(missing(path));
    }
    Package::folder(&real, boundary, limits).map_err(|error| error.at(&format!("file://{path}")))
}

/// The files of a package below `prefix`.
fn within(package: &Package, prefix: &str) -> Option<Package> {
    let prefix = format!("{prefix}/");
    let files: Vec<File> = package
        .files()
        .iter()
        .filter_map(|file| {
            Some(File {
                path: file.path.strip_prefix(&prefix)?.to_owned(),
                content: Arc::clone(&file.content),
            })
        })
        .collect();
    (!files.is_empty()).then(|| Package::of(files))
}

/// `path` seen from `from`, both relative; `None` where it leads out, or is absolute.
fn joined(from: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in from.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn missing(path: &str) -> FetchError {
    FetchError::NotFound(format!(
        "directory {path} not found; hint: file:// counts from the chart's folder, and reaches what is in the same source: the \
         chart folder, the git repository, or the package itself"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_do_not_lead_out() {
        for (from, path, to) in [
            ("charts/web", "../common", Some("charts/common")),
            ("charts/web", "./sub", Some("charts/web/sub")),
            ("", "charts/x/", Some("charts/x")),
            ("web", "../..", None),
            ("web", "/etc", None),
            ("web", "..", Some("")),
        ] {
            assert_eq!(joined(from, path).as_deref(), to, "{from} {path}");
        }
    }
}
