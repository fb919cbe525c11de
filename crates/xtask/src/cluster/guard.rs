//! Takes the cluster down when the program that wanted it is gone, however it went.
//!
//! The guard is a process of its own that waits for the end of its standard input, the other end of which only that
//! program holds: the kernel closes it at an interrupt and at a SIGKILL, too.

use std::env;
use std::io::{Read as _, stdin};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};

use super::place::Place;
use super::state::State;

/// The cluster goes down when this is ended or when the process ends.
pub(crate) struct Guard {
    child: Child,
}

impl Guard {
    /// To be set up before the cluster is.
    pub(crate) fn before(place: &Place) -> anyhow::Result<Self> {
        let program = env::current_exe().context("cannot find this program")?;
        let child = Command::new(program)
            .args(["cluster", "--dir"])
            .arg(place.dir())
            .arg("guard")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start the guard of the cluster")?;
        Ok(Self { child })
    }

    /// Has it take the cluster down, and waits for that.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        let status = self.child.wait().context("the guard of the cluster")?;
        if !status.success() {
            bail!("the guard of the cluster failed: {status}; hint: `cargo xtask cluster down`");
        }
        Ok(())
    }
}

/// The guard's own part.
pub(super) fn wait(place: &Place) -> anyhow::Result<()> {
    let mut rest = Vec::new();
    stdin()
        .read_to_end(&mut rest)
        .context("cannot wait on standard input")?;
    let _lock = place.lock()?;
    // It may never have come up.
    if State::read(place)?.is_some() {
        super::down(place)?;
    }
    Ok(())
}
