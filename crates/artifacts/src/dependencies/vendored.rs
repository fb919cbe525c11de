//! What a chart carries in `charts/`. Pure.

use std::collections::BTreeMap;

use crate::options::Limits;
use crate::package::{Budget, File, Package, PackageError};

/// A chart in `charts/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Vendored {
    pub(super) name: String,
    pub(super) version: String,
    /// Its files within the chart that carries it.
    pub(super) paths: Vec<String>,
}

/// The charts in `charts/`, folders and archives, which all together may unpack to what one package may. What is none is left
/// to whoever renders, who refuses it in Helm's words.
pub(super) fn vendored(package: &Package, limits: &Limits) -> Result<Vec<Vendored>, PackageError> {
    let mut budget = Budget::of(limits);
    let mut parts: BTreeMap<&str, Vec<&File>> = BTreeMap::new();
    for file in package.files() {
        let Some(rest) = file.path.strip_prefix("charts/") else {
            continue;
        };
        let name = rest.split('/').next().unwrap_or_default();
        if !name.starts_with(['_', '.']) && !file.path.ends_with(".prov") {
            parts.entry(name).or_default().push(file);
        }
    }
    let mut vendored = Vec::new();
    for (name, files) in parts {
        let part = match files.as_slice() {
            [archive] if name.ends_with(".tgz") => {
                match Package::open_within(&archive.content, limits, &mut budget) {
                    Err(error @ PackageError::TooLarge(_)) => return Err(error),
                    opened => opened,
                }
            }
            files => Ok(Package::of(within(name, files))),
        };
        if let Ok(chart) = part.and_then(|part| part.chart()) {
            vendored.push(Vendored {
                name: chart.name,
                version: chart.version,
                paths: files.iter().map(|file| file.path.clone()).collect(),
            });
        }
    }
    Ok(vendored)
}

fn within(name: &str, files: &[&File]) -> Vec<File> {
    let prefix = format!("charts/{name}/");
    files
        .iter()
        .filter_map(|file| {
            Some(File {
                path: file.path.strip_prefix(&prefix)?.to_owned(),
                content: file.content.clone(),
            })
        })
        .collect()
}
