//! The real Helm, which the rendering is compared with: built once from `tests/cluster/helm`, or the one that the user names.
//!
//! One on PATH does not count: only the version of the engine says the same.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use super::Found;
use crate::digest;
use crate::process::{self, Call};
use crate::workspace;

const PROGRAM: &str = "helm";
const PACKAGE: &str = "helm.sh/helm/v4/cmd/helm";
const MODULE: &str = "helm.sh/helm/v4";
/// Names one to take instead.
const CHOICE: &str = "OARLOCK_HELM";

/// The program of the environment, or of the cache; else built into the cache.
pub(super) fn find_or_build(root: &Path) -> anyhow::Result<Found> {
    if let Some(file) = env::var_os(CHOICE).map(PathBuf::from) {
        ensure!(
            file.is_file(),
            "{CHOICE} is {}, where no file is",
            file.display()
        );
        return Ok(Found::At(std::path::absolute(file)?, CHOICE.to_owned()));
    }
    let source = root.join("tests/cluster/helm");
    let mut key = digest::of_inputs(root, std::slice::from_ref(&source))?;
    // Enough for a name.
    key.truncate(16);
    let file = workspace::cache()?.join(PROGRAM).join(key).join(PROGRAM);
    if !file.is_file() {
        if process::find("go").is_none() {
            return Ok(missing());
        }
        build(&source, &file)?;
    }
    Ok(Found::At(file, "built from tests/cluster/helm".to_owned()))
}

fn build(source: &Path, file: &Path) -> anyhow::Result<()> {
    eprintln!("building {PROGRAM}; the first time this takes minutes, it is done once");
    let manifest = fs::read_to_string(source.join("go.mod"))
        .with_context(|| format!("cannot read {}/go.mod", source.display()))?;
    let version = version(&manifest)?;
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    // Aside: what has its name is whole.
    let partial = folder.join(format!("partial-{}", std::process::id()));
    Call::new("go")
        .args(["build", "-trimpath", "-ldflags"])
        // As its own Makefile does; built by hand it knows no third number.
        .arg(format!(
            "-s -w -X {MODULE}/internal/version.version={version}"
        ))
        .arg("-o")
        .arg(&partial)
        .arg(PACKAGE)
        .env("CGO_ENABLED", "0")
        .dir(source)
        .run()?;
    fs::rename(&partial, file).with_context(|| format!("cannot write {}", file.display()))
}

/// The version of Helm that a `go.mod` requires.
fn version(manifest: &str) -> anyhow::Result<&str> {
    manifest
        .lines()
        .find_map(|line| {
            let line = line.trim();
            let line = line.strip_prefix("require ").unwrap_or(line);
            let (name, version) = line.split_once(' ')?;
            (name == MODULE).then(|| version.split(' ').next().unwrap_or(version))
        })
        .with_context(|| format!("go.mod requires no {MODULE}"))
}

fn missing() -> Found {
    Found::Missing(format!(
        "missing: {PROGRAM}, not tested: rendering against the real one, and there is no go to build it; hint: install Go 1.26 or \
         newer, or let {CHOICE} name one"
    ))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_is_missing_is_told_with_what_to_do() {
        let Found::Missing(line) = missing() else {
            panic!("found");
        };
        insta::assert_snapshot!(line, @"missing: helm, not tested: rendering against the real one, and there is no go to build it; hint: install Go 1.26 or newer, or let OARLOCK_HELM name one");
    }

    /// What is compared must be of one version.
    #[test]
    fn the_real_one_has_the_version_of_the_engine() {
        let root = workspace::root().unwrap();
        let version_of = |module: &str| {
            let manifest = fs::read_to_string(root.join(module).join("go.mod")).unwrap();
            version(&manifest).unwrap().to_owned()
        };
        assert_eq!(
            version_of("tests/cluster/helm"),
            version_of("modules/helm/engine")
        );
    }
}
