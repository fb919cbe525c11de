//! The command line: its grammar, the runtime, and what an error looks like.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::logging::{self, LogFormat};
use crate::{demo, dev, inspect, run, validate};

/// A WebAssembly-scriptable reconciliation engine for Kubernetes.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
struct Cli {
    /// What is logged, such as `info` or `oarlock_engine=debug`.
    #[arg(
        long,
        global = true,
        env = "OARLOCK_LOG",
        default_value = "info",
        value_name = "FILTER"
    )]
    log: String,
    /// How logs are written to standard error.
    #[arg(long, global = true, value_enum, default_value = "text")]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Reconcile the objects of a cluster.
    Run(run::Args),
    /// Keep an embedded cluster up, with the operator in it.
    Dev(dev::Args),
    /// Check a watches.yaml.
    Validate(validate::Args),
    /// Show what a module is, and what it can do.
    Inspect(inspect::Args),
    /// Roll out a new version step by step on an embedded cluster.
    Demo(demo::Args),
}

/// Parses, runs, and tells.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = logging::start(&cli.log, cli.log_format).and_then(|()| {
        // The one TLS provider of the process; nothing else has had a chance to install one.
        let _first = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            match cli.command {
                Command::Run(args) => Box::pin(run::run(args)).await,
                Command::Dev(args) => Box::pin(dev::run(args)).await,
                Command::Validate(args) => validate::run(&args),
                Command::Inspect(args) => inspect::run(&args).await,
                Command::Demo(args) => Box::pin(demo::run(args)).await,
            }
        })
    });
    match result {
        Ok(code) => code,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

/// The error, and what it was caused by.
#[expect(clippy::print_stderr, reason = "this is the program's last word")]
fn report(error: &anyhow::Error) {
    eprintln!("error: {error}");
    for (depth, cause) in error.chain().skip(1).enumerate() {
        eprintln!("  {depth}: {cause}");
    }
}
