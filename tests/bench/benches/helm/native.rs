//! Native Helm, in a process of its own.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use crate::charts::Chart;
use crate::usage::median;

/// The program that renders in a loop.
pub(crate) struct Native(PathBuf);

/// What it says.
#[derive(Deserialize)]
struct Said {
    /// Microseconds.
    cpu: Vec<u64>,
    /// Microseconds.
    load: Vec<u64>,
    peak: u64,
    size: usize,
    digest: String,
}

/// What a render takes.
pub(crate) struct Figures {
    pub(crate) render: Duration,
    pub(crate) load: Duration,
    /// Kilobytes.
    pub(crate) peak: u64,
    /// Bytes rendered.
    pub(crate) size: usize,
    pub(crate) digest: String,
}

impl Native {
    pub(crate) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub(crate) fn render(&self, chart: &Chart, rounds: usize) -> anyhow::Result<Figures> {
        let mut archive = tempfile::NamedTempFile::new()?;
        archive.write_all(&chart.archive)?;
        let mut command = Command::new(&self.0);
        command.args(["-rounds", &rounds.to_string()]);
        command.args(["-release", &chart.release, "-namespace", &chart.namespace]);
        if let Some(version) = &chart.kube_version {
            command.args(["-kube-version", version]);
        }
        for version in &chart.api_versions {
            command.args(["-api-versions", version]);
        }
        for (path, _) in &chart.values {
            command.args(["-values", path]);
        }
        let output = command
            .arg(archive.path())
            .output()
            .with_context(|| format!("cannot run {}", self.0.display()))?;
        ensure!(
            output.status.success(),
            "{}: {}",
            chart.name,
            String::from_utf8_lossy(&output.stderr)
        );
        let said: Said = serde_json::from_slice(&output.stdout)?;
        let times =
            |micros: Vec<u64>| median(micros.into_iter().map(Duration::from_micros).collect());
        Ok(Figures {
            render: times(said.cpu),
            load: times(said.load),
            peak: said.peak,
            size: said.size,
            digest: said.digest,
        })
    }
}
