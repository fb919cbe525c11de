//! `cargo xtask guests`: the guests that the host is tested with, in every language, and the hostile ones.
//!
//! Each language is one file. Tools are installed below the checkout, never on the machine, and a build whose inputs
//! did not change is skipped. What is missing is said, never passed over.

mod go;
mod python;
mod rust;
mod typescript;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, bail};
use clap::ValueEnum;

use crate::digest::{self, Stamp};
use crate::process;
use crate::workspace::{guests_out, shown};

/// The world that the guests are written against.
const WORLD: &str = "reading";

/// A language that guests are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    Rust,
    #[value(alias = "typescript")]
    Ts,
    Python,
    Go,
}

impl Lang {
    const ALL: [Self; 4] = [Self::Rust, Self::Ts, Self::Python, Self::Go];

    /// What has to be on PATH, and how it gets there.
    fn requirements(self) -> &'static [Requirement] {
        match self {
            Self::Rust => &[],
            Self::Ts => &[
                Requirement {
                    program: "node",
                    hint: "install Node.js 20 or newer",
                },
                Requirement {
                    program: "npm",
                    hint: "npm comes with Node.js",
                },
            ],
            Self::Python => &[Requirement {
                program: "python3",
                hint: "install Python 3.10 or newer with venv",
            }],
            Self::Go => &[Requirement {
                program: "go",
                hint: "install Go 1.26 or newer",
            }],
        }
    }

    /// The components it makes, by name.
    fn makes(self) -> &'static str {
        match self {
            Self::Rust => "guest-rust and the hostile guests",
            Self::Ts => "guest-typescript",
            Self::Python => "guest-python",
            Self::Go => "guest-go",
        }
    }
}

struct Requirement {
    program: &'static str,
    hint: &'static str,
}

/// What to build.
pub(crate) struct Selection {
    /// Empty for all.
    pub(crate) languages: Vec<Lang>,
    /// Whether a missing toolchain is only told, not an error.
    pub(crate) allow_missing: bool,
}

/// Places that every language needs.
struct Places {
    root: PathBuf,
    wit: PathBuf,
    /// `tests/guests`.
    sources: PathBuf,
    out: PathBuf,
}

impl Places {
    /// The finished component of that name.
    fn component(&self, name: &str) -> PathBuf {
        self.out.join(format!("{name}.wasm"))
    }

    /// A folder for what lies between source and component; exists.
    fn scratch(&self, name: &str) -> anyhow::Result<PathBuf> {
        let dir = self.root.join("target/oarlock/scratch").join(name);
        fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        Ok(dir)
    }

    /// Builds a component unless its inputs are those of the last time.
    fn build_if_changed(
        &self,
        name: &str,
        sources: &[PathBuf],
        build: impl FnOnce(&Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let start = Instant::now();
        let component = self.component(name);
        let mut inputs = sources.to_vec();
        inputs.push(self.wit.clone());
        inputs.push(self.sources.join("greeting-crd.json"));
        // The recipe is an input, too.
        inputs.push(self.root.join("crates/xtask/src/guests"));
        let stamp = Stamp::new(&component, digest::of_inputs(&self.root, &inputs)?);
        if component.is_file() && stamp.is_current() {
            eprintln!("{}: unchanged", shown(&self.root, &component));
            return Ok(());
        }
        build(&component).with_context(|| format!("cannot build {name}"))?;
        stamp.write()?;
        let size = fs::metadata(&component)
            .with_context(|| format!("the build of {name} left no {}", component.display()))?
            .len();
        let seconds = start.elapsed().as_secs_f64();
        eprintln!(
            "{}: {} KiB in {seconds:.1} s",
            shown(&self.root, &component),
            size / 1024
        );
        Ok(())
    }
}

pub(crate) fn run(root: &Path, selection: &Selection) -> anyhow::Result<()> {
    let places = Places {
        root: root.to_path_buf(),
        wit: root.join("wit"),
        sources: root.join("tests/guests"),
        out: guests_out(root),
    };
    fs::create_dir_all(&places.out)
        .with_context(|| format!("cannot create {}", places.out.display()))?;

    let mut missing = Vec::new();
    for lang in Lang::ALL {
        if !selection.languages.is_empty() && !selection.languages.contains(&lang) {
            continue;
        }
        let absent: Vec<_> = lang
            .requirements()
            .iter()
            .filter(|requirement| process::find(requirement.program).is_none())
            .collect();
        if !absent.is_empty() {
            missing.extend(
                absent
                    .into_iter()
                    .map(|requirement| missing_line(lang, requirement)),
            );
            continue;
        }
        match lang {
            Lang::Rust => rust::build(&places)?,
            Lang::Ts => typescript::build(&places)?,
            Lang::Python => python::build(&places)?,
            Lang::Go => go::build(&places)?,
        }
    }
    for line in &missing {
        eprintln!("{line}");
    }
    if !missing.is_empty() && !selection.allow_missing {
        bail!(
            "{} toolchain(s) missing; hint: --allow-missing builds the other guests",
            missing.len()
        );
    }
    Ok(())
}

fn missing_line(lang: Lang, requirement: &Requirement) -> String {
    format!(
        "missing: {}, guests not built: {}, hint: {}",
        requirement.program,
        lang.makes(),
        requirement.hint
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_toolchain_is_told_with_what_it_costs() {
        let lines: Vec<_> = Lang::ALL
            .into_iter()
            .flat_map(|lang| {
                lang.requirements()
                    .iter()
                    .map(move |r| missing_line(lang, r))
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        missing: node, guests not built: guest-typescript, hint: install Node.js 20 or newer
        missing: npm, guests not built: guest-typescript, hint: npm comes with Node.js
        missing: python3, guests not built: guest-python, hint: install Python 3.10 or newer with venv
        missing: go, guests not built: guest-go, hint: install Go 1.26 or newer
        ");
    }
}
