//! `cargo xtask bench`: the benchmarks, in the release profile, on modules built the same way.

use std::path::Path;

use anyhow::Context as _;

use crate::modules;
use crate::process::Call;

const PACKAGE: &str = "oarlock-bench";

pub(crate) fn run(root: &Path, arguments: &[String]) -> anyhow::Result<()> {
    modules::run(root)?;
    Call::cargo()
        .args(["bench", "--package", PACKAGE, "--"])
        .args(arguments)
        .dir(root)
        .run()
        .with_context(|| format!("the benchmarks live in package {PACKAGE}"))
}
