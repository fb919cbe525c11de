//! `cargo xtask bench`: the benchmarks, in the release profile, on modules and guests built the same way.
//! `cargo xtask bench fleet` and `cargo xtask bench canaries` are benchmarks of their own, with arguments of their own.

use std::path::Path;

use anyhow::Context as _;

use crate::guests::{self, Lang, Selection};
use crate::modules;
use crate::process::Call;

const PACKAGE: &str = "oarlock-bench";

pub(crate) fn run(root: &Path, arguments: &[String]) -> anyhow::Result<()> {
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
