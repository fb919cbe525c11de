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

/// One set of committed bindings.
struct Bindings {
    out: &'static str,
    /// Folders of the WIT packages, each after those that it uses.
    wit: &'static [&'static str],
    world: &'static str,
    language: Language,
}

enum Language {
    /// With the interfaces whose shapes are not written again, and where they are: `interface=path`.
    Rust(&'static [&'static str]),
    /// With the import path of the packages.
    Go(&'static str),
}

/// Where other packages find the contract's shapes.
const OF_THE_SDK: &[&str] =
    &["oarlock:reconcile/types@0.1.0=oarlock_sdk::guest::bindings::oarlock::reconcile::types"];

/// Where the SDK itself finds them, and the imports that a second world has, too.
const WITHIN_THE_SDK: &[&str] = &[
    "oarlock:reconcile/types@0.1.0=crate::guest::bindings::oarlock::reconcile::types",
    "oarlock:reconcile/log@0.1.0=crate::guest::bindings::oarlock::reconcile::log",
    "oarlock:reconcile/cluster@0.1.0=crate::guest::bindings::oarlock::reconcile::cluster",
    "oarlock:reconcile/http@0.1.0=crate::guest::bindings::oarlock::reconcile::http",
];

const ALL: &[Bindings] = &[
    Bindings {
        out: "crates/sdk/src/bindings",
        wit: &["wit"],
        world: "external",
        language: Language::Rust(&[]),
    },
    Bindings {
        out: "crates/sdk/src/bindings/hybrid",
        wit: &["wit", "modules/helm/wit"],
        world: "oarlock:helm/hybrid",
        language: Language::Rust(WITHIN_THE_SDK),
    },
    Bindings {
        out: "modules/helm/src/run/engine/bindings",
        wit: &["wit", "modules/helm/wit"],
        world: "oarlock:helm/release-module",
        language: Language::Rust(OF_THE_SDK),
    },
    Bindings {
        out: "modules/helm/src/run/hybrid/bindings",
        wit: &["wit", "modules/helm/wit"],
        world: "oarlock:helm/hybrid-module",
        language: Language::Rust(OF_THE_SDK),
    },
    Bindings {
        out: "tests/guests/go/bindings",
        wit: &["wit"],
        world: "reading",
        language: Language::Go("guests.oarlock.dev/go/bindings"),
    },
    Bindings {
        out: "modules/helm/engine/bindings",
        wit: &["wit", "modules/helm/wit"],
        world: "oarlock:helm/helm-engine",
        language: Language::Go("engine.helm.oarlock.dev/bindings"),
    },
];

impl Bindings {
    /// One digest for each folder of WIT.
    fn digest(&self, root: &Path) -> anyhow::Result<String> {
        let digests: Vec<_> = self
            .wit
            .iter()
            .map(|folder| digest::of_wit(&root.join(folder)))
            .collect::<anyhow::Result<_>>()?;
        Ok(digests.join(" "))
    }

    fn folders(&self) -> String {
        let folders: Vec<_> = self.wit.iter().map(|folder| format!("{folder}/")).collect();
        folders.join(" and ")
    }
}

pub(crate) fn run(root: &Path, check: bool) -> anyhow::Result<()> {
    let generator = generator()?;
    for bindings in ALL {
        let mut call = Call::new(&generator);
        call = match bindings.language {
            Language::Rust(shapes) => call
                .args([
                    "rust",
                    "--format",
                    "--pub-export-macro",
                    "--runtime-path",
                    "wit_bindgen::rt",
                    "--default-bindings-module",
                    "oarlock_sdk::guest::bindings",
                ])
                .args(shapes.iter().flat_map(|shape| ["--with", shape])),
            Language::Go(package) => call.args(["go", "--pkg-name", package]),
        };
        call = call.args(["--world", bindings.world, "--out-dir", bindings.out]);
        if check {
            call = call.arg("--check");
        }
        call.args(bindings.wit).dir(root).run().with_context(|| {
            format!(
                "the committed bindings are not those of {}; hint: `cargo xtask bindings`",
                bindings.folders()
            )
        })?;
        if !check {
            let file = root.join(bindings.out).join("wit.sha256");
            fs::write(&file, format!("{}\n", bindings.digest(root)?))
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

/// One message for each set of bindings that is not that of its contract.
pub(crate) fn stale(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut messages = Vec::new();
    for bindings in ALL {
        let file = format!("{}/wit.sha256", bindings.out);
        let noted = fs::read_to_string(root.join(&file)).unwrap_or_default();
        let now = bindings.digest(root)?;
        messages.extend(stale_message(
            &file,
            &bindings.folders(),
            noted.trim(),
            &now,
        ));
    }
    Ok(messages)
}

fn stale_message(file: &str, folders: &str, noted: &str, now: &str) -> Option<String> {
    if noted == now {
        return None;
    }
    let noted = if noted.is_empty() { "no digest" } else { noted };
    Some(format!(
        "{file}: has {noted}, {folders} is {now}\n  hint: `cargo xtask bindings`, and commit what it writes"
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
        assert_eq!(stale_message("b/wit.sha256", "wit/", "aa", "aa"), None);
        let messages = [("aa", "bb"), ("", "bb")].map(|(noted, now)| {
            stale_message("b/wit.sha256", "wit/", noted, now).unwrap_or_default()
        });
        insta::assert_snapshot!(messages.join("\n"), @r"
        b/wit.sha256: has aa, wit/ is bb
          hint: `cargo xtask bindings`, and commit what it writes
        b/wit.sha256: has no digest, wit/ is bb
          hint: `cargo xtask bindings`, and commit what it writes
        ");
    }
}
