//! What the engine makes of a chart is what the real Helm makes of it.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use oarlock_helm::{Document, RenderError, Rendered};

use super::cases::{Case, charts, text};
use super::sandbox::{package, render};
use crate::bench::{engine, host};

/// What Helm's command adds to the errors of rendering.
const DEBUG: &str = "\n\nUse --debug flag to render out invalid YAML";

/// As `helm template` prints it.
pub(super) fn printed(rendered: &Rendered, crds: bool) -> String {
    let push = |text: &mut String, document: &Document| {
        writeln!(
            text,
            "---\n# Source: {}\n{}",
            document.source, document.content
        )
        .unwrap();
    };
    let mut manifest = String::new();
    let crds = rendered.crds.iter().filter(|_| crds);
    crds.chain(&rendered.documents)
        .for_each(|document| push(&mut manifest, document));
    let mut all = format!("{}\n", manifest.trim());
    rendered
        .hooks
        .iter()
        .for_each(|hook| push(&mut all, &hook.document));
    all
}

/// The error alone, without what is logged before it and what the command says of its flags.
fn error_of(stderr: &str) -> &str {
    let start = match stderr.find("\nError: ") {
        Some(line) => line + "\nError: ".len(),
        None => stderr.find("Error: ").map_or(0, |_| "Error: ".len()),
    };
    let error = stderr[start..].trim_end();
    error
        .strip_suffix(DEBUG.trim_end())
        .unwrap_or(error)
        .trim_end()
}

/// Why a case is not as expected.
async fn difference(case: &Case) -> Option<String> {
    let path = case.expected();
    let Ok(expected) = fs::read_to_string(&path) else {
        return Some(format!("there is no {}", path.display()));
    };
    let (package, digest) = match package(&case.folder()).await {
        Ok(package) => package,
        // Whoever packs it says where before Helm's words, and what to do after them.
        Err(text) if case.refused && text.contains(error_of(&expected)) => return None,
        Err(text) => return Some(text),
    };
    let request = case.request(digest.as_str().to_owned());
    let (expected, actual) = match render(&request, &package).await {
        Ok(rendered) if !case.refused => {
            if rendered.random || rendered.timed {
                return Some("it is said to be random, or to depend on the time".to_owned());
            }
            (expected, printed(&rendered, case.include_crds))
        }
        Ok(_) => return Some("it was rendered, and should not have been".to_owned()),
        Err(RenderError::Failure(failure)) if case.refused => (
            error_of(&expected).to_owned(),
            failure.to_string().trim_end().to_owned(),
        ),
        Err(error) => return Some(error.to_string()),
    };
    (!is_same(&expected, &actual)).then(|| first_difference(&expected, &actual))
}

/// Whether it is the same, but for the order in which Helm tells of violations of a schema: that is another one each time.
fn is_same(expected: &str, actual: &str) -> bool {
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    expected == actual
        || expected.contains("values don't meet the specifications of the schema")
            && sorted(expected) == sorted(actual)
}

fn first_difference(expected: &str, actual: &str) -> String {
    let (mut left, mut right) = (expected.lines(), actual.lines());
    for number in 1.. {
        match (left.next(), right.next()) {
            (None, None) => break,
            (left, right) if left == right => {}
            (left, right) => {
                let shown =
                    |line: Option<&str>| line.map_or("(the end)".to_owned(), |l| format!("{l:?}"));
                return format!(
                    "line {number}: Helm {}\n        engine {}",
                    shown(left),
                    shown(right)
                );
            }
        }
    }
    "the ends differ".to_owned()
}

async fn check(cases: impl Iterator<Item = Case>) {
    let mut count = 0_usize;
    let mut different = Vec::new();
    for case in cases {
        count += 1;
        if let Some(difference) = difference(&case).await {
            different.push(format!("{}: {difference}", case.id()));
        }
    }
    assert!(count > 0);
    assert!(
        different.is_empty(),
        "{} of {count} differ:\n{}",
        different.len(),
        different.join("\n")
    );
}

#[tokio::test]
async fn what_helm_renders_is_rendered_alike() {
    check(Case::all().into_iter().filter(|case| !case.refused)).await;
}

#[tokio::test]
async fn what_helm_refuses_is_refused_in_its_words() {
    check(Case::all().into_iter().filter(|case| case.refused)).await;
}

#[tokio::test]
async fn the_engine_is_the_version_that_the_expected_output_is_from() {
    let host = host(&Vec::new().into());
    let version = engine().await.version(host).await.unwrap();
    assert_eq!(
        Some(version.as_str()),
        text("names.txt")
            .lines()
            .next()
            .and_then(|line| line.split(' ').nth(2))
    );
}

/// The real Helm: `$OARLOCK_HELM`, or what `cargo xtask parts` provides.
fn helm() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("OARLOCK_HELM") {
        return Some(path.into());
    }
    let part = charts().join("../../../../target/oarlock/parts/helm");
    part.exists().then_some(part)
}

fn run(helm: &PathBuf, home: &std::path::Path, case: &Case) -> Output {
    Command::new(helm)
        .args(case.command_line())
        .current_dir(case.folder())
        .env_clear()
        .env("HOME", home)
        .env("TZ", "UTC")
        .output()
        .unwrap_or_else(|error| panic!("cannot run {}: {error}", helm.display()))
}

/// What is checked in is what the real Helm prints; with `UPDATE=1`, what it prints is checked in.
#[test]
#[expect(clippy::print_stderr, reason = "says that it was not run")]
fn expected_output_is_what_the_real_helm_prints() {
    let update = std::env::var_os("UPDATE").is_some();
    let Some(helm) = helm() else {
        eprintln!("NOT RUN: no helm to compare with; hint: cargo xtask parts");
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let mut problems = Vec::new();
    for case in Case::all() {
        let output = run(&helm, home.path(), &case);
        if output.status.success() == case.refused {
            let words = String::from_utf8_lossy(&output.stderr);
            problems.push(format!("{}: {}: {words}", case.id(), output.status));
            continue;
        }
        let printed = if case.refused {
            output.stderr
        } else {
            output.stdout
        };
        let path = case.expected();
        let printed = String::from_utf8(printed).unwrap();
        if fs::read_to_string(&path).is_ok_and(|known| is_same(&known, &printed)) {
            continue;
        }
        if update {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, printed).unwrap();
        } else {
            problems.push(format!("{}: not as in {}", case.id(), path.display()));
        }
    }
    assert!(
        problems.is_empty(),
        "{}\nhint: UPDATE=1 writes what helm prints",
        problems.join("\n")
    );
}

/// Nothing is expected of a case that is no more.
#[test]
fn every_expected_output_has_a_case() {
    let cases: std::collections::BTreeSet<_> = Case::all().iter().map(Case::expected).collect();
    let expected = charts().join("expected");
    for group in super::cases::folders(&expected) {
        for entry in fs::read_dir(expected.join(group)).unwrap() {
            let path = entry.unwrap().path();
            assert!(
                cases.contains(&path),
                "{} belongs to no case",
                path.display()
            );
        }
    }
}
