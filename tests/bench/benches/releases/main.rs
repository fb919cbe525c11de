//! Many Helm releases: the operator in a process of its own against an API server in another.
//!
//! Measured: how long it takes until all are installed (from the first that is created, the operator being ready), upgraded and
//! uninstalled, how many API calls each takes, and what a look at all of them costs when there is nothing to do. The API server is the embedded cluster, or the one of
//! `--kubeconfig`.

#![expect(clippy::print_stdout, reason = "prints a table")]

mod calls;
mod chart;
#[path = "../process/process.rs"]
mod process;
mod site;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;

use crate::calls::Calls;
use crate::process::{Cluster, Operator, Usage};
use crate::site::Site;

/// How often everything is looked at. The idle phase is as long: each release is looked at once in it.
const PERIOD: Duration = Duration::from_secs(60);

const WATCHES: &str = "\
- group: bench.oarlock.dev
  version: v1
  kind: Podinfo
  chart: podinfo
  reconcilePeriod: 1m
";

/// Measures an operator with many Helm releases
#[derive(Parser)]
struct Arguments {
    /// The binary.
    #[arg(long)]
    oarlock: PathBuf,
    /// The folder with helm.wasm and helm-engine.wasm.
    #[arg(long)]
    modules: PathBuf,
    /// Releases; may be repeated, one table each.
    #[arg(long = "releases", default_values_t = [100, 500, 1000])]
    releases: Vec<usize>,
    /// A cluster instead of the embedded one. Everything happens in a namespace of its own, which is deleted.
    #[arg(long)]
    kubeconfig: Option<PathBuf>,
    /// An argument more for `oarlock run`; may be repeated.
    #[arg(long = "with", allow_hyphen_values = true)]
    with: Vec<String>,
    /// Cargo says so to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(async {
            for releases in &arguments.releases {
                measure(&arguments, *releases).await?;
            }
            Ok(())
        })
}

async fn measure(arguments: &Arguments, releases: usize) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let cluster = match &arguments.kubeconfig {
        Some(file) => Cluster::at(file.clone()),
        None => Cluster::embedded(&arguments.oarlock, directory.path()).await?,
    };
    let charts = directory.path().join("charts");
    chart::write(&charts)?;
    println!(
        "{releases} releases on {}",
        match &arguments.kubeconfig {
            Some(_) => "the given cluster",
            None => "the embedded cluster",
        }
    );
    let site = Site::new(cluster.kubeconfig(), releases).await?;
    let result = phases(arguments, &cluster, &site, directory.path(), &charts).await;
    site.remove().await?;
    if result.is_err() {
        let log = std::fs::read_to_string(directory.path().join("operator.log"))?;
        let last: Vec<&str> = log.lines().rev().take(20).collect();
        for line in last.into_iter().rev() {
            println!("  {line}");
        }
    }
    result
}

async fn phases(
    arguments: &Arguments,
    cluster: &Cluster,
    site: &Site,
    directory: &Path,
    charts: &Path,
) -> anyhow::Result<()> {
    site.define().await?;
    let metrics = calls::free_address()?;
    let mut with = vec![
        "--metrics-bind-address".to_owned(),
        metrics.to_string(),
        "--charts".to_owned(),
        charts.display().to_string(),
    ];
    with.extend_from_slice(&arguments.with);

    let start = Instant::now();
    let operator = Operator::start(
        &arguments.oarlock,
        &arguments.modules,
        cluster.kubeconfig(),
        directory,
        WATCHES,
        &with,
    )?;
    calls::until_ready(metrics).await?;
    row(
        "ready, with its modules compiled, after",
        seconds(start.elapsed()),
    );
    row("  resident memory", megabytes(operator.usage()?.resident));

    let before = (operator.usage()?, Calls::of(metrics)?);
    let start = Instant::now();
    site.create().await?;
    site.until_ready("1").await?;
    phase("installed", site, start, &before, &operator, metrics)?;

    let before = (operator.usage()?, Calls::of(metrics)?);
    let start = Instant::now();
    site.upgrade("2").await?;
    site.until_ready("2").await?;
    phase("upgraded", site, start, &before, &operator, metrics)?;

    // What was begun comes to rest: the last statuses of the upgrade are written.
    tokio::time::sleep(PERIOD / 4).await;
    let before = (operator.usage()?, Calls::of(metrics)?);
    tokio::time::sleep(PERIOD).await;
    let (usage, calls) = (operator.usage()?, Calls::of(metrics)?);
    let took = usage.at.duration_since(before.0.at).as_secs_f64();
    row(
        "looked at again, nothing to do, for",
        format!("{took:.0} s"),
    );
    row(
        "  CPU for all",
        seconds(usage.cpu.saturating_sub(before.0.cpu)),
    );
    row("  writes", calls.since(&before.1).writes().to_string());
    row("  resident memory", megabytes(usage.resident));

    let before = (operator.usage()?, Calls::of(metrics)?);
    let start = Instant::now();
    site.delete().await?;
    site.until_gone().await?;
    phase("uninstalled", site, start, &before, &operator, metrics)
}

fn phase(
    what: &str,
    site: &Site,
    start: Instant,
    (earlier, counted): &(Usage, Calls),
    operator: &Operator,
    metrics: std::net::SocketAddr,
) -> anyhow::Result<()> {
    let took = start.elapsed().as_secs_f64();
    let (usage, calls) = (operator.usage()?, Calls::of(metrics)?);
    let releases = site.releases() as f64;
    let cpu = usage.cpu.saturating_sub(earlier.cpu);
    let calls = calls.since(counted);
    row(
        &format!("all are {what} after"),
        format!("{took:.1} s, {:.1} releases/s", releases / took),
    );
    row(
        "  CPU of the operator",
        format!(
            "{} ({:.1} ms each)",
            seconds(cpu),
            cpu.as_secs_f64() * 1e3 / releases
        ),
    );
    row(
        "  API calls for each",
        format!(
            "{:.1}, of them writes {:.1}",
            calls.all() as f64 / releases,
            calls.writes() as f64 / releases
        ),
    );
    row(
        "  resident memory (highest ever)",
        format!("{} ({})", megabytes(usage.resident), megabytes(usage.peak)),
    );
    Ok(())
}

fn row(what: &str, figure: String) {
    println!("{what:48} {figure}");
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}
