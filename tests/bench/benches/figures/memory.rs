//! Resident memory, each figure in a process of its own.

use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use oarlock_cluster::{Kubernetes, Options};
use oarlock_core::cluster::Cluster;
use oarlock_core::reference::Gvk;
use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::{DevCluster, VirtualClock};
use serde_json::Value;

use crate::front::{Front, deployment};
use crate::table::Table;
use crate::usage::{anonymous, resident};
use crate::{Effort, loading};

/// The argument that asks for one figure.
pub(crate) const ARGUMENT: &str = "--memory";

/// 100,000 objects with 400,000 children in a gigabyte.
const PER_OBJECT: u64 = 2_000;

/// Bytes per loaded module.
const PER_MODULE: u64 = 500_000;

/// Measures what another process asked for: bytes per piece.
pub(crate) fn measure(part: &str, count: usize) -> anyhow::Result<u64> {
    match part {
        "cached" => runtime()?.block_on(cached(count)),
        "values" => values(count),
        "modules" => runtime()?.block_on(loading::per_module(count, resident)),
        "modules' own" => runtime()?.block_on(loading::per_module(count, anonymous)),
        other => bail!("no memory figure is called {other:?}"),
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?)
}

pub(crate) fn rows(effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    let text = deployment(0);
    let mut bare: Value = serde_json::from_str(&text)?;
    if let Some(metadata) = bare["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    let (size, stripped) = (text.len(), bare.to_string().len());
    let cached = ask("cached", effort.objects)?;
    table.check(
        format!(
            "resident per cached Deployment of {size} bytes ({stripped} without managedFields)"
        ),
        format!(
            "{} bytes ({} to {})",
            cached.median, cached.least, cached.most
        ),
        format!("{PER_OBJECT} bytes"),
        cached.median <= PER_OBJECT,
    );
    let values = ask_once("values", effort.objects)?;
    table.note(
        "the same as serde_json::Value",
        format!(
            "{values} bytes, {:.1} ×",
            values as f64 / cached.median as f64
        ),
    );
    let module = ask_once("modules", effort.modules)?;
    table.check(
        "resident per idle module (canary)",
        format!("{} kB", module / 1000),
        format!("{} kB", PER_MODULE / 1000),
        module <= PER_MODULE,
    );
    let own = ask_once("modules' own", effort.modules)?;
    table.note(
        "of it not backed by the compile cache's file",
        format!("{} kB", own / 1000),
    );
    Ok(())
}

/// Resident memory of one process differs from that of the next by a few percent.
const PROCESSES: usize = 5;

/// Several processes' answers.
struct Spread {
    least: u64,
    median: u64,
    most: u64,
}

impl Spread {
    fn of(mut answers: [u64; PROCESSES]) -> Self {
        answers.sort_unstable();
        Self {
            least: answers[0],
            median: answers[PROCESSES / 2],
            most: answers[PROCESSES - 1],
        }
    }
}

fn ask(part: &str, count: usize) -> anyhow::Result<Spread> {
    let mut answers = [0; PROCESSES];
    for answer in &mut answers {
        *answer = ask_once(part, count)?;
    }
    Ok(Spread::of(answers))
}

fn ask_once(part: &str, count: usize) -> anyhow::Result<u64> {
    let output = Command::new(std::env::current_exe()?)
        .args([ARGUMENT, part, &count.to_string()])
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    said.trim().parse().with_context(|| {
        format!(
            "measuring {part} failed: {}",
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

/// Through list, [`oarlock_core::cached::Cached`] and the cluster's store, as in operation.
async fn cached(count: usize) -> anyhow::Result<u64> {
    let clock = Arc::new(VirtualClock::new(
        Timestamp::from_millis(1_793_534_400_000),
        1.0,
    ));
    let dev = DevCluster::builder()
        .clock(Arc::clone(&clock))
        .without_controllers()
        .start();
    let gvk = Gvk::new("apps", "v1", "Deployment");
    // Once for what a first list leaves behind, such as buffers; it is small beside the second one.
    let watch = async |count| {
        let front = Front::new(dev.service()).with_deployments(count);
        let client = kube::Client::new(front, "default");
        let options = Options {
            // The front makes up pages, as an API server does that streams no lists.
            streamed_lists: false,
            ..Options::default()
        };
        let kubernetes = Kubernetes::new(client, Arc::clone(&clock) as _, options);
        kubernetes.watch(&gvk).await?;
        anyhow::Ok(kubernetes)
    };
    let first = watch(count / 20).await?;
    let before = resident()?;
    let second = watch(count).await?;
    let after = resident()?;
    ensure!(
        second.list(&gvk, None).len() == count,
        "the list is not complete"
    );
    black_box((first, second));
    Ok(after.saturating_sub(before) / count as u64)
}

fn values(count: usize) -> anyhow::Result<u64> {
    let mut kept = Vec::with_capacity(count);
    let before = resident()?;
    for number in 0..count {
        kept.push(serde_json::from_str::<Value>(&deployment(number))?);
    }
    let after = resident()?;
    black_box(kept);
    Ok(after.saturating_sub(before) / count as u64)
}
