//! Where the programs of the control plane are taken from.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use super::build;
use super::part::Part;
use crate::process;

/// All programs, or what is missing.
pub(crate) struct Search {
    found: BTreeMap<Part, PathBuf>,
    missing: Vec<String>,
}

/// Every program.
pub(crate) struct Programs(BTreeMap<Part, PathBuf>);

impl Programs {
    /// The file of one.
    pub(crate) fn path(&self, part: Part) -> &Path {
        // `Search::found` gives none away without all.
        self.0.get(&part).map_or(Path::new(""), PathBuf::as_path)
    }
}

impl Search {
    /// A line for everything that is missing.
    pub(crate) fn missing(&self) -> Vec<String> {
        self.missing.clone()
    }

    pub(crate) fn found(self) -> Option<Programs> {
        Part::ALL
            .iter()
            .all(|part| self.found.contains_key(part))
            .then_some(Programs(self.found))
    }
}

/// Looks in `KUBEBUILDER_ASSETS`, on PATH and among what was built before, and builds the rest. Says where each comes from.
pub(crate) fn all(root: &Path) -> anyhow::Result<Search> {
    let assets = env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    let mut found = BTreeMap::new();
    let mut absent = Vec::new();
    for part in Part::ALL {
        match given(part, assets.as_deref()) {
            Some((path, from)) => {
                eprintln!("{part}: {} ({from})", path.display());
                found.insert(part, path);
            }
            None => absent.push(part),
        }
    }
    let mut missing = Vec::new();
    if !absent.is_empty() {
        let built = build::Store::of(root)?;
        if absent.iter().any(|part| !built.has(*part)) && process::find("go").is_none() {
            missing = missing_lines(&absent);
        } else {
            built.make(root, &absent)?;
            for part in absent {
                eprintln!(
                    "{part}: {} (built from tests/cluster)",
                    built.path(part).display()
                );
                found.insert(part, built.path(part));
            }
        }
    }
    Ok(Search { found, missing })
}

/// A program that the user has.
fn given(part: Part, assets: Option<&Path>) -> Option<(PathBuf, &'static str)> {
    let in_assets = assets
        .map(|dir| dir.join(part.program()))
        .filter(|file| file.is_file())
        .map(|file| (file, "KUBEBUILDER_ASSETS"));
    in_assets.or_else(|| process::find(part.program()).map(|file| (file, "PATH")))
}

fn missing_lines(parts: &[Part]) -> Vec<String> {
    let names: Vec<_> = parts.iter().map(|part| part.program()).collect();
    vec![format!(
        "missing: go, not built: {}, hint: install Go 1.26 or newer, or let KUBEBUILDER_ASSETS name a folder that has them",
        names.join(", ")
    )]
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_folder_that_the_user_names_counts_first() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("kwok");
        std::fs::write(&file, "").unwrap();
        assert_eq!(
            given(Part::Kwok, Some(dir.path())),
            Some((file, "KUBEBUILDER_ASSETS"))
        );
    }

    #[test]
    fn what_is_missing_is_told_with_what_to_do() {
        insta::assert_snapshot!(missing_lines(&[Part::Etcd, Part::Kwok]).join("\n"), @"missing: go, not built: etcd, kwok, hint: install Go 1.26 or newer, or let KUBEBUILDER_ASSETS name a folder that has them");
        let search = Search {
            found: BTreeMap::new(),
            missing: Vec::new(),
        };
        assert!(search.found().is_none());
    }
}
