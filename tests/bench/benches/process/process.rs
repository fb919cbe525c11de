//! The processes, and what they use: of every benchmark in which the operator is one of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// A process that ends with its handle.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// An API server.
pub(crate) struct Cluster {
    _process: Option<Process>,
    kubeconfig: PathBuf,
}

impl Cluster {
    /// One that is there.
    pub(crate) fn at(kubeconfig: PathBuf) -> Self {
        Self {
            _process: None,
            kubeconfig,
        }
    }

    /// The embedded one, in a process of its own.
    pub(crate) async fn embedded(oarlock: &Path, directory: &Path) -> anyhow::Result<Self> {
        let kubeconfig = directory.join("kubeconfig");
        let mut child = Command::new(oarlock)
            .args(["dev", "--no-operator", "--kubeconfig"])
            .arg(&kubeconfig)
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", oarlock.display()))?;
        let output = child.stdout.take().context("its output is piped")?;
        let process = Process(child);
        // Its last line: a pipe that is closed earlier would end it.
        let said = tokio::task::spawn_blocking(move || {
            BufReader::new(output)
                .lines()
                .map_while(Result::ok)
                .find(|line| line.starts_with("look"))
        });
        said.await?
            .context("the embedded cluster ended without saying where it is")?;
        Ok(Self {
            _process: Some(process),
            kubeconfig,
        })
    }

    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }
}

/// The operator under test.
pub(crate) struct Operator(Process);

/// What a process used up to now.
pub(crate) struct Usage {
    pub(crate) at: Instant,
    pub(crate) cpu: Duration,
    /// Resident bytes.
    pub(crate) resident: u64,
    /// The most that it ever was.
    pub(crate) peak: u64,
}

impl Operator {
    /// Starts `oarlock run` with these watches; what it says goes into `operator.log` of the directory.
    pub(crate) fn start(
        oarlock: &Path,
        modules: &Path,
        kubeconfig: &Path,
        directory: &Path,
        watches: &str,
        with: &[String],
    ) -> anyhow::Result<Self> {
        let file = directory.join("watches.yaml");
        std::fs::write(&file, watches)?;
        let log = std::fs::File::create(directory.join("operator.log"))?;
        let child = Command::new(oarlock)
            .arg("run")
            .arg("--watches")
            .arg(file)
            .arg("--modules")
            .arg(modules)
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .args(with)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", oarlock.display()))?;
        Ok(Self(Process(child)))
    }

    /// From Linux' /proc.
    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        let process = PathBuf::from(format!("/proc/{}", self.0.0.id()));
        let status = std::fs::read_to_string(process.join("status"))?;
        let memory = |field: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(field));
            let kilobytes =
                line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
            Ok::<_, anyhow::Error>(
                kilobytes.with_context(|| format!("no {field} of the operator: has it ended?"))?
                    * 1024,
            )
        };
        let stat = std::fs::read_to_string(process.join("stat"))?;
        // Behind the name, which may contain anything: utime and stime are fields 14 and 15 of proc(5).
        let (_, fields) = stat.rsplit_once(')').context("a stat file has a name")?;
        let mut ticks = fields
            .split_whitespace()
            .skip(11)
            .map_while(|field| field.parse::<u64>().ok());
        let used = ticks.next().context("utime")? + ticks.next().context("stime")?;
        Ok(Usage {
            at: Instant::now(),
            cpu: Duration::from_secs_f64(
                used as f64 / rustix::param::clock_ticks_per_second() as f64,
            ),
            resident: memory("VmRSS:")?,
            peak: memory("VmHWM:")?,
        })
    }
}
