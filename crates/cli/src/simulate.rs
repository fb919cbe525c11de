//! `oarlock simulate`: a rollout, rehearsed with the modules of production, on a cluster in this process, in virtual time.
//!
//! What goes in is read and checked first: manifests, watches, modules, the scenario. The `course` is simulated on a thread
//! of its own and leaves a record; the `timeline` is made of that, and rendered. Nothing leaves the process but, where
//! somebody says so, what fetches charts; nothing depends on the machine: equal input, equal bytes.

mod chronicle;
mod course;
mod invariant;
mod life;
mod manifests;
mod modules;
mod observation;
mod outside;
mod packages;
mod render;
mod scenario;
mod timeline;
mod users;
mod wakes;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum;
use oarlock_core::reference::Gvk;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::arguments::duration;
use crate::operator::Sources;
use crate::report::report;
use crate::simulate::course::{End, Record, Subject};
use crate::simulate::invariant::Invariant;
use crate::simulate::manifests::Given;
use crate::simulate::packages::Packages;
use crate::simulate::scenario::{Change, Scenario};
use crate::simulate::timeline::Timeline;
use crate::{output, stop};

/// Exit status where an invariant was violated.
const VIOLATED: u8 = 1;

/// Exit status where nothing could be simulated.
const WRONG_INPUT: u8 = 2;

/// Arguments of `oarlock simulate`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit status: 0 when all invariants held (however the rollout ended), 1 when one was violated, 2 when the \
                  input is wrong, 130 when interrupted."
)]
pub(crate) struct Args {
    /// Manifests that are there at the beginning: files, directories, or - for standard input.
    #[arg(
        short = 'f',
        long = "filename",
        value_name = "MANIFESTS",
        num_args = 1..,
        required_unless_present = "schema"
    )]
    manifests: Vec<PathBuf>,
    /// What happens meanwhile: Pods, metrics, webhooks, changes, crashes, and what must hold.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// The watches file [default: watches.yaml beside the manifests].
    #[arg(long, alias = "watches-file", value_name = "FILE")]
    watches: Option<PathBuf>,
    /// The directory that `module:` paths start from.
    #[arg(long, default_value = "modules", value_name = "DIR")]
    modules: PathBuf,
    /// The folder of the charts that modules may fetch as local [default: the folder of the watches file].
    #[arg(long, value_name = "DIR")]
    charts: Option<PathBuf>,
    /// Fetch charts from outside, too, as far as the watches grant it.
    #[arg(long)]
    fetch: bool,
    /// Where compiled modules and fetched charts are kept between starts [default: ~/.cache/oarlock].
    #[arg(
        long,
        env = "OARLOCK_CACHE_DIR",
        hide_env_values = true,
        value_name = "DIR"
    )]
    cache_dir: Option<PathBuf>,
    /// Until nothing happens any more and nothing is to come, a day at most; the default.
    #[arg(long, conflicts_with = "time")]
    until_idle: bool,
    /// For so long, such as 2h.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    time: Option<Duration>,
    /// text for people, json for one object per line, html for a page with plots.
    #[arg(
        short = 'o',
        long,
        value_enum,
        default_value = "text",
        hide_possible_values = true,
        value_name = "FORMAT"
    )]
    output: Format,
    /// Print the JSON Schema of scenarios instead, for editors.
    // Not exclusive: what the environment sets counts as given.
    #[arg(long, conflicts_with_all = ["manifests", "scenario", "watches", "time", "until_idle"])]
    schema: bool,
}

/// How a timeline is shown.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people at a terminal.
    Text,
    /// One object per line.
    Json,
    /// A page.
    Html,
}

/// Findings with their places, each as it is to be read.
#[derive(Debug, Error)]
#[error("{}", .0.join("\n"))]
struct Findings(Vec<String>);

/// What was read.
struct Input {
    subject: Subject,
    invariants: Vec<Invariant>,
    title: String,
}

/// Simulates, and shows what happened.
pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.schema {
        output::line(format!("{:#}", scenario::schema()))?;
        return Ok(ExitCode::SUCCESS);
    }
    match simulated(&args).await {
        Ok((title, timeline)) => show(&args, &title, &timeline),
        Err(error) => {
            tell(&error);
            Ok(ExitCode::from(WRONG_INPUT))
        }
    }
}

async fn simulated(args: &Args) -> anyhow::Result<(String, Timeline)> {
    let (stop, _signals) = stop::on_signal()?;
    let Input {
        subject,
        invariants,
        title,
    } = read(args).await?;
    let record = record(subject, stop).await?;
    Ok((title, Timeline::of(&record, &invariants)))
}

/// Reads and checks all that there is to read.
async fn read(args: &Args) -> anyhow::Result<Input> {
    let scenario = scenario(args.scenario.as_deref())?;
    let mut other: Vec<PathBuf> = scenario.files().map(Path::to_owned).collect();
    other.extend(args.scenario.clone());
    other.extend(args.watches.clone());
    let given = manifests::read(&args.manifests, &other)?;
    let sources = Sources {
        watches: modules::watches(args.watches.as_deref(), &given.directories)?,
        modules: args.modules.clone(),
        charts: args.charts.clone(),
        cache_dir: args.cache_dir.clone(),
        chart_cache_size: None,
    };
    let served = modules::load_all(&sources, &kinds(&given, &scenario)).await?;
    let mut scenario = scenario;
    let invariants = std::mem::take(&mut scenario.invariants);
    let definitions = modules::definitions(&given, &served);
    let manifests = given.manifests.into_iter().filter(|m| !m.is_definition());
    Ok(Input {
        subject: Subject {
            definitions,
            manifests: manifests.collect(),
            served,
            artifacts: Arc::new(Packages::new(sources.depot()?, args.fetch)),
            scenario,
            time: args.time,
        },
        invariants,
        title: title(args),
    })
}

fn scenario(file: Option<&Path>) -> anyhow::Result<Scenario> {
    let Some(file) = file else {
        return Ok(Scenario::default());
    };
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the scenario {}", file.display()))?;
    Scenario::parse(file, &text).map_err(|findings| {
        let findings = findings.iter().map(ToString::to_string);
        Findings(findings.collect()).into()
    })
}

/// Kinds of what people apply, definitions and namespaces aside.
fn kinds(given: &Given, scenario: &Scenario) -> BTreeSet<Gvk> {
    let later = scenario.changes.iter().flat_map(Change::applied);
    let all = given.manifests.iter().chain(later);
    let own = all.filter(|m| !m.is_definition() && !m.is_namespace());
    own.map(manifests::Manifest::gvk).collect()
}

/// What a page is about.
fn title(args: &Args) -> String {
    let names: Vec<String> = args
        .manifests
        .iter()
        .chain(&args.scenario)
        .map(|path| path.display().to_string())
        .collect();
    format!("Simulation of {}", names.join(", "))
}

/// Has it simulated by a thread of its own. Whoever interrupts gets what there is.
async fn record(subject: Subject, stop: CancellationToken) -> anyhow::Result<Record> {
    tokio::task::spawn_blocking(move || course::run(subject, &stop))
        .await
        .context("the simulation ended badly")?
}

fn show(args: &Args, title: &str, timeline: &Timeline) -> anyhow::Result<ExitCode> {
    let text = match args.output {
        Format::Text => render::text(timeline),
        Format::Json => render::json(timeline),
        Format::Html => render::html(timeline, title),
    };
    output::line(text.trim_end())?;
    Ok(if timeline.end == End::Interrupted {
        stop::interrupted()
    } else if timeline.is_violated() {
        ExitCode::from(VIOLATED)
    } else {
        ExitCode::SUCCESS
    })
}

/// Findings are shown as they are: they have their places in them.
#[expect(clippy::print_stderr, reason = "findings and errors go to stderr")]
fn tell(error: &anyhow::Error) {
    match error.downcast_ref::<Findings>() {
        Some(findings) => eprintln!("{findings}"),
        None => eprint!("{}", report(error)),
    }
}
