//! `oarlock inspect`: what a module is, and what it can do.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use oarlock_core::manifest::ResourceGrant;
use oarlock_wasm::{EngineOptions, Inspection, Loader, World};

/// Arguments of `oarlock inspect`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The component.
    #[arg(value_name = "MODULE.wasm")]
    module: PathBuf,
}

/// Prints what is to know.
#[expect(clippy::print_stdout, reason = "it is what was asked for")]
pub(crate) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let name = args.module.display();
    let bytes = tokio::fs::read(&args.module)
        .await
        .with_context(|| format!("cannot read {name}"))?;
    // No cache: the compile time is one of the facts.
    let loader = Loader::new(EngineOptions {
        instances: 1,
        ..EngineOptions::default()
    })?;
    let module = loader
        .load(bytes)
        .await
        .with_context(|| format!("{name} is not a module"))?;
    print!("{}", describe(&args.module, module.inspection()));
    Ok(ExitCode::SUCCESS)
}

fn describe(path: &Path, inspection: &Inspection) -> String {
    let manifest = &inspection.manifest;
    let world = match inspection.world {
        World::Pure => "pure: a function of its arguments alone",
        World::Reading => "reading: its arguments, and what it is granted to read of the cluster",
        World::External => "external: it may also call what it is granted of the world outside",
    };
    let facts = [
        ("file", path.display().to_string()),
        ("name", format!("{} {}", manifest.name, manifest.version)),
        ("digest", inspection.digest.to_string()),
        (
            "size",
            format!(
                "{} KiB, compiled {} KiB in {:.1?}",
                kib(inspection.size),
                kib(inspection.compiled_size),
                inspection.load_time
            ),
        ),
        ("world", world.to_owned()),
        ("imports", list(inspection.imports.iter().cloned())),
        (
            "definitions",
            list(manifest.crds.iter().map(|crd| crd.target().name.clone())),
        ),
        (
            "finalizer",
            manifest
                .finalizer
                .clone()
                .unwrap_or_else(|| "none".to_owned()),
        ),
        ("asks to write", list(manifest.writes.iter().map(grant))),
        ("asks to read", list(manifest.reads.iter().map(grant))),
        ("asks to call", list(manifest.http.iter().cloned())),
    ];
    facts
        .iter()
        .map(|(name, value)| format!("{name:14} {value}\n"))
        .collect()
}

const fn kib(bytes: usize) -> usize {
    bytes.div_ceil(1024)
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        "nothing".to_owned()
    } else {
        items.join("\n               ")
    }
}

fn grant(grant: &ResourceGrant) -> String {
    let group = grant.api_groups.join(",");
    let group = if group.is_empty() { "core" } else { &group };
    let verbs = if grant.verbs.is_empty() {
        String::new()
    } else {
        format!(" ({})", grant.verbs.join(", "))
    };
    format!("{} of {group}{verbs}", grant.resources.join(","))
}
