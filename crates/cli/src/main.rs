//! The binary `oarlock`: arguments in, an exit status out. Every command has a file of its own.

mod admin;
mod arguments;
mod cli;
mod demo;
mod dev;
mod explain;
mod follow;
mod helm;
mod inspect;
mod kubeconfig;
mod logging;
mod memory;
mod operator;
mod output;
mod rbac;
mod readiness;
mod receiver;
mod release;
mod replicas;
mod report;
mod run;
mod simulate;
mod steer;
mod stop;
mod system_clock;
mod target;
mod validate;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
