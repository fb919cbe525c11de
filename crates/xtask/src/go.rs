//! Components from Go, by the standard compiler.
//!
//! It builds a reactor for WASI preview 1. What it imports from there is answered by an adapter of our own
//! (`go/preview1.wat`) that imports nothing itself, so the component has no WASI import. That is more than tidiness:
//! `cabi_realloc` runs Go code, which asks for the time when it collects garbage, and an import may not be called there.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::modules::write_if_changed;
use crate::process::Call;

const ADAPTER: &str = include_str!("go/preview1.wat");

/// A Go module that becomes a component.
pub(crate) struct GoComponent<'a> {
    /// Folder of its `main` package.
    pub(crate) source: &'a Path,
    /// Folder of the WIT package.
    pub(crate) wit: &'a Path,
    pub(crate) world: &'a str,
    /// Where the core module is left.
    pub(crate) core: &'a Path,
    /// The finished component.
    pub(crate) out: &'a Path,
}

impl GoComponent<'_> {
    pub(crate) fn build(&self) -> anyhow::Result<()> {
        Call::new("go")
            .args([
                "build",
                "-trimpath",
                "-buildmode=c-shared",
                "-ldflags=-s -w",
                "-o",
            ])
            .arg(self.core)
            .arg(".")
            .env("GOOS", "wasip1")
            .env("GOARCH", "wasm")
            .dir(self.source)
            .run()?;
        let core =
            fs::read(self.core).with_context(|| format!("cannot read {}", self.core.display()))?;
        write_if_changed(self.out, &componentize(core, self.wit, self.world)?)
    }
}

/// Wraps a core module, built against `world` of the WIT folder, into a component without WASI imports.
fn componentize(mut core: Vec<u8>, wit: &Path, world: &str) -> anyhow::Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit)?;
    let world = resolve.select_world(&[package], Some(world))?;
    embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8)?;
    let adapter = wat::parse_str(ADAPTER).context("preview1.wat is not valid")?;
    ComponentEncoder::default()
        .module(&core)?
        .adapter("wasi_snapshot_preview1", &adapter)?
        .validate(true)
        .encode()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// A guest that uses the clock inside `cabi_realloc`, as Go does.
    const CORE: &str = r#"(module
        (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
          (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 0)))
          (i32.const 64))
        (func (export "greet") (param i32 i32)))"#;

    #[test]
    fn component_has_no_imports_but_those_of_its_world() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(
            dir.path().join("world.wit"),
            "package test:greet; world greeter { export greet: func(name: string); }",
        )
        .unwrap();
        let core = wat::parse_str(CORE).unwrap();
        let component = componentize(core, dir.path(), "greeter").unwrap();

        let decoded = wit_component::decode(&component).unwrap();
        let (_, world) = decoded.resolve().worlds.iter().next().unwrap();
        assert_eq!(world.imports.len(), 0);
        assert_eq!(world.exports.len(), 1);
    }
}
