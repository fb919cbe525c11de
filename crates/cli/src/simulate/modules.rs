//! What serves: the watches, and the modules as they run in production.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use oarlock_config::{Reading, Severity, Watch};
use oarlock_core::reconciler::Reconciler;
use oarlock_core::reference::Gvk;
use oarlock_registry::{Directory, Snapshot, WatchesFile};
use oarlock_wasm::{EngineOptions, Loader};

use crate::arguments::environment;
use crate::operator::{Shelf, Sources};
use crate::simulate::manifests::{Given, Manifest};

/// The name of the watches file where nobody gives another.
const WATCHES: &str = "watches.yaml";

/// A watch and its module.
pub(crate) type Served = (Watch, Arc<dyn Reconciler>);

/// The watches file that is meant: what was given, or the one beside the manifests.
pub(crate) fn watches(given: Option<&Path>, directories: &[PathBuf]) -> anyhow::Result<PathBuf> {
    if let Some(file) = given {
        return Ok(file.to_owned());
    }
    let mut looked: Vec<PathBuf> = Vec::new();
    for directory in directories
        .iter()
        .map(PathBuf::as_path)
        .chain([Path::new("")])
    {
        let file = directory.join(WATCHES);
        if file.is_file() {
            return Ok(file);
        }
        if !looked.contains(&file) {
            looked.push(file);
        }
    }
    let looked: Vec<String> = looked.iter().map(|p| p.display().to_string()).collect();
    bail!(
        "no watches file: {} {} not there; hint: --watches names it, and `oarlock inspect MODULE.wasm` tells what to write \
         into it",
        looked.join(" and "),
        if looked.len() == 1 { "is" } else { "are" }
    )
}

/// Loads what the watches name. A module whose kind nobody gave an object of may be missing.
pub(crate) async fn load_all(
    sources: &Sources,
    used: &BTreeSet<Gvk>,
) -> anyhow::Result<Vec<Served>> {
    sources.check()?;
    let directory = Directory::open(&sources.watches, &sources.modules);
    let snapshot = directory.snapshot();
    let watches = parse(&sources.watches, &snapshot)?;
    if !watches.iter().any(|watch| used.contains(&watch.gvk)) {
        return Err(nobody_serves(&sources.watches, &watches, used));
    }
    let loader = Loader::new(EngineOptions {
        cache: sources.cache(),
        ..EngineOptions::default()
    })
    .context("the WebAssembly engine did not start")?;
    let mut shelf = Shelf::new(loader, snapshot);
    let mut served = Vec::new();
    for watch in watches {
        let source = watch.module.to_string();
        let module = shelf.module(&watch).await;
        match module {
            Ok(module) => served.push((watch, module)),
            Err(_) if !used.contains(&watch.gvk) => {}
            Err(problem) => bail!(
                "{} is not served: {problem}; hint: --modules names the directory with {source}; it was {}",
                watch.gvk,
                sources.modules.display()
            ),
        }
    }
    Ok(served)
}

fn parse(file: &Path, snapshot: &Snapshot) -> anyhow::Result<Vec<Watch>> {
    let name = file.display().to_string();
    let text = match &snapshot.watches {
        WatchesFile::Present { text, .. } => text,
        WatchesFile::Missing => bail!("the watches file {name} is gone"),
        WatchesFile::Unreadable { message } => bail!("{message}"),
    };
    let parsed = oarlock_config::parse(&name, text, &environment());
    let errors: Vec<String> = parsed
        .diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .map(ToString::to_string)
        .collect();
    if parsed.reading == Reading::Unreadable || !errors.is_empty() {
        return Err(super::Findings(errors).into());
    }
    Ok(parsed.watches)
}

fn nobody_serves(file: &Path, watches: &[Watch], used: &BTreeSet<Gvk>) -> anyhow::Error {
    let names = |kinds: Vec<String>| match kinds.as_slice() {
        [] => "nothing".to_owned(),
        kinds => kinds.join(", "),
    };
    let served = names(watches.iter().map(|w| w.gvk.to_string()).collect());
    let given = names(used.iter().map(ToString::to_string).collect());
    anyhow::anyhow!(
        "nothing to simulate: no object of the manifests is of a kind that {} serves ({served}), they are of {given}; hint: \
         -f names the manifests, --watches another watches file",
        file.display()
    )
}

/// Definitions of the kinds: those of the manifests, and of the modules where there are none.
pub(crate) fn definitions(given: &Given, served: &[Served]) -> Vec<Manifest> {
    let mut definitions: Vec<Manifest> = given
        .manifests
        .iter()
        .filter(|m| m.is_definition())
        .cloned()
        .collect();
    for (_, module) in served {
        let manifest = module.manifest();
        for definition in &manifest.crds {
            let name = &definition.target().name;
            if definitions.iter().all(|known| known.name() != name) {
                let content = definition.content().clone();
                definitions.push(Manifest::brought(content, &manifest.name));
            }
        }
    }
    definitions
}
