//! A broker of services that others wrote, from the Python package index: a virtual environment with what
//! `tests/broker/openbrokerapi/requirements.txt` pins, nothing of it installed on the machine.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::Found;
use crate::digest;
use crate::process::{self, Call};
use crate::workspace;

const NAME: &str = "openbrokerapi";
const REQUIREMENTS: &str = "tests/broker/openbrokerapi/requirements.txt";

/// The environment of the cache; else installed into the cache.
pub(super) fn find_or_install(root: &Path) -> anyhow::Result<Found> {
    let requirements = root.join(REQUIREMENTS);
    let mut key = digest::of_inputs(root, std::slice::from_ref(&requirements))?;
    // Enough for a name.
    key.truncate(16);
    let environment = workspace::cache()?.join(NAME).join(key);
    let installed = environment.join("installed");
    if !installed.is_file() {
        if process::find("python3").is_none() {
            return Ok(missing("there is no python3 to run it"));
        }
        if let Err(error) = install(&requirements, &environment) {
            return Ok(missing(&format!("it cannot be installed: {error:#}")));
        }
        // Last: what is marked is whole.
        fs::write(&installed, [])
            .with_context(|| format!("cannot write {}", installed.display()))?;
    }
    Ok(Found::At(environment, format!("as {REQUIREMENTS} says")))
}

fn install(requirements: &Path, environment: &Path) -> anyhow::Result<()> {
    Call::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(environment)
        .run_quietly()?;
    Call::new(environment.join("bin/python"))
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--require-hashes",
            "--requirement",
        ])
        .arg(requirements)
        .run_quietly()
}

fn missing(why: &str) -> Found {
    Found::Missing(format!(
        "missing: {NAME}, not tested: brokers with one that others wrote, and {why}; hint: install Python 3.11 or newer with its \
         venv module, and let pip reach a package index"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_with_what_to_do() {
        let Found::Missing(line) = missing("there is no python3 to run it") else {
            panic!("found");
        };
        insta::assert_snapshot!(line, @"missing: openbrokerapi, not tested: brokers with one that others wrote, and there is no python3 to run it; hint: install Python 3.11 or newer with its venv module, and let pip reach a package index");
    }
}
