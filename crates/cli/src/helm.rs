//! `oarlock helm`: what the `helm` program does, by Helm's own engine in its sandbox.
//!
//! Flags, output, words and exit status are Helm's. What Helm does not say, what to do, stands below its words as a hint.

mod chart;
mod glob;
mod go;
mod inert;
mod log;
mod manifest;
mod name;
mod name_template;
mod namespace;
mod output_dir;
mod repositories;
mod room;
mod set_file;
mod show_only;
mod source;
mod switch;
mod template;
mod values;

use std::process::ExitCode;

use clap::Subcommand;

use crate::output;
use crate::report::report;

/// Arguments of `oarlock helm`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Render a chart and print what it makes, byte for byte as `helm template` does.
    Template(Box<template::Args>),
}

/// Runs a command of Helm's.
pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let result = match args.command {
        Command::Template(args) => Box::pin(template::run(*args)).await,
    };
    match result {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if output::nobody_reads(&error) => Err(error),
        Err(error) => {
            log::say(&words(&error));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// The last words: Helm begins them with a capital letter.
fn words(error: &anyhow::Error) -> String {
    let text = report(error);
    match text.strip_prefix("error: ") {
        Some(rest) => format!("Error: {rest}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::words;

    #[test]
    fn helm_s_words_come_first_and_the_hint_last() {
        let error = anyhow!("repo a not found; hint: --repo URL names the repository");
        insta::assert_snapshot!(words(&error), @r"
        Error: repo a not found
          hint: --repo URL names the repository
        ");
    }
}
