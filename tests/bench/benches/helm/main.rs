//! Helm's engine in its sandbox beside the same code compiled natively: starting an instance, loading a chart, rendering a
//! small, a medium and a very large one, the memory of a render, and compiling the engine.
//!
//! Time is CPU time of the process, all threads together, so that a busy machine does not change it. Both read the same
//! archive in each round, and what they render is compared. The engine has a fresh instance for each call, native Helm goes on
//! in one process that is warm.
//!
//! `--native PATH` is the program of `modules/helm/native/render`, `--engine PATH` the component. `--quick` takes fewer samples.
//! `$OARLOCK_CHART_CORPUS` adds the largest chart of a corpus.

#![expect(clippy::print_stdout, reason = "prints a table")]

mod charts;
mod corpus;
mod native;
mod sandbox;
#[path = "../figures/table.rs"]
mod table;
mod usage;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::charts::Chart;
use crate::native::Native;
use crate::sandbox::Sandbox;
use crate::table::Table;

/// What the design promises, as a multiple of native time.
const TIMES: f64 = 2.0;

/// Measures Helm's engine
#[derive(Parser)]
struct Arguments {
    /// The native program.
    #[arg(long)]
    native: PathBuf,
    /// The component.
    #[arg(long)]
    engine: PathBuf,
    /// Take fewer samples.
    #[arg(long)]
    quick: bool,
    /// Leave out how long the engine takes to compile.
    #[arg(long)]
    no_compile: bool,
    /// Cargo says so to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(measure(&arguments))
}

async fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let mut table = Table::default();
    let cache = tempfile::tempdir()?;
    let compiled = (!arguments.no_compile).then(|| cache.path());
    let sandbox = Sandbox::new(&arguments.engine, compiled, &mut table).await?;
    let rounds = if arguments.quick { 5 } else { 30 };
    let start = sandbox.start(rounds).await?;
    table.note("fresh instance, a call that does nothing", millis(start));
    let mut charts = charts::all()?;
    charts.extend(corpus::largest()?);
    for chart in charts {
        // Fewer rounds where each takes long.
        let rounds = if chart.archive.len() > 100_000 {
            rounds / 3 + 2
        } else {
            rounds
        };
        compare(
            &chart,
            rounds,
            &sandbox,
            &Native::new(&arguments.native),
            &mut table,
        )
        .await?;
    }
    println!("{table}");
    Ok(())
}

async fn compare(
    chart: &Chart,
    rounds: usize,
    sandbox: &Sandbox,
    native: &Native,
    table: &mut Table,
) -> anyhow::Result<()> {
    let natively = native.render(chart, rounds)?;
    let figures = sandbox.render(chart, rounds).await?;
    // What is compared must be the same.
    anyhow::ensure!(
        figures.digest == natively.digest,
        "{}: the engine renders something else than native Helm",
        chart.name
    );
    let title = format!(
        "{} ({} kB packed, {} kB rendered)",
        chart.name,
        chart.archive.len() / 1000,
        natively.size / 1000
    );
    let times = |ours: Duration, theirs: Duration| ours.as_secs_f64() / theirs.as_secs_f64();
    let factor = times(figures.render, natively.render);
    table.check(
        format!("render {title}"),
        format!(
            "{}, native {}: {factor:.1} ×",
            millis(figures.render),
            millis(natively.render)
        ),
        format!("{TIMES:.0} ×"),
        factor <= TIMES,
    );
    table.note(
        "  of it: loading the chart",
        format!("{}, native {}", millis(figures.load), millis(natively.load)),
    );
    table.note(
        "  memory of a render, beyond what stays",
        format!(
            "{} MB resident; the native process {} MB",
            figures.resident / 1_000_000,
            natively.peak / 1000
        ),
    );
    Ok(())
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
