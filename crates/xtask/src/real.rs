//! `cargo xtask test --real`: what must pass against a real control plane.

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;

use crate::cluster::{self, Guard, Outcome};
use crate::guests::{self, Lang, Selection};
use crate::modules;
use crate::parts;
use crate::process::Call;
use crate::timing::Timing;

/// Tells the tests where the cluster is. Without it they say that they were not run.
const KUBECONFIG: &str = "OARLOCK_REAL_KUBECONFIG";
/// Tells them how to stop and start its processes: this program, to be called as `$OARLOCK_REAL_XTASK cluster …`.
const XTASK: &str = "OARLOCK_REAL_XTASK";

/// Package and test target. What an API server answers is compared first, before others have left anything there.
const SUITES: &[(&str, &str)] = &[("oarlock-conformance", "real"), ("oarlock", "real")];

pub(crate) fn run(root: &Path, allow_missing: bool) -> anyhow::Result<ExitCode> {
    let mut timing = Timing::default();
    let result = steps(root, allow_missing, &mut timing);
    eprintln!();
    eprintln!("{}", timing.table());
    result.map(|()| ExitCode::SUCCESS)
}

fn steps(root: &Path, allow_missing: bool, timing: &mut Timing) -> anyhow::Result<()> {
    timing.step("modules", || modules::run(root, &[]))?;
    timing.step("guests", || {
        guests::run(
            root,
            &Selection {
                languages: vec![Lang::Rust],
                allow_missing,
            },
        )
    })?;
    timing.step("parts", || parts::run(root, allow_missing))?;
    // Compiled before anything runs: the cluster is not up for longer than it is needed.
    timing.step("cargo test --no-run", || {
        Call::cargo()
            .arg("test")
            .args(
                SUITES
                    .iter()
                    .flat_map(|(package, _)| ["--package", package]),
            )
            .args(["--test", "real", "--no-run"])
            .dir(root)
            .run()
    })?;
    // A cluster of its own, and a new one: tests end parts of it, and nothing that anybody left there may count.
    let place = cluster::test_place(root)?;
    let guard = Guard::before(&place)?;
    let outcome = timing.step("cluster up", || cluster::up_anew(root, &place));
    let result = outcome.and_then(|outcome| match outcome {
        Outcome::Running(state) | Outcome::Started(state) => {
            suites(root, &state.kubeconfig, allow_missing, timing)
        }
        Outcome::Missing if allow_missing => {
            eprintln!("NOT RUN: nothing was tested against a real API server");
            Ok(())
        }
        Outcome::Missing => bail!(
            "there is no cluster to test against; hint: --allow-missing goes on without, and tests nothing"
        ),
    });
    let down = timing.step("cluster down", || guard.end());
    result.and(down)
}

/// All of them, also after one that failed.
fn suites(
    root: &Path,
    kubeconfig: &Path,
    allow_missing: bool,
    timing: &mut Timing,
) -> anyhow::Result<()> {
    let xtask = std::env::current_exe()?;
    let mut failed = Vec::new();
    for (package, target) in SUITES {
        let name = format!("cargo test: {package}");
        let result = timing.step(&name, || {
            parts::telling(Call::cargo(), allow_missing)
                .args(["test", "--package", package, "--test", target])
                .env(KUBECONFIG, kubeconfig)
                .env(XTASK, &xtask)
                .dir(root)
                .run()
        });
        if let Err(error) = result {
            failed.push(format!("{error:#}"));
        }
    }
    if !failed.is_empty() {
        bail!(
            "{}; the logs of the cluster are beside {}",
            failed.join("; "),
            kubeconfig.display()
        );
    }
    Ok(())
}
