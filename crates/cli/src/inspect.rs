//! `oarlock inspect`: what a module is, and what it can do.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use oarlock_core::manifest::ResourceGrant;
use oarlock_wasm::{EngineOptions, Inspection, Loader, World};

use crate::output;

mod entry;

/// Arguments of `oarlock inspect`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The component.
    #[arg(value_name = "MODULE.wasm")]
    module: PathBuf,
}

/// Prints what is to know.
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
    let inspection = module.inspection();
    output::line(describe(&args.module, inspection))?;
    output::line(format!(
        "\nwatches.yaml, with all that it asks for:\n\n{}",
        entry::entry(&args.module, &inspection.manifest)
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn describe(path: &Path, inspection: &Inspection) -> String {
    let manifest = &inspection.manifest;
    let world = match inspection.world {
        World::Pure => "pure: a function of its arguments alone",
        World::Reading => "reading: may also read what it is granted of the cluster",
        World::External => "external: may also read, and call over HTTP, what it is granted",
    };
    let facts = [
        ("file", path.display().to_string()),
        ("module", format!("{} {}", manifest.name, manifest.version)),
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
            "CRDs",
            list(manifest.crds.iter().map(|crd| crd.target().name.clone())),
        ),
        (
            "finalizer",
            manifest
                .finalizer
                .clone()
                .unwrap_or_else(|| NONE.to_owned()),
        ),
        ("writes", list(manifest.writes.iter().map(grant))),
        ("reads", list(manifest.reads.iter().map(grant))),
        ("HTTP", list(manifest.http.iter().cloned())),
    ];
    let lines: Vec<String> = facts
        .iter()
        .map(|(name, value)| format!("{name:WIDTH$}{value}"))
        .collect();
    lines.join("\n")
}

/// Where values begin.
const WIDTH: usize = 11;

const NONE: &str = "none";

const fn kib(bytes: usize) -> usize {
    bytes.div_ceil(1024)
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        NONE.to_owned()
    } else {
        items.join(&format!("\n{:WIDTH$}", ""))
    }
}

/// As RBAC tools write it: `deployments.apps`, `secrets`.
fn grant(grant: &ResourceGrant) -> String {
    let mut names = Vec::new();
    for group in &grant.api_groups {
        for resource in &grant.resources {
            names.push(if group.is_empty() {
                resource.clone()
            } else {
                format!("{resource}.{group}")
            });
        }
    }
    let mut text = names.join(", ");
    for (what, values) in [
        ("verbs", &grant.verbs),
        ("namespaces", &grant.namespaces),
        ("names", &grant.resource_names),
    ] {
        if !values.is_empty() {
            text.push_str(&format!(" ({what}: {})", values.join(", ")));
        }
    }
    text
}
