//! `oarlock inspect`: what a module or a library is, and what it can do.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use oarlock_core::manifest::ResourceGrant;
use oarlock_wasm::{EngineOptions, Inspection, Library, LibraryLimits, LoadError, Loader, World};

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
    let bytes: Arc<[u8]> = bytes.into();
    // Its libraries need not be at hand.
    match loader.load_alone(Arc::clone(&bytes)).await {
        Ok(module) => {
            let inspection = module.inspection();
            output::line(describe(&args.module, inspection))?;
            output::line(format!(
                "\nwatches.yaml, with all that it asks for:\n\n{}",
                entry::entry(&args.module, inspection)
            ))?;
        }
        Err(error) => {
            let library = match error {
                LoadError::WrongWorld { .. } => {
                    let limits = LibraryLimits::default();
                    loader.load_library(bytes, limits).await.ok()
                }
                _ => None,
            };
            let Some(library) = library else {
                return Err(error).with_context(|| format!("{name} is not a module"));
            };
            output::line(describe_library(&args.module, &library))?;
            let interfaces = library.exports();
            output::line(format!("\n{}", entry::of_library(&args.module, interfaces)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn describe_library(path: &Path, library: &Library) -> String {
    facts(&[
        ("file", path.display().to_string()),
        ("library", list(library.exports().iter().cloned())),
        ("digest", library.digest().to_string()),
        (
            "size",
            sizes(library.size(), library.compiled_size(), library.load_time()),
        ),
        ("imports", list(library.imports().iter().cloned())),
    ])
}

fn sizes(size: usize, compiled: usize, time: Duration) -> String {
    format!(
        "{} KiB, compiled {} KiB in {time:.1?}",
        kib(size),
        kib(compiled)
    )
}

fn facts(facts: &[(&str, String)]) -> String {
    let lines: Vec<String> = facts
        .iter()
        .map(|(name, value)| format!("{name:WIDTH$}{value}"))
        .collect();
    lines.join("\n")
}

fn describe(path: &Path, inspection: &Inspection) -> String {
    let manifest = &inspection.manifest;
    let world = match inspection.world {
        World::Pure => "pure: a function of its arguments alone",
        World::Reading => "reading: may also read what it is granted of the cluster",
        World::External => "external: may also read, call over HTTP and fetch what it is granted",
    };
    let world = if inspection.libraries.is_empty() {
        world.to_owned()
    } else {
        format!("{world}; and what its libraries can")
    };
    let known = [
        ("file", path.display().to_string()),
        ("module", format!("{} {}", manifest.name, manifest.version)),
        ("digest", inspection.digest.to_string()),
        (
            "size",
            sizes(
                inspection.size,
                inspection.compiled_size,
                inspection.load_time,
            ),
        ),
        ("world", world),
        ("imports", list(inspection.imports.iter().cloned())),
        (
            "libraries",
            list(inspection.libraries.iter().map(|l| l.interface.clone())),
        ),
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
    facts(&known)
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
