//! `cargo xtask bench`: the benchmarks, in the release profile, on modules and guests built the same way.

use std::path::Path;

use anyhow::Context as _;

use crate::guests::{self, Lang, Selection};
use crate::modules;
use crate::process::Call;

const PACKAGE: &str = "oarlock-bench";

pub(crate) fn run(root: &Path, arguments: &[String]) -> anyhow::Result<()> {
    modules::run(root)?;
    let guests = Selection {
        languages: vec![Lang::Rust],
        allow_missing: false,
    };
    guests::run(root, &guests)?;
    Call::cargo()
        .args(["bench", "--package", PACKAGE, "--"])
        .args(arguments)
        .dir(root)
        .run()
        .with_context(|| format!("the benchmarks live in package {PACKAGE}"))
}
