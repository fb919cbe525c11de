//! Many service instances in flight at once in one process: whether any of their polls is missed, and how late they are.
//!
//! Engine, cluster client, component, embedded cluster and the broker, which is asked over real HTTP, share two threads in one
//! process, so that what is measured is more than an operator alone has to do. Time is real. All instances are created in one
//! go; the broker takes each on (202), says how long to wait before it is asked again, and is done after so many polls.
//!
//! A poll is late by the time from the instant that the broker asked for, or that the module chose, until the module is called
//! for it, whoever is in its way.

#![expect(clippy::print_stdout, reason = "prints a table")]

mod site;
#[path = "../canaries/timers.rs"]
mod timers;

use std::time::{Duration, Instant};

use clap::Parser;
use rustix::time::{ClockId, clock_gettime};

use crate::site::{Pace, Site};
use crate::timers::Lateness;

/// What is said to be missed.
const TOLERANCE: Duration = Duration::from_secs(2);

/// Measures how late polls are when many service instances are in flight at once
#[derive(Parser)]
struct Arguments {
    /// Instances in flight; may be repeated.
    #[arg(long, default_values_t = [100, 1000])]
    count: Vec<usize>,
    /// How often the broker is polled until an instance is there.
    #[arg(long, default_value_t = 6)]
    polls: u32,
    /// What the broker says in `Retry-After`, in seconds; 0 for nothing.
    #[arg(long, default_value_t = 5)]
    retry_after: u64,
    /// Threads of the process.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Cargo says so to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let pace = Pace {
        polls: arguments.polls,
        retry_after: arguments.retry_after,
    };
    println!(
        "{:>9}  {:>7}  {:>9}  {:>9}  {:>9}  {:>9}  {:>8}  {:>8}  {:>12}",
        "instances", "timers", "p50", "p99", "most", "over 2 s", "took", "cores", "broker calls"
    );
    for count in &arguments.count {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(arguments.threads)
            .enable_all()
            .build()?;
        let figures = runtime.block_on(measure(*count, pace))?;
        println!("{}", figures.row(*count));
    }
    Ok(())
}

/// What a round showed.
struct Figures {
    lateness: Lateness,
    took: Duration,
    cpu: Duration,
    calls: usize,
}

async fn measure(count: usize, pace: Pace) -> anyhow::Result<Figures> {
    let site = Site::new(count, pace).await?;
    site.until_offered().await?;
    site.timers.begin();
    let (began, cpu) = (Instant::now(), process_time());
    site.create()?;
    site.until_ready().await?;
    let figures = Figures {
        lateness: site.timers.end(TOLERANCE),
        took: began.elapsed(),
        cpu: process_time().saturating_sub(cpu),
        calls: site.calls(),
    };
    site.close().await;
    Ok(figures)
}

impl Figures {
    fn row(&self, count: usize) -> String {
        let millis = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        let lateness = &self.lateness;
        format!(
            "{count:>9}  {:>7}  {:>9}  {:>9}  {:>9}  {:>9}  {:>8}  {:>8}  {:>12}",
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
            self.calls,
        )
    }
}

/// CPU time of all threads.
fn process_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or_default());
    seconds + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or_default())
}
