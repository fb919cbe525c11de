//! Running other programs, visibly.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, bail};

/// One call of another program. It is printed before it runs, and its output passes through.
pub(crate) struct Call {
    command: Command,
    shown: String,
}

impl Call {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let shown = program.as_ref().to_string_lossy().into_owned();
        Self {
            command: Command::new(program),
            shown,
        }
    }

    /// The cargo that runs this program.
    pub(crate) fn cargo() -> Self {
        let mut call = Self::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        "cargo".clone_into(&mut call.shown);
        call
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        let text = arg.as_ref().to_string_lossy();
        self.shown.push(' ');
        if text.is_empty() || text.contains(char::is_whitespace) {
            self.shown.push('\'');
            self.shown.push_str(&text);
            self.shown.push('\'');
        } else {
            self.shown.push_str(&text);
        }
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(self, args: impl IntoIterator<Item = S>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Runs it and returns how it ended.
    pub(crate) fn status(mut self) -> anyhow::Result<ExitStatus> {
        eprintln!("$ {}", self.shown);
        self.command
            .status()
            .with_context(|| format!("cannot start `{}`", self.shown))
    }

    /// Runs it; anything but success is an error.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let shown = self.shown.clone();
        let status = self.status()?;
        if !status.success() {
            bail!("`{shown}` failed: {status}");
        }
        Ok(())
    }

    /// Runs it silently, and shows what it said only where it failed.
    pub(crate) fn run_quietly(mut self) -> anyhow::Result<()> {
        eprintln!("$ {}", self.shown);
        let output = self
            .command
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot start `{}`", self.shown))?;
        if !output.status.success() {
            eprint!("{}", String::from_utf8_lossy(&output.stdout));
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
            bail!("`{}` failed: {}", self.shown, output.status);
        }
        Ok(())
    }

    /// Runs it and hands over each line of its standard error; its standard output passes through.
    pub(crate) fn run_reading(mut self, mut on_line: impl FnMut(&str)) -> anyhow::Result<()> {
        eprintln!("$ {}", self.shown);
        let context = || format!("cannot run `{}`", self.shown);
        let mut child = self
            .command
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(context)?;
        if let Some(stderr) = child.stderr.take() {
            for line in BufReader::new(stderr).lines() {
                on_line(&line.with_context(context)?);
            }
        }
        let status = child.wait().with_context(context)?;
        if !status.success() {
            bail!("`{}` failed: {status}", self.shown);
        }
        Ok(())
    }

    /// Runs it without a word; whether it succeeded.
    pub(crate) fn succeeds(mut self) -> bool {
        self.command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Runs it unprinted and returns its standard output.
    pub(crate) fn capture(mut self) -> anyhow::Result<String> {
        let output = self
            .command
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot start `{}`", self.shown))?;
        if !output.status.success() {
            bail!("`{}` failed: {}", self.shown, output.status);
        }
        String::from_utf8(output.stdout)
            .with_context(|| format!("output of `{}` is not UTF-8", self.shown))
    }
}

/// The program's place on PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
}

/// The last lines of a text.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
