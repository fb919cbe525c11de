//! Makes `--target wasm32-unknown-unknown` possible.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::process::Call;

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// A compiler that has the target.
pub(crate) struct WasmTarget {
    /// Set where another compiler than cargo's own has to be used.
    rustc: Option<PathBuf>,
}

impl WasmTarget {
    /// Finds the target, or brings it: with rustup, else from Debian's packages, unpacked below `target/`.
    pub(crate) fn ensure(root: &Path) -> anyhow::Result<Self> {
        if has_target(&sysroot()?) {
            return Ok(Self { rustc: None });
        }
        eprintln!("{TARGET}: the standard library of this target is missing, bringing it");
        let script = root.join("scripts/wasm-target.sh");
        let rustc = Call::new("bash")
            .arg(&script)
            .arg(root.join("target/oarlock/tools/wasm-target"))
            .dir(root)
            .capture()
            .context(
                "no compiler for wasm32-unknown-unknown; hint: `rustup target add wasm32-unknown-unknown`",
            )?;
        let rustc = rustc.trim();
        Ok(Self {
            rustc: (!rustc.is_empty()).then(|| PathBuf::from(rustc)),
        })
    }

    /// A cargo call that builds components: the linker wraps the module, so that no further step is needed.
    pub(crate) fn cargo_build(&self, target_dir: &Path) -> Call {
        let call = Call::cargo()
            .args(["build", "--release", "--target", TARGET, "--target-dir"])
            .arg(target_dir)
            .args([
                "--config",
                "target.wasm32-unknown-unknown.linker=\"wasm-component-ld\"",
            ])
            // Flags of the host's compiler are not meant for guests.
            .without_env("RUSTFLAGS")
            .without_env("CARGO_ENCODED_RUSTFLAGS");
        match &self.rustc {
            Some(rustc) => call.env("RUSTC", rustc),
            None => call,
        }
    }
}

fn sysroot() -> anyhow::Result<PathBuf> {
    let printed = Call::new("rustc").args(["--print", "sysroot"]).capture()?;
    Ok(PathBuf::from(printed.trim()))
}

fn has_target(sysroot: &Path) -> bool {
    let libraries = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    fs::read_dir(libraries).is_ok_and(|entries| {
        entries.flatten().any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("libstd-") && name.ends_with(".rlib")
        })
    })
}
