//! `cargo xtask bench`: the benchmarks, in the release profile, on modules and guests built the same way.
//! `cargo xtask bench fleet`, `cargo xtask bench canaries` and `cargo xtask bench helm` are benchmarks of their own, with
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

/// Many objects, the operator and the API server in processes of their own.
fn fleet(root: &Path, arguments: &[String]) -> anyhow::Result<()> {
    Call::cargo()
        .args(["build", "--release", "--package", "oarlock"])
        .dir(root)
        .run()?;
    let path = |path: &str| root.join(path).display().to_string();
    let mut all = vec![
        "--oarlock".to_owned(),
        path("target/release/oarlock"),
        "--modules".to_owned(),
        path("target/oarlock/guests"),
    ];
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
