//! Components from Go, by the standard compiler.
//!
//! It builds a reactor for WASI preview 1. What it imports from there is answered by an adapter of our own
//! (`go/preview1.wat`) that imports nothing itself, so the component has no WASI import. That is more than tidiness:
//! `cabi_realloc` runs Go code, which asks for the time when it collects garbage, and an import may not be called there.

mod snapshot;

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::modules::write_if_changed;
use crate::process::Call;

const ADAPTER: &str = include_str!("go/preview1.wat");
/// Where the adapter's clock starts: replaced where a guest has seen it go on.
const CLOCK: &str = "(mut i64) (i64.const 0)) ;; the clock";

/// A Go module that becomes a component.
pub(crate) struct GoComponent<'a> {
    /// Folder of its `main` package.
    pub(crate) source: &'a Path,
    /// Folders of the WIT packages, each after those that it uses; the world is one of the last.
    pub(crate) wit: &'a [&'a Path],
    pub(crate) world: &'a str,
    /// Text variables that the linker sets: the package with the name, and the value.
    pub(crate) variables: &'a [(&'a str, &'a str)],
    /// An export that is called once, at build time: what the guest is after it, every instance is from the first. None
    /// for a guest that starts anew with every instance.
    pub(crate) warm_up: Option<&'a str>,
    /// Where the core module is left.
    pub(crate) core: &'a Path,
    /// The finished component.
    pub(crate) out: &'a Path,
}

impl GoComponent<'_> {
    pub(crate) fn build(&self) -> anyhow::Result<()> {
        let mut flags = "-ldflags=-s -w".to_owned();
        for (variable, value) in self.variables {
            flags.push_str(&format!(" -X {variable}={value}"));
        }
        Call::new("go")
            .args([
                "build",
                "-trimpath",
                "-buildvcs=false",
                "-buildmode=c-shared",
            ])
            .arg(flags)
            .arg("-o")
            .arg(self.core)
            .arg(".")
            .env("GOOS", "wasip1")
            .env("GOARCH", "wasm")
            .dir(self.source)
            .run()?;
        let mut core =
            fs::read(self.core).with_context(|| format!("cannot read {}", self.core.display()))?;
        let mut clock = 0;
        if let Some(warm_up) = self.warm_up {
            let snapshot = snapshot::take(&core, &adapter(clock)?, warm_up)?;
            core = snapshot.core;
            clock = snapshot.clock;
        }
        let component = componentize(core, &adapter(clock)?, self.wit, self.world)?;
        write_if_changed(self.out, &component)
    }
}

/// The adapter, its clock at so many nanoseconds.
fn adapter(clock: i64) -> anyhow::Result<Vec<u8>> {
    let text = ADAPTER.replacen(CLOCK, &format!("(mut i64) (i64.const {clock}))"), 1);
    wat::parse_str(text).context("preview1.wat is not valid")
}

/// Wraps a core module, built against `world` of the last WIT folder, into a component without WASI imports.
fn componentize(
    mut core: Vec<u8>,
    adapter: &[u8],
    wit: &[&Path],
    world: &str,
) -> anyhow::Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    let mut packages = Vec::new();
    for folder in wit {
        let (package, _) = resolve.push_dir(folder)?;
        packages = vec![package];
    }
    let world = resolve.select_world(&packages, Some(world))?;
    embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8)?;
    ComponentEncoder::default()
        .module(&core)?
        .adapter("wasi_snapshot_preview1", adapter)?
        .validate(true)
        .encode()
}

#[cfg(test)]
mod tests;
