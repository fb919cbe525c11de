//! Guests in TypeScript: checked by tsc, bundled by esbuild, made a component by componentize-qjs.
//!
//! The engine inside is QuickJS. WASI is stubbed: what is left to import is the world.

use std::path::{Path, PathBuf};

use crate::digest::{self, Stamp};
use crate::process::Call;

use super::{Places, WORLD};

pub(super) fn build(places: &Places) -> anyhow::Result<()> {
    let source = places.sources.join("typescript");
    places.build_if_changed(
        "guest-typescript",
        std::slice::from_ref(&source),
        |component| {
            let bin = install(places, &source)?;
            let bundle = places.scratch("typescript")?.join("guest.js");
            Call::new(bin.join("tsc"))
                .args(["--project", "."])
                .dir(&source)
                .run()?;
            Call::new(bin.join("esbuild"))
                .args([
                    "src/guest.ts",
                    "--bundle",
                    "--format=esm",
                    "--target=es2022",
                ])
                .args(["--external:oarlock:*", "--log-level=warning"])
                .arg(format!("--outfile={}", bundle.display()))
                .dir(&source)
                .run()?;
            Call::new(bin.join("componentize-qjs"))
                .args([
                    "--sync",
                    "--stub-wasi",
                    "--opt-size",
                    "--minify",
                    "--world",
                    WORLD,
                    "--wit",
                ])
                .arg(&places.wit)
                .arg("--js")
                .arg(&bundle)
                .arg("--output")
                .arg(component)
                .dir(&source)
                .run_quietly()
        },
    )
}

/// Installs what the lock file says, and returns where the programs are.
fn install(places: &Places, source: &Path) -> anyhow::Result<PathBuf> {
    let modules = source.join("node_modules");
    let lock = [
        source.join("package.json"),
        source.join("package-lock.json"),
    ];
    let stamp = Stamp::new(
        &places.scratch("typescript")?.join("node_modules"),
        digest::of_inputs(&places.root, &lock)?,
    );
    if !modules.is_dir() || !stamp.is_current() {
        // Not `npm ci`: it refuses a lock file without the bindings of platforms for which the pinned version was not
        // published. This keeps to the lock file as well, and leaves it alone. No package needs its install scripts;
        // none is trusted with running any.
        Call::new("npm")
            .args([
                "install",
                "--no-save",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
            ])
            .dir(source)
            .run_quietly()?;
        stamp.write()?;
    }
    Ok(modules.join(".bin"))
}
