//! `oarlock validate`: is this a watches.yaml?

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use oarlock_config::{Env, Severity};

/// Arguments of `oarlock validate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print the file's JSON Schema instead, for editors.
    #[arg(long, exclusive = true)]
    schema: bool,
}

/// Prints every finding with its place; fails when one is an error.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "findings go to stderr, the verdict to stdout"
)]
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if args.schema {
        println!("{:#}", oarlock_config::schema());
        return Ok(ExitCode::SUCCESS);
    }
    let env: Env = std::env::vars().collect();
    let mut errors = 0_usize;
    for file in &args.files {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
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
        println!(
            "{name}: {} of {} entries are good, {found} errors, {warned} warnings",
            parsed.watches.len(),
            parsed.watches.len() + parsed.rejected.len(),
        );
    }
    Ok(if errors == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
