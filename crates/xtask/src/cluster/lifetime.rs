//! Processes that outlive this program: started, recognised, and ended.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

/// How long a process may take to be gone after SIGKILL.
const END: Duration = Duration::from_secs(10);

/// A running process: its number, and when it began, since numbers are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Life {
    pub(crate) pid: i32,
    /// In clock ticks since the machine started.
    started: u64,
}

impl Life {
    /// Starts a program in a process group of its own, so that an interrupt at the terminal is not meant for it.
    pub(crate) fn begin(program: &Path, args: &[String], log: &Path) -> anyhow::Result<Self> {
        let context = || format!("cannot write {}", log.display());
        let out = File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(context)?;
        let mut command = Command::new(program);
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command
            .args(args)
            // Nobody's proxy is between processes on loopback.
            .env("NO_PROXY", "127.0.0.1,localhost")
            .stdin(Stdio::null())
            .stdout(out.try_clone().with_context(context)?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let pid = i32::try_from(child.id())?;
        let started = started(pid)?.with_context(|| {
            format!(
                "{} ended at once; hint: {} says why",
                program.display(),
                log.display()
            )
        })?;
        Ok(Self { pid, started })
    }

    /// Whether this very process still runs.
    pub(crate) fn is_on(self) -> anyhow::Result<bool> {
        Ok(started(self.pid)? == Some(self.started))
    }

    /// Ends it with SIGKILL and waits until it is gone. Somebody else under its number is left alone.
    pub(crate) fn kill(self) -> anyhow::Result<()> {
        if !self.is_on()? {
            return Ok(());
        }
        let pid = Pid::from_raw(self.pid).context("a process has a number above 0")?;
        match rustix::process::kill_process(pid, Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(error).context("SIGKILL"),
        }
        let deadline = Instant::now() + END;
        while self.is_on()? {
            if Instant::now() > deadline {
                bail!("it did not end within {} s of SIGKILL", END.as_secs());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

/// When the process of that number began; `None` when there is none, or only what its parent has not yet asked for.
fn started(pid: i32) -> anyhow::Result<Option<u64>> {
    let file = PathBuf::from(format!("/proc/{pid}/stat"));
    match fs::read_to_string(&file) {
        Ok(text) => parse_stat(&text)
            .with_context(|| format!("{} is not as proc(5) describes it", file.display())),
        // A process that ends while it is read is ESRCH.
        Err(error)
            if error.kind() == std::io::ErrorKind::NotFound
                || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) =>
        {
            anyhow::ensure!(
                Path::new("/proc/self/stat").exists(),
                "there is no /proc to recognise processes by; hint: `cargo xtask cluster` needs Linux"
            );
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}

/// Field 22 of proc(5)'s `stat`, unless the state (field 3) says that it has ended. It has not while it has more threads than the
/// one that waits for its parent (field 20): those still hold its files and ports.
fn parse_stat(text: &str) -> Option<Option<u64>> {
    // The name, field 2, may hold anything, brackets and blanks too.
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    let threads: u64 = fields.nth(16)?.parse().ok()?;
    if matches!(state, "X" | "x") || state == "Z" && threads <= 1 {
        return Some(None);
    }
    fields.nth(1)?.parse().ok().map(Some)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn stat_is_read_past_odd_names_and_ended_processes_are_none() {
        let of = |name: &str, state: &str, threads: u64| {
            format!(
                "41 ({name}) {state} 1 41 41 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 {threads} 0 123456 1 2"
            )
        };
        assert_eq!(parse_stat(&of("etcd", "S", 9)), Some(Some(123_456)));
        assert_eq!(parse_stat(&of("a) Z (b", "R", 9)), Some(Some(123_456)));
        assert_eq!(parse_stat(&of("etcd", "Z", 1)), Some(None));
        // Killed, and its other threads are not gone yet.
        assert_eq!(parse_stat(&of("etcd", "Z", 2)), Some(Some(123_456)));
        assert_eq!(parse_stat("nonsense"), None);
    }

    #[test]
    fn a_process_is_recognised_and_ended() {
        let dir = tempfile::tempdir().unwrap();
        let sleep = crate::process::find("sleep").unwrap();
        let life = Life::begin(&sleep, &["600".to_owned()], &dir.path().join("log")).unwrap();
        assert!(life.is_on().unwrap());
        let other = Life {
            started: life.started + 1,
            ..life
        };
        other.kill().unwrap();
        assert!(
            life.is_on().unwrap(),
            "somebody else of that number is left alone"
        );
        life.kill().unwrap();
        assert!(!life.is_on().unwrap());
        life.kill().unwrap();
    }
}
