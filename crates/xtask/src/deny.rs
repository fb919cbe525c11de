//! `cargo xtask deny`: licences, advisories and banned crates, as deny.toml says, in every workspace.

use std::path::Path;
use std::process::ExitCode;

use crate::process::{self, Call};

/// Workspaces with a lock file of their own.
const WORKSPACES: &[&str] = &[".", "modules", "tests/guests/rust", "tests/hostile-guests"];

pub(crate) fn run(root: &Path) -> anyhow::Result<ExitCode> {
    if process::find("cargo-deny").is_none() {
        eprintln!("missing: cargo-deny, not checked: licences, advisories and bans");
        eprintln!("hint: cargo install cargo-deny --version 0.20.2 --locked");
        return Ok(ExitCode::FAILURE);
    }
    let mut ok = true;
    for workspace in WORKSPACES {
        let manifest = root.join(workspace).join("Cargo.toml");
        if !manifest.is_file() {
            continue;
        }
        let status = Call::cargo()
            .args(["deny", "--workspace", "--manifest-path"])
            .arg(manifest)
            .args(["check", "--config"])
            .arg(root.join("deny.toml"))
            .dir(root)
            .status()?;
        ok &= status.success();
    }
    Ok(if ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
