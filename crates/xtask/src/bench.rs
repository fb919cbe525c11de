//! `cargo xtask bench`: the benchmarks, in the release profile, on modules and guests built the same way.
//! `cargo xtask bench fleet`, `canaries`, `services`, `helm` and `releases` are benchmarks of their own, with
//! arguments of their own.

use std::path::Path;

use anyhow::Context as _;

use crate::guests::{self, Lang, Selection};
use crate::modules;
use crate::process::Call;
use crate::workspace::modules_out;

const PACKAGE: &str = "oarlock-bench";

pub(crate) fn run(root: &Path, arguments: &[String]) -> anyhow::Result<()> {
    if let [first, rest @ ..] = arguments
        && first == "helm"
    {
        return helm(root, rest);
    }
    if let [first, rest @ ..] = arguments
        && first == "releases"
    {
        return releases(root, rest);
    }
    if let [first, rest @ ..] = arguments
        && first == "services"
    {
        modules::run(root, &["service-catalog".to_owned()])?;
        return benchmark("services", root, rest);
    }
    modules::rust(root)?;
    if let [first, rest @ ..] = arguments
        && first == "canaries"
    {
        return benchmark("canaries", root, rest);
    }
    let guests = Selection {
        languages: vec![Lang::Rust],
        allow_missing: false,
    };
    guests::run(root, &guests)?;
    match arguments {
        [first, rest @ ..] if first == "fleet" => fleet(root, rest),
        all => benchmark("figures", root, all),
    }
}

/// Helm's engine, with native Helm of the same version in a process of its own.
fn helm(root: &Path, arguments: &[String]) -> anyhow::Result<()> {
    modules::run(root, &["helm-engine".to_owned()])?;
    let native = root.join("target/oarlock/helm-native");
    Call::new("go")
        .args(["build", "-trimpath", "-o"])
        .arg(&native)
        .arg("./render")
        .dir(&root.join("modules/helm/native"))
        .run()?;
    let mut all = vec![
        "--native".to_owned(),
        native.display().to_string(),
        "--engine".to_owned(),
        modules_out(root)
            .join("helm-engine.wasm")
            .display()
            .to_string(),
    ];
    all.extend_from_slice(arguments);
    benchmark("helm", root, &all)
}

/// Many Helm releases, the operator and the API server in processes of their own.
fn releases(root: &Path, arguments: &[String]) -> anyhow::Result<()> {
    modules::run(root, &["helm".to_owned(), "helm-engine".to_owned()])?;
    let mut all = with_binary(root)?;
    all.extend([
        "--modules".to_owned(),
        modules_out(root).display().to_string(),
    ]);
    all.extend_from_slice(arguments);
    benchmark("releases", root, &all)
}

/// The binary, built, and the argument that names it.
fn with_binary(root: &Path) -> anyhow::Result<Vec<String>> {
    Call::cargo()
        .args(["build", "--release", "--package", "oarlock"])
        .dir(root)
        .run()?;
    let binary = root.join("target/release/oarlock");
    Ok(vec!["--oarlock".to_owned(), binary.display().to_string()])
}

/// Many objects, the operator and the API server in processes of their own.
fn fleet(root: &Path, arguments: &[String]) -> anyhow::Result<()> {
    let mut all = with_binary(root)?;
    let guests = root.join("target/oarlock/guests").display().to_string();
    all.extend(["--modules".to_owned(), guests]);
    all.extend_from_slice(arguments);
    benchmark("fleet", root, &all)
}

fn benchmark(name: &str, root: &Path, arguments: &[String]) -> anyhow::Result<()> {
    Call::cargo()
        .args(["bench", "--package", PACKAGE, "--bench", name, "--"])
        .args(arguments)
        .dir(root)
        .run()
        .with_context(|| format!("the benchmarks live in package {PACKAGE}"))
}
