//! `cargo xtask`: everything that builds, checks and runs the project, one file per command.
//!
//! It knows the layout of the checkout and the toolchains of the guests; it links none of the project's own crates.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks"
)]

mod bench;
mod bindings;
mod builtins;
mod cli;
mod cluster;
mod demo;
mod deny;
mod digest;
mod go;
mod guests;
mod modules;
mod parts;
mod process;
mod real;
mod test;
mod tidy;
mod timing;
mod wasm_target;
mod workspace;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
