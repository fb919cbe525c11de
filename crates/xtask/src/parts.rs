//! `cargo xtask parts`: what the tests take from other projects as it is, each kept once and found by the tests below
//! `target/oarlock/parts`.
//!
//! Nothing is installed on the machine, and nothing needs to be root. What can be neither found nor fetched is said, with
//! what goes untested without it.

mod debian;
mod gateway_api;
mod helm;
mod openbrokerapi;
mod prometheus;
mod registry;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::process::Call;
use crate::workspace::shown;

/// Set for the tests where they may go on without: they say that they were not run instead of failing.
const ALLOW_MISSING: &str = "OARLOCK_ALLOW_MISSING";

/// Where a part is, or why it is not there.
enum Found {
    /// A file or folder, and what it is taken from.
    At(PathBuf, String),
    /// A line for the user.
    Missing(String),
}

/// Provides every part.
pub(crate) fn run(root: &Path, allow_missing: bool) -> anyhow::Result<()> {
    let places = root.join("target/oarlock/parts");
    fs::create_dir_all(&places).with_context(|| format!("cannot create {}", places.display()))?;
    let mut missing = 0_usize;
    for (name, found) in [
        ("prometheus", prometheus::PROMETHEUS.find_or_fetch()?),
        ("docker-registry", registry::REGISTRY.find_or_fetch()?),
        ("gateway-api", gateway_api::find_or_fetch(root)?),
        ("helm", helm::find_or_build(root)?),
        ("openbrokerapi", openbrokerapi::find_or_install(root)?),
    ] {
        let place = places.join(name);
        match found {
            Found::At(path, from) => {
                link(&path, &place)?;
                eprintln!("{}: {} ({from})", shown(root, &place), path.display());
            }
            Found::Missing(line) => {
                unlink(&place)?;
                eprintln!("{line}");
                missing += 1;
            }
        }
    }
    if missing > 0 && !allow_missing {
        bail!("{missing} part(s) missing; hint: --allow-missing goes on without");
    }
    Ok(())
}

/// A call of tests that are told whether they may go on without.
pub(crate) fn telling(call: Call, allow_missing: bool) -> Call {
    if allow_missing {
        call.env(ALLOW_MISSING, "1")
    } else {
        call.without_env(ALLOW_MISSING)
    }
}

/// Makes `place` a link to `target`, whatever it was before.
fn link(target: &Path, place: &Path) -> anyhow::Result<()> {
    if fs::read_link(place).is_ok_and(|present| present == target) {
        return Ok(());
    }
    unlink(place)?;
    std::os::unix::fs::symlink(target, place)
        .with_context(|| format!("cannot link {} to {}", place.display(), target.display()))
}

fn unlink(place: &Path) -> anyhow::Result<()> {
    match fs::remove_file(place) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", place.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_link_follows_what_it_stands_for() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("place");
        for name in ["first", "second", "second"] {
            let target = dir.path().join(name);
            link(&target, &place).unwrap();
            assert_eq!(fs::read_link(&place).unwrap(), target);
        }
        unlink(&place).unwrap();
        unlink(&place).unwrap();
        assert!(fs::symlink_metadata(&place).is_err());
    }
}
