//! `cargo xtask test`: whatever must pass, from guests to host.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::guests::{self, Selection};
use crate::process::Call;
use crate::timing::Timing;
use crate::{bindings, modules, parts};

/// How many seeds are run here of all plays of `tests/faults` together; fewer where nobody says so.
const FAULT_SEEDS: (&str, &str) = ("OARLOCK_FAULT_SEEDS", "10000");

pub(crate) fn run(root: &Path, allow_missing: bool) -> anyhow::Result<ExitCode> {
    let mut timing = Timing::default();
    let result = steps(root, allow_missing, &mut timing);
    eprintln!();
    eprintln!("{}", timing.table());
    result.map(|()| ExitCode::SUCCESS)
}

fn steps(root: &Path, allow_missing: bool, timing: &mut Timing) -> anyhow::Result<()> {
    timing.step("bindings are those of wit/", || {
        bindings::check_digests(root)
    })?;
    timing.step("modules", || modules::run(root, &[]))?;
    timing.step("guests", || {
        guests::run(
            root,
            &Selection {
                languages: Vec::new(),
                allow_missing,
            },
        )
    })?;
    timing.step("parts", || parts::run(root, allow_missing))?;
    timing.step("cargo test: modules and sdk, natively", || {
        Call::cargo()
            .args(["test", "--workspace", "--target"])
            .arg(host_triple()?)
            .arg("--target-dir")
            .arg(root.join("target/modules"))
            .dir(&root.join("modules"))
            .run()
    })?;
    timing.step("go test: the Helm engine, natively", || {
        Call::new("go")
            .args(["test", "./..."])
            .dir(&root.join("modules/helm/engine"))
            .run()
    })?;
    // Last, so that its own output is what stands above the table.
    timing.step("cargo test: host", || {
        parts::telling(Call::cargo(), allow_missing)
            .args(["test", "--workspace", "--no-fail-fast"])
            .env(FAULT_SEEDS.0, FAULT_SEEDS.1)
            .dir(root)
            .run()
    })
}

/// The modules' cargo configuration may name wasm32 as the target; tests run here.
pub(crate) fn host_triple() -> anyhow::Result<String> {
    let printed = Call::new("rustc").arg("-vV").capture()?;
    printed
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .context("`rustc -vV` names no host; hint: is it a rustc?")
}
