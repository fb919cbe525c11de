//! `cargo xtask bindings`: the bindings that are committed, so that building a module needs no generator.
//!
//! Beside each set lies `wit.sha256`, the digest of the WIT folder that it was made from. `tidy` and `test` compare it,
//! so nobody changes the contract and forgets the bindings.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};

use crate::digest;
use crate::process::{self, Call};

/// Other versions write other code.
const VERSION: &str = "0.63.0";

/// One set of committed bindings, all of the contract in `wit/`.
struct Bindings {
    out: &'static str,
    world: &'static str,
    language: Language,
}

enum Language {
    Rust,
    /// With the import path of the packages.
    Go(&'static str),
}

const ALL: &[Bindings] = &[
    Bindings {
        out: "crates/sdk/src/bindings",
        world: "external",
        language: Language::Rust,
    },
    Bindings {
        out: "tests/guests/go/bindings",
        world: "reading",
        language: Language::Go("guests.oarlock.dev/go/bindings"),
    },
];

pub(crate) fn run(root: &Path, check: bool) -> anyhow::Result<()> {
    let generator = generator()?;
    for bindings in ALL {
        let mut call = Call::new(&generator);
        call = match bindings.language {
            Language::Rust => call.args([
                "rust",
                "--format",
                "--pub-export-macro",
                "--runtime-path",
                "wit_bindgen::rt",
                "--default-bindings-module",
                "oarlock_sdk::guest::bindings",
            ]),
            Language::Go(package) => call.args(["go", "--pkg-name", package]),
        };
        call = call.args(["--world", bindings.world, "--out-dir", bindings.out]);
        if check {
            call = call.arg("--check");
        }
        call.arg("wit").dir(root).run().context(
            "the committed bindings are not those of wit/; hint: `cargo xtask bindings`",
        )?;
        if !check {
            let file = root.join(bindings.out).join("wit.sha256");
            let digest = digest::of_wit(&root.join("wit"))?;
            fs::write(&file, format!("{digest}\n"))
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
    }
    Ok(())
}

/// Fails where bindings were not generated anew after a change of the contract. Needs no generator.
pub(crate) fn check_digests(root: &Path) -> anyhow::Result<()> {
    let stale = stale(root)?;
    if !stale.is_empty() {
        bail!("{}", stale.join("\n"));
    }
    Ok(())
}

/// One message for each set of bindings that is not that of `wit/`.
pub(crate) fn stale(root: &Path) -> anyhow::Result<Vec<String>> {
    let now = digest::of_wit(&root.join("wit"))?;
    Ok(ALL
        .iter()
        .filter_map(|bindings| {
            let file = format!("{}/wit.sha256", bindings.out);
            let noted = fs::read_to_string(root.join(&file)).unwrap_or_default();
            stale_message(&file, noted.trim(), &now)
        })
        .collect())
}

fn stale_message(file: &str, noted: &str, now: &str) -> Option<String> {
    if noted == now {
        return None;
    }
    let noted = if noted.is_empty() { "no digest" } else { noted };
    Some(format!(
        "{file}: has {noted}, wit/ is {now}\n  hint: `cargo xtask bindings`, and commit what it writes"
    ))
}

fn generator() -> anyhow::Result<OsString> {
    let found = env::var_os("WIT_BINDGEN").or_else(|| process::find("wit-bindgen").map(Into::into));
    let install = format!(
        "cargo install wit-bindgen-cli --version {VERSION} --locked --no-default-features --features rust,go"
    );
    let Some(program) = found else {
        bail!("wit-bindgen is neither on PATH nor named by WIT_BINDGEN; hint: {install}");
    };
    let version = Call::new(&program).arg("--version").capture()?;
    if !version.trim().ends_with(VERSION) {
        bail!(
            "{} is expected at {VERSION}; hint: {install}",
            version.trim()
        );
    }
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_bindings_are_told_with_both_digests() {
        assert_eq!(stale_message("b/wit.sha256", "aa", "aa"), None);
        let messages = [("aa", "bb"), ("", "bb")]
            .map(|(noted, now)| stale_message("b/wit.sha256", noted, now).unwrap_or_default());
        insta::assert_snapshot!(messages.join("\n"), @r"
        b/wit.sha256: has aa, wit/ is bb
          hint: `cargo xtask bindings`, and commit what it writes
        b/wit.sha256: has no digest, wit/ is bb
          hint: `cargo xtask bindings`, and commit what it writes
        ");
    }
}
