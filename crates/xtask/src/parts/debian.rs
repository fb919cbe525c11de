//! Programs that the user has, or that a package of Debian has: unpacked beside the other caches, nothing of it installed.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use super::Found;
use crate::process::{self, Call};
use crate::workspace;

/// A program that tests run.
pub(super) struct Program {
    /// The package, the program within it, and its name on PATH.
    pub(super) name: &'static str,
    /// The variable that names another than the one on PATH.
    pub(super) choice: &'static str,
    /// What is not tested without it.
    pub(super) untested: &'static str,
}

impl Program {
    /// The program of the environment, of PATH, of the cache; else fetched into the cache.
    pub(super) fn find_or_fetch(&self) -> anyhow::Result<Found> {
        let (name, choice) = (self.name, self.choice);
        if let Some(file) = env::var_os(choice).map(PathBuf::from) {
            ensure!(
                file.is_file(),
                "{choice} is {}, where no file is",
                file.display()
            );
            return Ok(Found::At(std::path::absolute(file)?, choice.to_owned()));
        }
        if let Some(file) = process::find(name) {
            return Ok(Found::At(file, "PATH".to_owned()));
        }
        let unpacked = workspace::cache()?.join(name);
        let file = unpacked.join("usr/bin").join(name);
        let from = || "Debian's package, unpacked".to_owned();
        if file.is_file() {
            return Ok(Found::At(file, from()));
        }
        if let Some(absent) = ["apt-get", "dpkg-deb"]
            .into_iter()
            .find(|program| process::find(program).is_none())
        {
            return Ok(self.missing(&format!("and there is no {absent} to fetch it")));
        }
        match self.fetch(&unpacked) {
            Ok(()) => {
                ensure!(
                    file.is_file(),
                    "Debian's package of {name} has no usr/bin/{name}"
                );
                Ok(Found::At(file, from()))
            }
            Err(error) => Ok(self.missing(&format!("and it cannot be fetched: {error:#}"))),
        }
    }

    /// Downloads the package and unpacks it; nothing of it is run or installed.
    fn fetch(&self, unpacked: &Path) -> anyhow::Result<()> {
        // Aside: what has its name is whole.
        let partial =
            unpacked.with_file_name(format!("{}-partial-{}", self.name, std::process::id()));
        let context = || format!("cannot write {}", partial.display());
        fs::create_dir_all(partial.join("root")).with_context(context)?;
        let fetched = self.unpack(&partial).and_then(|()| {
            if unpacked.exists() {
                fs::remove_dir_all(unpacked).with_context(context)?;
            }
            fs::rename(partial.join("root"), unpacked).with_context(context)
        });
        fs::remove_dir_all(&partial).with_context(context)?;
        fetched
    }

    fn unpack(&self, partial: &Path) -> anyhow::Result<()> {
        Call::new("apt-get")
            .args(["download", "--quiet", self.name])
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

    pub(super) fn missing(&self, why: &str) -> Found {
        let Self {
            name,
            choice,
            untested,
        } = self;
        Found::Missing(format!(
            "missing: {name}, not tested: {untested}, {why}; hint: install it, let {choice} name one, or run apt-get update"
        ))
    }
}
