//! `cargo xtask modules`: the modules as components.
//!
//! Also the way in which every Rust workspace of guests is built.

mod helm;

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use crate::process::Call;
use crate::wasm_target::{TARGET, WasmTarget};
use crate::workspace::{modules_out, shown};

/// The first eight bytes of a component; a core module has version 1 and layer 0.
const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";

/// What one package of a workspace is built to.
#[derive(Debug, PartialEq, Eq)]
struct Artifact {
    /// Its name, without `.wasm`: that of the package, or of a variant.
    name: String,
    package: String,
    /// Name of the file that cargo makes, without `.wasm`.
    file: String,
    /// Features of a variant: `package.metadata.components` of its manifest.
    features: Vec<String>,
}

/// Everything, or what is named: `helm-engine`, and the modules in Rust.
pub(crate) fn run(root: &Path, names: &[String]) -> anyhow::Result<()> {
    let (engine, modules): (Vec<&String>, Vec<&String>) =
        names.iter().partition(|name| *name == helm::NAME);
    if names.is_empty() || !modules.is_empty() {
        some(root, &modules)?;
    }
    if names.is_empty() || !engine.is_empty() {
        helm::build(root)?;
    }
    Ok(())
}

/// The modules in Rust, which need nothing else.
pub(crate) fn rust(root: &Path) -> anyhow::Result<()> {
    some(root, &[])
}

/// Some of them; all where none is named.
fn some(root: &Path, names: &[&String]) -> anyhow::Result<()> {
    let target = WasmTarget::ensure(root)?;
    let workspace = root.join("modules");
    let all = artifacts(&workspace)?;
    let known = |name: &str| all.iter().any(|artifact| artifact.name == name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        let known: Vec<_> = all.iter().map(|a| a.name.as_str()).collect();
        bail!(
            "{unknown} is no module; hint: there are {} and {}",
            known.join(", "),
            helm::NAME
        );
    }
    let wanted: Vec<Artifact> = all
        .into_iter()
        .filter(|a| names.is_empty() || names.iter().any(|name| **name == a.name))
        .collect();
    build(
        root,
        &target,
        &workspace,
        &wanted,
        &root.join("target/modules"),
        &modules_out(root),
    )
}

/// Builds a workspace to components and copies them to `out`, one `<package>.wasm` each.
pub(crate) fn components(
    root: &Path,
    target: &WasmTarget,
    workspace: &Path,
    target_dir: &Path,
    out: &Path,
) -> anyhow::Result<()> {
    build(
        root,
        target,
        workspace,
        &artifacts(workspace)?,
        target_dir,
        out,
    )
}

fn build(
    root: &Path,
    target: &WasmTarget,
    workspace: &Path,
    artifacts: &[Artifact],
    target_dir: &Path,
    out: &Path,
) -> anyhow::Result<()> {
    let start = Instant::now();
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    // Variants of a package become the same file, one after the other; what has no features is built at once.
    let (variants, plain): (Vec<_>, Vec<_>) = artifacts
        .iter()
        .partition(|artifact| !artifact.features.is_empty());
    let mut rounds: Vec<Vec<&Artifact>> = variants.into_iter().map(|one| vec![one]).collect();
    if !plain.is_empty() {
        rounds.insert(0, plain);
    }
    for round in rounds {
        target
            .cargo_build(target_dir)
            .args(round.iter().flat_map(|one| ["--package", &one.package]))
            .args(round.iter().flat_map(|one| {
                let features = one.features.iter();
                features.flat_map(|feature| ["--features", feature])
            }))
            .dir(workspace)
            .run()?;
        for artifact in round {
            copied(root, artifact, target_dir, out)?;
        }
    }
    eprintln!(
        "{}: {:.1} s",
        shown(root, workspace),
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

fn copied(root: &Path, artifact: &Artifact, target_dir: &Path, out: &Path) -> anyhow::Result<()> {
    let built = target_dir
        .join(TARGET)
        .join("release")
        .join(format!("{}.wasm", artifact.file));
    let bytes = fs::read(&built).with_context(|| format!("cannot read {}", shown(root, &built)))?;
    if !bytes.starts_with(&COMPONENT) {
        bail!(
            "{} is a core module, expected a component; hint: is wasm-component-ld of the toolchain in use?",
            shown(root, &built)
        );
    }
    let copy = out.join(format!("{}.wasm", artifact.name));
    write_if_changed(&copy, &bytes)?;
    eprintln!("{}: {} KiB", shown(root, &copy), bytes.len() / 1024);
    Ok(())
}

/// Keeps the time of a file whose content stays, so that nobody who watches it wakes up.
pub(crate) fn write_if_changed(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    // Written beside and renamed: a host that watches the folder never sees half a file.
    let partial = path.with_extension("wasm.partial");
    fs::write(&partial, bytes).with_context(|| format!("cannot write {}", partial.display()))?;
    fs::rename(&partial, path).with_context(|| format!("cannot write {}", path.display()))
}

fn artifacts(workspace: &Path) -> anyhow::Result<Vec<Artifact>> {
    let manifest = workspace.join("Cargo.toml");
    let printed = Call::cargo()
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--manifest-path",
        ])
        .arg(&manifest)
        .capture()?;
    let metadata: Value = serde_json::from_str(&printed).context("cargo metadata is not JSON")?;
    let found = parse_artifacts(&metadata);
    ensure!(
        !found.is_empty(),
        "{}: no package with a cdylib or bin target; hint: a module has `crate-type = [\"cdylib\"]`",
        manifest.display()
    );
    Ok(found)
}

fn parse_artifacts(metadata: &Value) -> Vec<Artifact> {
    let mut found = Vec::new();
    for package in array(&metadata["packages"]) {
        for target in array(&package["targets"]) {
            let is = |kind: &str| array(&target["kind"]).iter().any(|k| k == kind);
            let Some(name) = target["name"].as_str() else {
                continue;
            };
            let file = if is("cdylib") {
                name.replace('-', "_")
            } else if is("bin") {
                name.to_owned()
            } else {
                continue;
            };
            let name = package["name"].as_str().unwrap_or(name).to_owned();
            let components = package["metadata"]["components"].as_object();
            for (variant, features) in components.into_iter().flatten() {
                found.push(Artifact {
                    name: variant.clone(),
                    package: name.clone(),
                    file: file.clone(),
                    features: array(features)
                        .iter()
                        .filter_map(|feature| feature.as_str().map(str::to_owned))
                        .collect(),
                });
            }
            found.push(Artifact {
                name: name.clone(),
                package: name,
                file,
                features: Vec::new(),
            });
        }
    }
    found
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(metadata: &Value) -> Vec<String> {
        parse_artifacts(metadata)
            .into_iter()
            .map(|a| format!("{} = {} of {} {:?}", a.name, a.file, a.package, a.features))
            .collect()
    }

    #[test]
    fn libraries_are_no_artifacts() {
        let metadata = serde_json::json!({"packages": [
            {"name": "canary", "targets": [{"name": "oarlock-canary", "kind": ["cdylib", "rlib"]}], "metadata": null},
            {"name": "oarlock-sdk", "targets": [{"name": "oarlock_sdk", "kind": ["lib"]}]},
            {"name": "spin", "targets": [{"name": "spin-forever", "kind": ["bin"]}]},
        ]});
        let expected = [
            "canary = oarlock_canary of canary []",
            "spin = spin-forever of spin []",
        ];
        assert_eq!(found(&metadata), expected);
    }

    #[test]
    fn a_package_may_be_several_components() {
        let metadata = serde_json::json!({"packages": [{
            "name": "helm",
            "targets": [{"name": "helm", "kind": ["cdylib", "rlib"]}],
            "metadata": {"components": {"helm-hybrid": ["hybrid"]}},
        }]});
        let expected = [
            "helm-hybrid = helm of helm [\"hybrid\"]",
            "helm = helm of helm []",
        ];
        assert_eq!(found(&metadata), expected);
    }
}
