//! Folders and archives on this machine.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use oarlock_core::artifact::{FetchError, Verification, Wanted};
use oarlock_core::reference::Digest;

use crate::depot::Depot;
use crate::fetched::{Fetched, Provenance};
use crate::options::Limits;
use crate::package::{Package, PackageError, is_gzip};

/// The chart at `path` below the chart folder.
pub(crate) async fn fetch(
    depot: &Depot,
    wanted: &Wanted,
    path: &str,
) -> Result<Fetched, FetchError> {
    let Some(charts) = depot.charts() else {
        return Err(FetchError::Denied(format!(
            "{path}: there is no chart folder; hint: `--charts` names the folder that local charts are in"
        )));
    };
    let below = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if path.is_empty() || !Path::new(path).components().all(below) {
        return Err(leaves(path));
    }
    let (charts, name) = (charts.to_owned(), path.to_owned());
    read(depot, wanted, move || {
        let root = fs::canonicalize(&charts).map_err(|error| {
            FetchError::Unavailable(format!(
                "cannot open the chart folder {}: {error}",
                charts.display()
            ))
        })?;
        let real = fs::canonicalize(root.join(&name)).map_err(|error| not_there(&name, &error))?;
        if !real.starts_with(&root) {
            return Err(leaves(&name));
        }
        Ok(Place {
            name,
            real,
            boundary: root,
        })
    })
    .await
}

/// The chart at `path`, wherever that is.
pub(crate) async fn fetch_path(
    depot: &Depot,
    wanted: &Wanted,
    path: PathBuf,
) -> Result<Fetched, FetchError> {
    read(depot, wanted, move || {
        let name = path.display().to_string();
        let real = fs::canonicalize(&path).map_err(|error| not_there(&name, &error))?;
        let boundary = real.parent().unwrap_or(&real).to_owned();
        Ok(Place {
            name,
            real,
            boundary,
        })
    })
    .await
}

/// Where a local chart is.
struct Place {
    /// As it was asked for.
    name: String,
    /// Without symbolic links.
    real: PathBuf,
    /// What symbolic links must not lead out of.
    boundary: PathBuf,
}

async fn read(
    depot: &Depot,
    wanted: &Wanted,
    place: impl FnOnce() -> Result<Place, FetchError> + Send + 'static,
) -> Result<Fetched, FetchError> {
    let limits = depot.options().limits;
    let proven = wanted
        .verify
        .iter()
        .any(|proof| matches!(proof, Verification::Provenance { .. }));
    depot.unpack(move || place()?.open(&limits, proven)).await?
}

impl Place {
    fn open(&self, limits: &Limits, proven: bool) -> Result<Fetched, FetchError> {
        let invalid = |error: PackageError| error.at(&self.name);
        let metadata = fs::metadata(&self.real).map_err(|error| not_there(&self.name, &error))?;
        let (bytes, package) = if metadata.is_dir() {
            let package = Package::folder(&self.real, &self.boundary, limits).map_err(invalid)?;
            (package.bytes(), package)
        } else if !metadata.is_file() {
            // A pipe would be waited for.
            return Err(invalid(PackageError::Irregular(self.name.clone())));
        } else {
            let bytes: Arc<[u8]> = self.file(&self.real, limits.package)?.into();
            if !is_gzip(&bytes) {
                return Err(self.no_archive());
            }
            let package = Package::open(&bytes, limits).map_err(invalid)?;
            (bytes, package)
        };
        let chart = package.chart().map_err(invalid)?;
        Ok(Fetched {
            revision: Digest::of(&bytes).as_str().to_owned(),
            provenance: if proven {
                self.provenance(limits)?
            } else {
                None
            },
            bytes,
            name: chart.name,
            version: chart.version,
            origin: self.name.clone(),
            manifest: None,
            signatures: Vec::new(),
        })
    }

    fn file(&self, path: &Path, most: u64) -> Result<Vec<u8>, FetchError> {
        let mut content = Vec::new();
        fs::File::open(path)
            .and_then(|file| file.take(most + 1).read_to_end(&mut content))
            .map_err(|error| not_there(&self.name, &error))?;
        if content.len() as u64 > most {
            return Err(FetchError::Invalid(format!(
                "{} is larger than {most} bytes, which is the most that is read of it",
                self.name
            )));
        }
        Ok(content)
    }

    /// What is beside an archive. Folders are not signed.
    fn provenance(&self, limits: &Limits) -> Result<Option<Provenance>, FetchError> {
        if self.real.is_dir() {
            return Err(FetchError::Mismatch(format!(
                "{}: unpacked charts cannot be verified; hint: `helm package --sign` makes an archive with a provenance file",
                self.name
            )));
        }
        let file = self.real.file_name().unwrap_or_default();
        let file = file.to_string_lossy().into_owned();
        let path = self.real.with_file_name(format!("{file}.prov"));
        if !path.exists() {
            return Ok(None);
        }
        let text = self.file(&path, limits.proof)?;
        Ok(Some(Provenance { file, text }))
    }

    fn no_archive(&self) -> FetchError {
        let name = &self.name;
        FetchError::Invalid(if name.ends_with(".yaml") || name.ends_with(".yml") {
            format!(
                "file '{name}' seems to be a YAML file, but expected a gzipped archive; hint: is the values file where the chart \
                 should be?"
            )
        } else {
            format!(
                "file '{name}' does not appear to be a gzipped archive; hint: a chart is a folder, or a .tgz as `helm package` \
                 makes it"
            )
        })
    }
}

fn leaves(path: &str) -> FetchError {
    FetchError::Denied(format!(
        "{path:?} is not below the chart folder; hint: name a folder or a .tgz in it by a path without `..`, and without symbolic \
         links that lead out of it"
    ))
}

fn not_there(name: &str, error: &io::Error) -> FetchError {
    if error.kind() == io::ErrorKind::NotFound {
        FetchError::NotFound(format!("path {name:?} not found"))
    } else {
        FetchError::Unavailable(format!("cannot read {name:?}: {error}"))
    }
}
