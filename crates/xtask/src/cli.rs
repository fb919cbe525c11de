//! The commands and their arguments.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::guests::{Lang, Selection};
use crate::{
    bench, bindings, builtins, cluster, demo, deny, guests, modules, parts, real, test, tidy,
    workspace,
};

/// Builds, checks and runs the project
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the modules into target/oarlock/modules
    Modules {
        /// Only these; `helm-engine` alone needs Go
        names: Vec<String>,
    },
    /// Build the test guests into target/oarlock/guests
    Guests {
        /// Only these languages (`rust` includes the hostile guests)
        #[arg(long, value_enum)]
        lang: Vec<Lang>,
        /// Go on where a toolchain is missing, and say which guests are not built
        #[arg(long)]
        allow_missing: bool,
    },
    /// Fetch what the tests take from other projects into target/oarlock/parts: Prometheus, the Gateway API's definitions
    Parts {
        /// Go on where one can be neither found nor fetched, and say what is not tested without it
        #[arg(long)]
        allow_missing: bool,
    },
    /// Build modules and guests, then run every test
    Test {
        /// Run those that need a real control plane, and only those, on a new one that is ended afterwards
        #[arg(long)]
        real: bool,
        /// Go on where a toolchain for guests, a part, or all of the control plane, is missing
        #[arg(long)]
        allow_missing: bool,
    },
    /// A real control plane on loopback, for tests
    Cluster {
        /// Another folder for its files than target/oarlock/cluster: a cluster of its own
        #[arg(long)]
        dir: Option<PathBuf>,
        #[command(subcommand)]
        action: cluster::Action,
    },
    /// Check the house rules: arrows, sizes, names, words, bindings
    Tidy,
    /// Check licences, advisories and banned crates with cargo-deny
    Deny,
    /// Build what the demonstration needs and run it
    Demo {
        /// How many times faster than real time
        #[arg(long, default_value_t = 20.0)]
        speed: f64,
    },
    /// Run the benchmarks in the release profile
    Bench {
        /// Passed on to the benchmarks: `--quick`, `--only calls|reconciles|memory|loading`; or `fleet`, `canaries`, `services`, `helm` or `releases` and its arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Generate the table of built-in resources of the embedded cluster
    Builtins,
    /// Generate the committed bindings and their digests from wit/
    Bindings {
        /// Change nothing, fail where a file would change
        #[arg(long)]
        check: bool,
    },
}

pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let root = workspace::root()?;
    match Arguments::parse().command {
        Command::Modules { names } => modules::run(&root, &names)?,
        Command::Guests {
            lang,
            allow_missing,
        } => {
            guests::run(
                &root,
                &Selection {
                    languages: lang,
                    allow_missing,
                },
            )?;
        }
        Command::Parts { allow_missing } => parts::run(&root, allow_missing)?,
        Command::Test {
            real: true,
            allow_missing,
        } => return real::run(&root, allow_missing),
        Command::Test {
            real: false,
            allow_missing,
        } => return test::run(&root, allow_missing),
        Command::Cluster { dir, action } => return cluster::run(&root, dir, &action),
        Command::Tidy => return tidy::run(&root),
        Command::Deny => return deny::run(&root),
        Command::Demo { speed } => return demo::run(&root, speed),
        Command::Bench { arguments } => bench::run(&root, &arguments)?,
        Command::Builtins => builtins::run()?,
        Command::Bindings { check } => bindings::run(&root, check)?,
    }
    Ok(ExitCode::SUCCESS)
}
