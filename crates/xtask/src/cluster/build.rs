//! Building the control plane from its Go modules, once for each state of them.

use std::collections::BTreeSet;
use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::part::Part;
use crate::digest;
use crate::process::Call;
use crate::workspace;

/// Where what was built is kept: outside of the checkout, for all of them.
pub(super) struct Store {
    dir: PathBuf,
}

impl Store {
    /// The one for the Go modules as they are now.
    pub(super) fn of(root: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            dir: workspace::cache()?.join("control-plane").join(key(root)?),
        })
    }

    /// The file of a program, built or not.
    pub(super) fn path(&self, part: Part) -> PathBuf {
        self.dir.join(part.program())
    }

    pub(super) fn has(&self, part: Part) -> bool {
        self.path(part).is_file()
    }

    /// Builds those of `parts` that are not there yet.
    pub(super) fn make(&self, root: &Path, parts: &[Part]) -> anyhow::Result<()> {
        let absent: Vec<Part> = parts
            .iter()
            .copied()
            .filter(|part| !self.has(*part))
            .collect();
        let modules: BTreeSet<&str> = absent.iter().map(|part| part.module()).collect();
        for module in modules {
            let parts: Vec<Part> = absent
                .iter()
                .copied()
                .filter(|part| part.module() == module)
                .collect();
            self.make_module(&root.join("tests/cluster").join(module), &parts)
                .with_context(|| format!("cannot build {module}"))?;
        }
        Ok(())
    }

    fn make_module(&self, source: &Path, parts: &[Part]) -> anyhow::Result<()> {
        let start = Instant::now();
        let names: Vec<&str> = parts.iter().map(|part| part.program()).collect();
        eprintln!(
            "building {}; the first time this takes minutes, it is done once",
            names.join(", ")
        );
        // Built aside: what has its name is whole.
        let partial = self.dir.join(format!("partial-{}", std::process::id()));
        fs::create_dir_all(&partial)
            .with_context(|| format!("cannot create {}", partial.display()))?;
        let manifest = fs::read_to_string(source.join("go.mod"))
            .with_context(|| format!("cannot read {}/go.mod", source.display()))?;
        let call = Call::new("go")
            .args(["build", "-v", "-trimpath", "-ldflags"])
            .arg(linker_flags(&manifest)?)
            .arg("-o")
            // With the slash it is a folder.
            .arg(format!("{}/", partial.display()))
            .args(parts.iter().map(|part| part.package()))
            .env("CGO_ENABLED", "0")
            .dir(source);
        let mut progress = Progress::new();
        call.run_reading(|line| progress.line(line))?;
        for part in parts {
            let built = partial.join(part.program());
            ensure!(built.is_file(), "the build left no {}", built.display());
            fs::rename(&built, self.path(*part))
                .with_context(|| format!("cannot write {}", self.path(*part).display()))?;
        }
        fs::remove_dir_all(&partial)
            .with_context(|| format!("cannot remove {}", partial.display()))?;
        eprintln!(
            "built {} in {:.0} s",
            names.join(", "),
            start.elapsed().as_secs_f64()
        );
        Ok(())
    }
}

/// Digest of everything the build is made from.
fn key(root: &Path) -> anyhow::Result<String> {
    let sources = root.join("tests/cluster");
    let modules: BTreeSet<&str> = Part::ALL.iter().map(|part| part.module()).collect();
    let inputs: Vec<PathBuf> = modules.iter().map(|module| sources.join(module)).collect();
    let mut key = digest::of_inputs(root, &inputs)?;
    // Enough for a name.
    key.truncate(16);
    Ok(key)
}

/// Kubernetes programs built by hand call themselves v0.0.0; these tell their version, as it stands in `go.mod`.
fn linker_flags(manifest: &str) -> anyhow::Result<String> {
    let mut flags = "-s -w".to_owned();
    let Some(version) = required(manifest, "k8s.io/kubernetes") else {
        return Ok(flags);
    };
    let mut numbers = version.trim_start_matches('v').split('.');
    let (Some(major), Some(minor)) = (numbers.next(), numbers.next()) else {
        anyhow::bail!("k8s.io/kubernetes {version} in go.mod is no version such as v1.34.4");
    };
    for (name, value) in [
        ("gitVersion", version),
        ("gitMajor", major),
        ("gitMinor", minor),
        ("gitTreeState", "clean"),
    ] {
        flags.push_str(&format!(" -X k8s.io/component-base/version.{name}={value}"));
    }
    Ok(flags)
}

/// The version that `go.mod` requires of a module.
fn required<'a>(manifest: &'a str, module: &str) -> Option<&'a str> {
    manifest.lines().find_map(|line| {
        let line = line.trim();
        let line = line.strip_prefix("require ").unwrap_or(line);
        let (name, version) = line.trim().split_once(' ')?;
        (name == module && version.starts_with('v'))
            .then(|| version.split_whitespace().next().unwrap_or(version))
    })
}

/// What `go build -v` says, in one line now and then.
struct Progress {
    start: Instant,
    shown: Instant,
    downloads: usize,
    packages: usize,
}

impl Progress {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            start: now,
            shown: now,
            downloads: 0,
            packages: 0,
        }
    }

    fn line(&mut self, line: &str) {
        if line.starts_with("go: downloading ") {
            self.downloads += 1;
        } else if is_package(line) {
            self.packages += 1;
        } else {
            // An error, or something nobody thought of.
            eprintln!("{line}");
            return;
        }
        let pause = if std::io::stderr().is_terminal() {
            1
        } else {
            15
        };
        if self.shown.elapsed() >= Duration::from_secs(pause) {
            self.shown = Instant::now();
            eprintln!(
                "  {:>4.0} s: {} modules downloaded, {} packages compiled, now {line}",
                self.start.elapsed().as_secs_f64(),
                self.downloads,
                self.packages
            );
        }
    }
}

/// Whether a line is an import path and nothing else.
fn is_package(line: &str) -> bool {
    !line.is_empty()
        && !line.starts_with(['#', '.', '/'])
        && line
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./~".contains(c))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_version_is_that_of_the_manifest() {
        let manifest = "module m\n\nrequire (\n\tk8s.io/kubernetes-x v9.9.9\n\tk8s.io/kubernetes v1.34.4 // indirect\n)\n";
        insta::assert_snapshot!(linker_flags(manifest).unwrap(), @"-s -w -X k8s.io/component-base/version.gitVersion=v1.34.4 -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=34 -X k8s.io/component-base/version.gitTreeState=clean");
        assert_eq!(
            required("require k8s.io/kubernetes v1.2.3\n", "k8s.io/kubernetes"),
            Some("v1.2.3")
        );
        assert_eq!(linker_flags("module m\n").unwrap(), "-s -w");
        assert!(linker_flags("require k8s.io/kubernetes v1\n").is_err());
    }

    #[test]
    fn packages_are_told_from_errors() {
        for package in [
            "k8s.io/api/core/v1",
            "golang.org/x/net/http2",
            "vendor/golang.org/x/text",
        ] {
            assert!(is_package(package), "{package}");
        }
        for other in [
            "# k8s.io/api",
            "./main.go:3:1: syntax error",
            "go: no such module",
            "",
        ] {
            assert!(!is_package(other), "{other}");
        }
    }

    #[test]
    fn the_key_changes_with_each_module() {
        let dir = tempfile::tempdir().unwrap();
        for module in ["control-plane", "etcd", "kwok"] {
            let source = dir.path().join("tests/cluster").join(module);
            fs::create_dir_all(&source).unwrap();
            fs::write(source.join("go.mod"), "module m\n").unwrap();
        }
        fs::write(dir.path().join("tests/cluster/stages.yaml"), "a").unwrap();
        let first = key(dir.path()).unwrap();
        fs::write(dir.path().join("tests/cluster/stages.yaml"), "b").unwrap();
        assert_eq!(
            key(dir.path()).unwrap(),
            first,
            "stages are read at run time"
        );
        fs::write(
            dir.path().join("tests/cluster/etcd/main.go"),
            "package main\n",
        )
        .unwrap();
        assert_ne!(key(dir.path()).unwrap(), first);
    }
}
