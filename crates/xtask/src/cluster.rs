//! `cargo xtask cluster`: a real control plane on loopback, for tests.
//!
//! etcd, the API server, the controller manager, the scheduler and KWOK, each a process of its own that outlives this
//! program. What runs is written down in one file ([`state`]); whoever ends a process first makes sure that the number
//! still stands for that process. Data is thrown away at each start.

mod binaries;
mod build;
mod flags;
mod guard;
mod kubectl;
mod lifetime;
mod part;
mod place;
mod startup;
mod state;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, bail};
use clap::Subcommand;

pub(crate) use self::guard::Guard;
use self::lifetime::Life;
use self::part::Part;
use self::place::Place;
use self::state::State;
use crate::workspace::shown;

/// What to do with the cluster.
#[derive(Subcommand)]
pub(crate) enum Action {
    /// Start it; where programs are missing they are built first, once
    Up {
        /// Succeed, saying so, where it can neither be found nor built
        #[arg(long)]
        allow_missing: bool,
    },
    /// End it
    Down,
    /// Print the path of the kubeconfig: export KUBECONFIG=$(cargo xtask cluster kubeconfig)
    Kubeconfig,
    /// End one of its processes, with SIGKILL
    Stop {
        /// Which
        #[arg(value_enum)]
        part: Part,
    },
    /// Start a process again that was stopped, as it was before
    Start {
        /// Which
        #[arg(value_enum)]
        part: Part,
    },
    /// End the cluster when standard input ends
    #[command(hide = true)]
    Guard,
}

/// How an attempt to start ended.
pub(crate) enum Outcome {
    /// It ran already.
    Running(State),
    /// It was started.
    Started(State),
    /// It can neither be found nor built; the reasons were printed.
    Missing,
}

/// Carries out one command on the cluster at `dir`, or at the usual place.
pub(crate) fn run(root: &Path, dir: Option<PathBuf>, action: &Action) -> anyhow::Result<ExitCode> {
    let place = Place::new(root, dir)?;
    match action {
        Action::Up { allow_missing } => return up_and_tell(root, &place, *allow_missing),
        Action::Down => {
            let _lock = place.lock()?;
            down(&place)?;
        }
        Action::Kubeconfig => {
            let Some(state) = State::read(&place)?.filter(State::is_whole) else {
                bail!("the cluster is not up; hint: `cargo xtask cluster up`");
            };
            println!("{}", state.kubeconfig.display());
        }
        Action::Stop { part } => {
            let _lock = place.lock()?;
            stop(&place, *part)?;
        }
        Action::Start { part } => {
            let _lock = place.lock()?;
            startup::again(&place, *part)?;
        }
        Action::Guard => guard::wait(&place)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn up_and_tell(root: &Path, place: &Place, allow_missing: bool) -> anyhow::Result<ExitCode> {
    let start = Instant::now();
    match up(root, place)? {
        Outcome::Running(state) => {
            eprintln!("the cluster is up already: {}", state.url);
            tell(root, &state);
        }
        Outcome::Started(state) => {
            eprintln!(
                "the cluster is up after {:.1} s: {}",
                start.elapsed().as_secs_f64(),
                state.url
            );
            tell(root, &state);
        }
        Outcome::Missing if allow_missing => {}
        Outcome::Missing => {
            bail!("the cluster cannot be started; hint: --allow-missing goes on without")
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(root: &Path, state: &State) {
    eprintln!("export KUBECONFIG={}", state.kubeconfig.display());
    if let Some(logs) = state
        .processes
        .first()
        .and_then(|process| process.log.parent())
    {
        eprintln!("logs: {}", shown(root, logs));
    }
}

/// The place of the cluster of `cargo xtask test --real`, which is nobody else's.
pub(crate) fn test_place(root: &Path) -> anyhow::Result<Place> {
    Place::new(root, Some(root.join("target/oarlock/cluster-test")))
}

/// Starts a new cluster, whatever runs there.
pub(crate) fn up_anew(root: &Path, place: &Place) -> anyhow::Result<Outcome> {
    let lock = place.lock()?;
    if State::read(place)?.is_some() {
        down(place)?;
    }
    drop(lock);
    up(root, place)
}

/// Starts the cluster unless it runs. What is left of one that is not whole is ended first.
pub(crate) fn up(root: &Path, place: &Place) -> anyhow::Result<Outcome> {
    let _lock = place.lock()?;
    if let Some(state) = State::read(place)? {
        if state.is_whole() {
            return Ok(Outcome::Running(state));
        }
        eprintln!("a cluster that is not whole is taken down first");
        down(place)?;
    }
    let kubectl = kubectl::find();
    let programs = binaries::all(root)?;
    for line in kubectl.missing().into_iter().chain(programs.missing()) {
        eprintln!("{line}");
    }
    let (Some(kubectl), Some(programs)) = (kubectl.found(), programs.found()) else {
        return Ok(Outcome::Missing);
    };
    match startup::all(root, place, &kubectl, &programs) {
        Ok(state) => Ok(Outcome::Started(state)),
        Err(error) => {
            // Nothing half-started stays.
            down(place).context("after a failed start")?;
            Err(error)
        }
    }
}

/// Ends every process of the cluster and forgets it.
///
/// With SIGKILL and in this order: an API server that loses etcd hangs on SIGTERM for minutes. There is nothing to be
/// saved, data is thrown away.
pub(crate) fn down(place: &Place) -> anyhow::Result<()> {
    let Some(state) = State::read(place)? else {
        eprintln!("no cluster is up");
        return Ok(());
    };
    for part in Part::ALL.into_iter().rev() {
        if let Some(process) = state.process(part)
            && let Some(life) = process.life
        {
            end(part, life)?;
        }
    }
    State::remove(place)?;
    eprintln!("the cluster is down");
    Ok(())
}

fn stop(place: &Place, part: Part) -> anyhow::Result<()> {
    let mut state =
        State::read(place)?.context("no cluster is up; hint: `cargo xtask cluster up`")?;
    let process = state
        .process_mut(part)
        .with_context(|| format!("{part} was never started; hint: `cargo xtask cluster up`"))?;
    if let Some(life) = process.life.take() {
        end(part, life)?;
    }
    state.write(place)
}

fn end(part: Part, life: Life) -> anyhow::Result<()> {
    life.kill()
        .with_context(|| format!("cannot end {part}, process {}", life.pid))
}
