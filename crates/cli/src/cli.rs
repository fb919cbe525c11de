//! The command line: its grammar, the runtime, and what an error looks like.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::logging::{self, LogFormat};
use crate::report::report;
use crate::{
    demo, dev, explain, helm, inspect, output, rbac, release, run, simulate, steer, validate,
};

/// A WebAssembly-scriptable reconciliation engine for Kubernetes.
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "Try it:  oarlock demo\nBegin:   oarlock inspect MODULE.wasm   says what to write into watches.yaml"
)]
struct Cli {
    /// What is logged: a level, or a filter such as info,kube=debug [default: info; demo, helm, simulate: warn].
    #[arg(
        long,
        global = true,
        env = "OARLOCK_LOG",
        hide_env_values = true,
        value_name = "FILTER",
        help_heading = "Logging, to standard error"
    )]
    log: Option<String>,
    /// text for people, json for one object per line.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "text",
        hide_possible_values = true,
        value_name = "FORMAT",
        help_heading = "Logging, to standard error"
    )]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Reconcile the objects of a cluster.
    Run(Box<run::Args>),
    /// Keep an embedded cluster up, with the operator in it.
    Dev(dev::Args),
    /// Check a watches.yaml.
    Validate(validate::Args),
    /// Print the least rights that the operator needs for its watches: roles, bindings and its ServiceAccount.
    Rbac(rbac::Args),
    /// Show what a module is, what it can do, and the entry of watches.yaml that it needs.
    Inspect(inspect::Args),
    /// Render charts as Helm does, by Helm's own engine in a sandbox.
    Helm(helm::Args),
    /// Rehearse a rollout: manifests and modules of production, in virtual time, on a cluster in this process.
    Simulate(Box<simulate::Args>),
    /// Tell why a rollout is where it is: what was looked at, what that said, and when it is decided again.
    Explain(explain::Args),
    /// Let a rollout go on past a step, or to its end, without waiting.
    Promote(steer::PromoteArgs),
    /// Give a rollout up: what served before serves again.
    Abort(steer::Args),
    /// Roll out again what was given up.
    Retry(steer::Args),
    /// Hold a rollout where it is.
    Pause(steer::Args),
    /// Let a rollout go on that was paused.
    Resume(steer::Args),
    /// Let an object that is being deleted go without its module.
    Release(release::Args),
    /// Roll out a new version step by step, on an embedded cluster and in fast motion.
    Demo(demo::Args),
}

impl Command {
    /// What is logged where nobody says.
    const fn log(&self) -> &'static str {
        match self {
            // What happens is on the screen.
            Self::Demo(_) | Self::Simulate(_) | Self::Helm(_) => "warn",
            _ => "info",
        }
    }
}

/// Parses, runs, and tells.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = cli.log.as_deref().unwrap_or(cli.command.log());
    let result = logging::start(filter, cli.log_format).and_then(|()| {
        // The one TLS provider of the process; nothing else has had a chance to install one.
        let _first = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            match cli.command {
                Command::Run(args) => Box::pin(run::run(*args)).await,
                Command::Dev(args) => Box::pin(dev::run(args)).await,
                Command::Validate(args) => validate::run(&args).await,
                Command::Rbac(args) => rbac::run(args).await,
                Command::Inspect(args) => inspect::run(&args).await,
                Command::Helm(args) => Box::pin(helm::run(args)).await,
                Command::Simulate(args) => Box::pin(simulate::run(*args)).await,
                Command::Explain(args) => Box::pin(explain::run(args)).await,
                Command::Promote(args) => Box::pin(steer::promote(args)).await,
                Command::Abort(args) => Box::pin(steer::abort(args)).await,
                Command::Retry(args) => Box::pin(steer::retry(args)).await,
                Command::Pause(args) => Box::pin(steer::pause(args)).await,
                Command::Resume(args) => Box::pin(steer::resume(args)).await,
                Command::Release(args) => Box::pin(release::run(args)).await,
                Command::Demo(args) => Box::pin(demo::run(args)).await,
            }
        })
    });
    match result {
        Ok(code) => code,
        Err(error) if output::nobody_reads(&error) => ExitCode::SUCCESS,
        Err(error) => {
            say(&report(&error));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "this is the program's last word")]
fn say(text: &str) {
    eprint!("{text}");
}
