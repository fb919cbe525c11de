//! Guests in Python, made components by componentize-py: CPython comes along inside.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::digest::{self, Stamp};
use crate::process::Call;
use crate::workspace::tools;

use super::{Places, WORLD};

pub(super) fn build(places: &Places) -> anyhow::Result<()> {
    let source = places.sources.join("python");
    places.build_if_changed("guest-python", std::slice::from_ref(&source), |component| {
        let componentize = install(places, &source)?;
        // In a copy: the interpreter leaves compiled files beside what it loads.
        let app = places.scratch("python")?;
        for file in [
            source.join("guest.py"),
            places.sources.join("greeting-crd.json"),
        ] {
            let name = file.file_name().context("a file has a name")?;
            fs::copy(&file, app.join(name))
                .with_context(|| format!("cannot copy {} to {}", file.display(), app.display()))?;
        }
        Call::new(componentize)
            .arg("--wit-path")
            .arg(&places.wit)
            .args([
                "--world",
                WORLD,
                "componentize",
                "--stub-wasi",
                "guest",
                "--output",
            ])
            .arg(component)
            .dir(&app)
            .run_quietly()
    })
}

/// A virtual environment with what requirements.txt pins; returns the program.
fn install(places: &Places, source: &Path) -> anyhow::Result<PathBuf> {
    let venv = tools(&places.root).join("python");
    let requirements = source.join("requirements.txt");
    let stamp = Stamp::new(
        &venv,
        digest::of_inputs(&places.root, std::slice::from_ref(&requirements))?,
    );
    let program = venv.join("bin/componentize-py");
    if !program.is_file() || !stamp.is_current() {
        Call::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&venv)
            .run()?;
        Call::new(venv.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--requirement"])
            .arg(&requirements)
            .run()?;
        stamp.write()?;
    }
    Ok(program)
}
