//! `cargo xtask tidy`: the house rules that a compiler does not know.
//!
//! Each rule is a pure function from what is there to [`Problem`]s; this file reads the checkout and prints them.

mod arrows;
mod checklist;
mod copies;
mod names;
mod sizes;
mod words;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::bindings;
use crate::process::Call;

/// One breach of a rule: where, what, and what to do.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Problem {
    /// Path in the checkout, with `:line` where there is one.
    place: String,
    what: String,
    hint: &'static str,
}

/// A file of the checkout that is text.
struct Source {
    /// Path in the checkout, with forward slashes.
    path: String,
    text: String,
}

impl Source {
    /// Whether one of the path's folders has that name.
    fn is_below(&self, folder: &str) -> bool {
        let mut folders = self.path.split('/');
        folders.next_back();
        folders.any(|name| name == folder)
    }

    fn extension(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        name.rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path)
    }
}

pub(crate) fn run(root: &Path) -> anyhow::Result<ExitCode> {
    let sources = sources(root)?;
    let mut problems = Vec::new();
    problems.extend(arrows::check(root)?);
    problems.extend(names::check(
        sources.iter().map(|source| source.path.as_str()),
    ));
    problems.extend(sources.iter().flat_map(words::check));
    problems.extend(copies::check(&sources));
    problems.extend(checklist::check(&sources));
    problems.extend(bindings::stale(root)?.into_iter().map(|what| Problem {
        place: "wit".to_owned(),
        what,
        hint: "the contract and the committed bindings change together",
    }));
    let sizes = sizes::check(&sources);
    problems.extend(sizes.problems);
    problems.sort();

    for problem in &problems {
        eprintln!(
            "{}: {}\n  hint: {}",
            problem.place, problem.what, problem.hint
        );
    }
    if let Some(warning) = sizes.warning {
        eprintln!("warning: {warning}");
    }
    println!(
        "tidy: {} files, median source file {} lines, {} problem(s)",
        sources.len(),
        sizes.median,
        problems.len()
    );
    Ok(if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Everything that is tracked or could be: what git ignores is nobody's business.
fn sources(root: &Path) -> anyhow::Result<Vec<Source>> {
    let listed = Call::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .dir(root)
        .capture()?;
    let mut sources = Vec::new();
    for path in listed.split('\0').filter(|path| !path.is_empty()) {
        let file = root.join(path);
        // Deleted but still in the index; a link is checked where it leads.
        if !file.is_file() || file.is_symlink() {
            continue;
        }
        let bytes = fs::read(&file).with_context(|| format!("cannot read {path}"))?;
        // What is not UTF-8 is no text.
        if let Ok(text) = String::from_utf8(bytes) {
            sources.push(Source {
                path: path.to_owned(),
                text,
            });
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources.dedup_by(|a, b| a.path == b.path);
    Ok(sources)
}
