//! `cargo xtask demo`: from a fresh checkout to a running demonstration.

use std::path::Path;
use std::process::ExitCode;

use crate::modules;
use crate::process::Call;
use crate::workspace::modules_out;

pub(crate) fn run(root: &Path, speed: f64) -> anyhow::Result<ExitCode> {
    eprintln!("== modules");
    modules::rust(root)?;
    eprintln!("== oarlock (the first build compiles everything; later ones take seconds)");
    Call::cargo()
        .args(["build", "--package", "oarlock"])
        .dir(root)
        .run()?;
    eprintln!("== demo");
    let status = Call::new(root.join("target/debug/oarlock"))
        .args(["demo", "--example", "examples/deployer", "--modules"])
        .arg(modules_out(root).strip_prefix(root)?)
        .arg("--speed")
        .arg(speed.to_string())
        .dir(root)
        .status()?;
    Ok(exit_code(status.code()))
}

/// A status that does not fit, or none because of a signal, is a failure.
pub(crate) fn exit_code(code: Option<i32>) -> ExitCode {
    code.and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from)
}
