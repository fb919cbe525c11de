//! `oarlock validate`: is this a watches.yaml?

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use oarlock_config::{Parsed, Reading, Severity};

use crate::arguments::environment;
use crate::output;
use crate::report::report;

/// Arguments of `oarlock validate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files to check.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print the JSON Schema of such files instead, for editors.
    #[arg(long, exclusive = true)]
    schema: bool,
}

/// Prints every finding with its place; fails when one is an error.
#[expect(
    clippy::print_stderr,
    reason = "findings go to stderr, the verdict to stdout"
)]
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if args.schema {
        output::line(format!("{:#}", oarlock_config::schema()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let env = environment();
    let mut errors = 0_usize;
    for file in &args.files {
        let name = file.display().to_string();
        let text =
            match std::fs::read_to_string(file).with_context(|| format!("cannot read {name}")) {
                Ok(text) => text,
                Err(error) => {
                    // The other files are worth checking nevertheless.
                    errors += 1;
                    eprint!("{}", report(&error));
                    continue;
                }
            };
        let parsed = oarlock_config::parse(&name, &text, &env);
        for diagnostic in &parsed.diagnostics {
            eprintln!("{diagnostic}");
        }
        let found = parsed
            .diagnostics
            .iter()
            .filter(|d| d.severity == Severity::Error)
            .count();
        let warned = parsed.diagnostics.len() - found;
        errors += found;
        output::line(verdict(&name, &parsed, found, warned))?;
    }
    Ok(if errors == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Such as `watches.yaml: 1 of 2 entries is good (1 error, 0 warnings)`.
fn verdict(name: &str, parsed: &Parsed, errors: usize, warnings: usize) -> String {
    let count = |number: usize, word: &str| {
        format!("{number} {word}{}", if number == 1 { "" } else { "s" })
    };
    let (errors, warnings) = (count(errors, "error"), count(warnings, "warning"));
    let good = parsed.watches.len();
    let all = good + parsed.rejected.len();
    match parsed.reading {
        Reading::Unreadable => format!("{name}: not readable ({errors}, {warnings})"),
        Reading::List if good == all => {
            let entries = if all == 1 { "entry" } else { "entries" };
            format!("{name}: {all} {entries}, all good ({errors}, {warnings})")
        }
        Reading::List => format!(
            "{name}: {good} of {all} entries {} good ({errors}, {warnings})",
            if good == 1 { "is" } else { "are" }
        ),
    }
}
