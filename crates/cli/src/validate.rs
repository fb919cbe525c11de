//! `oarlock validate`: is this a watches.yaml, and is there what it names?

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use oarlock_artifacts::{Depot, Options};
use oarlock_config::{Parsed, Reading, Severity, Watch};
use oarlock_core::artifact::{Artifacts as _, Credentials, Reach, Source, Wanted};
use oarlock_registry::Directory;
use oarlock_wasm::{EngineOptions, Loader};

use crate::arguments::environment;
use crate::operator::Shelf;
use crate::output;
use crate::report::report;

/// Arguments of `oarlock validate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files to check.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Load the modules and libraries from this directory, too, and say what is missing and what does not fit.
    #[arg(long, value_name = "DIR")]
    modules: Option<PathBuf>,
    /// Look into this chart folder, too, for the charts that entries name.
    #[arg(long, value_name = "DIR")]
    charts: Option<PathBuf>,
    /// Print the JSON Schema of such files instead, for editors.
    #[arg(long, exclusive = true)]
    schema: bool,
}

/// Prints every finding with its place; fails when one is an error.
#[expect(
    clippy::print_stderr,
    reason = "findings go to stderr, the verdict to stdout"
)]
pub(crate) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
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
        let mut warned = parsed.diagnostics.len() - found;
        let mut found = found;
        let mut findings = Vec::new();
        if let Some(modules) = &args.modules {
            findings.extend(unfit(file, modules, &parsed.watches).await?);
        }
        if let Some(charts) = &args.charts {
            findings.extend(uncharted(charts, &parsed.watches).await?);
        }
        for finding in findings {
            match finding.severity {
                Severity::Error => found += 1,
                Severity::Warning => warned += 1,
            }
            eprintln!("{name}:{finding}");
        }
        errors += found;
        output::line(verdict(&name, &parsed, found, warned))?;
    }
    Ok(if errors == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What is wrong with what an entry names.
struct Finding {
    line: u32,
    severity: Severity,
    text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{}: {severity}: {}", self.line, self.text)
    }
}

/// What of the entries' modules and libraries cannot be loaded, and which libraries nobody calls.
async fn unfit(file: &Path, modules: &Path, watches: &[Watch]) -> anyhow::Result<Vec<Finding>> {
    let loader = Loader::new(EngineOptions {
        instances: 1,
        ..EngineOptions::default()
    })?;
    let mut shelf = Shelf::new(loader, Directory::open(file, modules).snapshot());
    let mut findings = Vec::new();
    for watch in watches {
        let mut find = |severity, text| {
            findings.push(Finding {
                line: watch.line,
                severity,
                text,
            });
        };
        match shelf.module(watch).await {
            Err(problem) => find(Severity::Error, format!("{}: {problem}", watch.gvk)),
            Ok(module) => {
                let called = module.libraries();
                let name = |interface: &str| interface.split('@').next().map(str::to_owned);
                for interface in watch.libraries.keys() {
                    if !called.iter().any(|(call, _)| name(call) == name(interface)) {
                        let text = format!(
                            "libraries.{interface}: {} does not import it; hint: remove it",
                            watch.module
                        );
                        find(Severity::Warning, text);
                    }
                }
            }
        }
    }
    Ok(findings)
}

/// Which entries name charts that are not there or are none.
async fn uncharted(charts: &Path, watches: &[Watch]) -> anyhow::Result<Vec<Finding>> {
    let depot = Depot::new(Options {
        charts: Some(charts.to_owned()),
        ..Options::default()
    })
    .context("charts cannot be looked at")?;
    let mut findings = Vec::new();
    for watch in watches {
        let Some(chart) = watch.chart().filter(|chart| !chart.contains("://")) else {
            continue;
        };
        let wanted = Wanted {
            source: Source::Local(chart),
            credentials: Credentials::default(),
            reach: Reach::Anywhere { plain_http: false },
            expect: None,
            max_age: Duration::ZERO,
            dependencies: false,
            verify: Vec::new(),
        };
        if let Err(error) = depot.fetch(wanted).await {
            findings.push(Finding {
                line: watch.line,
                severity: Severity::Error,
                text: format!("{}: chart: {error}", watch.gvk),
            });
        }
    }
    Ok(findings)
}

/// Such as `watches.yaml: 1 of 2 entries is good (1 error, 0 warnings)`.
fn verdict(name: &str, parsed: &Parsed, errors: usize, warnings: usize) -> String {
    let count = |number: usize, word: &str| {
        format!("{number} {word}{}", if number == 1 { "" } else { "s" })
    };
    // What entries name may be missing or not fit although they themselves are as they should be.
    let good_too = errors == 0;
    let (errors, warnings) = (count(errors, "error"), count(warnings, "warning"));
    let good = parsed.watches.len();
    let all = good + parsed.rejected.len();
    match parsed.reading {
        Reading::Unreadable => format!("{name}: not readable ({errors}, {warnings})"),
        Reading::List if good == all => {
            let entries = if all == 1 { "entry" } else { "entries" };
            let state = if good_too { "good" } else { "well-formed" };
            format!("{name}: {all} {entries}, all {state} ({errors}, {warnings})")
        }
        Reading::List => format!(
            "{name}: {good} of {all} entries {} good ({errors}, {warnings})",
            if good == 1 { "is" } else { "are" }
        ),
    }
}
