//! A fleet: many objects with a few children each, the operator in a process of its own against an API server in another.
//!
//! Measured: how long it takes until all children are there, what the operator costs while nothing happens and while objects
//! change, and how long it takes from a change to the last child that shows it. The API server is the embedded cluster, or
//! the one of `--kubeconfig`.

#![expect(clippy::print_stdout, reason = "prints a table")]

mod client;
#[path = "../process/process.rs"]
mod process;
mod watcher;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Parser;

use crate::client::Fleet;
use crate::process::{Cluster, Operator, Usage};
use crate::watcher::Watcher;

const WATCHES: &str = "\
- group: guests.oarlock.dev
  version: v1
  kind: FanOut
  module: fan-out.wasm
  grants:
    write: [{apiGroups: [\"\"], resources: [configmaps]}]
";

/// Measures an operator with many objects
#[derive(Parser)]
struct Arguments {
    /// The binary.
    #[arg(long)]
    oarlock: PathBuf,
    /// The folder with fan-out.wasm.
    #[arg(long)]
    modules: PathBuf,
    /// Objects.
    #[arg(long, default_value_t = 10_000)]
    objects: usize,
    /// Children of each.
    #[arg(long, default_value_t = 4)]
    children: usize,
    /// Changes per second.
    #[arg(long, default_value_t = 155.0)]
    rate: f64,
    /// How long objects change, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How long nothing happens, in seconds.
    #[arg(long, default_value_t = 20)]
    idle: u64,
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
        .block_on(measure(&arguments))
}

async fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let cluster = match &arguments.kubeconfig {
        Some(file) => Cluster::at(file.clone()),
        None => Cluster::embedded(&arguments.oarlock, directory.path()).await?,
    };
    let fleet = Fleet::new(cluster.kubeconfig(), arguments.children).await?;
    println!(
        "{} objects × {} children on {}",
        arguments.objects,
        arguments.children,
        if arguments.kubeconfig.is_some() {
            "the given cluster"
        } else {
            "the embedded cluster"
        }
    );
    let result = phases(arguments, &cluster, &fleet, directory.path()).await;
    fleet.remove().await?;
    result
}

async fn phases(
    arguments: &Arguments,
    cluster: &Cluster,
    fleet: &Fleet,
    directory: &std::path::Path,
) -> anyhow::Result<()> {
    fleet.define().await?;
    fleet.create(arguments.objects).await?;
    let wanted = arguments.objects * arguments.children;
    let mut watcher = Watcher::start(fleet.children()).await?;

    let mut with = vec!["--metrics-bind-address".to_owned(), "0".to_owned()];
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
    watcher
        .until(wanted)
        .await
        .context("not all children came")?;
    let first = operator.usage()?;
    row(
        "all children are there after",
        format!("{:.1} s", start.elapsed().as_secs_f64()),
    );
    row("  CPU of the operator until then", seconds(first.cpu));
    row(
        "  resident memory of the operator then",
        megabytes(first.resident),
    );

    tokio::time::sleep(Duration::from_secs(arguments.idle)).await;
    let before = operator.usage()?;
    tokio::time::sleep(Duration::from_secs(arguments.idle)).await;
    let after = operator.usage()?;
    row("  cores while nothing happens", cores(&before, &after));
    row("  resident memory then", megabytes(after.resident));

    let before = operator.usage()?;
    let changes = (arguments.rate * arguments.seconds as f64) as usize;
    let mut took = change(arguments, fleet, &mut watcher, changes).await?;
    let after = operator.usage()?;
    ensure!(
        !took.is_empty(),
        "nothing was changed; hint: --rate, --seconds"
    );
    took.sort_unstable();
    row("changes per second", format!("{:.0}", arguments.rate));
    row("  cores of the operator", cores(&before, &after));
    row(
        "  resident memory (highest ever)",
        format!("{} ({})", megabytes(after.resident), megabytes(after.peak)),
    );
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    row(
        "  from the change to the last of its children",
        format!(
            "p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms",
            at(0.5),
            at(0.99),
            at(1.0)
        ),
    );
    Ok(())
}

/// Changes objects evenly over time, and tells how long each took until its last child showed the change.
async fn change(
    arguments: &Arguments,
    fleet: &Fleet,
    watcher: &mut Watcher,
    changes: usize,
) -> anyhow::Result<Vec<Duration>> {
    let start = Instant::now();
    let mut sending = tokio::task::JoinSet::new();
    let mut due = 0;
    let mut waiting = changes;
    let mut took = Vec::with_capacity(changes);
    while waiting > 0 {
        let next = start + Duration::from_secs_f64(due as f64 / arguments.rate);
        tokio::select! {
            () = tokio::time::sleep_until(next.into()), if due < changes => {
                // A prime step: neighbours in time are no neighbours in the list.
                let number = due * 7919 % arguments.objects;
                let text = format!("change {due}");
                watcher.expect(fleet.name(number), text.clone(), arguments.children);
                sending.spawn(fleet.change(number, text));
                due += 1;
            }
            Some(sent) = sending.join_next() => {
                let (name, text, at) = sent??;
                watcher.sent(&name, &text, at);
            }
            next = watcher.next() => next?,
        }
        took.extend(watcher.done());
        waiting = changes - took.len();
    }
    Ok(took)
}

fn row(what: &str, figure: String) {
    println!("{what:48} {figure}");
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}

fn cores(before: &Usage, after: &Usage) -> String {
    let cpu = after.cpu.saturating_sub(before.cpu).as_secs_f64();
    format!("{:.3}", cpu / (after.at - before.at).as_secs_f64())
}
