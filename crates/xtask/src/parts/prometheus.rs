//! A real Prometheus: the one that the user has, or Debian's package, unpacked beside the other caches.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use super::Found;
use crate::process::{self, Call};
use crate::workspace;

const PROGRAM: &str = "prometheus";
/// Names another than the one on PATH.
const CHOICE: &str = "OARLOCK_PROMETHEUS";

/// The program of the environment, of PATH, of the cache; else fetched into the cache.
pub(super) fn find_or_fetch() -> anyhow::Result<Found> {
    if let Some(file) = env::var_os(CHOICE).map(PathBuf::from) {
        ensure!(
            file.is_file(),
            "{CHOICE} is {}, where no file is",
            file.display()
        );
        return Ok(Found::At(std::path::absolute(file)?, CHOICE.to_owned()));
    }
    if let Some(file) = process::find(PROGRAM) {
        return Ok(Found::At(file, "PATH".to_owned()));
    }
    let unpacked = workspace::cache()?.join(PROGRAM);
    let file = unpacked.join("usr/bin").join(PROGRAM);
    let from = || "Debian's package, unpacked".to_owned();
    if file.is_file() {
        return Ok(Found::At(file, from()));
    }
    if let Some(absent) = ["apt-get", "dpkg-deb"]
        .into_iter()
        .find(|program| process::find(program).is_none())
    {
        return Ok(missing(&format!("and there is no {absent} to fetch it")));
    }
    match fetch(&unpacked) {
        Ok(()) => {
            ensure!(
                file.is_file(),
                "Debian's package of {PROGRAM} has no usr/bin/{PROGRAM}"
            );
            Ok(Found::At(file, from()))
        }
        Err(error) => Ok(missing(&format!("and it cannot be fetched: {error:#}"))),
    }
}

/// Downloads the package and unpacks it; nothing of it is run or installed.
fn fetch(unpacked: &Path) -> anyhow::Result<()> {
    // Aside: what has its name is whole.
    let partial = unpacked.with_file_name(format!("{PROGRAM}-partial-{}", std::process::id()));
    let context = || format!("cannot write {}", partial.display());
    fs::create_dir_all(partial.join("root")).with_context(context)?;
    let fetched = unpack(&partial).and_then(|()| {
        if unpacked.exists() {
            fs::remove_dir_all(unpacked).with_context(context)?;
        }
        fs::rename(partial.join("root"), unpacked).with_context(context)
    });
    fs::remove_dir_all(&partial).with_context(context)?;
    fetched
}

fn unpack(partial: &Path) -> anyhow::Result<()> {
    Call::new("apt-get")
        .args(["download", "--quiet", PROGRAM])
        .dir(partial)
        .run_quietly()?;
    let package = fs::read_dir(partial)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .context("`apt-get download` left no package")?;
    Call::new("dpkg-deb")
        .arg("-x")
        .arg(&package)
        .arg(partial.join("root"))
        .run_quietly()
}

fn missing(why: &str) -> Found {
    Found::Missing(format!(
        "missing: {PROGRAM}, not tested: analysis with a real one, {why}; hint: install it, let {CHOICE} name one, or run apt-get update"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_with_what_to_do() {
        let Found::Missing(line) = missing("and there is no apt-get to fetch it") else {
            panic!("found");
        };
        insta::assert_snapshot!(line, @"missing: prometheus, not tested: analysis with a real one, and there is no apt-get to fetch it; hint: install it, let OARLOCK_PROMETHEUS name one, or run apt-get update");
    }
}
