//! Many Canaries that roll out at once in one process: whether any of their timers is missed, and how late they are.
//!
//! The engine, the cluster client, the component and the embedded cluster with all its controllers share two threads in one
//! process, so that what is measured is more than an operator alone has to do. Time is real. All Deployments are edited in
//! the same moment, so that all steps of all rollouts are due at the same instants, over and over: that is the worst that a
//! queue can be asked.
//!
//! A timer is the instant at which a module asked to be called again. It is late by the time from then until the module is
//! called, whoever is in its way.

#![expect(clippy::print_stdout, reason = "prints a table")]

mod prometheus;
mod site;
mod timers;

use std::time::{Duration, Instant};

use clap::Parser;
use rustix::time::{ClockId, clock_gettime};

use crate::site::Site;
use crate::timers::Lateness;

/// What a rollout promises: a step lasts what it shall, give or take so much.
const TOLERANCE: Duration = Duration::from_secs(2);

/// Measures how late timers are when many Canaries roll out at once
#[derive(Parser)]
struct Arguments {
    /// Canaries that roll out at once; may be repeated.
    #[arg(long, default_values_t = [50, 500])]
    count: Vec<usize>,
    /// Replicas of each Deployment.
    #[arg(long, default_value_t = 4)]
    replicas: u32,
    /// Threads of the process.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Cargo says so to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    println!(
        "{:>8}  {:>7}  {:>9}  {:>9}  {:>9}  {:>9}  {:>8}  {:>8}",
        "canaries", "timers", "p50", "p99", "most", "over 2 s", "took", "cores"
    );
    for count in &arguments.count {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(arguments.threads)
            .enable_all()
            .build()?;
        let figures = runtime.block_on(measure(*count, arguments.replicas))?;
        println!("{}", figures.row(*count));
    }
    Ok(())
}

/// What a round showed.
struct Figures {
    lateness: Lateness,
    took: Duration,
    cpu: Duration,
}

async fn measure(count: usize, replicas: u32) -> anyhow::Result<Figures> {
    let site = Site::new(count, replicas).await?;
    site.until_all("Initialized").await?;
    site.timers.begin();
    let (began, cpu) = (Instant::now(), process_time());
    site.edit()?;
    site.until_all("Succeeded").await?;
    let figures = Figures {
        lateness: site.timers.end(TOLERANCE),
        took: began.elapsed(),
        cpu: process_time().saturating_sub(cpu),
    };
    site.close().await;
    Ok(figures)
}

impl Figures {
    fn row(&self, count: usize) -> String {
        let millis = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        let lateness = &self.lateness;
        format!(
            "{count:>8}  {:>7}  {:>9}  {:>9}  {:>9}  {:>9}  {:>8}  {:>8}",
            lateness.timers,
            millis(lateness.median),
            millis(lateness.p99),
            millis(lateness.most),
            lateness.missed,
            format!("{:.1} s", self.took.as_secs_f64()),
            format!(
                "{:.2}",
                self.cpu.as_secs_f64() / self.took.as_secs_f64().max(f64::EPSILON)
            ),
        )
    }
}

/// CPU time of all threads.
fn process_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or_default());
    seconds + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or_default())
}
