//! Guests in Go, by the standard compiler.
//!
//! It builds a reactor for WASI preview 1. What it imports from there is answered by an adapter of our own
//! (`preview1.wat`) that imports nothing itself, so the component has no WASI import. That is more than tidiness:
//! `cabi_realloc` runs Go code, which asks for the time when it collects garbage, and an import may not be called there.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::modules::write_if_changed;
use crate::process::Call;

use super::{Places, WORLD};

const ADAPTER: &str = include_str!("preview1.wat");

pub(super) fn build(places: &Places) -> anyhow::Result<()> {
    let source = places.sources.join("go");
    places.build_if_changed("guest-go", std::slice::from_ref(&source), |component| {
        let core = places.scratch("go")?.join("guest.core.wasm");
        Call::new("go")
            .args([
                "build",
                "-trimpath",
                "-buildmode=c-shared",
                "-ldflags=-s -w",
                "-o",
            ])
            .arg(&core)
            .arg(".")
            .env("GOOS", "wasip1")
            .env("GOARCH", "wasm")
            .dir(&source)
            .run()?;
        let core = fs::read(&core).with_context(|| format!("cannot read {}", core.display()))?;
        write_if_changed(component, &componentize(core, &places.wit, WORLD)?)
    })
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
